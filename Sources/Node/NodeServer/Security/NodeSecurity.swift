// SPDX-License-Identifier: Apache-2.0
internal import Formats
internal import Net
internal import Program

// Who may speak to this member, and listen in.
//
//   NodeSecurity    the certificates of all ports, out of the configuration
//   PeerAdmission   compares where a peer comes from with what its certificate says
//   RefusalLog      says that callers are refused without being made to say it all day

/// The certificates of a member's ports; nil where nothing is encrypted.
struct NodeSecurity {
    /// Of client and metrics URLs: one policy for all of them.
    let client: CertificateReload?
    let peer: CertificateReload?
    /// For dialling peers.
    let dial: CertificateReload?

    init(config: NodeConfig, logger: Logger) throws(StartFailure) {
        let clientURLs = config.listenClientURLs + config.listenMetricsURLs
        let peerURLs = config.listenPeerURLs
        let made = try NodeSecurity.selfMade(
            config.clientSecurity, clientURLs, "\(config.dataDirectory)/fixtures/client")
        let peerMade = try NodeSecurity.selfMade(
            config.peerSecurity, peerURLs, "\(config.dataDirectory)/fixtures/peer")
        NodeSecurity.warn(config.clientSecurity, clientURLs, "client", logger)
        NodeSecurity.warn(config.peerSecurity, peerURLs, "peer", logger)
        if clientURLs.contains(where: \.scheme.isSecure) {
            var policy = config.clientSecurity.serverPolicy(own: made)
            // A client that speaks both asks for something plain, and HTTP/1.1 is enough for that;
            // those of gRPC offer HTTP/2 alone.
            policy.applicationProtocols = ["http/1.1", "h2"]
            client = try NodeSecurity.open(policy, .server, "client", logger)
            try NodeSecurity.checkUnused(config.clientSecurity)
        } else {
            client = nil
        }
        if peerURLs.contains(where: \.scheme.isSecure) {
            var policy = config.peerSecurity.serverPolicy(own: peerMade)
            policy.applicationProtocols = ["http/1.1"]
            peer = try NodeSecurity.open(policy, .server, "peer", logger)
        } else {
            peer = nil
        }
        dial = try NodeSecurity.dialling(config, peerMade, logger)
    }

    private static func dialling(
        _ config: NodeConfig, _ own: TLSPolicy.Credentials?, _ logger: Logger
    ) throws(StartFailure) -> CertificateReload? {
        let security = config.peerSecurity
        let isWanted =
            security.isUsable || !security.authorityFile.isEmpty
            || config.initialCluster.contains("https://")
        return isWanted
            ? try open(security.clientPolicy(own: own), .client, "peer dial", logger) : nil
    }

    private static func selfMade(
        _ security: TransportSecurity, _ urls: [ServiceURL], _ folder: String
    ) throws(StartFailure) -> TLSPolicy.Credentials? {
        guard security.isSelfMade else { return nil }
        do throws(NetError) {
            return try SelfSignedCertificate.ensure(
                in: folder, hosts: urls.filter { !$0.scheme.isUnix }.map(\.host),
                years: security.certificateYears)
        } catch {
            throw .refused("cannot make a certificate: \(error)")
        }
    }

    private static func open(
        _ policy: TLSPolicy, _ role: TLSPolicy.Role, _ name: String, _ logger: Logger
    ) throws(StartFailure) -> CertificateReload {
        do throws(NetError) {
            let opened = try CertificateReload(policy, role) { report in
                switch report {
                case .reloaded:
                    logger.info("took changed TLS files", ["for": .string(name)])
                case .failed(let reason):
                    logger.error(
                        "changed TLS files cannot be used; the old ones stay in use",
                        ["for": .string(name), "error": .string(reason)])
                }
            }
            logger.info("starting with \(name) TLS", facts(policy))
            return opened
        } catch {
            throw .refused("\(error)")
        }
    }

    /// As etcd, a certificate that will never be shown must be good all the same.
    private static func checkUnused(_ security: TransportSecurity) throws(StartFailure) {
        guard !security.dialCertificateFile.isEmpty else { return }
        do throws(NetError) {
            _ = try TLSContext(security.clientPolicy(own: nil), .client)
        } catch {
            throw .refused("\(error)")
        }
    }

    private static func facts(_ policy: TLSPolicy) -> Logger.Fields {
        [
            "cert": .string(policy.credentials?.certificateFile ?? ""),
            "key": .string(policy.credentials?.keyFile ?? ""),
            "trusted-ca": .string(policy.authorityFile ?? ""),
            "client-cert-auth": .bool(policy.requiresClientCertificate),
            "crl-file": .string(policy.revocationFile ?? ""),
            "cipher-suites": .array(policy.cipherSuites.map { .string($0) }),
        ]
    }

    private static func warn(
        _ security: TransportSecurity, _ urls: [ServiceURL], _ name: String, _ logger: Logger
    ) {
        for url in urls where !url.scheme.isSecure {
            let facts: Logger.Fields = ["\(name)-url": .string("\(url)")]
            if security.hasFiles {
                logger.warn(
                    "scheme is HTTP while key and cert files are present; ignoring key and cert "
                        + "files", facts)
            }
            if security.wantsClientCertificate {
                logger.warn(
                    "scheme is HTTP while client certificates are required; ignoring that for "
                        + "this URL", facts)
            }
        }
        if security.makesCertificate, security.hasFiles {
            logger.warn("ignoring \(name) auto TLS since certs given")
        }
        if security.isSelfMade, security.wantsClientCertificate || !security.authorityFile.isEmpty {
            logger.warn(
                "\(name) auto TLS verifies nobody: anyone who reaches the port is let in; "
                    + "give certificates if client certificates shall count")
        }
    }
}
