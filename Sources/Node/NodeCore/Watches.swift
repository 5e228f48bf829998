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
// Synced watchers that want the same stand in the index as one group: a change is looked up, and
// the events of a turn are written, once for all of them. They get their events in the turn that
// applied them. A watcher
// that is behind stands in no index; it reads history from `next`, a bounded piece a turn, and
// joins again at the head. `next` alone says what a watcher has had: every revision below it was
// delivered or filtered. So nothing is lost, repeated or reordered, however often it changes sides,
// and also when a snapshot replaces the whole store.
//
// Created, cancel and progress replies pass through the same output list as events, after the
// events of the turn, so they cannot overtake any.

/// What a watcher wants to hear of; watchers with equal wishes share a group.
struct WatchWish: Hashable {
    let range: KeyRange
    let wantsPrevious: Bool
    let dropsPuts: Bool
    let dropsDeletes: Bool

    func wants(_ change: Change) -> Bool {
        change.record.isTombstone ? !dropsDeletes : !dropsPuts
    }
}

/// One watcher of one stream. Plain numbers only: thousands are looked at for one event.
struct Watcher {
    let stream: StreamNumber
    let id: Int64
    /// The group of those who want the same, synced or not; `Watches.add` finds it.
    fileprivate(set) var group = 0
    let fragments: Bool
    let notifiesProgress: Bool
    /// The revision asked for, zero if none was: no progress is told before the store reaches it.
    let start: Int64
    /// While behind: the lowest revision that was not delivered yet. While synced: the lowest one
    /// that is wanted at all.
    var next: Int64
    /// Its place in the group while synced.
    var seat: Int?
    /// What it holds while it stands in a line of those that are behind; zero otherwise.
    fileprivate(set) var ticket: UInt64 = 0
    /// That line is its stream's.
    fileprivate var isParked = false
    /// Something was sent since the last progress check.
    var wasActive = false

    init(
        stream: StreamNumber, id: Int64, fragments: Bool, notifiesProgress: Bool, start: Int64,
        next: Int64
    ) {
        self.stream = stream
        self.id = id
        self.fragments = fragments
        self.notifiesProgress = notifiesProgress
        self.start = start
        self.next = next
    }

    var isSynced: Bool { seat != nil }
}

struct WatchStream {
    var requiresLeader: Bool
    var nextID: Int64 = 0
    /// Watch id to slot.
    var watchers = SortedMap<Int64, Int>()
    /// Its watchers that wait until it is written to again.
    var parked = WatcherLine()
}

/// Watchers with one wish.
private struct WatchGroup {
    let wish: WatchWish
    /// All of them; the group is gone with the last one.
    var memberCount = 0
    /// The synced ones. The group stands in the index while there are any.
    var slots: [Int] = []
    /// Changes of this turn, as positions in `Watches.turn`.
    var pending: [Int] = []
}

struct Watches {
    private(set) var streams = SortedMap<StreamNumber, WatchStream>()
    private var blocked: Set<StreamNumber> = []
    var slots: [Watcher?] = []
    private var freeSlots: [Int] = []
    private var groups: [WatchGroup?] = []
    private var freeGroups: [Int] = []
    private var groupOf: [WatchWish: Int] = [:]
    private var index = WatcherIndex()
    /// Watchers that read history, in the order they are served. Those whose streams are blocked are
    /// parked there when their turn comes.
    private var behind = WatcherLine()
    private var parkedCount = 0
    private var lastTicket: UInt64 = 0
    /// Changes applied in this turn that someone wants, in order.
    private(set) var turn: [Change] = []
    private var touched: [Int] = []
    private var matched: [Int] = []
    let limit: Int

    /// `limit`: encoded bytes at which a response with `fragment` is cut.
    init(fragmentLimit limit: Int) {
        self.limit = limit
    }

    var watcherCount: Int { slots.count - freeSlots.count }
    var behindCount: Int { behind.count + parkedCount }
    /// Those of them that are looked at in each turn.
    var inLineCount: Int { behind.count }

    // MARK: Streams

    mutating func open(_ stream: StreamNumber, requiresLeader: Bool) {
        invariant(streams[stream] == nil, "watch stream \(stream) is open already")
        streams[stream] = WatchStream(requiresLeader: requiresLeader)
    }

    mutating func close(_ stream: StreamNumber) {
        guard let closing = streams[stream] else { return }
        for slot in closing.watchers.values {
            leaveLine(slot, of: stream)
            free(slot)
        }
        streams[stream] = nil
        blocked.remove(stream)
    }

    mutating func setBlocked(_ stream: StreamNumber, _ isBlocked: Bool) {
        guard streams[stream] != nil else { return }
        if isBlocked {
            blocked.insert(stream)
        } else {
            blocked.remove(stream)
            unpark(stream)
        }
    }

