// SPDX-License-Identifier: Apache-2.0

// A row of the key bucket: the key is main (8 bytes, big-endian), `_`, sub (8 bytes, big-endian)
// and, of a tombstone, `t`; the value is a KeyValue. A restore tool that lifts the revision adds a
// row with an empty value: a KeyValue of the empty key, which no range reaches.

extension Keyspace {
    /// Revisions at or beyond this are nonsense; below it, adding to one cannot overflow.
    private static let mainLimit: Int64 = 1 << 62

    /// Takes the next row of a key bucket, in revision order, into a new keyspace. After a
    /// failure the keyspace is of no use.
    package func restoreRow(
        key: UnsafeRawBufferPointer, value: UnsafeRawBufferPointer
    ) throws(KeyspaceError) {
        let (revision, isTombstone) = try unsafe Keyspace.rowKey(key)
        if let restored, revision <= restored {
            throw .corrupt("row \(revision.main)_\(revision.sub) is out of order")
        }
        guard value.count < Chunk.numberMax - 64, let fields = unsafe KeyValueFields.read(value)
        else {
            throw .corrupt("the value of row \(revision.main)_\(revision.sub) does not decode")
        }
        unsafe try Keyspace.check(fields, revision, isTombstone, isEmpty: value.isEmpty)
        let user = unsafe UnsafeRawBufferPointer(rebasing: value[fields.key])
        let version = unsafe log.append(value, revision, tombstone: isTombstone)
        let hash = unsafe table.hash(user)
        if let entry = unsafe table.find(user, hash: hash) {
            let wasLive = entry.isLive
            entry.append(version)
            if wasLive == isTombstone { tree.setLive(entry, !isTombstone) }
        } else {
            let entry = unsafe add(user, hash: hash)
            entry.append(version)
            tree.insert(entry, isLive: !isTombstone)
        }
        restored = revision
        self.revision = max(self.revision, revision.main)
    }

    static func rowKey(
        _ key: UnsafeRawBufferPointer
    ) throws(KeyspaceError) -> (Revision, isTombstone: Bool) {
        guard key.count == 17 || key.count == 18, unsafe key[8] == 0x5f else {
            throw .corrupt("a row key of \(key.count) bytes is no revision")
        }
        if key.count == 18, unsafe key[17] != 0x74 { throw .corrupt("a row key has a wrong mark") }
        let main = unsafe Int64(bigEndian: key.loadUnaligned(fromByteOffset: 0, as: Int64.self))
        let sub = unsafe Int64(bigEndian: key.loadUnaligned(fromByteOffset: 9, as: Int64.self))
        guard main > 0, main < mainLimit, sub >= 0, sub < Int64(Chunk.numberMax) else {
            throw .corrupt("row \(main)_\(sub) is no revision")
        }
        return (Revision(main: main, sub: sub), key.count == 18)
    }

    static func check(
        _ fields: KeyValueFields, _ revision: Revision, _ isTombstone: Bool, isEmpty: Bool
    ) throws(KeyspaceError) {
        if isTombstone || isEmpty { return }
        guard fields.modRevision == revision.main, fields.version > 0,
            fields.createRevision > 0, fields.createRevision <= revision.main
        else {
            throw .corrupt("the value of row \(revision.main)_\(revision.sub) is of another one")
        }
    }

    /// Ends the restore. The arguments are the main revisions of the rows `scheduledCompactRev`
    /// and `finishedCompactRev`; a compaction that was not finished will be done over by
    /// `removeCompacted`.
    package func finishRestore(
        scheduledCompact: Int64?, finishedCompact: Int64?
    ) throws(KeyspaceError) {
        for main in [scheduledCompact, finishedCompact] {
            if let main, main < 0 || main >= Keyspace.mainLimit {
                throw .corrupt("compaction to revision \(main)")
            }
        }
        let finished = finishedCompact ?? -1
        let scheduled = max(finished, scheduledCompact ?? -1)
        compactRevision = scheduled
        scheduledCompactRevision = scheduled
        finishedCompactRevision = finished
        revision = max(revision, scheduled)
        restored = nil
        if scheduled > finished { removal = .pruning(next: Revision(main: 0)) }
    }
}
