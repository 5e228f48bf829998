// SPDX-License-Identifier: Apache-2.0
internal import Bytes
internal import Formats
internal import Posix

/// JSON web tokens (RFC 7519) as etcd makes and reads them: claims `username`, `revision`, `exp`.
///
/// Only the configured method is accepted, whatever a token's head names; no claim can make it trap.
final class TokenSigner {
    struct Claims: Equatable {
        var user: String
        var authRevision: UInt64
        /// Unix seconds; the far future for a token that does not end.
        var expires: Int64
    }

    private let key: SigningKey
    /// Seconds.
    private let life: Int64
    /// Bytes; longer ones are not looked at.
    private static let longest = 16 << 10

    init(key: SigningKey, life: Int64) {
        self.key = key
        self.life = life
    }

    /// Nil with a key that can only verify.
    func sign(user: String, authRevision: UInt64, now: Int64) -> String? {
        let head = JSONValue.object([
            ("alg", .string(key.method.rawValue)), ("typ", .string("JWT")),
        ])
        let claims = JSONValue.object([
            ("exp", .integer(now &+ life)), ("revision", .unsigned64(authRevision)),
            ("username", .string(user)),
        ])
        let text = "\(TokenSigner.part(head)).\(TokenSigner.part(claims))"
        guard let signature = key.sign(Array(text.utf8)) else { return nil }
        return "\(text).\(Base64.encode(signature, .url))"
    }

    private static func part(_ value: JSONValue) -> String {
        Base64.encode(JSON.bytes(value), .url)
    }

    /// What a token says, if it is one of this key's and its time has come and is not over.
    func verify(_ token: [UInt8], now: Int64) -> Claims? {
        guard token.count <= TokenSigner.longest else { return nil }
        let parts = token.split(separator: 0x2e, omittingEmptySubsequences: false)
        guard parts.count == 3, let head = TokenSigner.object(parts[0]),
            head["alg"]?.string == key.method.rawValue,
            let signature = TokenSigner.bytes(parts[2]),
            key.verify(signature, of: Array(token[..<parts[1].endIndex])),
            let claims = TokenSigner.object(parts[1])
        else { return nil }
        return TokenSigner.claims(claims, now: now)
    }

    private static func claims(_ claims: JSONValue, now: Int64) -> Claims? {
        guard let user = claims["username"]?.string, let revision = number(claims["revision"]),
            revision >= 0
        else { return nil }
        var expires = Int64.max
        if let written = claims["exp"] {
            guard let seconds = number(written), seconds > Double(now) else { return nil }
            expires = seconds < 9e18 ? Int64(seconds) : .max
        }
        if let written = claims["nbf"] {
            guard let seconds = number(written), seconds <= Double(now) else { return nil }
        }
        guard revision < 1.8e19 else { return nil }
        return Claims(user: user, authRevision: UInt64(revision), expires: expires)
    }

    private static func number(_ value: JSONValue?) -> Double? {
        guard let number = value?.double, number.isFinite else { return nil }
        return number
    }

    private static func object(_ part: ArraySlice<UInt8>) -> JSONValue? {
        guard let bytes = bytes(part), let value = try? JSON.parse(bytes), value.object != nil
        else {
            return nil
        }
        return value
    }

    private static func bytes(_ part: ArraySlice<UInt8>) -> [UInt8]? {
        Base64.decode(String(decoding: part, as: UTF8.self), .url)
    }
}
