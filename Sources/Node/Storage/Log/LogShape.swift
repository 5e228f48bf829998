// SPDX-License-Identifier: Apache-2.0
internal import Bytes

/// Which entries a log holds, without their data: enough to say what an append replaces.
struct LogShape: Equatable {
    /// The last entry, or the mark the log begins after.
    private(set) var last: LogIndex = .zero
    /// Entries at or before this are gone for good: a mark replaced them.
    private(set) var floor: LogIndex = .zero
    /// Where each term begins, ascending. Before the first of them terms are not known.
    private var runs: [(first: LogIndex, term: Term)] = []

    init() {}

    init(last: LogIndex, term: Term) {
        self.last = last
        if last > .zero { runs = [(last, term)] }
    }

    var lastTerm: Term { runs.last?.term ?? .zero }

    func term(at index: LogIndex) -> Term? {
        guard index <= last else { return nil }
        return runs.last { run in run.first <= index }?.term
    }

    /// True when the mark replaces all entries.
    mutating func take(_ mark: CheckpointMark) -> Bool {
        if mark.index <= last, term(at: mark.index) ?? mark.term == mark.term { return false }
        last = mark.index
        floor = mark.index
        runs = [(mark.index, mark.term)]
        return true
    }

    /// Why the mark cannot come, or nil. Checkpoints never go back.
    func objection(to mark: CheckpointMark?, after newest: CheckpointMark?) -> String? {
        guard let mark, let newest, mark.index < newest.index else { return nil }
        return "mark \(mark.index) comes after mark \(newest.index)"
    }

    /// Why these entries cannot follow, or nil.
    func objection(to entries: [Entry]) -> String? {
        guard let first = entries.first else { return nil }
        if first.index <= floor { return "entry \(first.index) is not after \(floor)" }
        if first.index.number - 1 > last.number {
            return "entry \(first.index) does not follow \(last)"
        }
        for (step, entry) in entries.enumerated()
        where entry.index.number - first.index.number != UInt64(step) {
            return "entry \(entry.index) is out of place"
        }
        return nil
    }

    mutating func take(_ entries: [Entry]) {
        guard let first = entries.first else { return }
        while let run = runs.last, run.first >= first.index { runs.removeLast() }
        for entry in entries where runs.last?.term != entry.term {
            runs.append((entry.index, entry.term))
        }
        last = LogIndex(first.index.number + UInt64(entries.count) - 1)
    }

    /// Terms before `index` will not be asked for again.
    mutating func forget(before index: LogIndex) {
        while runs.count > 1, runs[1].first <= index { runs.removeFirst() }
    }

    static func == (left: LogShape, right: LogShape) -> Bool {
        left.last == right.last && left.floor == right.floor
            && left.runs.elementsEqual(right.runs) { one, other in one == other }
    }
}
