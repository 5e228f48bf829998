// SPDX-License-Identifier: Apache-2.0
internal import Bytes
internal import EtcdAPI

// The rules themselves. Nil is permission; an error is what the asker is told.
extension AuthStore {
    /// One key or one range.
    mutating func refusal(
        _ asker: Asker, _ access: KeyGrants.Access, _ key: [UInt8], _ end: [UInt8] = []
    ) -> EtcdError? {
        if !isEnabled { return nil }
        if let error = refusalOfIdentity(asker) { return error }
        let name = AuthName(asker.name)
        guard let user = users[name] else { return .permissionDenied }
        if user.isRoot { return nil }
        return merged(name, user).permits(access, key, end) ? nil : .permissionDenied
    }

    /// Whether there is an identity, and one of the current state.
    private func refusalOfIdentity(_ asker: Asker) -> EtcdError? {
        if asker.isNobody || asker.authRevision == 0 { return .userEmpty }
        return asker.authRevision < revision ? .authOldRevision : nil
    }

    /// What only root may. As in etcd an older identity will do, if its user is root now.
    func refusalAsRoot(_ asker: Asker) -> EtcdError? {
        if !isEnabled { return nil }
        if asker.isNobody { return .userEmpty }
        guard let user = users[AuthName(asker.name)] else { return .permissionDenied }
        return user.isRoot ? nil : .permissionDenied
    }

    /// What any user may.
    func refusalAsUser(_ asker: Asker) -> EtcdError? {
        if !isEnabled { return nil }
        if asker.isNobody { return .userEmpty }
        return users[AuthName(asker.name)] == nil ? .permissionDenied : nil
    }

    func holds(_ asker: Asker, role: String) -> Bool {
        users[AuthName(asker.name)]?.roles.contains(AuthName(role)) ?? false
    }

    /// A role that is gone permits nothing.
    private mutating func merged(_ name: AuthName, _ user: AuthUserState) -> KeyGrants {
        if let known = grants[name] { return known }
        let made = KeyGrants(user.roles.flatMap { roles[$0]?.permissions ?? [] })
        grants[name] = made
        return made
    }
}
