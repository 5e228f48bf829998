// SPDX-License-Identifier: Apache-2.0
internal import Bytes

/// When to write the store beside the log, and how much log to keep in memory.
///
/// A checkpoint costs a walk of the whole store, so it is due only when the log has grown by half
/// the store's size too: however big the store, at most three bytes are written for one of log.
/// Small stores follow `snapshot-count` alone, as operators expect.
struct CheckpointPolicy {
    private let snapshotCount: UInt64
    private let catchUpEntries: UInt64
    private let maxLogBytes: Int
    private var lastIndex: LogIndex
    private var logBytes = 0
    private var inProgress: LogIndex?
    /// After a failure the next attempt waits for this much more log.
    private var retryAtBytes = 0

    init(settings: NodeSettings, last: LogIndex) {
        snapshotCount = settings.snapshotCount
        catchUpEntries = settings.catchUpEntries
        maxLogBytes = settings.checkpointBytes
        lastIndex = last
    }

    mutating func appended(_ entries: [Entry]) {
        for entry in entries { logBytes += entry.data.count + 32 }
    }

    func isDue(applied: LogIndex, storeBytes: Int) -> Bool {
        guard inProgress == nil, applied > lastIndex, logBytes >= retryAtBytes else { return false }
        let entries = applied.number - lastIndex.number
        let isWorthIt = logBytes * 2 >= storeBytes || storeBytes < 4 << 20
        return isWorthIt && (entries >= snapshotCount || logBytes >= maxLogBytes)
    }

    mutating func begin(_ index: LogIndex) {
        invariant(inProgress == nil, "two checkpoints at once")
        inProgress = index
        logBytes = 0
        retryAtBytes = 0
    }

    mutating func written(_ index: LogIndex) {
        inProgress = nil
        lastIndex = max(lastIndex, index)
    }

    mutating func failed() {
        inProgress = nil
        retryAtBytes = logBytes + 16 << 20
    }

    mutating func replaced(at index: LogIndex) {
        lastIndex = max(lastIndex, index)
        logBytes = 0
    }

    /// The in-memory log may be cut at this index: it is `snapshotCount` longer than it need be.
    func forgettable(applied: LogIndex, first: LogIndex) -> LogIndex? {
        guard applied.number > catchUpEntries else { return nil }
        let cut = applied.number - catchUpEntries
        let slack = min(snapshotCount, 10_000)
        guard cut >= first.number + slack else { return nil }
        return LogIndex(cut)
    }
}
