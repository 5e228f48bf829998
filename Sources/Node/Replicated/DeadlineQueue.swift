// SPDX-License-Identifier: Apache-2.0
internal import Bytes

/// Leases by the time at which somebody should look at them: a binary heap.
///
/// A lease that is renewed keeps its old ticket; whoever takes the ticket sees that it came too
/// early and puts it back. So a renewal costs nothing here, and no lease has two tickets.
struct DeadlineQueue: Sendable {
    struct Ticket: Sendable {
        var at: Instant
        var lease: Int64
        /// Which life of the lease id this ticket is for.
        var life: UInt64
    }

    private var heap: [Ticket] = []

    var count: Int { heap.count }

    mutating func removeAll() {
        heap.removeAll(keepingCapacity: true)
    }

    mutating func add(_ ticket: Ticket) {
        heap.append(ticket)
        var child = heap.count - 1
        while child > 0 {
            let parent = (child - 1) / 2
            guard isBefore(child, parent) else { return }
            heap.swapAt(child, parent)
            child = parent
        }
    }

    /// The earliest ticket if its time has come.
    mutating func takeDue(at now: Instant) -> Ticket? {
        guard let first = heap.first, first.at <= now else { return nil }
        let last = heap.removeLast()
        if !heap.isEmpty {
            heap[0] = last
            sink()
        }
        return first
    }

    private mutating func sink() {
        var parent = 0
        while true {
            var least = parent
            for child in [2 * parent + 1, 2 * parent + 2]
            where child < heap.count && isBefore(child, least) {
                least = child
            }
            if least == parent { return }
            heap.swapAt(least, parent)
            parent = least
        }
    }

    /// Equal times are told apart by the id, so that the order is the same in every process.
    private func isBefore(_ left: Int, _ right: Int) -> Bool {
        let (left, right) = (heap[left], heap[right])
        return left.at == right.at ? left.lease < right.lease : left.at < right.at
    }
}
