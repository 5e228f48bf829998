// SPDX-License-Identifier: Apache-2.0
internal import Bytes
internal import EtcdAPI
internal import MVCC

// Watch streams and their watchers.
//
//               create, start > current             create, start in the past
//                        │                                     │
//                        ▼          history read to the head   ▼
//                    [ synced ] ◄───────────────────────── [ behind ]
//                        │     an event while the stream is shut  ▲
//                        └────────────────────────────────────────┘
//
// A synced watcher stands in the index and gets its events in the turn that applied them. A watcher
// that is behind stands in no index; it reads history from `next`, a bounded piece a turn, and
// joins again at the head. `next` alone says what a watcher has had: every revision below it was
// delivered or filtered. So nothing is lost, repeated or reordered, however often it changes sides,
// and also when a snapshot replaces the whole store.
//
// Created, cancel and progress replies pass through the same output list as events, after the
// events of the turn, so they cannot overtake any.

/// One watcher of one stream.
struct Watcher {
    let stream: StreamNumber
    let id: Int64
    let range: KeyRange
    let wantsPrevious: Bool
    let fragments: Bool
    let notifiesProgress: Bool
    let dropsPuts: Bool
    let dropsDeletes: Bool
    /// The revision asked for, zero if none was: no progress is told before the store reaches it.
    let start: Int64
    /// The lowest revision that was not delivered yet.
    var next: Int64
    var isSynced: Bool
    /// Changes of this turn, as positions in `Watches.turn`.
    var pending: [Int] = []
    /// Something was sent since the last progress check.
    var wasActive = false

    func wants(_ change: Change) -> Bool {
        if change.record.revision.main < next { return false }
        return change.record.isTombstone ? !dropsDeletes : !dropsPuts
    }
}

struct WatchStream {
    var requiresLeader: Bool
    var isBlocked = false
    var nextID: Int64 = 0
    /// Watch id to slot.
    var watchers = SortedMap<Int64, Int>()
}

struct Watches {
    private(set) var streams = SortedMap<StreamNumber, WatchStream>()
    var slots: [Watcher?] = []
    private var freeSlots: [Int] = []
    private var index = WatcherIndex()
    /// Slots of watchers that read history, in the order they are served.
    private var behind: [Int] = []
    /// Changes applied in this turn, in order.
    private(set) var turn: [Change] = []
    private var touched: [Int] = []
    private var matched: [Int] = []
    let limit: Int

    /// `limit`: encoded bytes at which a response with `fragment` is cut.
    init(fragmentLimit limit: Int) {
        self.limit = limit
    }

    var watcherCount: Int { slots.count - freeSlots.count }
    var behindCount: Int { behind.count }

    // MARK: Streams

    mutating func open(_ stream: StreamNumber, requiresLeader: Bool) {
        invariant(streams[stream] == nil, "watch stream \(stream) is open already")
        streams[stream] = WatchStream(requiresLeader: requiresLeader)
    }

    mutating func close(_ stream: StreamNumber) {
        guard let closing = streams[stream] else { return }
        for slot in closing.watchers.values { free(slot) }
        streams[stream] = nil
    }

    mutating func setBlocked(_ stream: StreamNumber, _ isBlocked: Bool) {
        _ = streams.update(stream) { $0.isBlocked = isBlocked }
    }

    // MARK: Watchers

    mutating func add(_ watcher: Watcher, current: Int64) {
        let slot: Int
        if let reused = freeSlots.popLast() {
            slot = reused
            slots[slot] = watcher
        } else {
            slot = slots.count
            slots.append(watcher)
        }
        _ = streams.update(watcher.stream) { $0.watchers[watcher.id] = slot }
        if watcher.next > current { sync(slot) } else { fallBehind(slot) }
    }

    func slot(_ stream: StreamNumber, _ id: Int64) -> Int? {
        streams[stream]?.watchers[id]
    }

    mutating func remove(_ stream: StreamNumber, _ id: Int64) {
        guard let slot = slot(stream, id) else { return }
        _ = streams.update(stream) { $0.watchers[id] = nil }
        free(slot)
    }

    /// The id for a create request: the asked one if free, the next unused one for zero.
    mutating func claimID(_ stream: StreamNumber, asked: Int64) -> Int64? {
        streams.update(stream) { stream -> Int64? in
            if asked != 0 { return stream.watchers[asked] == nil ? asked : nil }
            while stream.watchers[stream.nextID] != nil { stream.nextID += 1 }
            stream.nextID += 1
            return stream.nextID - 1
        } ?? nil
    }

