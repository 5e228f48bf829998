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
        let wish = WatchWish(
            range: KeyRange(key: key, end: create.rangeEnd), wantsPrevious: create.prevKV,
            dropsPuts: create.filters.contains(.noPut),
            dropsDeletes: create.filters.contains(.noDelete))
        let watcher = Watcher(
            stream: stream, id: id, fragments: create.fragment,
            notifiesProgress: create.progressNotify, start: create.startRevision,
            next: create.startRevision == 0 ? current + 1 : create.startRevision)
        tell(stream, WatchEncoder.control(header: header(), id: id, created: true), &outputs)
        watches.add(watcher, wanting: wish, current: current)
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
            var pieces = Node.byRevision(changes, maxBytes: Limits.catchUpBytes).map { part in
                EventPiece(part, wish, encoder, limit: limit, previous: { $0.previous })
            }
            for (place, slot) in ready.enumerated() {
                if left.isSpent { return place }
                guard let watcher = slots[slot] else { continue }
                for piece in pieces.indices { pieces[piece].tell(watcher, &left, &outputs) }
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
        while served < Limits.catchUpWatchers, !left.isSpent {
            guard let turn = watches.nextBehind(after: place),
                let watcher = watches.slots[turn.slot]
            else {
                // All others wait for their streams, and are parked there.
                place = .max
                break
            }
            served += 1
            place = turn.place
            guard watcher.next >= ledger.keyspace.compactRevision else {
                cancelCompacted(watcher, &outputs)
                continue
            }
            let name = EventPiece.Name(group: watcher.group, from: watcher.next)
            if pieces[name] == nil { pieces[name] = history(name, current, encoder, &left) }
            let next = pieces[name]?.tell(watcher, &left, &outputs)
            watches.advance(turn.slot, next: next ?? name.from)
            place += 1
        }
        allowance.leave(history: left)
        watches.joinLevel(current: current, served: place)
        return watches.hasWork
    }

    private func history(
        _ name: EventPiece.Name, _ current: Int64, _ encoder: WatchEncoder,
        _ left: inout WatchBudget
    ) -> EventPiece {
        let nothing = EventPiece(next: name.from, encoder)
        guard name.from <= current, let wish = watches.wish(of: name.group) else { return nothing }
        do throws(KeyspaceError) {
            let (all, next) = try ledger.keyspace.history(
                from: name.from, maxRevisions: min(Limits.catchUpRevisions, left.changes),
                maxBytes: min(Limits.catchUpBytes, left.bytes / WatchPace.sharers))
            left.changes -= all.count
            let wanted = all.filter { change in
                wish.range.contains(change.record.key) && wish.wants(change)
            }
            let keyspace = ledger.keyspace
            var piece = EventPiece(
                wanted, wish, encoder, limit: watches.limit,
                previous: { keyspace.previous(of: $0.record) })
            piece.next = max(next, name.from)
            return piece
        } catch {
            invariant(false, "history from \(name.from) to \(current): \(error)")
            return nothing
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
        let group: Int
        let from: Int64
    }

    /// The revision to go on from.
    var next: Int64
    private let changes: [Change]
    private let events: [UInt8]
    private let encoder: WatchEncoder
    private let limit: Int
    private let previous: (Change) -> Record?
    /// The last whole response: watchers of different streams often have the same id.
    private var written: (id: Int64, response: [UInt8])?

    /// Nothing, up to `next`.
    init(next: Int64, _ encoder: WatchEncoder) {
        self.next = next
        self.encoder = encoder
        limit = 0
        changes = []
        events = []
        previous = { _ in nil }
    }

    /// `limit`: bytes of events from which on they are cut for those who take fragments.
    init(
        _ changes: [Change], _ wish: WatchWish, _ encoder: WatchEncoder, limit: Int,
        previous: @escaping (Change) -> Record?
    ) {
        let wanted: (Change) -> Record? = wish.wantsPrevious ? previous : { _ in nil }
        self.changes = changes
        self.encoder = encoder
        self.limit = limit
        self.previous = wanted
        events = WatchEncoder.events(changes, previous: wanted)
        next = (changes.last?.record.revision.main ?? 0) + 1
    }

    /// Tells `watcher` nothing, one response, or several fragments; gives `next`.
    @discardableResult
    mutating func tell(
        _ watcher: Watcher, _ left: inout WatchBudget, _ outputs: inout [Output]
    ) -> Int64 {
        guard let first = changes.first else { return next }
        let wantsAll = first.record.revision.main >= watcher.next
        if wantsAll, !isCut(events, for: watcher) {
            EventPiece.give(whole(watcher.id), to: watcher, &left, &outputs)
        } else {
            for response in wantsAll ? fragments(for: watcher, changes) : later(for: watcher) {
                EventPiece.give(response, to: watcher, &left, &outputs)
            }
        }
        return next
    }

    private static func give(
        _ response: [UInt8], to watcher: Watcher, _ left: inout WatchBudget,
        _ outputs: inout [Output]
    ) {
        left.spend(response)
        outputs.append(.deliver(watcher.stream, response))
    }

    private mutating func whole(_ id: Int64) -> [UInt8] {
        if let written, written.id == id { return written.response }
        let response = encoder.response(id, events)
        written = (id, response)
        return response
    }

    /// What a watcher of the future, which waits inside its group, wants of it.
    private func later(for watcher: Watcher) -> [[UInt8]] {
        let wanted = changes.filter { $0.record.revision.main >= watcher.next }
        if wanted.isEmpty { return [] }
        let events = WatchEncoder.events(wanted, previous: previous)
        if isCut(events, for: watcher) { return fragments(for: watcher, wanted) }
        return [encoder.response(watcher.id, events)]
    }

    private func isCut(_ events: [UInt8], for watcher: Watcher) -> Bool {
        watcher.fragments && events.count >= limit
    }

    private func fragments(for watcher: Watcher, _ changes: [Change]) -> [[UInt8]] {
        encoder.fragments(watcher.id, changes, limit: limit, previous: previous)
    }
}
