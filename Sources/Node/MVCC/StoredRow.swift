// SPDX-License-Identifier: Apache-2.0

/// One row of a key bucket, read without taking it into a keyspace.
package struct StoredRow {
    package var revision: Revision
    package var isTombstone: Bool
    /// Where the user's key is inside the value; empty for the row that a restore tool adds.
    package var key: Range<Int>

    /// The same checks that `Keyspace.restoreRow` makes.
    package static func check(
        key: UnsafeRawBufferPointer, value: UnsafeRawBufferPointer, after last: Revision?
    ) throws(KeyspaceError) -> StoredRow {
        let (revision, isTombstone) = try unsafe Keyspace.rowKey(key)
        if let last, revision <= last {
            throw .corrupt("row \(revision.main)_\(revision.sub) is out of order")
        }
        guard value.count < Chunk.numberMax - 64, let fields = unsafe KeyValueFields.read(value)
        else {
            throw .corrupt("the value of row \(revision.main)_\(revision.sub) does not decode")
        }
        unsafe try Keyspace.check(fields, revision, isTombstone, isEmpty: value.isEmpty)
        return StoredRow(revision: revision, isTombstone: isTombstone, key: fields.key)
    }
}
