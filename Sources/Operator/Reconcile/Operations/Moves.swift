// SPDX-License-Identifier: Apache-2.0
internal import Bytes
internal import Formats
internal import Kube

extension Pass {
    /// What the recorded operation does now. Each step looks before it acts, so that it may be
    /// entered again after a restart, a lost answer, or a change of mind.
    func move(_ record: RecordedOperation) -> Move {
        switch record.step {
        case .checkArtefact: checkArtefact(record)
        case .awaitSeed: awaitSeed(record)
        case .permit: permit(record)
        case .startSeed: startSeed(record)
        case .latch: latch(record)
        case .compareSeed: compareSeed(record)
        case .adoptClaims: adoptClaims(record)
        case .handOver: handOver(record)
        case .remove: remove(record)
        case .dropTicket: dropTicket(record)
        case .shrink: shrink(record)
        case .deleteClaim: deleteClaim(record)
        case .clean: clean(record)
        case .addLearner: addLearner(record)
        case .join: join(record)
        case .start: start(record)
        case .burn: burn(record)
        case .promote: promote(record)
        case .settle: settle(record)
        case .backUp: backUp(record)
        case .choose: choose(record)
        case .deletePod: deletePod(record)
        case .awaitPod: awaitPod(record)
        case .compact: compact(record)
        case .defragment: defragment(record)
        case .disarm: disarm(record)
        case .growClaims: growClaims(record)
        case .awaitClaims: awaitClaims(record)
        case .renewStatefulSet: renewStatefulSet(record)
        case .chooseSurvivor: chooseSurvivor(record)
        case .holdOthers: holdOthers(record)
        case .force: force(record)
        case .awaitSurvivor: awaitSurvivor(record)
        case .dropOthers: dropOthers(record)
        }
    }

    func advance(
        _ record: RecordedOperation, to step: OperationStep, _ events: [ClusterEvent] = []
    ) -> Move {
        .next(record.advanced(to: step, now: now), events)
    }

    // MARK: Words that several steps share

    static let listUnknown = "the member list cannot be read from a quorum"

    func isPast(_ deadline: Duration, _ record: RecordedOperation) -> Bool {
        now - record.stepStartedAt > deadline
    }

    /// Ordinals that the cluster has no use for any more.
    func isSurplus(_ pod: String) -> Bool {
        (desired.ordinal(ofPod: pod) ?? 0) >= desired.replicas
    }

    /// The ConfigMap as it should be, as a conditional patch; a creation if there is none.
    func write(_ changed: Membership) -> Move {
        .act(
            MembershipWriter.step(
                changed, over: observation.configMap, desired, observation.cluster))
    }

    /// Writes one ticket; does nothing where it is written already. A permission to bootstrap holds
    /// for one claim, which is noted.
    func grant(_ ticket: Ticket, to pod: String, for claimUID: String = "") -> Move? {
        guard var membership else { return .wait("the membership ConfigMap is missing") }
        if let old = membership.ticket(pod)?.ticket, old.action == ticket.action,
            old.memberID == ticket.memberID, old.podUID == ticket.podUID
        {
            return nil
        }
        membership.set(pod, ticket)
        if !claimUID.isEmpty { membership.bootstrapClaim = claimUID }
        return write(membership)
    }

    /// Above all that are on record, and all that a process says it has seen: the map may have been
    /// lost and made again since.
    var nextGeneration: Int64 {
        let seen = survey.members.compactMap { $0.identity?.ticketGeneration }.max() ?? 0
        return max(membership?.nextGeneration ?? 1, seen + 1)
    }

    func ticket(
        _ action: TicketAction, podUID: String = "", memberID: MemberID? = nil
    ) -> Ticket {
        let all = survey.members.filter { $0.listed != nil }
            .map { "\($0.name)=\(desired.peerURL($0.name))" }.joined(separator: ",")
        return Ticket(
            action, clusterUID: membership?.clusterUID ?? desired.uid,
            generation: nextGeneration, restoreGeneration: restoreGeneration,
            podUID: podUID, memberID: memberID, initialCluster: all)
    }

    /// Push the ticket that is on record to a process that waits for one.
    func push(_ pod: String) -> Move {
        guard let view = survey.member(pod), let object = view.pod, let ticket = view.ticket else {
            return .wait("\(pod) has no pod or no ticket")
        }
        return .act(.sendTicket(pod: pod, podUID: object.uid, ticket: ticket.json))
    }
}
