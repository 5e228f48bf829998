// SPDX-License-Identifier: Apache-2.0
internal import Bytes

/// What was given to the disk, what came back, and what waits for it.
///
/// Batches may overlap: a later one can cut away entries of an earlier one that is still being
/// written. `durableIndex` is the length of the prefix of the *memory* log that is surely on disk:
///
///     batch 4   entries 5...10 of term 2          memory 5...10    durable 4
///     batch 5   entries 7...8 of term 3, cuts     memory 5...8     batch 4 is worth 6 now
///     .appended(through: 4)                                        durable 6
///     .appended(through: 5)                                        durable 8
struct Journal {
    private struct Flight {
        let number: AppendNumber
        /// How far the memory log is durable when this batch is.
        var last: LogIndex
    }

    private(set) var issued = AppendNumber.zero
    private(set) var confirmed = AppendNumber.zero
    private(set) var durableIndex: LogIndex
    /// The newest snapshot that was accepted and is not yet durable.
    private(set) var pendingRestore: (number: AppendNumber, snapshot: SnapshotMetadata)?
    private var lastSyncing = AppendNumber.zero
    private var lastStaged: LogIndex
    private var saved: HardState
    private var entries: [Entry] = []
    private var snapshot: SnapshotMetadata?
    private var flights: [Flight] = []
    /// Messages of this event; their number is known when the batch is issued.
    private var unnumbered: [Message] = []
    private var held: [(number: AppendNumber, message: Message)] = []

    init(hardState: HardState, lastIndex: LogIndex) {
        saved = hardState
        durableIndex = lastIndex
        lastStaged = lastIndex
    }

    var hasPendingRestore: Bool { pendingRestore != nil || snapshot != nil }

    mutating func stage(_ fresh: [Entry]) {
        guard let first = fresh.first, let last = fresh.last else { return }
        invariant(first.index <= lastStaged.next, "gap: \(first.index) after \(lastStaged)")
        invariant(last.index >= first.index, "batch from \(first.index) through \(last.index)")
        cut(from: first.index)
        if entries.isEmpty {
            entries = fresh
        } else {
            entries.removeAll { $0.index >= first.index }
            entries.append(contentsOf: fresh)
        }
        lastStaged = last.index
    }

    mutating func stage(_ replacement: SnapshotMetadata) {
        invariant(replacement.index > .zero, "snapshot of nothing")
        cut(from: replacement.index)
        entries = []
        snapshot = replacement
        lastStaged = replacement.index
    }

    /// Keeps a message until everything that this event changes is durable.
    mutating func hold(_ message: Message) {
        unnumbered.append(message)
    }

    /// The batch for what has changed, or nil. A commit index that moved alone is written only with
    /// something else or when `flushCommit` asks for it.
    mutating func issue(_ current: HardState, flushCommit: Bool) -> AppendBatch? {
        invariant(current.term >= saved.term, "term fell from \(saved.term) to \(current.term)")
        let ballotMoved = current.term != saved.term || current.vote != saved.vote
        let mustSync = ballotMoved || !entries.isEmpty || snapshot != nil
        let isDue = mustSync || (flushCommit && current.commit != saved.commit)
        defer { numberHeld() }
        guard isDue else { return nil }
        issued = issued.next
        if mustSync { lastSyncing = issued }
        let batch = AppendBatch(
            number: issued, hardState: current == saved ? nil : current, snapshot: snapshot,
            entries: entries, mustSync: mustSync)
        note(batch)
        saved = current
        entries = []
        snapshot = nil
        return batch
    }

    /// Moves `durableIndex`; answers the snapshot that became durable by it.
    mutating func confirm(through number: AppendNumber) -> SnapshotMetadata? {
        invariant(number <= issued, "batch \(number.number) was never issued (\(issued.number))")
        invariant(confirmed <= issued, "confirmed \(confirmed.number) of \(issued.number)")
        guard number > confirmed else { return nil }
        confirmed = number
        var landed = 0
        while landed < flights.count, flights[landed].number <= number {
            durableIndex = max(durableIndex, flights[landed].last)
            landed += 1
        }
        flights.removeFirst(landed)
        guard let pending = pendingRestore, pending.number <= number else { return nil }
        pendingRestore = nil
        return pending.snapshot
    }

    /// What may leave now, in order. Of accepted appends to one leader only the last is kept.
    mutating func takeReleased() -> [Message] {
        var ready: [Message] = []
        var count = 0
        while count < held.count, held[count].number <= confirmed {
            let message = held[count].message
            if let last = ready.last, Self.overtakes(message, last) { ready.removeLast() }
            ready.append(message)
            count += 1
        }
        if count > 0 { held.removeFirst(count) }
        return ready
    }

    private mutating func note(_ batch: AppendBatch) {
        if let snapshot = batch.snapshot { pendingRestore = (batch.number, snapshot) }
        let last = batch.entries.last?.index ?? batch.snapshot?.index
        if let last { flights.append(Flight(number: batch.number, last: last)) }
    }

    private mutating func numberHeld() {
        for message in unnumbered {
            if let last = held.last, last.number == lastSyncing,
                Self.overtakes(message, last.message) || message == last.message
            {
                held.removeLast()
            }
            invariant(lastSyncing <= issued, "held for \(lastSyncing.number)")
            held.append((lastSyncing, message))
        }
        unnumbered.removeAll(keepingCapacity: true)
    }

    private static func overtakes(_ later: Message, _ earlier: Message) -> Bool {
        later.isAcceptedAppend && earlier.isAcceptedAppend && later.to == earlier.to
            && later.term == earlier.term && later.index >= earlier.index
    }

    private mutating func cut(from first: LogIndex) {
        guard first <= lastStaged else { return }
        invariant(first > .zero, "cut of the whole log at \(first)")
        durableIndex = min(durableIndex, first.previous)
        for position in flights.indices {
            flights[position].last = min(flights[position].last, first.previous)
        }
    }
}
