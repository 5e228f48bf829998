// SPDX-License-Identifier: Apache-2.0
package import Bytes
internal import EtcdAPI
package import MVCC

/// The replicated state of one cluster, as far as this member has applied the log.
///
/// Belongs to one thread. `view()` gives others something immutable to read.
package final class Ledger {
    package let settings: LedgerSettings
    package let keyspace: Keyspace
    /// NodeCore moves the deadlines (promote, renew, expired); the rest changes in `apply` only.
    package var lessor: Lessor
    package internal(set) var alarms = Alarms()
    package internal(set) var members: Membership
    /// `X.Y.0`; nil until the leader has decided.
    package internal(set) var clusterVersion: String?
    package internal(set) var downgrade: Downgrade?
    package internal(set) var auth = AuthStore()
    package internal(set) var appliedIndex = LogIndex.zero
    package internal(set) var appliedTerm = Term.zero
    /// The configuration after `appliedIndex`. Kept by `apply`; a snapshot sets it.
    package var configuration = Configuration()
    /// Rows of the bucket `meta` unknown here, carried along unread.
    var otherMetaRows: [BucketRow] = []

    package init(settings: LedgerSettings) {
        self.settings = settings
        keyspace = Keyspace(hashSeed: settings.hashSeed, chunkSize: settings.chunkSize)
        lessor = Lessor(minimumTTL: settings.minimumLeaseTTL)
        members = Membership(maxLearners: settings.maxLearners)
    }

    /// A ledger over what a checkpoint held.
    init(settings: LedgerSettings, keyspace: Keyspace, lessor: Lessor, members: Membership) {
        self.settings = settings
        self.keyspace = keyspace
        self.lessor = lessor
        self.members = members
    }

    /// Applies the next entry of the log, or refuses it; either way it then is the last applied.
    ///
    /// An entry that was applied before is passed over and answers `.nothing`. On the member that
    /// proposed (`isProposer`) the outcome holds the reply; elsewhere nobody waits for one, so
    /// ranges are not read. `now` only sets deadlines of leases, at the leader.
    package func apply(_ entry: Entry, isProposer: Bool, now: Instant) -> Applied {
        apply(entry, now: now) { _ in isProposer }
    }

    /// The same, for callers that know a proposal by the request id inside the entry.
    package func apply(
        _ entry: Entry, now: Instant, isProposer: (_ requestID: UInt64) -> Bool
    ) -> Applied {
        var applied = Applied(revision: keyspace.revision)
        guard entry.index > appliedIndex else { return applied }
        invariant(
            entry.index == appliedIndex.next,
            "entry \(entry.index) does not follow the applied \(appliedIndex)")
        invariant(
            entry.term >= appliedTerm, "term \(entry.term) of an entry after \(appliedTerm)")
        switch EntryContent(entry) {
        case .leaderMark:
            applied.isLeaderMark = true
        case .membership(let change):
            applyMembership(change, &applied)
        case .storeRequest(let request):
            applyStoreRequest(request, &applied)
        case .request(let request):
            applied.requestID = request.id != 0 ? request.id : request.header?.id ?? 0
            let isProposer = isProposer(applied.requestID)
            apply(request, isProposer: isProposer, now: now, &applied)
        case .unreadable:
            applied.outcome = .failure(Ledger.unreadable)
        }
        appliedIndex = entry.index
        appliedTerm = entry.term
        return applied
    }

    /// What an entry gets that no member can read. Upstream stops its process here.
    static var unreadable: EtcdError { .notCapable }

    private func apply(
        _ request: InternalRaftRequest, isProposer: Bool, now: Instant, _ applied: inout Applied
    ) {
        // etcd's order: alarms, permission, then the command's own errors.
        if let error = refusalByAlarm(request.command) ?? refusalByAuth(request) {
            applied.outcome = .failure(error)
        } else {
            // The size before the request decides, as at admission.
            let isOverQuota = exceedsQuota(request.command)
            applied.outcome = execute(
                request.command, isProposer: isProposer, now: now, &applied)
            if isOverQuota, case .reply = applied.outcome {
                applied.outcome = .failure(.noSpace)
                applied.exceedsQuota = true
            }
        }
        if !isProposer, case .reply = applied.outcome { applied.outcome = .nothing }
        applied.revision = keyspace.revision
    }

    private func execute(
        _ command: InternalRaftRequest.Command, isProposer: Bool, now: Instant,
        _ applied: inout Applied
    ) -> Outcome {
        switch command {
        case .range(let range): isProposer ? readRange(range) : .nothing
        case .put(let put): applyPut(put, &applied)
        case .deleteRange(let delete): applyDelete(delete, &applied)
        case .txn(let txn): applyTxn(txn, reads: isProposer, &applied)
        case .compaction(let compaction): applyCompaction(compaction, &applied)
        case .leaseGrant(let grant): applyGrant(grant, now: now)
        case .leaseRevoke(let revoke): applyRevoke(revoke, &applied)
        case .leaseCheckpoint(let checkpoint): applyCheckpoint(checkpoint, now: now)
        case .alarm(let alarm): applyAlarm(alarm, &applied)
        case .clusterVersionSet(let set): applyClusterVersion(set.ver, &applied)
        case .clusterMemberAttrSet(let set): applyAttributes(set, &applied)
        case .downgradeInfoSet(let set): applyDowngrade(set, &applied)
        case .v2(let request): applyNestedStoreRequest(request, &applied)
        case .authEnable, .authDisable, .authenticate, .authStatus, .authUserAdd,
            .authUserDelete, .authUserGet, .authUserChangePassword, .authUserGrantRole,
            .authUserRevokeRole, .authUserList, .authRoleList, .authRoleAdd, .authRoleDelete,
            .authRoleGet, .authRoleGrantPermission, .authRoleRevokePermission:
            applyAuth(command, &applied)
        case .downgradeVersionTest, .none: .failure(Ledger.unreadable)
        }
    }
}
