// SPDX-License-Identifier: Apache-2.0
internal import Bytes
internal import Formats
internal import Kube

// A member comes: ScaleOut, Promote, and the second half of Replace.
//
//   clean ─► addLearner ─► join ─► start ─► burn ─► promote ─► settle
//
// `clean` empties the ordinal: a claim is deleted only here and in `deleteClaim`, and only after a
// quorum read without its member. `burn` takes the permission to begin with an empty disk away
// again before the learner may vote, so that a voter that loses its disk can never begin anew
// under its old ID.
extension Pass {
    func clean(_ record: RecordedOperation) -> Move {
        guard survey.isListKnown else { return .wait(Self.listUnknown) }
        if let member = survey.member(record.target), let listed = member.listed {
            // Somebody added it already: an answer of ours was lost, or it came from outside.
            guard listed.isLearner else { return advance(record, to: .settle) }
            var next = record
            next.memberID = listed.id
            return advance(next, to: .join)
        }
        if record.type == .scaleOut, isSurplus(record.target) { return .finish([]) }
        guard survey.isQuorate else { return .wait("there is no quorum") }
        guard let member = survey.member(record.target) else {
            return advance(record, to: .addLearner)
        }
        if desired.fencedPods.contains(member.name) { return .wait("\(member.name) is fenced") }
        if let move = renewal(of: member) { return move }
        if let move = cleanClaim(record, member) { return move }
        if let move = cleanPod(record, member) { return move }
        return advance(record, to: .addLearner)
    }

    /// Nil if there is no claim, or one that may be used.
    private func cleanClaim(_ record: RecordedOperation, _ member: MemberView) -> Move? {
        guard let claim = member.claim else { return nil }
        if claim.isBeingDeleted {
            // Its protection holds it until the pod is gone.
            guard let pod = member.pod, !pod.isBeingDeleted else {
                return stubbornPod(member) ?? .wait("its claim is being deleted")
            }
            return .act(deletion(of: pod, member))
        }
        if let identity = member.identity {
            if member.isWaitingEmpty { return nil }
            if !identity.clusterUID.isEmpty, identity.clusterUID != latchedClusterUID {
                return .refuse("ClusterIDMismatch", "its volume belongs to another cluster")
            }
        }
        guard isOurs(claim) else {
            return .refuse("ClusterIDMismatch", "\(claim.name) belongs to another cluster")
        }
        // Kept by policy when its member left, whether it had been marked by then or not.
        let isRetired = claim.labels[Names.retiredLabel] != nil
        let isMarked = claim.annotations[Membership.clusterUIDNote] != nil || isRetired
        let isKnownOld = !record.claimUID.isEmpty && record.claimUID == claim.uid
        let saysOld = member.identity.map { $0.clusterUID == latchedClusterUID } ?? false
        guard isMarked || isKnownOld || saysOld || saysRemoved(member) else {
            // A claim that nobody marked: its process will say what is on it.
            return member.pod == nil ? nil : unmarkedClaim(record, member)
        }
        return .act(.delete(claim.key(as: .persistentVolumeClaim), uid: claim.uid, Deletion()))
    }

    /// Its process ends again and again because its member was removed: it will say no more.
    private func saysRemoved(_ member: MemberView) -> Bool {
        guard let pod = member.pod, let container = StandingJudge.container(pod) else {
            return false
        }
        let last = container["lastState"]?["terminated"]?["exitCode"]?.int64
        return last == StandingJudge.removedExitCode
    }

    private func unmarkedClaim(_ record: RecordedOperation, _ member: MemberView) -> Move? {
        guard let pod = member.pod else { return nil }
        if !record.podUID.isEmpty, pod.uid == record.podUID { return nil }
        return .wait("its process has not said yet what is on its volume")
    }

    /// The pod of the member that left must go; the new one waits with an empty disk.
    private func cleanPod(_ record: RecordedOperation, _ member: MemberView) -> Move? {
        guard let pod = member.pod else {
            // A ticket without a member makes no pod: the set does not grow for it.
            let replicas = observation.statefulSet?.int("spec", "replicas") ?? 0
            return replicas > member.ordinal ? .wait("its pod is not there yet") : nil
        }
        if pod.isBeingDeleted { return stubbornPod(member) ?? .wait("its pod is being deleted") }
        if member.identity != nil {
            if member.isWaitingEmpty { return nil }
            return .act(deletion(of: pod, member))
        }
        if pod.uid == record.podUID { return .act(deletion(of: pod, member)) }
        if member.claim == nil, !desired.isInMemory {
            // Not every Kubernetes makes the claim of a pod that is there already.
            return .act(deletion(of: pod, member))
        }
        return .wait("its pod does not answer yet")
    }

    private func deletion(of pod: KubeObject, _ member: MemberView) -> Step {
        .delete(pod.key(as: .pod), uid: pod.uid, Deletion())
    }

    /// A pod on a lost node never ends by itself. Its member is out of the list, so that its
    /// process, should it still run, can no longer vote: it may be forgotten.
    private func stubbornPod(_ member: MemberView) -> Move? {
        guard let pod = member.pod, pod.isBeingDeleted, case .lost(.node, _) = member.standing
        else { return nil }
        return .act(.delete(pod.key(as: .pod), uid: pod.uid, Deletion(gracePeriodSeconds: 0)))
    }

