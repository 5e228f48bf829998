// SPDX-License-Identifier: Apache-2.0

package struct RangeResult: Sendable {
    /// In byte order of their keys.
    package var records: [Record] = []
    /// How many keys the range has, beyond the limit too.
    package var count = 0
}

extension Keyspace {
    /// The keys of `range` that lived at `revision` (0: now). At the current revision counting
    /// takes logarithmic time; in the past every key of the range is visited. `limit` bounds the
    /// records, not the count; 0 is no limit.
    package func range(
        _ range: KeyRange, at revision: Int64 = 0, limit: Int = 0, countOnly: Bool = false
    ) throws(KeyspaceError) -> RangeResult {
        let main = try checkedRevision(revision)
        let wanted = countOnly ? 0 : limit > 0 ? limit : Int.max
        if range.isSingleKey {
            guard let entry = find(range.key), let record = live(entry, at: main) else {
                return RangeResult()
            }
            return RangeResult(records: countOnly ? [] : [record], count: 1)
        }
        guard let main else { return currentRange(range, wanted) }
        return pastRange(range, at: main, wanted)
    }

    private func currentRange(_ range: KeyRange, _ wanted: Int) -> RangeResult {
        var result = RangeResult(count: liveCount(range))
        var left = min(wanted, result.count)
        if left == 0 { return result }
        result.records.reserveCapacity(left)
        unsafe range.key.withUnsafeBytes { start in
            unsafe tree.forEach(from: start) { entry, isLive in
                if isLive {
                    result.records.append(log.record(entry.newest))
                    left &-= 1
                }
                return left > 0
            }
        }
        return result
    }

    private func pastRange(_ range: KeyRange, at main: Int64, _ wanted: Int) -> RangeResult {
        var result = RangeResult()
        forEachEntry(in: range) { entry, _ in
            guard let version = entry.version(at: main), !version.isTombstone else { return }
            result.count &+= 1
            if result.records.count < wanted { result.records.append(log.record(version)) }
        }
        return result
    }

    /// How many keys of a range with an end live now.
    private func liveCount(_ range: KeyRange) -> Int {
        let before = unsafe range.key.withUnsafeBytes { unsafe tree.liveCount(before: $0) }
        if range.isOpenEnded { return tree.liveCount - before }
        return max(
            0, unsafe range.end.withUnsafeBytes { unsafe tree.liveCount(before: $0) } - before)
    }

    /// Entries of a range with an end, living or not.
    func forEachEntry(in range: KeyRange, _ body: (KeyEntry, Bool) -> Void) {
        let isOpen = range.isOpenEnded
        unsafe range.key.withUnsafeBytes { start in
            unsafe range.end.withUnsafeBytes { end in
                unsafe tree.forEach(from: start) { entry, isLive in
                    if !isOpen, unsafe compareBytes(entry.key, end) >= 0 { return false }
                    body(entry, isLive)
                    return true
                }
            }
        }
    }
}
