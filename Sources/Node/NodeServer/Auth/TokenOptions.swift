// SPDX-License-Identifier: Apache-2.0
internal import Formats
package import Posix

/// `--auth-token`: `simple`, or `jwt` and its options, divided by commas.
package enum TokenOptions: Equatable, Sendable {
    case simple
    /// Life in seconds.
    case signed(SigningMethod, publicKeyPath: String, privateKeyPath: String, life: Int64)

    private static let usualLife: Int64 = 300

    /// etcd says no more than this of an option that it cannot use; the sentence behind it is ours.
    static func parse(_ text: String) throws(ConfigError) -> TokenOptions {
        let parts = text.split(separator: ",", omittingEmptySubsequences: false).map(String.init)
        var options: [(name: String, value: String)] = []
        for part in parts.dropFirst() {
            let pair = part.split(separator: "=", omittingEmptySubsequences: false).map(String.init)
            guard pair.count == 2, !options.contains(where: { $0.name == pair[0] }) else {
                throw invalid("\"\(part)\" is no option, or there twice")
            }
            options.append((pair[0], pair[1]))
        }
        func value(_ name: String) -> String { options.first { $0.name == name }?.value ?? "" }
        switch parts.first {
        case "simple": return .simple
        case "jwt": break
        default: throw invalid("the type must be simple or jwt")
        }
        guard let method = SigningMethod(rawValue: value("sign-method")) else {
            let names = SigningMethod.allCases.map(\.rawValue).joined(separator: ", ")
            throw invalid("sign-method must be one of \(names)")
        }
        return .signed(
            method, publicKeyPath: value("pub-key"), privateKeyPath: value("priv-key"),
            life: try life(value("ttl")))
    }

    private static func life(_ text: String) throws(ConfigError) -> Int64 {
        if text.isEmpty { return usualLife }
        guard let nanoseconds = GoDuration.parse(text), nanoseconds > 0 else {
            throw invalid("ttl must be a duration such as 10m")
        }
        return max(1, nanoseconds / 1_000_000_000)
    }

    private static func invalid(_ why: String) -> ConfigError {
        .invalid("--auth-token: auth: invalid auth options: \(why)")
    }

    /// Reads the keys; nil for simple tokens.
    func signer() throws(StartFailure) -> TokenSigner? {
        guard case .signed(let method, let publicPath, let privatePath, let life) = self else {
            return nil
        }
        let publicKey = try TokenOptions.read(publicPath)
        let privateKey = try TokenOptions.read(privatePath)
        do throws(SigningKeyError) {
            let key = try SigningKey(method, publicKey: publicKey, privateKey: privateKey)
            return TokenSigner(key: key, life: life)
        } catch {
            throw .refused(TokenOptions.sentence(error, method, publicPath, privatePath))
        }
    }

    private static func sentence(
        _ error: SigningKeyError, _ method: SigningMethod, _ publicPath: String,
        _ privatePath: String
    ) -> String {
        let files = [publicPath, privatePath].filter { !$0.isEmpty }.joined(separator: ", ")
        switch error {
        case .missing: return "--auth-token: auth: missing key data: \(method.rawValue) needs a key"
        case .unreadable: return "--auth-token: no PEM key without a password in \(files)"
        case .wrongKind: return "--auth-token: \(files) is no key for \(method.rawValue)"
        case .mismatch:
            return "--auth-token: auth: the two keys don't match: \(files)"
        }
    }

    private static func read(_ path: String) throws(StartFailure) -> [UInt8] {
        if path.isEmpty { return [] }
        do throws(PosixError) {
            return try File(path, .read).read(at: 0, count: 1 << 16)
        } catch {
            throw .posix(error)
        }
    }
}
