// SPDX-License-Identifier: Apache-2.0
internal import Bytes

/// The keys, all their versions since the last compaction, and the current revision.
///
/// Owned by one thread. What it hands out (records, changes, views) is immutable and may go
/// anywhere.
package final class Keyspace {
    /// Where the removal of compacted rows has got to.
    enum Removal {
        case idle
        /// Rows from `next` on are still to be looked at.
        case pruning(next: Revision)
        /// Segments from `position` on may still be sparse.
        case rewriting(position: Int)
    }

    /// Bytes; records are kept, and memory is given back, in chunks of this size.
    package static let chunkSize = 256 << 10

    let log: RevisionLog
    let table: KeyTable
    let tree = KeyTree()

    /// The main revision of the last write, 1 when there was none.
    package internal(set) var revision: Int64 = 1
    /// The last revision compacted to, -1 at first. Reads before it are refused.
    package internal(set) var compactRevision: Int64 = -1
    /// The last compaction asked for, and the last whose rows are all removed; -1 at first.
    package internal(set) var scheduledCompactRevision: Int64 = -1
    package internal(set) var finishedCompactRevision: Int64 = -1

    var removal: Removal = .idle
    /// Changes of the open write, nil when none is open.
    var changes: [Change]?
    /// The last row given to `restoreRow`.
    var restored: Revision?

    /// The seed decides where keys go in the hash table, nothing that can be seen. A server draws
    /// it at random, so that no client can choose keys that collide.
    package convenience init(hashSeed: UInt64 = 0) {
        self.init(hashSeed: hashSeed, chunkSize: Keyspace.chunkSize)
    }

    package init(hashSeed: UInt64, chunkSize: Int) {
        log = RevisionLog(chunkSize: chunkSize)
        table = KeyTable(seed: hashSeed)
    }

    deinit {
        table.forEach { $0.free() }
    }

    /// What the rows in memory would take of a database file, in whole pages. It falls when the
    /// memory of removed rows is given back.
    package var byteCount: Int { Keyspace.pages(log.rowBytes) }
    /// The same for the rows that compaction has not removed.
    package var liveByteCount: Int { Keyspace.pages(log.liveRowBytes) }
    /// How many keys live now.
    package var liveKeyCount: Int { tree.liveCount }

    private static func pages(_ bytes: Int) -> Int { (bytes + 4095) & ~4095 }

    /// What a read at "now" sees: an open write's own changes are visible to it.
    var readRevision: Int64 {
        if let changes, !changes.isEmpty { return revision &+ 1 }
        return revision
    }

    /// Nil stands for the newest state.
    func checkedRevision(_ asked: Int64) throws(KeyspaceError) -> Int64? {
        if asked <= 0 { return nil }
        if asked > readRevision { throw .futureRevision }
        if asked < compactRevision { throw .compacted(revision: compactRevision) }
        return asked == readRevision ? nil : asked
    }

    func find(_ key: [UInt8]) -> KeyEntry? {
        unsafe key.withUnsafeBytes { unsafe find($0) }
    }

    func find(_ key: UnsafeRawBufferPointer) -> KeyEntry? {
        unsafe table.find(key, hash: table.hash(key))
    }

    func add(_ key: UnsafeRawBufferPointer, hash: UInt32) -> KeyEntry {
        let entry = unsafe KeyEntry.make(key: key, hash: hash)
        table.insert(entry)
        return entry
    }

    // MARK: Reading

    /// The key as it was at `revision` (0: now), nil if it did not live then.
    package func get(_ key: [UInt8], at revision: Int64 = 0) throws(KeyspaceError) -> Record? {
        let main = try checkedRevision(revision)
        guard let entry = find(key) else { return nil }
        return live(entry, at: main)
    }

    @inline(__always)
    func live(_ entry: KeyEntry, at main: Int64?) -> Record? {
        guard let main else {
            let newest = entry.newest
            return newest.isTombstone ? nil : log.record(newest)
        }
        guard let version = entry.version(at: main), !version.isTombstone else { return nil }
        return log.record(version)
    }

    /// The live version before `record`, nil if it created its key, or if compaction has taken
    /// what was before.
    package func previous(of record: Record) -> Record? {
        let main = record.modRevision
        guard main > compactRevision, main > 1 else { return nil }
        guard let entry = unsafe find(record.chunk.key(at: record.offset)) else { return nil }
        return live(entry, at: main - 1)
    }
}
