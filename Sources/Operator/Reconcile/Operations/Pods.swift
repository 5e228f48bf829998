// SPDX-License-Identifier: Apache-2.0
internal import Bytes
internal import Formats
internal import Kube

// Pods go and come back: Recreate (one that is stuck), Roll (all, to a new revision), MoveLeader.
//
//   choose ─► deletePod ─► awaitPod ─► choose …
//
// A roll takes the sick first (they cost nothing), then followers from the highest ordinal down,
// the leader last, its leadership moved to a member that is new already. Pods are compared by the
// stateful set's revision label, never by image.
extension Pass {
    /// Revision that pods should have; nil while the stateful set's controller has not said.
    var targetRevision: String? {
        guard let set = observation.statefulSet,
            set["status", "observedGeneration"]?.int64 ?? 0 >= set.generation,
            let revision = set.string("status", "updateRevision"), !revision.isEmpty
        else { return nil }
        return revision
    }

    func isOutdated(_ member: MemberView) -> Bool {
        guard let pod = member.pod, !pod.isBeingDeleted, let revision = targetRevision else {
            return false
        }
        return pod.labels[Names.revisionLabel] != revision
    }

    /// While the list cannot be read, those that were promised a place in it.
    var outdated: [MemberView] {
        survey.members.filter { member in
            guard isOutdated(member) else { return false }
            return survey.isListKnown
                ? member.listed != nil : member.ticket != nil && isIdle(member)
        }
    }

    /// Its pod runs nothing: an image that cannot be had, a container that crashes at once.
    func isIdle(_ member: MemberView) -> Bool {
        guard !member.isHealthy, member.identity == nil, let pod = member.pod else { return false }
        let container = StandingJudge.container(pod)
        let isWaiting = container?["state"]?["waiting"] != nil
        return isWaiting || pod.string("status", "phase") ?? "Pending" == "Pending"
    }

    /// A pod that could not start and would be another today. It has no vote to lose.
    func renewal(of member: MemberView) -> Move? {
        guard isOutdated(member), isIdle(member), !member.isVoter, let pod = member.pod else {
            return nil
        }
        return .act(.delete(pod.key(as: .pod), uid: pod.uid, Deletion()))
    }

    /// Below quorum no operation goes on, and what would bring the quorum back may be a pod that has
    /// another image by now. Nothing runs in it, and nobody but us makes it anew.
    mutating func renewIdlePod() -> Bool {
        guard specProblem == nil else { return false }
        for member in survey.members
        where member.ticket != nil && isOutdated(member) && isIdle(member)
            && !desired.fencedPods.contains(member.name)
        {
            guard let pod = member.pod else { continue }
            step = .delete(pod.key(as: .pod), uid: pod.uid, Deletion())
            stepID = "renew/Pod/\(pod.name)"
            requeue = .seconds(1)
            return true
        }
        return false
    }

    /// The next to go, by how little it costs.
    func nextToRoll() -> MemberView? {
        let candidates = outdated.filter { !desired.fencedPods.contains($0.name) }
        let sick = candidates.filter { !$0.isHealthy }
        if let first = sick.last { return first }
        return candidates.last { !$0.isLeader } ?? candidates.last
    }

    func choose(_ record: RecordedOperation) -> Move {
        if record.type == .moveLeader { return moveLeader(record) }
        guard targetRevision != nil else { return .wait("the stateful set is not observed yet") }
        guard let member = nextToRoll() else {
            return outdated.isEmpty
                ? .finish([.normal("RolloutFinished", "all members have the revision asked for")])
                : .wait("what is left is fenced")
        }
        if let unsettled = unsettledPod(besides: member) { return .wait(unsettled) }
        guard member.standing.isHealthyOrKnown else { return .wait(member.standing.reason) }
        if let refusal = disruptionRefusal(member) { return .refuse("DisruptionDeferred", refusal) }
        if member.isLeader, member.isHealthy, record.attempts < Self.handOverAttempts {
            let updated = survey.voters.filter { !isOutdated($0) }.map(\.name)
            if let heir = heir(besides: member.name, among: updated) ?? heir(besides: member.name) {
                return .act(.etcd(.moveLeader(to: heir), Asking([member.name])))
            }
        }
        var next = record
        next.target = member.name
        next.podUID = member.pod?.uid ?? ""
        return advance(next, to: .deletePod)
    }

