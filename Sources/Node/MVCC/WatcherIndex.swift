// SPDX-License-Identifier: Apache-2.0

/// Which watchers care about a key. Watchers of one key are found by hash; those of a range in a
/// treap ordered by the range's start, in which every node knows the furthest end below it.
/// Watchers of equal ranges share a node.
package struct WatcherIndex: Sendable {
    private struct Node {
        var range: KeyRange
        /// Ascending.
        var ids: [Int]
        var priority: UInt64
        var left = -1
        var right = -1
        /// The furthest end in this subtree; nil if one is open.
        var furthest: [UInt8]?

        var end: [UInt8]? { range.isOpenEnded ? nil : range.end }
    }

    private var ranges: [Int: KeyRange] = [:]
    private var singles: [[UInt8]: [Int]] = [:]
    private var nodes: [Node] = []
    private var freeNodes: [Int] = []
    private var root = -1
    private var seed: UInt64 = 1

    package init() {}

    package var count: Int { ranges.count }

    /// An id that is in already changes its range.
    package mutating func insert(id: Int, _ range: KeyRange) {
        remove(id: id)
        ranges[id] = range
        if range.isSingleKey {
            WatcherIndex.add(id, to: &singles[range.key, default: []])
        } else if !share(id, range) {
            let (low, high) = split(root, before: range)
            root = merge(merge(low, newNode(id, range)), high)
        }
    }

    /// Unknown ids are ignored.
    package mutating func remove(id: Int) {
        guard let range = ranges.removeValue(forKey: id) else { return }
        if range.isSingleKey {
            guard var ids = singles.removeValue(forKey: range.key) else { return }
            WatcherIndex.take(id, from: &ids)
            if !ids.isEmpty { singles[range.key] = ids }
        } else {
            root = removed(id, range, from: root)
        }
    }

    /// Puts the ids whose range has `key` into `ids`, ascending; what it held before is dropped.
    package func matches(_ key: [UInt8], into ids: inout [Int]) {
        ids.removeAll(keepingCapacity: true)
        if !singles.isEmpty, let watchers = singles[key] { ids.append(contentsOf: watchers) }
        let single = ids.count
        collect(key, below: root, &ids)
        if ids.count > single { ids.sort() }
    }

    private func collect(_ key: [UInt8], below at: Int, _ ids: inout [Int]) {
        var at = at
        while at >= 0 {
            if let furthest = nodes[at].furthest, compareBytes(furthest, key) <= 0 { return }
            collect(key, below: nodes[at].left, &ids)
            if compareBytes(nodes[at].range.key, key) > 0 { return }
            if nodes[at].range.isOpenEnded || compareBytes(key, nodes[at].range.end) < 0 {
                ids.append(contentsOf: nodes[at].ids)
            }
            at = nodes[at].right
        }
    }

    // MARK: Sorted ids

    private static func place(_ id: Int, in ids: [Int]) -> Int {
        var low = 0
        var high = ids.count
        while low < high {
            let middle = (low + high) / 2
            if ids[middle] < id { low = middle + 1 } else { high = middle }
        }
        return low
    }

    private static func add(_ id: Int, to ids: inout [Int]) {
        ids.insert(id, at: place(id, in: ids))
    }

    private static func take(_ id: Int, from ids: inout [Int]) {
        let at = place(id, in: ids)
        if at < ids.count, ids[at] == id { ids.remove(at: at) }
    }

    // MARK: Treap

    /// Negative, zero or positive as `left` sorts before, with or after `right`.
    private static func compare(_ left: KeyRange, _ right: KeyRange) -> Int {
        let keys = compareBytes(left.key, right.key)
        return keys != 0 ? keys : compareBytes(left.end, right.end)
    }

    /// Joins the watchers of an equal range, if there are any.
    private mutating func share(_ id: Int, _ range: KeyRange) -> Bool {
        var at = root
        while at >= 0 {
            let order = WatcherIndex.compare(range, nodes[at].range)
            if order == 0 {
                WatcherIndex.add(id, to: &nodes[at].ids)
                return true
            }
            at = order < 0 ? nodes[at].left : nodes[at].right
        }
        return false
    }

    private mutating func newNode(_ id: Int, _ range: KeyRange) -> Int {
        seed = seed &* 6_364_136_223_846_793_005 &+ 1_442_695_040_888_963_407
        var node = Node(range: range, ids: [id], priority: seed >> 16)
        node.furthest = node.end
        if let free = freeNodes.popLast() {
            nodes[free] = node
            return free
        }
        nodes.append(node)
        return nodes.count - 1
    }

    /// Takes what is below into account again.
    private mutating func refresh(_ at: Int) {
        var furthest = nodes[at].end
        for child in [nodes[at].left, nodes[at].right] where child >= 0 {
            guard let mine = furthest, let other = nodes[child].furthest else {
                furthest = nil
                break
            }
            if compareBytes(mine, other) < 0 { furthest = other }
        }
        nodes[at].furthest = furthest
    }

    /// The nodes before `range`, and the rest.
    private mutating func split(_ at: Int, before range: KeyRange) -> (Int, Int) {
        if at < 0 { return (-1, -1) }
        if WatcherIndex.compare(nodes[at].range, range) < 0 {
            let (low, high) = split(nodes[at].right, before: range)
            nodes[at].right = low
            refresh(at)
            return (at, high)
        }
        let (low, high) = split(nodes[at].left, before: range)
        nodes[at].left = high
        refresh(at)
        return (low, at)
    }

    private mutating func merge(_ low: Int, _ high: Int) -> Int {
        if low < 0 { return high }
        if high < 0 { return low }
        if nodes[low].priority > nodes[high].priority {
            nodes[low].right = merge(nodes[low].right, high)
            refresh(low)
            return low
        }
        nodes[high].left = merge(low, nodes[high].left)
        refresh(high)
        return high
    }

    private mutating func removed(_ id: Int, _ range: KeyRange, from at: Int) -> Int {
        if at < 0 { return at }
        let order = WatcherIndex.compare(range, nodes[at].range)
        if order == 0 {
            WatcherIndex.take(id, from: &nodes[at].ids)
            if !nodes[at].ids.isEmpty { return at }
            freeNodes.append(at)
            return merge(nodes[at].left, nodes[at].right)
        }
        if order < 0 {
            nodes[at].left = removed(id, range, from: nodes[at].left)
        } else {
            nodes[at].right = removed(id, range, from: nodes[at].right)
        }
        refresh(at)
        return at
    }
}
