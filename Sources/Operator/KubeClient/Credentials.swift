// SPDX-License-Identifier: Apache-2.0
internal import Bytes
internal import Formats
internal import Kube
internal import Net
internal import Posix

/// What the client proves itself with. Token files are read again every minute; programs are asked
/// again when what they gave runs out, or is refused.
final class Credentials {
    /// Beside or in place of files: PEM texts.
    enum Certificate: Equatable {
        case none
        case files(certificate: String, key: String)
        case texts(certificate: [UInt8], key: [UInt8])
    }

    struct Proof: Equatable {
        /// Empty: none.
        var authorization: String
        var certificate: Certificate
    }

    private static let tokenAge: Duration = .seconds(60)
    /// A credential is renewed so long before it runs out.
    private static let renewsBefore: Int64 = 30_000_000_000
    private static let tokenByteMax = 1 << 20

    private let access: KubeAccess
    private var fileToken: (text: String, readAt: Instant)?
    private var given: ExecCredential?

    init(_ access: KubeAccess) {
        self.access = access
    }

    /// Asking again may give something else.
    var canRenew: Bool { access.user.exec != nil || !access.user.tokenFile.isEmpty }

    func forget() {
        given = nil
        fileToken = nil
    }

    func proof(now: Instant, deadline: Instant) throws(KubeError) -> Proof {
        let user = access.user
        if !user.token.isEmpty { return proof(bearer: user.token) }
        if !user.tokenFile.isEmpty { return proof(bearer: try token(from: user.tokenFile, now)) }
        if !user.username.isEmpty {
            let pair = Base64.encode(Array("\(user.username):\(user.password)".utf8))
            return Proof(authorization: "Basic \(pair)", certificate: own)
        }
        guard let plugin = user.exec else { return Proof(authorization: "", certificate: own) }
        let credential = try credential(plugin, deadline)
        let bearer = credential.token.isEmpty ? "" : "Bearer \(credential.token)"
        guard !credential.certificate.isEmpty else {
            return Proof(authorization: bearer, certificate: own)
        }
        return Proof(
            authorization: bearer,
            certificate: .texts(
                certificate: Array(credential.certificate.utf8), key: Array(credential.key.utf8)))
    }

    private func proof(bearer token: String) -> Proof {
        Proof(authorization: "Bearer \(token)", certificate: own)
    }

    private var own: Certificate {
        let user = access.user
        if let certificate = user.certificateData, let key = user.keyData {
            return .texts(certificate: certificate, key: key)
        }
        if user.certificateData == nil, user.certificateFile.isEmpty { return .none }
        if user.certificateData == nil, user.keyData == nil {
            return .files(certificate: user.certificateFile, key: user.keyFile)
        }
        // One as text, the other as a file: both are read as texts.
        let certificate = user.certificateData ?? Self.read(user.certificateFile) ?? []
        return .texts(
            certificate: certificate, key: user.keyData ?? Self.read(user.keyFile) ?? [])
    }

    private static func read(_ path: String) -> [UInt8]? {
        try? File(path, .read).readAll(limit: tokenByteMax)
    }

    private func token(from path: String, _ now: Instant) throws(KubeError) -> String {
        if let fileToken, now - fileToken.readAt < Self.tokenAge { return fileToken.text }
        do throws(PosixError) {
            let bytes = try File(path, .read).readAll(limit: Self.tokenByteMax)
            let text = String(decoding: bytes, as: UTF8.self).filter { !$0.isWhitespace }
            if !text.isEmpty { fileToken = (text, now) }
            if let fileToken { return fileToken.text }
        } catch {
            // A file that is being replaced is no reason to stop: the old token may still be good.
            if let fileToken { return fileToken.text }
            throw .credentials("the token file \(path) cannot be read: \(error.reason)")
        }
        throw .credentials("the token file \(path) is empty")
    }

    // MARK: Programs

    private func credential(
        _ plugin: ExecPlugin, _ deadline: Instant
    ) throws(KubeError) -> ExecCredential {
        if let given, (given.expiry ?? .max) - Self.renewsBefore > WallClock.nanoseconds {
            return given
        }
        let output = try PluginRun.output(of: plugin, access.cluster, deadline)
        do throws(KubeConfigError) {
            let credential = try ExecCredential(parsing: output)
            given = credential
            return credential
        } catch {
            throw .credentials("\(plugin.command): \(error.reason)")
        }
    }

    // MARK: TLS

    func policy(_ certificate: Certificate) -> TLSPolicy {
        let cluster = access.cluster
        var policy = TLSPolicy()
        policy.applicationProtocols = ["http/1.1"]
        policy.verifiesServer = !cluster.isInsecure
        if let authority = cluster.authorityData {
            policy.authorityFile = Self.authorityName
            policy.texts[Self.authorityName] = authority
        } else if !cluster.authorityFile.isEmpty {
            policy.authorityFile = cluster.authorityFile
        }
        switch certificate {
        case .none: break
        case .files(let certificate, let key):
            policy.credentials = .init(certificateFile: certificate, keyFile: key)
        case .texts(let certificate, let key):
            policy.credentials = .init(
                certificateFile: Self.certificateName, keyFile: Self.keyName)
            policy.texts[Self.certificateName] = certificate
            policy.texts[Self.keyName] = key
        }
        return policy
    }

    private static let authorityName = "certificate-authority-data"
    private static let certificateName = "client-certificate-data"
    private static let keyName = "client-key-data"
}
