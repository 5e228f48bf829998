// SPDX-License-Identifier: Apache-2.0
internal import Bytes
internal import EtcdAPI
internal import Formats

// Changes of users. Each answers why it is refused; then nothing has changed.
//
// An entry with a password in clear, as members before 3.5 wrote them, sets none: hashing needs a
// salt, and members must not differ. Such a user has to be given a new password.
extension AuthStore {
    mutating func addUser(_ request: AuthUserAddRequest) -> EtcdError? {
        let name = AuthName(request.name)
        if name.isEmpty { return .userEmpty }
        if users[name] != nil { return .userAlreadyExist }
        var user = AuthUserState(options: request.options ?? UserAddOptions())
        if let error = user.take(request.hashedPassword) { return error }
        users[name] = user
        commit()
        return nil
    }

    mutating func deleteUser(_ request: AuthUserDeleteRequest) -> EtcdError? {
        let name = AuthName(request.name)
        if isEnabled, name == .root { return .invalidAuthMgmt }
        if users[name] == nil { return .userNotFound }
        users[name] = nil
        commit()
        return nil
    }

    mutating func changePassword(_ request: AuthUserChangePasswordRequest) -> EtcdError? {
        let name = AuthName(request.name)
        guard var user = users[name] else { return .userNotFound }
        if let error = user.take(request.hashedPassword) { return error }
        users[name] = user
        commit()
        return nil
    }

    /// A role that is held already is no change. The role `root` need not exist.
    mutating func grantRole(_ request: AuthUserGrantRoleRequest) -> EtcdError? {
        let name = AuthName(request.user)
        let role = AuthName(request.role)
        guard var user = users[name] else { return .userNotFound }
        if role != .root, roles[role] == nil { return .roleNotFound }
        if user.roles.contains(role) { return nil }
        user.roles.append(role)
        user.roles.sort()
        users[name] = user
        commit()
        return nil
    }

    mutating func revokeRole(_ request: AuthUserRevokeRoleRequest) -> EtcdError? {
        let name = AuthName(request.name)
        let role = AuthName(request.role)
        if isEnabled, name == .root, role == .root { return .invalidAuthMgmt }
        guard var user = users[name] else { return .userNotFound }
        guard user.roles.contains(role) else { return .roleNotGranted }
        user.roles.removeAll { $0 == role }
        users[name] = user
        commit()
        return nil
    }

    // MARK: Questions

    func roles(of request: AuthUserGetRequest) -> Result<[String], EtcdError> {
        guard let user = users[AuthName(request.name)] else { return .failure(.userNotFound) }
        return .success(user.roles.map(\.text))
    }

    var userNames: [String] { users.keys.map(\.text) }
    var roleNames: [String] { roles.keys.map(\.text) }
}

extension AuthUserState {
    /// In place of the password there was. A user who is to have none gets none.
    fileprivate mutating func take(_ hashedPassword: String) -> EtcdError? {
        password = []
        if hasNoPassword { return nil }
        guard let hash = Base64.decode(hashedPassword) else { return .noPasswordUser }
        password = hash
        return nil
    }
}
