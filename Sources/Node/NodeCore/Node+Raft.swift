// SPDX-License-Identifier: Apache-2.0
internal import Bytes
internal import EtcdAPI
internal import MVCC
internal import Raft
internal import Replicated

// Between raft and everything else: each effect is carried out here or handed to the shell.
extension Node {
    func step(_ event: Event, _ outputs: inout [Output]) {
        var produced: [Effect] = []
        raft.receive(event, effects: &produced)
        for effect in produced { carryOut(effect, &outputs) }
    }

    private func carryOut(_ effect: Effect, _ outputs: inout [Output]) {
        switch effect {
        case .append(let batch):
            checkpoints.appended(batch.entries)
            outputs.append(.append(batch))
        case .send(let message): outputs.append(.send(message))
        case .commit(let entries): apply(entries, &outputs)
        case .restore(let snapshot): beginLoading(snapshot, &outputs)
        case .sendSnapshot(let peer): sendSnapshot(to: peer, &outputs)
        case .readReady(let context, let index):
            _ = reads.roundConfirmed(context, index: index)
        case .readDropped(let context): reads.roundDropped(context)
        case .leaderChanged(let leader, let term, _): leaderChanged(leader, term, &outputs)
        case .proposalsDropped(let dropped):
            proposals.putBack(dropped, until: now + settings.requestTimeout)
        case .diverged(let peer, let index):
            outputs.append(
                .failed(
                    "the log differs from that of member \(peer) at committed index \(index): "
                        + "one of the two lost durable data"))
        }
    }

    // MARK: Time

    func tick(_ outputs: inout [Output]) {
        step(.ticked, &outputs)
        hastenElection(&outputs)
        expireProposals(&outputs)
        reads.retry(at: now)
        for read in reads.expired(at: now) {
            outputs.append(.reply(read.call, .failure(.timeout)))
        }
        watchLeadership(&outputs)
        seekHeir(&outputs)
        keepLeases(&outputs)
        considerAutoCompaction(&outputs)
        considerCorruption(&outputs)
        considerPublishing(&outputs)
        notifyProgress(&outputs)
        tokens.expire(now)
        forgetOldEntries(&outputs)
    }

    /// Once, soon after the start: a member alone, or one that has heard of another, need not sit
    /// through a whole first election timeout (etcd's initial-election-tick-advance).
    private func hastenElection(_ outputs: inout [Output]) {
        guard settings.hastensFirstElection, !lifecycle.isHastened, raft.leader == nil,
            raft.configuration.voters.contains(settings.memberID)
        else { return }
        let others = raft.configuration.voters.filter { $0 != settings.memberID }
        if others.isEmpty { return electItself(&outputs) }
        guard others.contains(where: { members.isConnected($0) }) else { return }
        lifecycle.isHastened = true
        for _ in 0..<max(0, settings.electionTicks - 2) where raft.leader == nil {
            step(.ticked, &outputs)
        }
    }

    /// A timeout is random so that voters do not disturb each other, and here is only one. Raft may
    /// refuse while a change of members is not applied: then at the next tick.
    private func electItself(_ outputs: inout [Output]) {
        let term = raft.term
        for _ in 0..<2 * settings.electionTicks where raft.term == term {
            step(.ticked, &outputs)
        }
        lifecycle.isHastened = raft.term != term
    }

    // MARK: Proposals

    func sendProposals(_ outputs: inout [Output]) {
        if !isLeader { proposals.dropDuties() }
        guard raft.takesProposals, proposals.hasUnsent else { return }
        step(.proposed(proposals.takeUnsent()), &outputs)
    }

    private func expireProposals(_ outputs: inout [Output]) {
        for (_, late, wasSent) in proposals.expired(at: now) {
            guard let call = late.call else {
                // What this member asked for itself may be asked for again.
                raisedNoSpace = false
                lifecycle.askedVersion = nil
                lifecycle.isEndingDowngrade = false
                continue
            }
            let cause = wasSent ? timeoutCause(begunAt: late.begun) : .contextDeadlineExceeded
            outputs.append(.reply(call, .failure(cause)))
        }
    }

