// SPDX-License-Identifier: Apache-2.0
internal import Formats
internal import Net
internal import Posix

/// An authority of the sandbox's own, made anew at each start, with a certificate for the server
/// and one for the administrator.
struct SandboxCertificates {
    /// As PEM.
    let authority: [UInt8]
    private let administrator: CertificatePair
    private let folder: String

    init(folder: String, listen: String) throws(NetError) {
        self.folder = "\(folder)/pki"
        let year = Duration.seconds(365 * 86_400)
        let made = try CertificateIssuer.issue(
            CertificateWish(commonName: "keelson-sandbox", isAuthority: true, validity: year))
        authority = made.certificate
        let host = HostPort(listen)?.host ?? "127.0.0.1"
        var wish = CertificateWish(commonName: "kube-apiserver", validity: year)
        wish.dnsNames = [
            "localhost", "kubernetes", "kubernetes.default", "kubernetes.default.svc",
            "kubernetes.default.svc.cluster.local",
        ]
        wish.addresses = ["127.0.0.1"]
        if host != "127.0.0.1", SocketAddress(host: host, port: 0) != nil {
            wish.addresses.append(host)
        }
        let server = try CertificateIssuer.issue(wish, signedBy: made)
        administrator = try CertificateIssuer.issue(
            CertificateWish(commonName: Sandbox.administratorName, validity: year), signedBy: made)
        do throws(PosixError) {
            try Directory.make(self.folder)
            try SandboxCertificates.put(authority, "\(self.folder)/ca.crt", 0o644)
            try SandboxCertificates.put(server.key, "\(self.folder)/server.key", 0o600)
            try SandboxCertificates.put(server.certificate, "\(self.folder)/server.crt", 0o644)
        } catch {
            throw .system(error)
        }
    }

    private static func put(
        _ bytes: [UInt8], _ path: String, _ permissions: UInt32
    ) throws(PosixError) {
        let file = try File("\(path).new", .replace, permissions: permissions)
        try file.write(at: 0, bytes)
        file.close()
        try Directory.rename("\(path).new", to: path)
    }

    func reload(
        _ report: @escaping (CertificateReload.Report) -> Void
    ) throws(NetError) -> CertificateReload {
        var policy = TLSPolicy()
        policy.credentials = TLSPolicy.Credentials(
            certificateFile: "\(folder)/server.crt", keyFile: "\(folder)/server.key")
        policy.authorityFile = "\(folder)/ca.crt"
        policy.asksForClientCertificate = true
        policy.applicationProtocols = ["http/1.1"]
        return try CertificateReload(policy, .server, report: report)
    }

    /// For whoever may do everything.
    func writeKubeconfig(to path: String, server: String) throws(NetError) {
        let text = """
            apiVersion: v1
            kind: Config
            current-context: keelson-sandbox
            clusters:
            - name: keelson-sandbox
              cluster:
                server: \(server)
                certificate-authority-data: \(Base64.encode(authority))
            contexts:
            - name: keelson-sandbox
              context:
                cluster: keelson-sandbox
                user: administrator
                namespace: default
            users:
            - name: administrator
              user:
                client-certificate-data: \(Base64.encode(administrator.certificate))
                client-key-data: \(Base64.encode(administrator.key))

            """
        do throws(PosixError) {
            try Directory.make(Directory.parent(of: path), permissions: 0o755)
            try SandboxCertificates.put(Array(text.utf8), path, 0o600)
        } catch {
            throw .system(error)
        }
    }
}
