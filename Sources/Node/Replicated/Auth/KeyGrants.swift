// SPDX-License-Identifier: Apache-2.0
internal import EtcdAPI

/// What a user may read and write: the ranges of all roles, merged.
struct KeyGrants: Equatable, Sendable {
    enum Access: Sendable {
        case read
        case write
    }

    private(set) var readable = KeySet()
    private(set) var writable = KeySet()

    init(_ permissions: [Permission]) {
        var reads: [KeySet.Interval] = []
        var writes: [KeySet.Interval] = []
        for permission in permissions {
            guard let interval = KeySet.Interval(permission.key, permission.rangeEnd) else {
                continue
            }
            switch permission.permType {
            case .read: reads.append(interval)
            case .write: writes.append(interval)
            case .readWrite:
                reads.append(interval)
                writes.append(interval)
            // From the future: nothing is permitted by what nobody understands.
            case .unknown: break
            }
        }
        readable = KeySet(reads)
        writable = KeySet(writes)
    }

    func permits(_ access: Access, _ key: [UInt8], _ end: [UInt8]) -> Bool {
        switch access {
        case .read: readable.covers(key, end)
        case .write: writable.covers(key, end)
        }
    }

    /// What may be granted: one key, keys up to another, or keys without end.
    static func isValid(_ key: [UInt8], _ end: [UInt8]) -> Bool {
        KeySet.Interval(key, end) != nil
    }
}

/// Keys as disjoint half-open intervals in order; neighbours that touch are one.
struct KeySet: Equatable, Sendable {
    struct Interval: Equatable, Sendable {
        var start: [UInt8]
        /// Nil: without end.
        var end: [UInt8]?

        /// A request's range or a permission's: an empty end is one key, a zero byte no end. Nil for
        /// a range without keys.
        init?(_ key: [UInt8], _ end: [UInt8]) {
            guard !key.isEmpty else { return nil }
            start = key
            if end.isEmpty {
                self.end = key + [0]
            } else if end == [0] {
                self.end = nil
            } else {
                guard isBytewiseBefore(key, end) else { return nil }
                self.end = end
            }
        }
    }

    private(set) var intervals: [Interval] = []

    init() {}

    init(_ given: [Interval]) {
        for next in given.sorted(by: { isBytewiseBefore($0.start, $1.start) }) {
            guard let last = intervals.last else {
                intervals.append(next)
                continue
            }
            guard let lastEnd = last.end else { break }
            if isBytewiseBefore(lastEnd, next.start) {
                intervals.append(next)
            } else if KeySet.isEnd(lastEnd, before: next.end) {
                intervals[intervals.count - 1].end = next.end
            }
        }
    }

    /// Every key of the range is here. A range without keys is never covered: who asks for one has
    /// nothing to get by it.
    func covers(_ key: [UInt8], _ end: [UInt8]) -> Bool {
        guard let asked = Interval(key, end),
            let place = lastPlace(in: intervals, atOrBefore: asked.start, start: { $0.start })
        else { return false }
        guard let held = intervals[place].end else { return true }
        guard let askedEnd = asked.end else { return false }
        return !isBytewiseBefore(held, askedEnd)
    }

    private static func isEnd(_ end: [UInt8], before other: [UInt8]?) -> Bool {
        guard let other else { return true }
        return isBytewiseBefore(end, other)
    }
}
