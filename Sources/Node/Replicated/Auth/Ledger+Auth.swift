// SPDX-License-Identifier: Apache-2.0
internal import Bytes
internal import EtcdAPI

// Entries about users and roles, and who may have a command carried out.
extension Ledger {
    /// Decided when the command is applied, by the state before it.
    ///
    /// Compactions, alarms and grants of leases without a name in their header are the cluster's own
    /// upkeep, which upstream's members propose like that. What a client asks has a name: the member
    /// that took it has seen to that, and here it must still be good.
    func refusalByAuth(_ request: InternalRaftRequest) -> EtcdError? {
        if !auth.isEnabled { return nil }
        let asker = Asker(request.header)
        switch request.command {
        case .range(let range): return refusal(range, asker)
        case .put(let put): return refusal(put, asker)
        case .deleteRange(let delete): return refusal(delete, asker)
        case .txn(let txn): return refusal(txn, asker)
        case .leaseRevoke(let revoke): return refusal(writingKeysOf: revoke.id, asker)
        case .compaction: return asker.isNobody ? nil : auth.refusalAsRoot(asker)
        case .alarm(let alarm):
            return asker.isNobody || alarm.action == .get ? nil : auth.refusalAsRoot(asker)
        case .authUserGet(let get):
            guard let error = auth.refusalAsRoot(asker) else { return nil }
            return AuthName(get.name) == AuthName(asker.name) && !asker.isNobody ? nil : error
        case .authRoleGet(let get):
            guard let error = auth.refusalAsRoot(asker) else { return nil }
            return auth.holds(asker, role: get.role) ? nil : error
        case .authEnable, .authDisable, .authStatus, .authUserAdd, .authUserDelete,
            .authUserChangePassword, .authUserGrantRole, .authUserRevokeRole, .authUserList,
            .authRoleList, .authRoleAdd, .authRoleDelete, .authRoleGrantPermission,
            .authRoleRevokePermission:
            return auth.refusalAsRoot(asker)
        case .authenticate, .leaseGrant, .leaseCheckpoint, .clusterVersionSet,
            .clusterMemberAttrSet, .downgradeInfoSet, .downgradeVersionTest, .v2, .none:
            return nil
        }
    }

    func applyAuth(
        _ command: InternalRaftRequest.Command, _ applied: inout Applied
    ) -> Outcome {
        switch command {
        case .authEnable:
            if let error = auth.enable() { return .failure(error) }
            applied.auth = .enabled
            return .reply(.empty)
        case .authDisable:
            if auth.disable() { applied.auth = .disabled }
            return .reply(.empty)
        case .authStatus:
            return .reply(.authStatus(isEnabled: auth.isEnabled, revision: auth.revision))
        case .authenticate(let request): return applyLogin(request, &applied)
        case .authUserAdd(let request): return answer(auth.addUser(request))
        case .authUserDelete(let request):
            return answer(auth.deleteUser(request), changing: request.name, &applied)
        case .authUserChangePassword(let request):
            return answer(auth.changePassword(request), changing: request.name, &applied)
        case .authUserGrantRole(let request): return answer(auth.grantRole(request))
        case .authUserRevokeRole(let request): return answer(auth.revokeRole(request))
        case .authUserGet(let request): return answer(auth.roles(of: request)) { .names($0) }
        case .authUserList: return .reply(.names(auth.userNames))
        case .authRoleList: return .reply(.names(auth.roleNames))
        case .authRoleAdd(let request): return answer(auth.addRole(request))
        case .authRoleDelete(let request): return answer(auth.deleteRole(request))
        case .authRoleGet(let request):
            return answer(auth.permissions(of: request)) { .permissions($0) }
        case .authRoleGrantPermission(let request): return answer(auth.grantPermission(request))
        case .authRoleRevokePermission(let request):
            return answer(auth.revokePermission(request))
        default: return .failure(Ledger.unreadable)
        }
    }

    /// The password was checked before this was proposed; whoever waits compares the auth revision.
    ///
    /// Upstream ends a token with the index of this entry up to 3.5.2, later with the index before.
    /// So that a token of any member is known on every other, either end is taken.
    private func applyLogin(
        _ request: InternalAuthenticateRequest, _ applied: inout Applied
    ) -> Outcome {
        guard auth.isEnabled else { return .failure(.authNotEnabled) }
        guard auth.contains(user: request.name), !auth.hasNoPassword(request.name) else {
            return .failure(.authFailed)
        }
        if request.simpleToken.isEmpty {
            return .reply(.loggedIn(token: "", user: request.name, revision: auth.revision))
        }
        let before = appliedIndex.number
        applied.auth = .loggedIn(
            user: request.name, tokenPrefix: request.simpleToken, index: before + 1)
        let old = clusterVersion.flatMap { ClusterVersion($0) }.map {
            ($0.major, $0.minor) < (3, 5)
        }
        let index = old ?? false ? before + 1 : before
        let token = "\(request.simpleToken).\(index)"
        return .reply(.loggedIn(token: token, user: request.name, revision: auth.revision))
    }

    private func answer(_ error: EtcdError?) -> Outcome {
        error.map { .failure($0) } ?? .reply(.empty)
    }

    private func answer(
        _ error: EtcdError?, changing user: String, _ applied: inout Applied
    ) -> Outcome {
        if error == nil { applied.auth = .userChanged(user) }
        return answer(error)
    }

    private func answer<Value>(
        _ result: Result<Value, EtcdError>, _ reply: (Value) -> Reply
    ) -> Outcome {
        switch result {
        case .success(let value): .reply(reply(value))
        case .failure(let error): .failure(error)
        }
    }
}

/// What tokens must follow.
package enum AuthEvent: Equatable, Sendable {
    case enabled
    case disabled
    /// The user's tokens count no more.
    case userChanged(String)
    /// A token was given: the prefix, a point, and the index of the entry or the one before.
    case loggedIn(user: String, tokenPrefix: String, index: UInt64)
}