    private mutating func unpark(_ stream: StreamNumber) {
        let parked = streams.update(stream) { [slots] in $0.parked.takeAll(slots) } ?? []
        parkedCount -= parked.count
        for slot in parked { standInLine(slot) }
    }

    private func isBlocked(_ stream: StreamNumber) -> Bool {
        !blocked.isEmpty && blocked.contains(stream)
    }

    // MARK: Watchers

    private mutating func group(wanting wish: WatchWish) -> Int {
        if let known = groupOf[wish] { return known }
        let group: Int
        if let reused = freeGroups.popLast() {
            group = reused
            groups[group] = WatchGroup(wish: wish)
        } else {
            group = groups.count
            groups.append(WatchGroup(wish: wish))
        }
        groupOf[wish] = group
        return group
    }

    mutating func add(_ new: Watcher, wanting wish: WatchWish, current: Int64) {
        var watcher = new
        watcher.group = group(wanting: wish)
        groups[watcher.group]?.memberCount += 1
        let slot: Int
        if let reused = freeSlots.popLast() {
            slot = reused
            slots[slot] = watcher
        } else {
            slot = slots.count
            slots.append(watcher)
        }
        _ = streams.update(watcher.stream) { $0.watchers[watcher.id] = slot }
        if watcher.next > current { sync(slot) } else { wait(slot) }
    }

    /// To read history, now or when its stream is written to again.
    private mutating func wait(_ slot: Int) {
        guard let stream = slots[slot]?.stream else { return }
        guard isBlocked(stream) else { return standInLine(slot) }
        let ticket = giveTicket(slot)
        slots[slot]?.isParked = true
        parkedCount += 1
        _ = streams.update(stream) { [slots] in $0.parked.append(slot, ticket, slots) }
    }

    private mutating func standInLine(_ slot: Int) {
        let ticket = giveTicket(slot)
        slots[slot]?.isParked = false
        behind.append(slot, ticket, slots)
    }

    private mutating func giveTicket(_ slot: Int) -> UInt64 {
        lastTicket += 1
        slots[slot]?.ticket = lastTicket
        return lastTicket
    }

    func slot(_ stream: StreamNumber, _ id: Int64) -> Int? {
        streams[stream]?.watchers[id]
    }

    mutating func remove(_ stream: StreamNumber, _ id: Int64) {
        guard let slot = slot(stream, id) else { return }
        _ = streams.update(stream) { $0.watchers[id] = nil }
        leaveLine(slot, of: stream)
        free(slot)
    }

