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
        case .watchRequested(let stream, let request, let identity):
            if case .create = request, holdsBack(identity, input) { return }
            answerWatch(stream, request, identity, &outputs)
        case .watchBlocked(let stream): watches.setBlocked(stream, true)
        case .watchDrained(let stream): watches.setBlocked(stream, false)
        case .watchClosed(let stream): watches.close(stream)
        default: invariant(false, "\(input) is not about watches")
        }
    }

    func answerWatch(
        _ stream: StreamNumber, _ request: WatchRequest, _ identity: Identity,
        _ outputs: inout [Output]
    ) {
        guard watches.streams[stream] != nil else { return }
        // What is asked now comes after what has happened before.
        deliverEvents(&outputs)
        switch request {
        case .create(let create): createWatcher(stream, create, identity, &outputs)
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
        _ stream: StreamNumber, _ create: WatchCreateRequest, _ identity: Identity,
        _ outputs: inout [Output]
    ) {
        let key = create.key.isEmpty ? [0] : create.key
        if let error = refusalToWatch(key, create.rangeEnd, identity) {
            refuseWatcher(stream, WatchCancelReason.refused(error).text, &outputs)
            return
        }
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
            stream: stream, id: id,
            wish: WatchWish(
                range: KeyRange(key: key, end: create.rangeEnd), wantsPrevious: create.prevKV,
                dropsPuts: create.filters.contains(.noPut),
                dropsDeletes: create.filters.contains(.noDelete)),
            fragments: create.fragment, notifiesProgress: create.progressNotify,
            start: create.startRevision,
            next: create.startRevision == 0 ? current + 1 : create.startRevision)
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
        let encoder = WatchEncoder(header: header())
        let limit = watches.limit
        var left = allowance.news
        watches.takeTurn { wish, changes, ready, slots in
            if left.isSpent { return 0 }
            let pieces = Node.byRevision(changes, maxBytes: Limits.catchUpBytes).map { part in
                EventPiece(part, wish, previous: { $0.previous })
            }
            for (place, slot) in ready.enumerated() {
                if left.isSpent { return place }
                guard let watcher = slots[slot] else { continue }
                for piece in pieces {
                    for response in piece.responses(for: watcher, encoder, limit: limit) {
                        left.spend(response)
                        outputs.append(.deliver(watcher.stream, response))
                    }
                }
            }
            return ready.count
        }
        allowance.leave(news: left)
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
    /// Watchers with one wish at one revision share the reading and the writing.
    func catchUp(_ outputs: inout [Output]) -> Bool {
        guard loading == nil, watches.behindCount > 0 else { return false }
        if allowance.history.isSpent { return watches.hasWork }
        let current = ledger.keyspace.revision
        let encoder = WatchEncoder(header: header())
        var pieces: [EventPiece.Name: EventPiece] = [:]
        var place = 0
        var served = 0
        var left = allowance.history
        while served < Limits.catchUpWatchers, !left.isSpent,
            let turn = watches.nextBehind(after: place), let watcher = watches.slots[turn.slot]
        {
            served += 1
            place = turn.place
            guard watcher.next >= ledger.keyspace.compactRevision else {
                cancelCompacted(watcher, &outputs)
                continue
            }
            let name = EventPiece.Name(wish: watcher.wish, from: watcher.next)
            let piece = pieces[name] ?? history(name, current, &left)
            pieces[name] = piece
            for response in piece.responses(for: watcher, encoder, limit: watches.limit) {
                left.spend(response)
                outputs.append(.deliver(watcher.stream, response))
            }
            watches.advance(turn.slot, next: piece.next)
            place += 1
        }
        allowance.leave(history: left)
        watches.joinLevel(current: current, served: place)
        return watches.hasWork
    }

    private func history(
        _ name: EventPiece.Name, _ current: Int64, _ left: inout WatchBudget
    ) -> EventPiece {
        guard name.from <= current else { return EventPiece(next: name.from) }
        do throws(KeyspaceError) {
            let (all, next) = try ledger.keyspace.history(
                from: name.from, maxRevisions: min(Limits.catchUpRevisions, left.changes),
                maxBytes: min(Limits.catchUpBytes, left.bytes / WatchPace.sharers))
            left.changes -= all.count
            let wanted = all.filter { change in
                name.wish.range.contains(change.record.key) && name.wish.wants(change)
            }
            let keyspace = ledger.keyspace
            var piece = EventPiece(
                wanted, name.wish, previous: { keyspace.previous(of: $0.record) })
            piece.next = max(next, name.from)
            return piece
        } catch {
            invariant(false, "history from \(name.from) to \(current): \(error)")
            return EventPiece(next: name.from)
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

/// Events that several watchers get in one response each, written once.
struct EventPiece {
    struct Name: Hashable {
        let wish: WatchWish
        let from: Int64
    }

    /// The revision to go on from.
    var next: Int64
    private let changes: [Change]
    private let events: [UInt8]
    private let previous: (Change) -> Record?

    /// Nothing, up to `next`.
    init(next: Int64) {
        self.next = next
        changes = []
        events = []
        previous = { _ in nil }
    }

    init(_ changes: [Change], _ wish: WatchWish, previous: @escaping (Change) -> Record?) {
        let wanted: (Change) -> Record? = wish.wantsPrevious ? previous : { _ in nil }
        self.changes = changes
        self.previous = wanted
        events = WatchEncoder.events(changes, previous: wanted)
        next = (changes.last?.record.revision.main ?? 0) + 1
    }

    /// What `watcher` is told: nothing, one response, or several fragments.
    func responses(for watcher: Watcher, _ encoder: WatchEncoder, limit: Int) -> [[UInt8]] {
        guard let first = changes.first, let last = changes.last else { return [] }
        // A watcher of the future waits inside its group.
        if first.record.revision.main < watcher.next {
            if last.record.revision.main < watcher.next { return [] }
            let later = changes.filter { $0.record.revision.main >= watcher.next }
            let written = WatchEncoder.events(later, previous: previous)
            return responses(for: watcher, encoder, limit, later, written)
        }
        return responses(for: watcher, encoder, limit, changes, events)
    }

    private func responses(
        for watcher: Watcher, _ encoder: WatchEncoder, _ limit: Int, _ changes: [Change],
        _ events: [UInt8]
    ) -> [[UInt8]] {
        guard watcher.fragments, events.count >= limit else {
            return [encoder.response(watcher.id, events)]
        }
        return encoder.fragments(watcher.id, changes, limit: limit, previous: previous)
    }
}
