// SPDX-License-Identifier: Apache-2.0
package import Bytes

/// Names one timer of one reactor; never reused.
package struct TimerID: Hashable, Sendable {
    internal var slot: UInt32
    internal var generation: UInt32
}

/// Things that are due at some time: a binary heap whose entries know their place in it, so that
/// each can be taken out in O(log n). Of those due at the same time the oldest comes first.
package struct TimerHeap<Payload> {
    private struct Entry {
        var deadline: Instant
        var order: UInt64
        var slot: UInt32
    }

    private struct Slot {
        var generation: UInt32 = 0
        /// -1 while unused.
        var place = -1
        var payload: Payload?
    }

    private var heap: [Entry] = []
    private var slots: [Slot] = []
    private var freeSlots: [UInt32] = []
    private var nextOrder: UInt64 = 0

    package init() {}

    package var count: Int { heap.count }
    package var nextDeadline: Instant? { heap.first?.deadline }
    /// What is added from now on has this order or a higher one.
    package var orderMark: UInt64 { nextOrder }

    package mutating func add(_ payload: Payload, at deadline: Instant) -> TimerID {
        let slot = freeSlots.popLast() ?? UInt32(slots.count)
        if slot == slots.count { slots.append(Slot()) }
        slots[Int(slot)].payload = payload
        push(Entry(deadline: deadline, order: nextOrder, slot: slot))
        return TimerID(slot: slot, generation: slots[Int(slot)].generation)
    }

    /// Gives a timer that `popDue` handed out with `keeping` its next time. False if it was removed
    /// meanwhile.
    package mutating func restart(_ id: TimerID, at deadline: Instant) -> Bool {
        guard isKnown(id), slots[Int(id.slot)].place < 0 else { return false }
        push(Entry(deadline: deadline, order: nextOrder, slot: id.slot))
        return true
    }

    /// The first that is due at `now` and older than `mark`. With `keeping` its name stays valid
    /// until it is removed.
    package mutating func popDue(
        at now: Instant, before mark: UInt64, keeping: (Payload) -> Bool
    ) -> (id: TimerID, payload: Payload)? {
        guard let first = heap.first, first.deadline <= now, first.order < mark else { return nil }
        let slot = Int(first.slot)
        let id = TimerID(slot: first.slot, generation: slots[slot].generation)
        guard let payload = slots[slot].payload else {
            invariantBroken("timer \(slot) has no payload", file: #fileID, line: #line)
        }
        takeOut(at: 0)
        if !keeping(payload) { free(first.slot) }
        return (id, payload)
    }

    /// False if it is gone already.
    @discardableResult
    package mutating func remove(_ id: TimerID) -> Bool {
        guard isKnown(id) else { return false }
        if slots[Int(id.slot)].place >= 0 { takeOut(at: slots[Int(id.slot)].place) }
        free(id.slot)
        return true
    }

    package mutating func removeAll() {
        for entry in heap { free(entry.slot) }
        heap = []
    }

    private func isKnown(_ id: TimerID) -> Bool {
        let slot = Int(id.slot)
        return slot < slots.count && slots[slot].generation == id.generation
            && slots[slot].payload != nil
    }

    private mutating func free(_ slot: UInt32) {
        slots[Int(slot)].payload = nil
        slots[Int(slot)].place = -1
        slots[Int(slot)].generation &+= 1
        freeSlots.append(slot)
    }

    private mutating func push(_ entry: Entry) {
        nextOrder += 1
        heap.append(entry)
        moveUp(from: heap.count - 1)
    }

    private mutating func takeOut(at place: Int) {
        slots[Int(heap[place].slot)].place = -1
        let last = heap.removeLast()
        if place == heap.count { return }
        put(last, at: place)
        moveDown(from: place)
        moveUp(from: slots[Int(last.slot)].place)
    }

    private mutating func put(_ entry: Entry, at place: Int) {
        heap[place] = entry
        slots[Int(entry.slot)].place = place
    }

    private mutating func moveUp(from start: Int) {
        let entry = heap[start]
        var place = start
        while place > 0 {
            let parent = (place - 1) / 2
            if !isEarlier(entry, heap[parent]) { break }
            put(heap[parent], at: place)
            place = parent
        }
        put(entry, at: place)
    }

    private mutating func moveDown(from start: Int) {
        let entry = heap[start]
        var place = start
        while true {
            var child = 2 * place + 1
            if child >= heap.count { break }
            if child + 1 < heap.count, isEarlier(heap[child + 1], heap[child]) { child += 1 }
            if !isEarlier(heap[child], entry) { break }
            put(heap[child], at: place)
            place = child
        }
        put(entry, at: place)
    }

    private func isEarlier(_ left: Entry, _ right: Entry) -> Bool {
        left.deadline != right.deadline
            ? left.deadline < right.deadline : left.order < right.order
    }
}