    private mutating func free(_ slot: Int) {
        if slots[slot]?.isSynced == true { index.remove(id: slot) }
        slots[slot] = nil
        behind.removeAll { $0 == slot }
        touched.removeAll { $0 == slot }
        freeSlots.append(slot)
    }

    private mutating func sync(_ slot: Int) {
        guard let range = slots[slot]?.range else { return }
        slots[slot]?.isSynced = true
        index.insert(id: slot, range)
    }

    private mutating func fallBehind(_ slot: Int) {
        if slots[slot]?.isSynced == true { index.remove(id: slot) }
        slots[slot]?.isSynced = false
        behind.append(slot)
    }

    /// The store is replaced: nobody is level with it until history says so. Synced watchers have
    /// had everything up to `revision`, the old store's.
    mutating func storeReplaced(level revision: Int64) {
        invariant(turn.isEmpty, "the store was replaced in the middle of a turn")
        for slot in slots.indices {
            guard let watcher = slots[slot], watcher.isSynced else { continue }
            slots[slot]?.next = max(watcher.next, revision + 1)
            fallBehind(slot)
        }
    }

    // MARK: Events

    /// Changes of one revision, just applied.
    mutating func add(_ changes: [Change]) {
        guard watcherCount > behind.count, !changes.isEmpty else { return }
        for change in changes {
            matched.removeAll(keepingCapacity: true)
            index.matches(change.record.key, into: &matched)
            if matched.isEmpty { continue }
            turn.append(change)
            for slot in matched { give(turn.count - 1, to: slot) }
        }
    }

    private mutating func give(_ position: Int, to slot: Int) {
        guard let watcher = slots[slot], watcher.wants(turn[position]) else { return }
        if streams[watcher.stream]?.isBlocked == true, watcher.pending.isEmpty {
            slots[slot]?.next = turn[position].record.revision.main
            fallBehind(slot)
            return
        }
        if watcher.pending.isEmpty { touched.append(slot) }
        slots[slot]?.pending.append(position)
    }

    /// Hands out what this turn's changes mean to each watcher, in the order they were touched.
    mutating func takeTurn(_ body: (Watcher, [Change]) -> Void) {
        for slot in touched {
            guard let watcher = slots[slot] else { continue }
            let changes = watcher.pending.map { turn[$0] }
            if let last = changes.last {
                slots[slot]?.next = max(watcher.next, last.record.revision.main + 1)
            }
            slots[slot]?.pending.removeAll()
            slots[slot]?.wasActive = true
            body(watcher, changes)
        }
        touched.removeAll(keepingCapacity: true)
        turn.removeAll(keepingCapacity: true)
    }

    // MARK: Catching up

    /// The next watcher that may read history, or nil. It keeps its place until `advance`.
    mutating func nextBehind(after tried: Int) -> (place: Int, slot: Int)? {
        var place = tried
        while place < behind.count {
            let slot = behind[place]
            if let watcher = slots[slot], streams[watcher.stream]?.isBlocked == false {
                return (place, slot)
            }
            place += 1
        }
        return nil
    }

    /// The watcher in `slot` has everything below `next`. True when it is level and left the queue.
    mutating func advance(_ slot: Int, place: Int, next: Int64, current: Int64) -> Bool {
        slots[slot]?.next = next
        slots[slot]?.wasActive = true
        guard next > current else { return false }
        invariant(behind[place] == slot, "watcher \(slot) lost its place")
        behind.remove(at: place)
        sync(slot)
        return true
    }

    /// Watchers wait for history and their stream would take it.
    var hasWork: Bool {
        behind.contains { slot in
            guard let watcher = slots[slot] else { return false }
            return streams[watcher.stream]?.isBlocked == false
        }
    }

    // MARK: Progress

    /// Whether every watcher of the stream has had all that there is, and there is at least one.
    func isLevel(_ stream: StreamNumber, current: Int64) -> Bool {
        guard let stream = streams[stream], !stream.watchers.isEmpty, !stream.isBlocked else {
            return false
        }
        return stream.watchers.values.allSatisfy { slot in
            guard let watcher = slots[slot] else { return false }
            return watcher.isSynced && watcher.pending.isEmpty && watcher.start <= current
        }
    }

    /// Idle, level watchers that asked for notifications; marks all as idle for the next round.
    mutating func dueForProgress(current: Int64) -> [Watcher] {
        var due: [Watcher] = []
        for slot in slots.indices {
            guard let watcher = slots[slot], watcher.notifiesProgress else { continue }
            let isLevel = watcher.isSynced && watcher.start <= current
            let isOpen = streams[watcher.stream]?.isBlocked == false
            if isLevel, isOpen, !watcher.wasActive { due.append(watcher) }
            slots[slot]?.wasActive = false
        }
        return due
    }
}