    /// Nothing, if it stands in none.
    private mutating func leaveLine(_ slot: Int, of stream: StreamNumber) {
        guard let watcher = slots[slot], watcher.ticket != 0 else { return }
        slots[slot]?.ticket = 0
        if watcher.isParked {
            parkedCount -= 1
            _ = streams.update(stream) { $0.parked.leave() }
        } else {
            behind.leave()
        }
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

    /// The slot is no longer `behind`.
    private mutating func free(_ slot: Int) {
        unsync(slot)
        if let group = slots[slot]?.group { leave(group) }
        slots[slot] = nil
        freeSlots.append(slot)
    }

    // MARK: Groups

    func wish(of group: Int) -> WatchWish? { groups[group]?.wish }

    private mutating func sync(_ slot: Int) {
        guard let group = slots[slot]?.group, let place = groups[group]?.slots.count else { return }
        if place == 0, let wish = wish(of: group) { index.insert(id: group, wish.range) }
        groups[group]?.slots.append(slot)
        slots[slot]?.seat = place
    }

    private mutating func unsync(_ slot: Int) {
        guard let group = slots[slot]?.group, let seat = slots[slot]?.seat else { return }
        slots[slot]?.seat = nil
        // The last one takes the empty place.
        if let last = groups[group]?.slots.popLast(), last != slot {
            groups[group]?.slots[seat] = last
            slots[last]?.seat = seat
        }
        if groups[group]?.slots.isEmpty == true {
            index.remove(id: group)
            groups[group]?.pending.removeAll()
            touched.removeAll { $0 == group }
        }
    }

    private mutating func leave(_ group: Int) {
        groups[group]?.memberCount -= 1
        guard groups[group]?.memberCount == 0, let wish = wish(of: group) else { return }
        groupOf[wish] = nil
        groups[group] = nil
        freeGroups.append(group)
    }

    private mutating func fallBehind(_ slot: Int, next: Int64) {
        slots[slot]?.next = next
        unsync(slot)
        wait(slot)
    }

    /// The store is replaced: nobody is level with it until history says so. Synced watchers have
    /// had everything up to `revision`, the old store's.
    mutating func storeReplaced(level revision: Int64) {
        invariant(turn.isEmpty, "the store was replaced in the middle of a turn")
        for slot in slots.indices {
            guard let watcher = slots[slot], watcher.isSynced else { continue }
            fallBehind(slot, next: max(watcher.next, revision + 1))
        }
    }

    // MARK: Events

    /// Changes of one revision, just applied.
    mutating func add(_ changes: [Change]) {
        guard watcherCount > behindCount, !changes.isEmpty else { return }
        for change in changes {
            index.matches(change.record.key, into: &matched)
            if matched.isEmpty { continue }
            turn.append(change)
            for group in matched { give(turn.count - 1, to: group) }
        }
    }

    private mutating func give(_ position: Int, to group: Int) {
        guard let wish = groups[group]?.wish, wish.wants(turn[position]) else { return }
        if groups[group]?.pending.isEmpty == true { touched.append(group) }
        groups[group]?.pending.append(position)
    }

    /// Hands out what this turn's changes mean: for each group its changes and the slots of those
    /// whose streams are open. `body` says how many of these, from the first on, it has served. The
    /// others fall behind.
    mutating func takeTurn(_ body: (WatchWish, [Change], [Int], [Watcher?]) -> Int) {
        let groupsOfTurn = touched
        touched.removeAll(keepingCapacity: true)
        for group in groupsOfTurn {
            guard let found = groups[group], let first = found.pending.first else { continue }
            groups[group]?.pending.removeAll()
            let changes = found.pending.map { turn[$0] }
            let revision = turn[first].record.revision.main
            let ready = settle(found.slots, from: revision)
            let served = body(found.wish, changes, ready, slots)
            for slot in ready[served...] {
                fallBehind(slot, next: max(slots[slot]?.next ?? revision, revision))
            }
        }
        turn.removeAll(keepingCapacity: true)
    }

    /// Those of `members` that may be written to now.
    private mutating func settle(_ members: [Int], from revision: Int64) -> [Int] {
        var ready: [Int] = []
        ready.reserveCapacity(members.count)
        for slot in members {
            guard let stream = slots[slot]?.stream, let next = slots[slot]?.next else { continue }
            if isBlocked(stream) {
                fallBehind(slot, next: max(next, revision))
            } else {
                slots[slot]?.wasActive = true
                ready.append(slot)
            }
        }
        return ready
    }

    // MARK: Catching up

    /// The next watcher that may read history, or nil. It keeps its place until `advance`.
    func nextBehind(after tried: Int) -> (place: Int, slot: Int)? {
        var place = tried
        while place < behind.entries.count {
            let entry = behind.entries[place]
            if slots.holds(entry), let stream = slots[entry.slot]?.stream, !isBlocked(stream) {
                return (place, entry.slot)
            }
            place += 1
        }
        return nil
    }

    /// The watcher in `slot` has everything below `next`.
    mutating func advance(_ slot: Int, next: Int64) {
        slots[slot]?.next = next
        slots[slot]?.wasActive = true
    }

    /// Of the watchers before place `served`, those that have had everything up to `current` join
    /// their groups again. The others go on with the one in that place, so that each has its turn.
    mutating func joinLevel(current: Int64, served: Int) {
        invariant(turn.isEmpty, "watchers join in the middle of a turn")
        for slot in behind.takeFirst(served, slots) {
            slots[slot]?.ticket = 0
            if let next = slots[slot]?.next, next > current { sync(slot) } else { wait(slot) }
        }
    }

    /// Watchers wait for history and their stream would take it.
    var hasWork: Bool { nextBehind(after: 0) != nil }

    // MARK: Progress

    /// Whether every watcher of the stream has had all that there is, and there is at least one.
    func isLevel(_ stream: StreamNumber, current: Int64) -> Bool {
        guard let watched = streams[stream], !watched.watchers.isEmpty, !isBlocked(stream) else {
            return false
        }
        return watched.watchers.values.allSatisfy { slot in
            guard let watcher = slots[slot] else { return false }
            return watcher.isSynced && watcher.start <= current
        }
    }

    /// Idle, level watchers that asked for notifications; marks all as idle for the next round.
    mutating func dueForProgress(current: Int64) -> [Watcher] {
        var due: [Watcher] = []
        for slot in slots.indices {
            guard let watcher = slots[slot], watcher.notifiesProgress else { continue }
            let isLevel = watcher.isSynced && watcher.start <= current
            if isLevel, !isBlocked(watcher.stream), !watcher.wasActive { due.append(watcher) }
            slots[slot]?.wasActive = false
        }
        return due
    }
}