    func addLearner(_ record: RecordedOperation) -> Move {
        guard survey.isListKnown else { return .wait(Self.listUnknown) }
        if let listed = survey.member(record.target)?.listed {
            var next = record
            next.memberID = listed.id
            return advance(
                next, to: listed.isLearner ? .join : .settle,
                [.normal("MemberAdded", "\(record.target) (\(listed.id)) is a learner")])
        }
        if record.type == .scaleOut, isSurplus(record.target) { return .finish([]) }
        guard survey.isQuorate else { return .wait("there is no quorum") }
        if let other = survey.learners.first {
            // Of another operation, or of a call that came late. Who is missing is added after it.
            return .finish([
                .normal("OperationAborted", "\(describe(record)): \(other.name) joins first")
            ])
        }
        let learners = survey.learners.count + survey.foreign.filter(\.isLearner).count
        if let refusal = Guards.addition(
            count: survey.count, learners: learners, isRepair: record.type == .replace)
        {
            return .refuse("ScaleRefused", refusal)
        }
        return .act(
            .etcd(.addLearner(peerURLs: [desired.peerURL(record.target)]), survey.askable))
    }

    func join(_ record: RecordedOperation) -> Move {
        if let move = notListed(record) { return move }
        return grant(ticket(.join, memberID: record.memberID), to: record.target)
            ?? advance(record, to: .start)
    }

    /// What ends a joining early: it is no longer wanted, no longer listed, or has failed.
    private func notListed(_ record: RecordedOperation) -> Move? {
        guard survey.isListKnown else { return .wait(Self.listUnknown) }
        guard let member = survey.member(record.target), let listed = member.listed,
            listed.id == record.memberID
        else {
            return .finish([.warning("MemberVanished", "\(record.target) left the member list")])
        }
        guard listed.isLearner else { return nil }
        if isSurplus(record.target) { return retire(record, "it is not wanted any more") }
        return nil
    }

    private func retire(_ record: RecordedOperation, _ reason: String) -> Move {
        let next = RecordedOperation(
            .retire, target: record.target, step: .remove, now: now, cause: reason,
            memberID: record.memberID)
        return .next(next, [.warning("LearnerRetired", "\(record.target): \(reason)")])
    }

    func start(_ record: RecordedOperation) -> Move {
        if let move = notListed(record) { return move }
        guard let member = survey.member(record.target) else { return .wait("it has no pod") }
        if member.status?.memberID == record.memberID { return advance(record, to: .burn) }
        if isPast(desired.progressDeadline, record), member.isLearner {
            return retire(record, "it did not start in time: \(member.standing.reason)")
        }
        if member.isLearner, hasUrgentTrigger(besides: record) {
            return retire(record, "another member needs repair first")
        }
        if let move = renewal(of: member) { return move }
        switch member.identity?.state {
        case .awaitingTicket:
            return membership?.ticket(record.target)?.ticket.action == .join
                ? push(record.target) : advance(record, to: .join)
        case .refused:
            return member.isLearner
                ? retire(record, "it refused: \(member.identity?.reason ?? "")")
                : .wait("it refused")
        case .running, .starting, nil: return .wait("it has not started yet")
        }
    }

    func burn(_ record: RecordedOperation) -> Move {
        if let move = notListed(record) { return move }
        return grant(ticket(.resume, memberID: record.memberID), to: record.target)
            ?? advance(record, to: .promote)
    }

    func promote(_ record: RecordedOperation) -> Move {
        if let move = notListed(record) { return move }
        guard let member = survey.member(record.target) else { return .wait("it has no pod") }
        if member.isVoter {
            return advance(
                record, to: .settle,
                [.normal("MemberPromoted", "\(record.target) is a voter")])
        }
        if member.isWaitingEmpty { return retire(record, "it lost its disk") }
        guard survey.isQuorate, let leader = survey.leading?.status else {
            return .wait("there is no quorum")
        }
        guard member.isHealthy, let status = member.status else {
            return isPast(desired.progressDeadline, record)
                ? retire(record, "it does not answer") : .wait("it does not answer")
        }
        if Guards.promotion(
            applied: status.appliedIndex.number, leader: leader.appliedIndex.number) != nil
        {
            return isPast(desired.progressDeadline * 6, record)
                ? retire(record, "it never caught up") : .wait("it is catching up")
        }
        guard let id = record.memberID else { return .finish([]) }
        return .act(.etcd(.promote(id), survey.askable))
    }

    func settle(_ record: RecordedOperation) -> Move {
        guard survey.isListKnown else { return .wait(Self.listUnknown) }
        guard let member = survey.member(record.target), member.isVoter else { return .finish([]) }
        let reason = record.type == .replace ? "MemberReplaced" : "MemberReady"
        if member.isHealthy {
            return .finish([.normal(reason, "\(record.target) is a healthy voter")])
        }
        if member.standing.isLost || isPast(desired.progressDeadline, record) {
            return .finish([.warning("MemberUnhealthy", "\(record.target) is not healthy")])
        }
        return .wait("it has not answered a linearizable read yet")
    }
}
