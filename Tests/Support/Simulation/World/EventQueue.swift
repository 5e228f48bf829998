// SPDX-License-Identifier: Apache-2.0
internal import Bytes

/// What will happen, ordered by time and, at the same time, by the order of asking.
struct EventQueue {
    private struct Event {
        var at: Int64
        var sequence: UInt64
        var body: () -> Void

        func isBefore(_ other: Event) -> Bool {
            at == other.at ? sequence < other.sequence : at < other.at
        }
    }

    private var heap: [Event] = []
    private var sequence: UInt64 = 0

    var isEmpty: Bool { heap.isEmpty }
    var nextTime: Int64? { heap.first?.at }

    mutating func add(at time: Int64, _ body: @escaping () -> Void) {
        sequence += 1
        heap.append(Event(at: time, sequence: sequence, body: body))
        var child = heap.count - 1
        while child > 0 {
            let parent = (child - 1) / 2
            guard heap[child].isBefore(heap[parent]) else { return }
            heap.swapAt(child, parent)
            child = parent
        }
    }

    /// Everything happens that much later; the order stays.
    mutating func shift(by nanoseconds: Int64) {
        for index in heap.indices { heap[index].at += nanoseconds }
    }

    mutating func take() -> (at: Int64, body: () -> Void)? {
        guard let first = heap.first, let last = heap.popLast() else { return nil }
        if heap.isEmpty { return (first.at, first.body) }
        heap[0] = last
        var parent = 0
        while true {
            var least = parent
            for child in [2 * parent + 1, 2 * parent + 2]
            where child < heap.count && heap[child].isBefore(heap[least]) {
                least = child
            }
            if least == parent { break }
            heap.swapAt(parent, least)
            parent = least
        }
        return (first.at, first.body)
    }
}