    /// A pod of this roll that has not come to rest yet.
    private func unsettledPod(besides candidate: MemberView) -> String? {
        guard candidate.isHealthy else { return nil }
        for member in survey.voters where !member.isHealthy && !isOutdated(member) {
            return "\(member.name) is not healthy yet: \(member.standing.reason)"
        }
        return nil
    }

    func disruptionRefusal(_ member: MemberView) -> String? {
        // Nothing runs in it that could be stopped.
        if isIdle(member) { return nil }
        guard survey.isListKnown, survey.leader != nil else {
            return member.isHealthy || !member.isVoter ? "there is no agreed leader" : nil
        }
        return Guards.disruption(
            of: member.name, isVoter: member.isVoter, isHealthy: member.isHealthy,
            count: survey.count,
            isAskedForOnSmall: survey.count.voters == desired.replicas)
    }

    private func moveLeader(_ record: RecordedOperation) -> Move {
        guard let leader = survey.leading else { return .wait("there is no agreed leader") }
        let wanted = record.target.isEmpty ? nil : record.target
        if record.attempts > 0,
            wanted == leader.name || (wanted == nil && leader.name != record.cause)
        {
            return .finish([.normal("LeaderMoved", "\(leader.name) leads")])
        }
        guard record.attempts < Self.handOverAttempts, leader.name != wanted else {
            return .finish([])
        }
        guard let heir = heir(besides: leader.name, among: wanted.map { [$0] }) else {
            return .finish([.warning("DisruptionDeferred", "there is no healthy voter to lead")])
        }
        return .act(.etcd(.moveLeader(to: heir), Asking([leader.name])))
    }

    func deletePod(_ record: RecordedOperation) -> Move {
        guard let member = survey.member(record.target), let pod = member.pod,
            pod.uid == record.podUID
        else { return advance(record, to: .awaitPod) }
        if pod.isBeingDeleted { return .wait("its pod is being deleted") }
        if record.type == .recreate, member.isHealthy { return .finish([]) }
        if let refusal = disruptionRefusal(member) { return .refuse("DisruptionDeferred", refusal) }
        return .act(.delete(pod.key(as: .pod), uid: pod.uid, Deletion()))
    }

    func awaitPod(_ record: RecordedOperation) -> Move {
        guard let member = survey.member(record.target) else { return .finish([]) }
        let isRoll = record.type == .roll
        guard isRoll else {
            return .finish([.normal("PodRecreated", "\(record.target) has a new pod")])
        }
        // A change of mind makes this pod outdated again: it is the first to go.
        if isOutdated(member), member.pod?.uid != record.podUID {
            return advance(record, to: .choose)
        }
        guard let pod = member.pod, !pod.isBeingDeleted else {
            return .wait("its pod is on its way")
        }
        // A learner costs nothing, and may have to be given up.
        guard member.isVoter else { return advance(record, to: .choose) }
        if member.standing.isLost { return advance(record, to: .choose) }
        guard member.isHealthy, isNear(member) else {
            return .wait("\(member.name) is not healthy yet: \(member.standing.reason)")
        }
        guard isPast(desired.pauseBetweenPods, record) else { return .wait("it has just started") }
        return advance(
            record, to: .choose,
            [.normal("PodUpdated", "\(member.name) runs revision \(targetRevision ?? "")")])
    }

    private func isNear(_ member: MemberView) -> Bool {
        guard let leader = survey.leading?.status, let status = member.status else { return false }
        return Guards.promotion(
            applied: status.appliedIndex.number, leader: leader.appliedIndex.number) == nil
    }
}

extension Standing {
    /// A pod that is merely out of our sight is not stopped.
    var isHealthyOrKnown: Bool { !isUnknown }
}