    /// etcd tells a client why its request found no end.
    private func timeoutCause(begunAt begun: Instant) -> EtcdError {
        guard raft.leader != nil else { return .timeout }
        if let lost = lifecycle.leaderLostAt, let found = lifecycle.leaderFoundAt,
            begun < found, lost <= found, begun >= lost + settings.electionTimeout * -2
        {
            return .timeoutDueToLeaderFail
        }
        return members.connectedQuorum(of: ledger.members, besides: settings.memberID)
            ? .timeout : .timeoutDueToConnectionLost
    }

    // MARK: Leadership

    private func leaderChanged(
        _ leader: MemberID?, _ term: Term, _ outputs: inout [Output]
    ) {
        if let leader {
            lifecycle.leaderFoundAt = now
            lifecycle.leaderlessSince = nil
            lifecycle.streamsToldNoLeader = false
            if leader == settings.memberID {
                // Leases get their deadlines when the log up to here is applied; see `leadLeases`.
                ledger.lessor.demote()
                outputs.append(.note(.becameLeader(term: term)))
            } else {
                ledger.lessor.demote()
                outputs.append(.note(.becameFollower(term: term, leader: leader)))
            }
        } else {
            // At the first start there was no leader to lose.
            if lifecycle.leaderFoundAt != nil {
                outputs.append(.note(.becameFollower(term: term, leader: nil)))
            }
            lifecycle.leaderLostAt = now
            lifecycle.leaderlessSince = lifecycle.leaderlessSince ?? now
            ledger.lessor.demote()
        }
        // A round asked of the old leader proves nothing about the new one: ask again.
        for read in reads.takeUnconfirmed() { reads.add(read) }
        lifecycle.askedVersion = nil
        lifecycle.isEndingDowngrade = false
        proposals.dropDuties()
        leases.revoking = SortedMap()
        finishTransfer(leader, &outputs)
        outputs.append(.leaderChanged(leader: leader, term: term))
    }

    private func watchLeadership(_ outputs: inout [Output]) {
        if raft.leader == nil, lifecycle.leaderlessSince == nil { lifecycle.leaderlessSince = now }
        if let since = lifecycle.leaderlessSince, !lifecycle.streamsToldNoLeader,
            now - since >= settings.electionTimeout * 3
        {
            lifecycle.streamsToldNoLeader = true
            for (stream, state) in watches.streams where state.requiresLeader {
                watches.close(stream)
                outputs.append(.endStream(stream, .noLeader))
            }
        }
        if let transfer = lifecycle.transfer, transfer.deadline <= now {
            lifecycle.transfer = nil
            outputs.append(.note(.transferFailed))
            if let call = transfer.call {
                outputs.append(.reply(call, .failure(.timeoutLeaderTransfer)))
            }
            if lifecycle.isStopping { outputs.append(.handedOver) }
        }
    }

    func beginTransfer(to target: MemberID, call: CallNumber?, _ outputs: inout [Output]) {
        lifecycle.transfer = (target, call, now + settings.electionTimeout * 2)
        outputs.append(.note(.transferStarted(to: target)))
        step(.transferRequested(to: target), &outputs)
    }

    private func finishTransfer(_ leader: MemberID?, _ outputs: inout [Output]) {
        guard let transfer = lifecycle.transfer, let leader, leader != settings.memberID else {
            return
        }
        lifecycle.transfer = nil
        if let call = transfer.call {
            let reply: Answer =
                leader == transfer.target
                ? .message(MoveLeaderResponse().encoded()) : .failure(.timeoutLeaderTransfer)
            outputs.append(.reply(call, reply))
        }
        if lifecycle.isStopping { outputs.append(.handedOver) }
    }

    func beginStopping(_ outputs: inout [Output]) {
        guard !lifecycle.isStopping else { return }
        lifecycle.isStopping = true
        if lifecycle.transfer != nil { return }
        lifecycle.heirSoughtUntil = now + settings.electionTimeout
        seekHeir(&outputs)
    }

