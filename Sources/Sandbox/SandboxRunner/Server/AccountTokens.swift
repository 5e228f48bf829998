// SPDX-License-Identifier: Apache-2.0
internal import Bytes
internal import Formats
internal import Kube
internal import Posix
internal import SandboxAPI

/// The tokens of service accounts that pods carry, and whom they stand for.
final class AccountTokens {
    private var byAccount: [String: (uid: String, token: String)] = [:]
    private var identities: [String: Identity] = [:]

    /// One for each account, as long as it lives.
    func token(_ account: String, namespace: String, _ api: SandboxAPI) -> String {
        let key = ObjectKey(.serviceAccount, namespace: namespace, name: account)
        let uid = api.get(key)?.uid ?? ""
        if let known = byAccount["\(namespace)/\(account)"], known.uid == uid { return known.token }
        let bytes = (try? SecureRandom.bytes(24)) ?? []
        invariant(bytes.count == 24, "the kernel gives no random bytes")
        let token = "keelson-sandbox-" + bytes.map { String($0, radix: 36) }.joined()
        byAccount["\(namespace)/\(account)"] = (uid, token)
        identities[token] = .serviceAccount(account, namespace: namespace, uid: uid)
        return token
    }

    func identity(_ token: String) -> Identity? { identities[token] }
}
