// SPDX-License-Identifier: Apache-2.0
internal import Bytes
internal import EtcdAPI

// Changes of roles and of what they permit.
extension AuthStore {
    mutating func addRole(_ request: AuthRoleAddRequest) -> EtcdError? {
        let name = AuthName(request.name)
        if name.isEmpty { return .roleEmpty }
        if roles[name] != nil { return .roleAlreadyExist }
        roles[name] = AuthRoleState()
        commit()
        return nil
    }

    /// Users lose the role too.
    mutating func deleteRole(_ request: AuthRoleDeleteRequest) -> EtcdError? {
        let name = AuthName(request.role)
        if isEnabled, name == .root { return .invalidAuthMgmt }
        if roles[name] == nil { return .roleNotFound }
        roles[name] = nil
        for user in users.keys {
            _ = users.update(user) { $0.roles.removeAll { $0 == name } }
        }
        commit()
        return nil
    }

    /// As in etcd only the first of the permissions that begin with the same key is compared: if the
    /// range is the same, its type is replaced, otherwise a permission is added.
    mutating func grantPermission(_ request: AuthRoleGrantPermissionRequest) -> EtcdError? {
        guard let given = request.perm else { return .permissionNotGiven }
        guard KeyGrants.isValid(given.key, given.rangeEnd) else { return .invalidAuthMgmt }
        let name = AuthName(request.name)
        guard var role = roles[name] else { return .roleNotFound }
        let first = role.permissions.firstIndex { !isBytewiseBefore($0.key, given.key) }
        if let first, role.permissions[first].key == given.key,
            role.permissions[first].rangeEnd == given.rangeEnd
        {
            role.permissions[first].permType = given.permType
        } else {
            let place = role.permissions.firstIndex { isBytewiseBefore(given.key, $0.key) }
            role.permissions.insert(given, at: place ?? role.permissions.count)
        }
        roles[name] = role
        commit()
        return nil
    }

    mutating func revokePermission(_ request: AuthRoleRevokePermissionRequest) -> EtcdError? {
        let name = AuthName(request.role)
        guard var role = roles[name] else { return .roleNotFound }
        let count = role.permissions.count
        role.permissions.removeAll { $0.key == request.key && $0.rangeEnd == request.rangeEnd }
        if role.permissions.count == count { return .permissionNotGranted }
        roles[name] = role
        commit()
        return nil
    }

    /// The role `root` is shown with everything, whatever it holds.
    func permissions(of request: AuthRoleGetRequest) -> Result<[Permission], EtcdError> {
        let name = AuthName(request.role)
        guard let role = roles[name] else { return .failure(.roleNotFound) }
        if name == .root { return .success([Permission(permType: .readWrite, rangeEnd: [0])]) }
        return .success(role.permissions)
    }
}
