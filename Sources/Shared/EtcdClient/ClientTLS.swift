// SPDX-License-Identifier: Apache-2.0
internal import Bytes
internal import Net
internal import Posix

/// How a client speaks TLS. Empty texts are files not given.
package struct ClientTLS: Equatable, Sendable {
    /// Whom to trust; without it the authorities of the system.
    package var authorityFile = ""
    /// Who we are; both or none.
    package var certificateFile = ""
    package var keyFile = ""
    package var verifiesServer = true
    /// What the server's certificate must be good for, if not the endpoint's host.
    package var serverName = ""
    /// PEM texts that stand for the files of these names.
    package var texts: [String: [UInt8]] = [:]

    package init() {}

    private func policy(_ protocols: [String]) throws(NetError) -> TLSPolicy {
        guard certificateFile.isEmpty == keyFile.isEmpty else {
            throw .session(
                "KeyFile and CertFile must both be present[key: \(keyFile), "
                    + "cert: \(certificateFile)]")
        }
        var policy = TLSPolicy()
        policy.authorityFile = authorityFile.isEmpty ? nil : authorityFile
        if !certificateFile.isEmpty {
            policy.credentials = .init(certificateFile: certificateFile, keyFile: keyFile)
        }
        policy.verifiesServer = verifiesServer
        policy.applicationProtocols = protocols
        policy.texts = texts
        return policy
    }

    /// What is wrong with the files, if anything is.
    package var problem: String? {
        do throws(NetError) {
            _ = try open()
            return nil
        } catch {
            return "\(error)"
        }
    }

    /// The files are read now, and again whenever they change.
    func open(_ protocols: [String] = ["h2"]) throws(NetError) -> CertificateReload {
        try CertificateReload(try policy(protocols), .client) { _ in }
    }
}

extension ClientSettings {
    /// What endpoints that need TLS get; nil if none needs it.
    func certificates(for endpoints: [Endpoint]) throws(ClientError) -> CertificateReload? {
        guard let first = endpoints.first(where: { $0.usesTLS(tls != nil) }) else { return nil }
        do throws(NetError) {
            return try (tls ?? ClientTLS()).open()
        } catch {
            throw .badEndpoint(first.text, reason: "\(error)")
        }
    }
}

extension Endpoint {
    /// The scheme decides; without one, whether TLS is set up.
    func usesTLS(_ isSetUp: Bool) -> Bool { isSecure ?? isSetUp }

    /// Whom the certificate must be for.
    func serverName(_ settings: ClientSettings) -> String {
        if let name = settings.tls?.serverName, !name.isEmpty { return name }
        return switch target {
        case .host(let host): host.host
        case .unix: "localhost"
        }
    }
}
