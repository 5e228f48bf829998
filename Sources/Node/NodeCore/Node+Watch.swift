// SPDX-License-Identifier: Apache-2.0
internal import Bytes
internal import EtcdAPI
internal import MVCC
internal import Raft
internal import Replicated

// Watch requests in, encoded WatchResponse messages out.
extension Node {
    func receiveWatch(_ input: Input, _ outputs: inout [Output]) {
        switch input {
        case .watchOpened(let stream, let requiresLeader):
            if requiresLeader, raft.leader == nil {
                outputs.append(.endStream(stream, .noLeader))
            } else if isLearner {
                outputs.append(.endStream(stream, .notSupportedForLearner))
            } else {
                watches.open(stream, requiresLeader: requiresLeader)
            }
        case .watchRequested(let stream, let request):
            guard watches.streams[stream] != nil else { return }
            // What is asked now comes after what has happened before.
            deliverEvents(&outputs)
            answer(stream, request, &outputs)
        case .watchBlocked(let stream): watches.setBlocked(stream, true)
        case .watchDrained(let stream): watches.setBlocked(stream, false)
        case .watchClosed(let stream): watches.close(stream)
        default: invariant(false, "\(input) is not about watches")
        }
    }

    private func answer(
        _ stream: StreamNumber, _ request: WatchRequest, _ outputs: inout [Output]
    ) {
        switch request {
        case .create(let create): createWatcher(stream, create, &outputs)
        case .cancel(let cancel):
            guard watches.slot(stream, cancel.watchID) != nil else { return }
            watches.remove(stream, cancel.watchID)
            tell(
                stream,
                WatchEncoder.control(
                    header: header(), id: cancel.watchID, canceled: true), &outputs)
        case .progress:
            // Not level: dropped, the client asks again (etcd's rule).
            guard watches.isLevel(stream, current: ledger.keyspace.revision) else { return }
            tell(stream, WatchEncoder.control(header: header(), id: -1), &outputs)
        case .none: return
        }
    }

    private func tell(_ stream: StreamNumber, _ message: [UInt8], _ outputs: inout [Output]) {
        outputs.append(.deliver(stream, message))
    }

    // MARK: Create

    private func createWatcher(
        _ stream: StreamNumber, _ create: WatchCreateRequest, _ outputs: inout [Output]
    ) {
        let key = create.key.isEmpty ? [0] : create.key
        if let reason = mistake(in: create, key) {
            refuseWatcher(stream, reason, &outputs)
            return
        }
        guard let id = watches.claimID(stream, asked: create.watchID) else {
            refuseWatcher(stream, WatchCancelReason.duplicateID.text, &outputs)
            return
        }
        let current = ledger.keyspace.revision
        let watcher = Watcher(
            stream: stream, id: id, range: KeyRange(key: key, end: create.rangeEnd),
            wantsPrevious: create.prevKV, fragments: create.fragment,
            notifiesProgress: create.progressNotify,
            dropsPuts: create.filters.contains(.noPut),
            dropsDeletes: create.filters.contains(.noDelete),
            start: create.startRevision,
            next: create.startRevision == 0 ? current + 1 : create.startRevision,
            isSynced: false)
        tell(stream, WatchEncoder.control(header: header(), id: id, created: true), &outputs)
        watches.add(watcher, current: current)
    }

    private func mistake(in create: WatchCreateRequest, _ key: [UInt8]) -> String? {
        if create.startRevision < 0 { return WatchCancelReason.negativeRevision.text }
        let end = create.rangeEnd
        if !end.isEmpty, end != [0], !key.lexicographicallyPrecedes(end) {
            return WatchCancelReason.emptyRange.text
        }
        return nil
    }

    private func refuseWatcher(
        _ stream: StreamNumber, _ reason: String, _ outputs: inout [Output]
    ) {
        tell(
            stream,
            WatchEncoder.control(
                header: header(), id: -1, created: true, canceled: true, reason: reason), &outputs)
    }

    // MARK: Events

