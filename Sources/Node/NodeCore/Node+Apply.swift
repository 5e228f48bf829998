// SPDX-License-Identifier: Apache-2.0
internal import Bytes
internal import EtcdAPI
internal import MVCC
internal import Raft
internal import Replicated

// Committed entries become state here, one after the other, and replies and events come of it.
extension Node {
    func apply(_ entries: [Entry], _ outputs: inout [Output]) {
        guard loading == nil else {
            heldEntries += entries
            return
        }
        committed.append(entries)
        // Applying a change of members may commit more: that comes after this batch.
        guard committed.count == 1 else { return }
        while let batch = committed.first {
            applyBatch(batch, &outputs)
            committed.removeFirst()
        }
    }

    private func applyBatch(_ entries: [Entry], _ outputs: inout [Output]) {
        guard let last = entries.last else { return }
        for entry in entries where entry.index > ledger.appliedIndex {
            invariant(
                entry.index == ledger.appliedIndex.next,
                "entry \(entry.index) after \(ledger.appliedIndex)")
            apply(entry, &outputs)
        }
        step(.applied(through: last.index), &outputs)
    }

    private func apply(_ entry: Entry, _ outputs: inout [Output]) {
        let compacted = ledger.keyspace.compactRevision
        let applied = ledger.apply(entry, now: now) { proposals.contains($0) }
        applies.add(applied)
        if !applied.changes.isEmpty { watches.add(applied.changes) }
        if applied.isLeaderMark { leadLeases(upTo: entry.term) }
        if let revision = applied.compactedTo {
            outputs.append(.note(.compacted(revision: revision)))
            hashCompaction(revision, after: compacted, &outputs)
        }
        if entry.kind != .normal { finishChange(entry, applied, &outputs) }
        if let change = applied.alarmChanged { noteAlarm(change, &outputs) }
        if let version = applied.clusterVersionSet {
            outputs.append(.note(.clusterVersionSet(version)))
        }
        if let publisher = applied.attributesSet {
            if publisher == settings.memberID { finishPublishing(&outputs) }
            outputs.append(.membersChanged)
        }
        if let event = applied.auth { follow(event) }
        if applied.exceedsQuota { raiseNoSpace() }
        if case .reply(.leaseRevoke) = applied.outcome { forgetRevocations() }
        if applied.requestID != 0 { answer(applied, &outputs) }
    }

    private func answer(_ applied: Applied, _ outputs: inout [Output]) {
        guard let waiting = proposals.finish(applied.requestID), let call = waiting.call else {
            return
        }
        if case .renewal(let answer) = waiting.purpose {
            outputs.append(.reply(call, .message(answer)))
            return
        }
        if case .logIn(let revision) = waiting.purpose {
            answerLogIn(call, applied, checkedAt: revision, &outputs)
            return
        }
        switch applied.outcome {
        case .failure(let error):
            outputs.append(.reply(call, .failure(error)))
        case .nothing:
            outputs.append(.reply(call, .done))
        case .reply(let reply):
            if waiting.purpose == .downgrade {
                outputs.append(.reply(call, .message(downgradeResponse().encoded())))
            } else if waiting.purpose == .physicalCompaction, let revision = applied.compactedTo {
                compactionCallers.append((revision, call))
            } else {
                outputs.append(.reply(call, .message(encode(reply, revision: applied.revision))))
            }
        }
    }

    /// `revision` goes into the header; nil for the current one.
    func encode(_ reply: Reply, revision: Int64?) -> [UInt8] {
        var writer = ByteWriter(capacity: 128)
        reply.encode(header: header(revision: revision), into: &writer)
        return writer.bytes
    }

    // MARK: Compaction

    /// Frees rows that a compaction has made unreachable, a bounded number a turn.
    func removeCompacted(_ outputs: inout [Output]) -> Bool {
        let keyspace = ledger.keyspace
        guard keyspace.scheduledCompactRevision > keyspace.finishedCompactRevision else {
            answerCompactions(&outputs)
            return false
        }
        let isFinished = keyspace.removeCompacted(budget: settings.compactionBatch)
        if isFinished {
            let revision = keyspace.finishedCompactRevision
            outputs.append(.note(.compactionFinished(revision: revision)))
            answerCompactions(&outputs)
        }
        return !isFinished
    }

    private func answerCompactions(_ outputs: inout [Output]) {
        guard !compactionCallers.isEmpty else { return }
        let finished = ledger.keyspace.finishedCompactRevision
        for (revision, call) in compactionCallers where revision <= finished {
            var response = CompactionResponse()
            response.header = header()
            outputs.append(.reply(call, .message(response.encoded())))
        }
        compactionCallers.removeAll { $0.revision <= finished }
    }

    func considerAutoCompaction(_ outputs: inout [Output]) {
        guard loading == nil,
            let target = autoCompaction.due(now: now, revision: ledger.keyspace.revision),
            isLeader, target > ledger.keyspace.compactRevision
        else { return }
        var request = CompactionRequest()
        request.revision = target
        propose(.compaction(request), call: nil, purpose: .upkeep)
    }

    // MARK: Alarms

    /// Asks the cluster to note that this member is over its quota, once.
    func raiseNoSpace() {
        guard !raisedNoSpace, !ledger.alarms.isActive(.noSpace, of: settings.memberID.number)
        else { return }
        raisedNoSpace = true
        var request = AlarmRequest()
        request.action = .activate
        request.memberID = ownNoSpace.memberID
        request.alarm = ownNoSpace.alarm
        propose(.alarm(request), call: nil, purpose: .upkeep)
    }

    private var ownNoSpace: AlarmMember {
        var alarm = AlarmMember()
        alarm.memberID = settings.memberID.number
        alarm.alarm = .noSpace
        return alarm
    }

    private func noteAlarm(_ change: AlarmChange, _ outputs: inout [Output]) {
        if change.isActive {
            outputs.append(.note(.alarmRaised(change.alarm.statusText)))
        } else {
            if change.alarm == ownNoSpace { raisedNoSpace = false }
            outputs.append(.note(.alarmCleared(change.alarm.statusText)))
        }
    }
}
