// SPDX-License-Identifier: Apache-2.0
internal import Bytes

/// The last index of each append on its way to a peer, oldest first; a ring that grows up to its
/// capacity.
struct InFlight {
    let capacity: Int
    private(set) var count = 0
    private var slots: [LogIndex] = []
    private var start = 0

    init(capacity: Int) {
        invariant(capacity > 0, "a window of \(capacity) appends")
        self.capacity = capacity
    }

    var isFull: Bool { count >= capacity }

    mutating func add(_ last: LogIndex) {
        invariant(!isFull, "window of \(capacity) appends is full")
        if count == slots.count { grow() }
        if count > 0 {
            let newest = slots[(start + count - 1) % slots.count]
            invariant(last > newest, "append through \(last) sent after \(newest)")
        }
        slots[(start + count) % slots.count] = last
        count += 1
    }

    mutating func free(through index: LogIndex) {
        while count > 0, slots[start] <= index { freeOldest() }
    }

    mutating func freeOldest() {
        guard count > 0 else { return }
        start = (start + 1) % slots.count
        count -= 1
    }

    mutating func removeAll() {
        count = 0
        start = 0
    }

    private mutating func grow() {
        let size = min(capacity, max(8, slots.count * 2))
        var larger = [LogIndex](repeating: .zero, count: size)
        for position in 0..<count { larger[position] = slots[(start + position) % slots.count] }
        invariant(size > count, "window grew from \(count) to \(size)")
        slots = larger
        start = 0
    }
}
