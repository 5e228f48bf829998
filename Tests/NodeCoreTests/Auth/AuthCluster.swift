// SPDX-License-Identifier: Apache-2.0
import Bytes
import EtcdAPI
import Replicated

@testable import NodeCore

extension Cluster {
    func administer(
        _ rpc: RPC, _ message: some WireMessage, as identity: Identity,
        at member: TestMember? = nil
    ) -> Answer? {
        guard let request = try? AuthRequest.decode(rpc, message.encoded()) else {
            fatalError("\(rpc) is not of the auth service")
        }
        return ask(member ?? head, .administer(request), as: identity)
    }

    func addUser(_ name: String, as identity: Identity = .anonymous) {
        var request = AuthUserAddRequest()
        request.name = name
        _ = ask(head, .administer(.addUser(request, hash: "aGFzaA==")), as: identity)
    }

    func addRole(_ name: String, as identity: Identity = .anonymous) {
        var request = AuthRoleAddRequest()
        request.name = name
        _ = administer(.roleAdd, request, as: identity)
    }

    func grantRole(_ user: String, _ role: String, as identity: Identity = .anonymous) {
        var request = AuthUserGrantRoleRequest()
        request.user = user
        request.role = role
        _ = administer(.userGrantRole, request, as: identity)
    }

    func permit(
        _ role: String, _ type: Permission.PermissionType, _ key: String, _ end: String,
        as identity: Identity = .anonymous
    ) {
        var request = AuthRoleGrantPermissionRequest()
        request.name = role
        request.perm = Permission(permType: type, key: bytes(key), rangeEnd: bytes(end))
        _ = administer(.roleGrantPermission, request, as: identity)
    }

    /// Root, `user` (reads r…, writes w…, both b…), `none`; then on.
    func enableAuth() {
        for name in ["root", "user", "none"] { addUser(name) }
        for name in ["root", "user"] {
            addRole(name)
            grantRole(name, name)
        }
        permit("user", .read, "r", "s")
        permit("user", .write, "w", "x")
        permit("user", .readWrite, "b", "c")
        _ = administer(.authEnable, AuthEnableRequest(), as: .anonymous)
    }

    func disableAuth(as identity: Identity) {
        _ = administer(.authDisable, AuthDisableRequest(), as: identity)
    }

    var authRevision: UInt64 { head.node.ledger.auth.revision }

    /// Logs in at a member, as its shell would after a good password.
    func logIn(
        _ user: String, _ prefix: String, at member: TestMember? = nil,
        checkedAt revision: UInt64? = nil
    ) -> Answer? {
        let revision = revision ?? authRevision
        return ask(
            member ?? head, .logIn(name: user, tokenPrefix: prefix, revision: revision))
    }

    func token(_ user: String, _ prefix: String, at member: TestMember? = nil) -> Identity {
        let answer = logIn(user, prefix, at: member)
        guard let token = answer?.message(AuthenticateResponse.self)?.token else {
            fatalError("no token for \(user): \(String(describing: answer))")
        }
        return .token(token)
    }
}

extension EtcdError {
    /// Errors that say who may not, rather than what cannot be done.
    var isOfAuth: Bool {
        switch self {
        case .userEmpty, .invalidAuthToken, .permissionDenied, .authOldRevision: true
        default: false
        }
    }
}