    /// Once in an election timeout raft counts anew who is active, so that for a moment nobody is:
    /// then at the next tick.
    private func seekHeir(_ outputs: inout [Output]) {
        guard let deadline = lifecycle.heirSoughtUntil else { return }
        let heir = isLeader ? mostAdvancedVoter() : nil
        let mayComeUp = isLeader && otherVoters.contains { members.isConnected($0) }
        if heir == nil, mayComeUp, now < deadline { return }
        lifecycle.heirSoughtUntil = nil
        if let heir {
            beginTransfer(to: heir, call: nil, &outputs)
        } else {
            outputs.append(.handedOver)
        }
    }

    private var otherVoters: [MemberID] {
        raft.configuration.voters.filter { $0 != settings.memberID }
    }

    /// The active voter whose log reaches furthest.
    private func mostAdvancedVoter() -> MemberID? {
        let others = otherVoters
        let alive = others.filter { raft.progress(of: $0)?.isRecentlyActive == true }
        return alive.max { left, right in
            let leftMatch = raft.progress(of: left)?.match ?? LogIndex(0)
            let rightMatch = raft.progress(of: right)?.match ?? LogIndex(0)
            return (leftMatch, right) < (rightMatch, left)
        }
    }

    // MARK: Snapshots

    private func sendSnapshot(to peer: MemberID, _ outputs: inout [Output]) {
        // While a store is being loaded there is nothing consistent to send: raft asks again.
        guard loading == nil else {
            step(.snapshotReported(peer, succeeded: false), &outputs)
            return
        }
        let metadata = appliedMetadata()
        outputs.append(.note(.snapshotNeeded(by: peer, index: metadata.index)))
        guard let message = raft.snapshotMessage(to: peer, metadata: metadata) else { return }
        outputs.append(.sendSnapshot(message, ledger.view()))
    }

    func appliedMetadata() -> SnapshotMetadata {
        SnapshotMetadata(
            index: ledger.appliedIndex, term: ledger.appliedTerm,
            configuration: ledger.configuration)
    }

    private func beginLoading(_ snapshot: SnapshotMetadata, _ outputs: inout [Output]) {
        heldEntries.removeAll()
        loading = snapshot
        outputs.append(.loadSnapshot(snapshot))
    }

    func replaceStore(
        _ snapshot: SnapshotMetadata, _ replacement: Ledger, _ outputs: inout [Output]
    ) {
        // A newer snapshot may have been accepted while this one was read.
        guard let wanted = loading, wanted.index == snapshot.index else { return }
        invariant(
            replacement.appliedIndex >= snapshot.index,
            "store at \(replacement.appliedIndex) for a snapshot at \(snapshot.index)")
        deliverEvents(&outputs)
        loading = nil
        watches.storeReplaced(level: ledger.keyspace.revision)
        ledger = replacement
        ledger.configuration = raft.configuration
        leadLeases(upTo: ledger.appliedTerm)
        // Whose password or user was changed meanwhile nobody here has seen.
        tokens.removeAll()
        corruption.reset()
        checkpoints.replaced(at: snapshot.index)
        outputs.append(.note(.snapshotRestored(index: snapshot.index)))
        outputs.append(.membersChanged)
        step(.applied(through: snapshot.index), &outputs)
        let held = heldEntries
        heldEntries = []
        apply(held, &outputs)
    }

    // MARK: Log and checkpoints

    private func forgetOldEntries(_ outputs: inout [Output]) {
        guard
            let cut = checkpoints.forgettable(
                applied: ledger.appliedIndex, first: raft.firstIndex)
        else { return }
        step(.compacted(through: cut), &outputs)
    }

    func considerCheckpoint(_ outputs: inout [Output]) {
        guard loading == nil,
            checkpoints.isDue(applied: ledger.appliedIndex, storeBytes: ledger.keyspace.byteCount)
        else { return }
        checkpoints.begin(ledger.appliedIndex)
        outputs.append(.checkpoint(ledger.view(), appliedMetadata()))
    }
}