    func deliverEvents(_ outputs: inout [Output]) {
        guard !watches.turn.isEmpty else { return }
        var encoder = WatchEncoder(header: header())
        let limit = watches.limit
        watches.takeTurn { watcher, changes in
            for part in Node.byRevision(changes, maxBytes: Limits.catchUpBytes) {
                let responses = encoder.responses(for: watcher, part, limit: limit) { $0.previous }
                for response in responses { outputs.append(.deliver(watcher.stream, response)) }
            }
        }
    }

    /// Cuts a long list of changes between revisions, never inside one.
    static func byRevision(_ changes: [Change], maxBytes: Int) -> [[Change]] {
        var total = 0
        for change in changes { total += change.record.byteCount }
        guard total > maxBytes else { return changes.isEmpty ? [] : [changes] }
        var parts: [[Change]] = []
        var part: [Change] = []
        var size = 0
        for change in changes {
            let isNewRevision = part.last?.record.revision.main != change.record.revision.main
            if size >= maxBytes, isNewRevision {
                parts.append(part)
                part = []
                size = 0
            }
            part.append(change)
            size += change.record.byteCount
        }
        parts.append(part)
        return parts
    }

    // MARK: Catching up

    /// Lets watchers that are behind read a bounded piece of history. True when some want more.
    func catchUp(_ outputs: inout [Output]) -> Bool {
        guard loading == nil, watches.behindCount > 0 else { return false }
        let current = ledger.keyspace.revision
        var encoder = WatchEncoder(header: header())
        var place = 0
        var served = 0
        var bytes = 0
        while served < Limits.catchUpWatchers, bytes < Limits.catchUpBytes * 16,
            let turn = watches.nextBehind(after: place), let watcher = watches.slots[turn.slot]
        {
            served += 1
            place = turn.place
            guard watcher.next >= ledger.keyspace.compactRevision else {
                cancelCompacted(watcher, &outputs)
                continue
            }
            let (changes, next) = history(for: watcher, current)
            for response in encoder.responses(
                for: watcher, changes, limit: watches.limit,
                previous: { self.ledger.keyspace.previous(of: $0.record) })
            where !changes.isEmpty {
                bytes += response.count
                outputs.append(.deliver(watcher.stream, response))
            }
            let isLevel = watches.advance(turn.slot, place: place, next: next, current: current)
            if !isLevel { place += 1 }
        }
        return watches.hasWork
    }

    private func history(for watcher: Watcher, _ current: Int64) -> ([Change], Int64) {
        guard watcher.next <= current else { return ([], watcher.next) }
        do throws(KeyspaceError) {
            let (all, next) = try ledger.keyspace.history(
                from: watcher.next, maxRevisions: Limits.catchUpRevisions,
                maxBytes: Limits.catchUpBytes)
            let wanted = all.filter { change in
                watcher.range.contains(change.record.key) && watcher.wants(change)
            }
            return (wanted, max(next, watcher.next))
        } catch {
            invariant(false, "history from \(watcher.next) to \(current): \(error)")
            return ([], watcher.next)
        }
    }

    private func cancelCompacted(_ watcher: Watcher, _ outputs: inout [Output]) {
        watches.remove(watcher.stream, watcher.id)
        tell(
            watcher.stream,
            WatchEncoder.control(
                header: header(revision: 0), id: watcher.id, canceled: true,
                compactRevision: ledger.keyspace.compactRevision), &outputs)
    }

    // MARK: Progress

    func notifyProgress(_ outputs: inout [Output]) {
        guard loading == nil else { return }
        let checked = lifecycle.progressCheckedAt ?? now
        guard
            lifecycle.progressCheckedAt == nil
                || now - checked >= settings.progressNotifyInterval
        else { return }
        let isFirst = lifecycle.progressCheckedAt == nil
        lifecycle.progressCheckedAt = now
        if isFirst { return }
        deliverEvents(&outputs)
        for watcher in watches.dueForProgress(current: ledger.keyspace.revision) {
            tell(watcher.stream, WatchEncoder.control(header: header(), id: watcher.id), &outputs)
        }
    }
}
