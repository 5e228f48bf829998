// SPDX-License-Identifier: Apache-2.0
internal import Bytes

/// The keyspace as it was when `Keyspace.view()` was called. Immutable; may be walked on another
/// thread while the owner goes on writing and compacting. Keeps the chunks it needs alive.
///
/// Its rows are those that etcd has once the compaction to `compactRevision` is finished, however
/// far the removal had got: whoever stores them may record that compaction as finished.
package struct KeyspaceView: Sendable {
    /// How much of a chunk belongs to the view.
    struct Part: Sendable {
        let chunk: Chunk
        let used: Int
        let dead: [UInt64]
    }

    let parts: [Part]
    package let revision: Int64
    package let compactRevision: Int64
    /// False while rows that the compaction removes may still be among the parts.
    let isPruned: Bool
    private let livingCount: Int

    init(
        parts: [Part], revision: Int64, compactRevision: Int64, isPruned: Bool, livingCount: Int
    ) {
        self.parts = parts
        self.revision = revision
        self.compactRevision = compactRevision
        self.isPruned = isPruned
        self.livingCount = livingCount
    }

    /// The same rows as they counted before a compaction that was just begun.
    package func compacted(at earlier: Int64) -> KeyspaceView {
        KeyspaceView(
            parts: parts, revision: revision, compactRevision: earlier, isPruned: false,
            livingCount: livingCount)
    }

    /// How many rows `forEachRow` gives. Free, unless a removal was under way.
    package var rowCount: Int {
        if isPruned { return livingCount }
        var count = 0
        forEachKept { _, _ in count += 1 }
        return count
    }

    /// The rows of etcd's key bucket, in revision order: keys of 17 or, for tombstones, 18 bytes,
    /// and values of KeyValue bytes. Neither may be kept beyond the call.
    package func forEachRow<Failure: Error>(
        _ body: (_ key: UnsafeRawBufferPointer, _ value: UnsafeRawBufferPointer)
            throws(Failure) -> Void
    ) throws(Failure) {
        var rowKey = RowKey()
        try forEachKept { (chunk, offset) throws(Failure) in
            try unsafe rowKey.with(chunk, offset) { (key) throws(Failure) in
                try unsafe body(key, chunk.wire(at: offset))
            }
        }
    }

    /// The records that compaction keeps.
    func forEachKept<Failure: Error>(
        _ body: (Chunk, Int) throws(Failure) -> Void
    ) throws(Failure) {
        if isPruned {
            try forEachRecord(body)
            return
        }
        let newest = NewestRows(of: self, through: compactRevision)
        try forEachRecord { (chunk, offset) throws(Failure) in
            if keeps(chunk, offset, newest) { try body(chunk, offset) }
        }
    }

    /// The rule of compaction: of what is not after it, the newest version of each key, unless
    /// that is a tombstone before it.
    func keeps(_ chunk: Chunk, _ offset: Int, _ newest: NewestRows) -> Bool {
        let main = chunk.main(at: offset)
        if main > compactRevision { return true }
        if chunk.isTombstone(at: offset), main < compactRevision { return false }
        return newest.contains(chunk, offset)
    }

    func forEachRecord<Failure: Error>(
        _ body: (Chunk, Int) throws(Failure) -> Void
    ) throws(Failure) {
        for part in parts {
            let chunk = part.chunk
            var offset = 0
            while offset < part.used {
                if !DeadBits.contains(part.dead, offset) { try body(chunk, offset) }
                offset &+= chunk.footprint(at: offset)
            }
        }
    }
}

extension Keyspace {
    /// The state as it is now. Costs one step for each chunk; not within a write.
    package func view() -> KeyspaceView {
        invariant(changes == nil, "a view within a write at revision \(revision)")
        let parts = log.segments.map { segment in
            KeyspaceView.Part(chunk: segment.chunk, used: segment.used, dead: segment.dead)
        }
        var isPruned = true
        if case .pruning = removal { isPruned = false }
        return KeyspaceView(
            parts: parts, revision: revision, compactRevision: compactRevision, isPruned: isPruned,
            livingCount: log.liveCount)
    }
}
