// SPDX-License-Identifier: Apache-2.0
package import EtcdAPI

/// A call of the auth service that goes through the log as it is. Logging in is not one.
package struct AuthRequest: Sendable {
    package let rpc: RPC
    let command: InternalRaftRequest.Command

    /// The request of this method, nil for a method of another service.
    package static func decode(
        _ rpc: RPC, _ message: [UInt8]
    ) throws(WireError) -> AuthRequest? {
        guard let command = try command(rpc, message) else { return nil }
        return AuthRequest(rpc: rpc, command: command)
    }

    /// A hash stands in for the password: what is proposed never holds one in clear.
    package static func addUser(_ request: AuthUserAddRequest, hash: String) -> AuthRequest {
        var request = request
        request.password = ""
        request.hashedPassword = hash
        return AuthRequest(rpc: .userAdd, command: .authUserAdd(request))
    }

    package static func changePassword(
        _ request: AuthUserChangePasswordRequest, hash: String
    ) -> AuthRequest {
        var request = request
        request.password = ""
        request.hashedPassword = hash
        return AuthRequest(rpc: .userChangePassword, command: .authUserChangePassword(request))
    }

    private static func command(
        _ rpc: RPC, _ message: [UInt8]
    ) throws(WireError) -> InternalRaftRequest.Command? {
        switch rpc {
        case .authEnable: .authEnable(try AuthEnableRequest(decoding: message))
        case .authDisable: .authDisable(try AuthDisableRequest(decoding: message))
        case .authStatus: .authStatus(try AuthStatusRequest(decoding: message))
        case .userGet: .authUserGet(try AuthUserGetRequest(decoding: message))
        case .userList: .authUserList(try AuthUserListRequest(decoding: message))
        case .userDelete: .authUserDelete(try AuthUserDeleteRequest(decoding: message))
        case .userGrantRole: .authUserGrantRole(try AuthUserGrantRoleRequest(decoding: message))
        case .userRevokeRole:
            .authUserRevokeRole(try AuthUserRevokeRoleRequest(decoding: message))
        case .roleAdd: .authRoleAdd(try AuthRoleAddRequest(decoding: message))
        case .roleGet: .authRoleGet(try AuthRoleGetRequest(decoding: message))
        case .roleList: .authRoleList(try AuthRoleListRequest(decoding: message))
        case .roleDelete: .authRoleDelete(try AuthRoleDeleteRequest(decoding: message))
        case .roleGrantPermission:
            .authRoleGrantPermission(try AuthRoleGrantPermissionRequest(decoding: message))
        case .roleRevokePermission:
            .authRoleRevokePermission(try AuthRoleRevokePermissionRequest(decoding: message))
        default: nil
        }
    }
}

/// What a password is checked against.
package struct Credentials: Equatable, Sendable {
    package let name: String
    /// A bcrypt hash; empty if there is none, and then no password is right.
    package let hash: [UInt8]
    /// The hash is that of somebody else, so that a name nobody has takes as long to refuse as a
    /// wrong password.
    package let isDecoy: Bool
    /// The check is void if the auth revision is another when the log-in is applied.
    package let revision: UInt64
}
