// SPDX-License-Identifier: Apache-2.0
internal import Bytes

/// The part of the log that is in memory: everything behind `baseIndex`, whose term is still known.
///
///     base     entries[0]             entries.last
///     (7,t2)   (8,t2) (9,t3) (10,t3)  (11,t3)
struct LogView {
    private(set) var baseIndex: LogIndex
    private(set) var baseTerm: Term
    private(set) var entries: [Entry]

    init(baseIndex: LogIndex, baseTerm: Term, entries: [Entry]) {
        self.baseIndex = baseIndex
        self.baseTerm = baseTerm
        self.entries = entries
        var expected = baseIndex
        for entry in entries {
            expected = expected.next
            invariant(entry.index == expected, "entry \(entry.index) restored as \(expected)")
        }
    }

    var firstIndex: LogIndex { baseIndex.next }
    var lastIndex: LogIndex { LogIndex(baseIndex.number + UInt64(entries.count)) }
    var lastTerm: Term { entries.last?.term ?? baseTerm }

    /// Nil where the log does not reach, or no longer.
    func term(at index: LogIndex) -> Term? {
        if index == baseIndex { return baseTerm }
        guard index > baseIndex, index <= lastIndex else { return nil }
        return entries[offset(of: index)].term
    }

    func matches(_ index: LogIndex, _ term: Term) -> Bool {
        self.term(at: index) == term
    }

    /// Section 3.6.1 of the thesis: the later last term wins, then the longer log.
    func isCovered(byLast index: LogIndex, _ term: Term) -> Bool {
        term > lastTerm || (term == lastTerm && index >= lastIndex)
    }

    /// The position in `others` of the first entry that the log does not hold; nil if it holds all.
    func firstMissing(of others: [Entry]) -> Int? {
        others.firstIndex { !matches($0.index, $0.term) }
    }

    /// The largest index that is not beyond `limit` and whose term is not beyond `term`; terms rise
    /// along the log, so a binary search does. Zero and the term zero are below everything.
    func lastIndex(notBeyond limit: LogIndex, term: Term) -> LogIndex {
        if limit < baseIndex { return limit }
        var low = baseIndex.number
        var high = min(limit, lastIndex).number + 1
        if baseTerm > term { return low == 0 ? .zero : LogIndex(low - 1) }
        // The term at `low` is not beyond; the one at `high` is, or is out of reach.
        while high - low > 1 {
            let middle = low + (high - low) / 2
            let isBeyond = entries[offset(of: LogIndex(middle))].term > term
            if isBeyond { high = middle } else { low = middle }
        }
        return LogIndex(low)
    }

    func entries(from first: LogIndex, through last: LogIndex) -> [Entry] {
        invariant(first > baseIndex, "entry \(first) is compacted, base is \(baseIndex)")
        invariant(last <= lastIndex, "entry \(last) is beyond the last, \(lastIndex)")
        if first > last { return [] }
        return Array(entries[offset(of: first)...offset(of: last)])
    }

    /// As many entries as fit in `maxBytes` when encoded, but at least one if there is one.
    func entries(from first: LogIndex, maxBytes: Int) -> [Entry] {
        invariant(first > baseIndex, "entry \(first) is compacted, base is \(baseIndex)")
        invariant(first <= lastIndex.next, "entry \(first) is beyond the next of \(lastIndex)")
        let start = offset(of: first)
        var end = start
        var size = 0
        while end < entries.count {
            size += MessageCodec.size(of: entries[end])
            if size > maxBytes, end > start { break }
            end += 1
        }
        return Array(entries[start..<end])
    }

    /// Whether a change of members lies in `first...last`.
    func holdsChange(from first: LogIndex, through last: LogIndex) -> Bool {
        if first > last { return false }
        let start = max(first, firstIndex)
        if start > last { return false }
        return entries[offset(of: start)...offset(of: last)].contains { $0.kind != .normal }
    }

    mutating func append(_ fresh: [Entry]) {
        guard let first = fresh.first else { return }
        invariant(first.index > baseIndex, "append at \(first.index), base is \(baseIndex)")
        invariant(first.index <= lastIndex.next, "gap: \(first.index) after \(lastIndex)")
        let kept = offset(of: first.index)
        if kept < entries.count { entries.removeLast(entries.count - kept) }
        invariant(first.term >= lastTerm, "term \(first.term) after \(lastTerm)")
        entries.append(contentsOf: fresh)
        invariant(lastIndex == fresh.last?.index, "batch with holes, ends at \(lastIndex)")
    }

    mutating func compact(through index: LogIndex) {
        guard index > baseIndex else { return }
        invariant(index <= lastIndex, "compaction at \(index), last is \(lastIndex)")
        let dropped = offset(of: index) + 1
        baseTerm = entries[dropped - 1].term
        baseIndex = index
        entries.removeFirst(dropped)
    }

    mutating func restore(_ snapshot: SnapshotMetadata) {
        invariant(
            snapshot.index > baseIndex, "snapshot \(snapshot.index), base is \(baseIndex)")
        baseIndex = snapshot.index
        baseTerm = snapshot.term
        entries = []
    }

    private func offset(of index: LogIndex) -> Int {
        Int(truncatingIfNeeded: index.number - baseIndex.number - 1)
    }
}
