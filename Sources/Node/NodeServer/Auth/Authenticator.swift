// SPDX-License-Identifier: Apache-2.0
internal import Bytes
internal import EtcdAPI
internal import Formats
internal import NodeCore
internal import Posix

// What the core cannot do for authentication: passwords cost time, tokens want randomness, signed
// ones keys and a clock.
//
//   metadata, certificate ──> Authenticator ──> NodeCore.Identity ──> the core decides
//   Authenticate, UserAdd, UserChangePassword ──> AuthCalls ──> WorkThread (bcrypt)
//   --auth-token jwt,… ──> TokenSigner
//
// Passwords live here for the length of a call. They are hashed before anything is proposed, and
// neither they nor tokens are ever put into a log line or an error.

/// What a member checks identities with.
final class Authenticator {
    struct Settings {
        /// Nil: simple tokens.
        var signer: TokenSigner?
        var bcryptCost = 10
        /// Whether a client certificate's common name is an identity (`--client-cert-auth`).
        var trustsCertificates = false
    }

    /// Checks of passwords that may wait: some three seconds of work at the usual cost.
    static let waitingLimit = 64

    let settings: Settings
    let passwords: WorkThread
    /// Signed tokens found good, and until when (Unix seconds). Emptied when it is full.
    private var verified: [[UInt8]: (identity: NodeCore.Identity, expires: Int64)] = [:]
    private static let verifiedLimit = 1_024
    private static let bearer = "Bearer "

    init(settings: Settings, passwords: WorkThread) {
        self.settings = settings
        self.passwords = passwords
    }

    /// A token counts more than a certificate; a bad token is not made up for by a good certificate.
    func identity(token: String?, commonName: String?, isGateway: Bool) -> NodeCore.Identity {
        if let token {
            let bare = token.hasPrefix(Authenticator.bearer) ? token.dropFirst(7) : token[...]
            return identity(String(bare))
        }
        // A gateway's certificate is its own, not that of whoever called it.
        if settings.trustsCertificates, !isGateway, let commonName, !commonName.isEmpty {
            return .certificate(commonName: commonName)
        }
        return .anonymous
    }

    private func identity(_ token: String) -> NodeCore.Identity {
        guard let signer = settings.signer else { return .token(token) }
        let now = WallClock.nanoseconds / 1_000_000_000
        let bytes = Array(token.utf8)
        if let known = verified[bytes], known.expires > now { return known.identity }
        guard let claims = signer.verify(bytes, now: now) else { return .invalid }
        let identity = NodeCore.Identity.signed(
            user: claims.user, authRevision: claims.authRevision)
        if verified.count >= Authenticator.verifiedLimit { verified = [:] }
        verified[bytes] = (identity, claims.expires)
        return identity
    }

    // MARK: Made here

    /// The letters of a new simple token; empty where tokens are signed. Nil without randomness.
    func tokenPrefix() -> String? {
        if settings.signer != nil { return "" }
        let letters = Array("abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ".utf8)
        var prefix: [UInt8] = []
        for _ in 0..<64 where prefix.count < 16 {
            guard let drawn = try? SecureRandom.bytes(32) else { return nil }
            // 208 is four times 52: every letter is as likely as another.
            for byte in drawn where byte < 208 && prefix.count < 16 {
                prefix.append(letters[Int(byte) % letters.count])
            }
        }
        return prefix.count == 16 ? String(decoding: prefix, as: UTF8.self) : nil
    }

    /// Runs off the core's thread.
    static func isRight(_ password: String, _ credentials: Credentials, cost: Int) -> Bool {
        let hash = credentials.hash.isEmpty ? PasswordHash.decoy(cost: cost) : credentials.hash
        let matches = PasswordHash.matches(Array(password.utf8), hash)
        return matches && !credentials.isDecoy && !credentials.hash.isEmpty
    }

    enum HashFailure: Error {
        case tooLong
        case zeroByte
        case noRandomness

        var text: String {
            switch self {
            case .tooLong: "bcrypt: password length exceeds 72 bytes"
            case .zeroByte: "the password has a zero byte in it"
            case .noRandomness: "no random bytes"
            }
        }
    }

    /// As it goes into an entry: base64 of bcrypt's text. Runs off the core's thread.
    static func hash(_ password: String, cost: Int) -> Result<String, HashFailure> {
        let bytes = Array(password.utf8)
        if bytes.count > PasswordHash.maxPasswordBytes { return .failure(.tooLong) }
        if bytes.contains(0) { return .failure(.zeroByte) }
        guard let salt = try? SecureRandom.bytes(16),
            let hash = PasswordHash.make(bytes, cost: cost, salt: salt)
        else { return .failure(.noRandomness) }
        return .success(Base64.encode(hash))
    }
}
