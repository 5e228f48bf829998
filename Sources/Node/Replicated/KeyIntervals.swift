// SPDX-License-Identifier: Apache-2.0

/// A set of keys made of half-open intervals, kept sorted and disjoint so that a look-up is a
/// binary search however many ranges a transaction deletes.
struct KeyIntervals {
    private struct Interval {
        var start: [UInt8]
        var end: [UInt8]
    }

    private var intervals: [Interval] = []

    init() {}

    /// An empty end is one key. A single zero byte does not stand for "no end" here, as it does
    /// elsewhere: etcd's own check overlooks such ranges, and clients may rely on it.
    init(_ ranges: [(key: [UInt8], end: [UInt8])]) {
        intervals = ranges.compactMap { range in
            if range.end.isEmpty { return Interval(start: range.key, end: range.key + [0]) }
            if !isBytewiseBefore(range.key, range.end) { return nil }
            return Interval(start: range.key, end: range.end)
        }
        merge()
    }

    mutating func formUnion(_ other: KeyIntervals) {
        if other.intervals.isEmpty { return }
        intervals += other.intervals
        merge()
    }

    func contains(_ key: [UInt8]) -> Bool {
        // The last interval that starts at or before the key is the only one that may hold it.
        guard let place = lastPlace(in: intervals, atOrBefore: key, start: { $0.start })
        else { return false }
        return isBytewiseBefore(key, intervals[place].end)
    }

    private mutating func merge() {
        intervals.sort { isBytewiseBefore($0.start, $1.start) }
        var merged: [Interval] = []
        for next in intervals {
            guard let last = merged.last, !isBytewiseBefore(last.end, next.start) else {
                merged.append(next)
                continue
            }
            if isBytewiseBefore(last.end, next.end) { merged[merged.count - 1].end = next.end }
        }
        intervals = merged
    }
}

/// Of intervals in the order of their starts, the last that starts at or before `key`.
func lastPlace<Interval>(
    in intervals: [Interval], atOrBefore key: [UInt8], start: (Interval) -> [UInt8]
) -> Int? {
    var low = 0
    var high = intervals.count
    while low < high {
        let middle = (low + high) / 2
        if isBytewiseBefore(key, start(intervals[middle])) {
            high = middle
        } else {
            low = middle + 1
        }
    }
    return low > 0 ? low - 1 : nil
}
