// SPDX-License-Identifier: Apache-2.0
internal import Bytes

extension Core {
    mutating func requestRead(_ context: UInt64, _ effects: inout [Effect]) {
        var writer = ByteWriter(capacity: 8)
        writer.appendBigEndian(context)
        if role == .leader {
            let read = ReadQueue.Read(
                from: .none, context: writer.bytes, index: .zero, confirmedBy: [])
            admit(read, &effects)
        } else if role == .follower, leaderID != .none {
            var message = Message(kind: .readIndex, to: leaderID, from: id)
            message.entries = [Entry(term: .zero, index: .zero, data: writer.bytes)]
            effects.append(.send(message))
        } else {
            effects.append(.readDropped(context: context))
        }
    }

    mutating func receiveReadIndex(_ message: Message, _ effects: inout [Effect]) {
        guard message.entries.count == 1 else { return }
        let context = message.entries[0].data
        // An empty context could not be told from that of a plain heartbeat.
        if context.isEmpty || context.count > 64 { return }
        if role == .leader {
            let from = message.from == id ? MemberID.none : message.from
            admit(
                ReadQueue.Read(from: from, context: context, index: .zero, confirmedBy: []),
                &effects)
        } else if role == .follower, leaderID != .none {
            var forwarded = message
            forwarded.to = leaderID
            effects.append(.send(forwarded))
        }
    }

    mutating func receiveReadAnswer(_ message: Message, _ effects: inout [Effect]) {
        guard message.entries.count == 1, let context = number(of: message.entries[0].data) else {
            return
        }
        effects.append(.readReady(context: context, index: message.index))
    }

    private mutating func admit(_ read: ReadQueue.Read, _ effects: inout [Effect]) {
        if reads.isFull { return drop(read, &effects) }
        // The same request on a second way: one answer is enough.
        if !reads.asked.isEmpty || !reads.postponed.isEmpty, reads.contains(read.context) { return }
        if isEstablished {
            ask([read], &effects)
        } else {
            // Entries that an earlier leader committed may be unknown to us as such.
            reads.postpone(read)
        }
    }

    /// One round of heartbeats for all of them.
    private mutating func ask(_ batch: [ReadQueue.Read], _ effects: inout [Effect]) {
        invariant(isEstablished, "read index \(commit) is not of term \(term)")
        if electorate.isSingle, electorate.contains(id) {
            for read in batch { answer(read, at: commit, &effects) }
            return
        }
        invariant(role == .leader, "a \(role.rawValue) confirms reads")
        for var read in batch {
            read.index = commit
            read.confirmedBy = [id]
            reads.ask(read)
        }
        broadcastHeartbeat(context: reads.newestContext, &effects)
    }

    mutating func servePostponedReads(_ effects: inout [Effect]) {
        if reads.postponed.isEmpty { return }
        ask(reads.takePostponed(), &effects)
    }

    mutating func confirmRead(
        by member: MemberID, _ context: [UInt8], _ effects: inout [Effect]
    ) {
        if context.isEmpty { return }
        guard let confirmed = reads.confirm(context, by: member) else { return }
        let outcome = electorate.outcome { confirmed.contains($0) ? true : nil }
        guard outcome == .won else { return }
        for read in reads.take(through: context) { answer(read, at: read.index, &effects) }
    }

    /// After a change of voters the answers that are there may already be enough.
    mutating func confirmReadsAnew(_ effects: inout [Effect]) {
        for read in reads.asked.reversed() {
            let outcome = electorate.outcome { read.confirmedBy.contains($0) ? true : nil }
            guard outcome == .won else { continue }
            for done in reads.take(through: read.context) { answer(done, at: done.index, &effects) }
            return
        }
    }

    private func answer(
        _ read: ReadQueue.Read, at index: LogIndex, _ effects: inout [Effect]
    ) {
        invariant(index <= commit, "read index \(index) beyond commit \(commit)")
        if read.from == .none {
            if let context = number(of: read.context) {
                effects.append(.readReady(context: context, index: index))
            }
            return
        }
        var message = Message(kind: .readIndexResponse, to: read.from, from: id, term: term)
        message.index = index
        message.entries = [Entry(term: .zero, index: .zero, data: read.context)]
        effects.append(.send(message))
    }

    private func drop(_ read: ReadQueue.Read, _ effects: inout [Effect]) {
        guard read.from == .none, let context = number(of: read.context) else { return }
        effects.append(.readDropped(context: context))
    }

    /// Tells the readers of our own whom a change of role has cut off.
    mutating func dropAbandonedReads(_ effects: inout [Effect]) {
        if reads.abandoned.isEmpty { return }
        for context in reads.takeAbandoned() {
            guard let number = number(of: context) else { continue }
            effects.append(.readDropped(context: number))
        }
    }

    private func number(of context: [UInt8]) -> UInt64? {
        guard context.count == 8 else { return nil }
        var reader = ByteReader(context)
        return try? reader.bigEndian(UInt64.self)
    }
}
