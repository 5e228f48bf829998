// SPDX-License-Identifier: Apache-2.0

/// First in, first out. Those who have left are let go at once, and their places now and then, so
/// that both ends take constant time.
package struct Line<Element> {
    private var places: [Element?] = []
    private var head = 0

    /// Empty places that are kept, at least, before the rest moves up.
    private static var slack: Int { 1_024 }

    package init() {}

    package var count: Int { places.count - head }
    package var isEmpty: Bool { head == places.count }

    package mutating func append(_ element: Element) {
        places.append(element)
    }

    package mutating func popFirst() -> Element? {
        guard head < places.count else { return nil }
        let first = places[head].take()
        head += 1
        forgetLeft()
        return first
    }

    /// The order of those that stay is kept.
    package mutating func removeAll(where leaves: (Element) -> Bool) {
        places = places[head...].filter { place in place.map { !leaves($0) } ?? false }
        head = 0
    }

    private mutating func forgetLeft() {
        if head == places.count {
            places.removeAll(keepingCapacity: places.capacity <= Line.slack)
            head = 0
        } else if head >= Line.slack, head * 2 >= places.count {
            places.removeFirst(head)
            head = 0
        }
    }
}
