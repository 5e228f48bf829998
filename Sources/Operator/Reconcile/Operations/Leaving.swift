// SPDX-License-Identifier: Apache-2.0
internal import Bytes
internal import Formats
internal import Kube

// A member leaves: ScaleIn, Retire, and the first half of Replace.
//
//   handOver ─► remove ─┬─► dropTicket ─► shrink ─► deleteClaim      it was the highest ordinal
//                       ├─► (disarm ─►) clean …                     Replace: same ordinal, new disk
//                       └─► finished                                Retire of a learner in between
//
// Up to the removal the operation may be given up; after it, it must end.
extension Pass {
    static let handOverAttempts = 3

    func handOver(_ record: RecordedOperation) -> Move {
        guard survey.isListKnown else { return .wait(Self.listUnknown) }
        guard let member = leaving(record) else { return advance(record, to: .remove) }
        if let reason = isLeavingPointless(record, member) {
            return .finish([.normal("OperationAborted", "\(describe(record)): \(reason)")])
        }
        if let refusal = removalRefusal(member, record) {
            return .refuse("RemovalRefused", refusal)
        }
        if member.isLeader, member.isHealthy, record.attempts < Self.handOverAttempts,
            let heir = heir(besides: member.name)
        {
            return .act(.etcd(.moveLeader(to: heir), Asking([member.name])))
        }
        return advance(record, to: .remove)
    }

    func remove(_ record: RecordedOperation) -> Move {
        guard survey.isListKnown else { return .wait(Self.listUnknown) }
        guard let member = leaving(record) else { return afterRemoval(record) }
        if record.attempts == 0, let reason = isLeavingPointless(record, member) {
            return .finish([.normal("OperationAborted", "\(describe(record)): \(reason)")])
        }
        if let refusal = removalRefusal(member, record) {
            return .refuse("RemovalRefused", refusal)
        }
        guard let id = record.memberID else { return .finish([]) }
        return .act(.etcd(.remove(id), survey.askable))
    }

    /// The member as long as the list has it, under the ID that was recorded.
    private func leaving(_ record: RecordedOperation) -> MemberView? {
        guard let id = record.memberID else { return nil }
        return survey.member(id)
    }

    private func isLeavingPointless(_ record: RecordedOperation, _ member: MemberView) -> String? {
        if desired.fencedPods.contains(member.name) { return "\(member.name) is fenced" }
        switch record.type {
        case .scaleIn where !isSurplus(record.target): return "it is wanted again"
        case .replace
        where record.cause != "Requested" && !member.standing.isLost
            && !isStuckBeyondRecreation(member):
            return "it came back"
        default: return nil
        }
    }

    func removalRefusal(_ member: MemberView, _ record: RecordedOperation) -> String? {
        guard member.isVoter else {
            return survey.isQuorate ? nil : "there is no quorum"
        }
        guard survey.isQuorate else { return "there is no agreed leader" }
        return Guards.removal(
            of: member.name, isHealthy: member.isHealthy, isPlanned: record.type == .scaleIn,
            from: survey.count)
    }

    /// The most advanced healthy voter; the lowest ordinal of equals.
    func heir(besides name: String, among names: [String]? = nil) -> MemberID? {
        var best: MemberView?
        for member in survey.voters where member.isHealthy && member.name != name {
            if let names, !names.contains(member.name) { continue }
            if best.map({ $0.appliedIndex < member.appliedIndex }) ?? true { best = member }
        }
        return best?.listed?.id
    }

    private func afterRemoval(_ record: RecordedOperation) -> Move {
        let gone = record.memberID.map(\.description) ?? ""
        let news = [
            ClusterEvent.normal("MemberRemoved", "\(record.target) (\(gone)) left the member list")
        ]
        switch record.type {
        case .replace: return advance(record, to: staleAlarms.isEmpty ? .clean : .disarm, news)
        case .retire where !isHighestTicket(record.target): return .finish(news)
        default: return advance(record, to: .dropTicket, news)
        }
    }

    private func isHighestTicket(_ pod: String) -> Bool {
        guard let ordinal = desired.ordinal(ofPod: pod), let membership else { return false }
        return ordinal >= membership.replicas(desired) - 1
    }

    func dropTicket(_ record: RecordedOperation) -> Move {
        guard var membership else { return .wait("the membership ConfigMap is missing") }
        guard membership.ticket(record.target) != nil else { return advance(record, to: .shrink) }
        membership.set(record.target, nil)
        return write(membership)
    }

    /// The stateful set follows the tickets; see `StatefulSetChild`.
    func shrink(_ record: RecordedOperation) -> Move {
        guard let ordinal = desired.ordinal(ofPod: record.target) else { return .finish([]) }
        if let set = observation.statefulSet, set.int("spec", "replicas") ?? 1 > ordinal {
            return .wait("the stateful set has more replicas")
        }
        guard survey.member(record.target)?.pod == nil else {
            return .wait("its pod is still there")
        }
        return advance(record, to: .deleteClaim)
    }

    func deleteClaim(_ record: RecordedOperation) -> Move {
        let kind = record.type == .scaleIn ? "ScalingIn" : "MemberRetired"
        let done = Move.finish([.normal(kind, "\(record.target) is gone")])
        guard survey.isListKnown else { return .wait(Self.listUnknown) }
        guard let member = survey.member(record.target), let claim = member.claim else {
            return done
        }
        guard member.listed == nil, member.ticket == nil else { return done }
        guard member.pod == nil else { return .wait("its pod is still there") }
        guard isOurs(claim) else { return done }
        guard desired.deletesClaimsWhenScaled else {
            if claim.labels[Names.retiredLabel] != nil { return done }
            let id = record.memberID.map(\.description) ?? "unknown"
            return .act(
                Patches.metadata(
                    of: claim, .persistentVolumeClaim, "labels", [(Names.retiredLabel, id)]))
        }
        if claim.isBeingDeleted { return .wait("its claim is being deleted") }
        return .act(
            .delete(claim.key(as: .persistentVolumeClaim), uid: claim.uid, Deletion()))
    }

    /// A claim that carries another cluster's mark is never touched.
    func isOurs(_ claim: KubeObject) -> Bool {
        let mark = claim.annotations[Membership.clusterUIDNote] ?? ""
        return mark.isEmpty || mark == latchedClusterUID
    }
}
