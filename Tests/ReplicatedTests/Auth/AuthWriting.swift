// SPDX-License-Identifier: Apache-2.0
import Bytes
import EtcdAPI
import Replicated

typealias Command = InternalRaftRequest.Command

// Commands of the auth service, short.

func enableAuth() -> Command { .authEnable(AuthEnableRequest()) }
func disableAuth() -> Command { .authDisable(AuthDisableRequest()) }
func authStatus() -> Command { .authStatus(AuthStatusRequest()) }

/// `hash` is base64.
func addUser(_ name: String, hash: String = "aGFzaA==", noPassword: Bool? = nil) -> Command {
    .authUserAdd(
        .with {
            $0.name = name
            $0.hashedPassword = hash
            if let noPassword { $0.options = .with { $0.noPassword = noPassword } }
        })
}

func deleteUser(_ name: String) -> Command { .authUserDelete(.with { $0.name = name }) }
func getUser(_ name: String) -> Command { .authUserGet(.with { $0.name = name }) }
func listUsers() -> Command { .authUserList(AuthUserListRequest()) }
func listRoles() -> Command { .authRoleList(AuthRoleListRequest()) }

func changePassword(_ name: String, hash: String) -> Command {
    .authUserChangePassword(
        .with {
            $0.name = name
            $0.hashedPassword = hash
        })
}

func grantRole(_ user: String, _ role: String) -> Command {
    .authUserGrantRole(
        .with {
            $0.user = user
            $0.role = role
        })
}

func revokeRole(_ user: String, _ role: String) -> Command {
    .authUserRevokeRole(
        .with {
            $0.name = user
            $0.role = role
        })
}

func addRole(_ name: String) -> Command { .authRoleAdd(.with { $0.name = name }) }
func deleteRole(_ name: String) -> Command { .authRoleDelete(.with { $0.role = name }) }
func getRole(_ name: String) -> Command { .authRoleGet(.with { $0.role = name }) }

func permit(
    _ role: String, _ type: Permission.PermissionType, _ key: String, _ end: String = ""
) -> Command {
    .authRoleGrantPermission(
        .with {
            $0.name = role
            $0.perm = Permission(permType: type, key: bytes(key), rangeEnd: bytes(end))
        })
}

func withdraw(_ role: String, _ key: String, _ end: String = "") -> Command {
    .authRoleRevokePermission(
        .with {
            $0.role = role
            $0.key = bytes(key)
            $0.rangeEnd = bytes(end)
        })
}

func logIn(_ user: String, _ prefix: String = "abcdefghijklmnop") -> Command {
    .authenticate(
        .with {
            $0.name = user
            $0.simpleToken = prefix
        })
}

extension Scribe {
    /// Root, and authentication on.
    mutating func beginAuth() {
        apply(addUser("root"))
        apply(addRole("root"))
        apply(grantRole("root", "root"))
        apply(enableAuth())
    }

    /// A user with a role of its own name.
    mutating func add(_ user: String, _ grants: [(Permission.PermissionType, String, String)]) {
        apply(as: "root", addUser(user))
        apply(as: "root", addRole(user))
        apply(as: "root", grantRole(user, user))
        for (type, key, end) in grants { apply(as: "root", permit(user, type, key, end)) }
    }

    func names(_ applied: Applied) throws -> [String] {
        try AuthUserListResponse(decoding: applied.answer).users
    }
}
