// SPDX-License-Identifier: Apache-2.0
internal import Bytes
internal import Formats
internal import Kube

// QuorumRecovery: the quorum's disks are gone for good, and a person approved with the cluster ID.
//
//   chooseSurvivor ─► force ─► awaitSurvivor ─► dropOthers ─► finished; ScaleOut does the rest
//
// Only confirmed losses count: enough of the old disks must be gone that the old quorum can never
// come back beside the new cluster. What can merely not be reached might come back.
extension Pass {
    struct RecoveryView {
        var voters: Int
        var lost: [MemberView]
        var survivor: MemberView?
        var refusal: String?
    }

    /// What can be said without a quorum: from tickets and from the members' own words.
    var recovery: RecoveryView {
        // Voters are those that were told to resume; a join on record never got its vote.
        let voters = survey.members.filter { $0.ticket?.action == .resume }
        let lost = voters.filter { $0.standing.isLost || isDiskEmpty($0) }
        let alive = voters.filter { member in
            member.status != nil && !lost.contains { $0.name == member.name }
        }
        var best: MemberView?
        for member in alive {
            guard let old = best?.status, let new = member.status else {
                best = best ?? member
                continue
            }
            if (old.term, old.raftIndex) < (new.term, new.raftIndex) { best = member }
        }
        var refusal = Guards.recovery(voters: voters.count, lost: lost.count)
        if refusal == nil, best == nil { refusal = "no survivor answers" }
        if refusal == nil, alive.count + lost.count < voters.count {
            refusal = "not every survivor answers; the most advanced one must be found"
        }
        return RecoveryView(
            voters: voters.count, lost: lost, survivor: best, refusal: refusal)
    }

    private func isDiskEmpty(_ member: MemberView) -> Bool {
        guard let identity = member.identity else { return false }
        return identity.state == .awaitingTicket && identity.dataLost
    }

    func chooseSurvivor(_ record: RecordedOperation) -> Move {
        if survey.isQuorate { return .finish([.normal("QuorumRestored", "the quorum came back")]) }
        let view = recovery
        if let refusal = view.refusal { return .refuse("QuorumRecoveryRequired", refusal) }
        guard let survivor = view.survivor, let pod = survivor.pod else {
            return .wait("no survivor answers")
        }
        var next = record
        next.survivor = survivor.name
        next.target = survivor.name
        next.podUID = pod.uid
        next.memberID = survivor.status?.memberID
        next.cause = "\(restoreGeneration + 1)"
        return advance(
            next, to: .holdOthers,
            [.warning("QuorumRecoveryStarted", "\(survivor.name) goes on alone")])
    }

    /// The others may not begin with anything while the survivor changes.
    func holdOthers(_ record: RecordedOperation) -> Move {
        if survey.isQuorate { return .finish([.normal("QuorumRestored", "the quorum came back")]) }
        guard var changed = membership else { return .wait("the membership ConfigMap is missing") }
        var differs = false
        for line in changed.tickets
        where line.pod != record.survivor && line.ticket.action != .hold {
            changed.set(line.pod, ticket(.hold, memberID: line.ticket.memberID))
            differs = true
        }
        return differs ? write(changed) : advance(record, to: .force)
    }

    func force(_ record: RecordedOperation) -> Move {
        guard var changed = membership, let survivor = survey.member(record.survivor) else {
            return .wait("the survivor is not there")
        }
        let generation = Int64(record.cause) ?? restoreGeneration + 1
        var permission = Ticket(
            .forceNewCluster, clusterUID: changed.clusterUID, generation: nextGeneration,
            restoreGeneration: generation, podUID: record.podUID)
        permission.initialCluster = "\(survivor.name)=\(desired.peerURL(survivor.name))"
        if let old = survivor.ticket, old.action == permission.action,
            old.podUID == permission.podUID
        {
            return advance(record, to: .awaitSurvivor)
        }
        changed.restoreGeneration = generation
        changed.set(survivor.name, permission)
        return write(changed)
    }

    func awaitSurvivor(_ record: RecordedOperation) -> Move {
        guard let survivor = survey.member(record.survivor) else {
            return .wait("the survivor is not there")
        }
        if survey.isListKnown, survivor.isHealthy, survey.count.voters == 1 {
            return advance(record, to: .dropOthers)
        }
        guard let pod = survivor.pod, !pod.isBeingDeleted else { return .wait("its pod is gone") }
        guard pod.uid == record.podUID else {
            // The permission was for another pod; this one has the same disk.
            var next = record
            next.podUID = pod.uid
            return advance(next, to: .force)
        }
        return push(survivor.name)
    }

    /// The new identity is kept, and nobody else has a ticket any more: their claims carry IDs that
    /// are not in the list, so that `clean` empties them one by one.
    func dropOthers(_ record: RecordedOperation) -> Move {
        guard survey.isListKnown, let clusterID = survey.clusterID,
            let survivor = survey.member(record.survivor), let listed = survivor.listed,
            survivor.isHealthy
        else { return .wait("the survivor does not answer") }
        guard var changed = membership else { return .wait("the membership ConfigMap is missing") }
        if changed.clusterID == clusterID, changed.ticket(survivor.name)?.ticket.action == .resume {
            return .finish([
                .normal("QuorumRecovered", "\(survivor.name) is the cluster; others will join it")
            ])
        }
        changed.clusterID = clusterID
        changed.set(survivor.name, ticket(.resume, memberID: listed.id))
        return write(changed)
    }
}
