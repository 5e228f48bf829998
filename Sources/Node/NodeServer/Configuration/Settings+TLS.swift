// SPDX-License-Identifier: Apache-2.0
internal import Net

extension Settings {
    /// Both kinds, checked in etcd's order and with its words.
    func transportSecurity(
        _ clients: [ServiceURL], peers: [ServiceURL], metrics: [ServiceURL]
    ) throws(ConfigError) -> (client: TransportSecurity, peer: TransportSecurity) {
        var (client, peer) = (clientFiles(), peerFiles())
        try readVersions(into: &client)
        client.cipherSuites = list("cipher-suites")
        if let complaint = CipherSuites.complaint(client.cipherSuites) { throw .invalid(complaint) }
        client.certificateYears = Int(clamping: unsigned("self-signed-cert-validity"))
        peer.cipherSuites = client.cipherSuites
        peer.oldestVersion = client.oldestVersion
        peer.newestVersion = client.newestVersion
        peer.certificateYears = client.certificateYears
        try check(peer, peers) { url in
            "cannot listen on TLS for \(url.address): KeyFile and CertFile are not presented"
        }
        try check(client, clients + metrics) { url in
            "TLS key/cert (--cert-file, --key-file) must be provided for client url \(url) "
                + "with HTTPS scheme"
        }
        return (client, peer)
    }

    private func clientFiles() -> TransportSecurity {
        var found = TransportSecurity()
        found.certificateFile = text("cert-file")
        found.keyFile = text("key-file")
        found.dialCertificateFile = text("client-cert-file")
        found.dialKeyFile = text("client-key-file")
        found.authorityFile = text("trusted-ca-file")
        found.revocationFile = text("client-crl-file")
        found.wantsClientCertificate = bool("client-cert-auth")
        found.makesCertificate = bool("auto-tls")
        found.allowedHostNames = list("client-cert-allowed-hostname")
        found.skipsAddressCheck = true
        return found
    }

    private func peerFiles() -> TransportSecurity {
        var found = TransportSecurity()
        found.certificateFile = text("peer-cert-file")
        found.keyFile = text("peer-key-file")
        found.dialCertificateFile = text("peer-client-cert-file")
        found.dialKeyFile = text("peer-client-key-file")
        found.authorityFile = text("peer-trusted-ca-file")
        found.revocationFile = text("peer-crl-file")
        found.wantsClientCertificate = bool("peer-client-cert-auth")
        found.makesCertificate = bool("peer-auto-tls")
        found.allowedCommonNames = list("peer-cert-allowed-cn")
        found.allowedHostNames = list("peer-cert-allowed-hostname")
        found.skipsAddressCheck = bool("peer-skip-client-san-verification")
        return found
    }

    private func list(_ name: String) -> [String] {
        text(name).split(separator: ",").map { part in
            String(part.drop { $0 == " " })
        }.filter { !$0.isEmpty }
    }

    private func readVersions(into found: inout TransportSecurity) throws(ConfigError) {
        let (low, high) = (text("tls-min-version"), text("tls-max-version"))
        found.oldestVersion = try version(low) ?? .tls12
        found.newestVersion = try version(high)
        if let newest = found.newestVersion, newest < found.oldestVersion {
            throw .invalid("min version (\(low)) is greater than max version (\(high))")
        }
        if found.oldestVersion == .tls13, !list("cipher-suites").isEmpty {
            throw .invalid("cipher suites cannot be configured when only TLS1.3 is enabled")
        }
    }

    private func version(_ text: String) throws(ConfigError) -> TLSPolicy.Version? {
        switch text {
        case "": nil
        case "TLS1.2": .tls12
        case "TLS1.3": .tls13
        default: throw .invalid("unexpected TLS version \"\(text)\"")
        }
    }

    private func check(
        _ found: TransportSecurity, _ urls: [ServiceURL], _ missing: (ServiceURL) -> String
    ) throws(ConfigError) {
        if found.isSelfMade, found.certificateYears == 0 {
            throw .invalid("selfSignedCertValidity is invalid,it should be greater than 0")
        }
        for url in urls where url.scheme.isSecure && !found.isUsable {
            throw .invalid(missing(url))
        }
        guard found.hasFiles, urls.contains(where: \.scheme.isSecure) else { return }
        guard !found.certificateFile.isEmpty, !found.keyFile.isEmpty else {
            throw .invalid(
                "KeyFile and CertFile must both be present[key: \(found.keyFile), "
                    + "cert: \(found.certificateFile)]")
        }
        guard found.dialCertificateFile.isEmpty == found.dialKeyFile.isEmpty else {
            throw .invalid(
                "ClientKeyFile and ClientCertFile must both be present or both absent: "
                    + "key: \(found.dialKeyFile), cert: \(found.dialCertificateFile)]")
        }
        guard found.allowedCommonNames.isEmpty || found.allowedHostNames.isEmpty else {
            throw .invalid(
                "AllowedCN and AllowedHostname are mutually exclusive (cn=\""
                    + "\(found.allowedCommonNames.joined(separator: ","))\", hostname=\""
                    + "\(found.allowedHostNames.joined(separator: ","))\")")
        }
    }
}

extension ServiceURL {
    /// As Go prints a URL's host with its port.
    var address: String {
        if scheme.isUnix { return host }
        return host.contains(":") ? "[\(host)]:\(port)" : "\(host):\(port)"
    }
}
