// SPDX-License-Identifier: Apache-2.0
package import Bytes
package import MVCC

// The rows of etcd's database file, bucket by bucket.
//
//   alarm            AlarmMember message                  -> empty
//   auth             authEnabled                          -> one byte
//                    authRevision                         -> 8 bytes, big-endian
//   authRoles        role name                            -> authpb.Role message
//   authUsers        user name                            -> authpb.User message
//   cluster          clusterVersion                       -> X.Y.0
//                    downgrade                            -> JSON
//   key              main (8, big-endian) _ sub (8) [t]   -> KeyValue message
//   lease            id (8, big-endian)                   -> leasepb.Lease message
//   members          id, hexadecimal                      -> JSON
//   members_removed  id, hexadecimal                      -> removed
//   meta             consistent_index, term               -> 8 bytes, big-endian
//                    confState                            -> JSON
//                    scheduledCompactRev, finished…       -> key of a row (17 bytes)
//                    storageVersion                       -> X.Y.0, once the cluster is at 3.6
//
// A view's rows never hold what compaction removes, so both compaction marks are the same.

/// The ledger at one applied index, for other threads: immutable, cheap to make.
package struct LedgerView: Sendable {
    package typealias RowBody<Failure: Error> = (
        _ key: UnsafeRawBufferPointer, _ value: UnsafeRawBufferPointer
    ) throws(Failure) -> Void

    /// All buckets, in the byte order of their names.
    package static let bucketNames = [
        "alarm", "auth", "authRoles", "authUsers", "cluster", "key", "lease", "members",
        "members_removed", "meta",
    ]

    package let appliedIndex: LogIndex
    package let appliedTerm: Term
    package let revision: Int64
    package let configuration: Configuration
    package let keyspace: KeyspaceView
    let leases: [Lessor.Row]
    /// All other buckets.
    let rows: SortedMap<String, [BucketRow]>

    /// The rows of a bucket in the byte order of their keys. The bytes are valid in `body` only.
    package func forEachRow<Failure: Error>(
        in bucket: String, _ body: RowBody<Failure>
    ) throws(Failure) {
        switch bucket {
        case "key": unsafe try keyspace.forEachRow(body)
        case "lease":
            for lease in leases { try unsafe lease.bucketRow.give(to: body) }
        default:
            for row in rows[bucket] ?? [] { try unsafe row.give(to: body) }
        }
    }

    /// How many rows a bucket has.
    package func rowCount(in bucket: String) -> Int {
        switch bucket {
        case "key": keyspace.rowCount
        case "lease": leases.count
        default: rows[bucket]?.count ?? 0
        }
    }

    /// The sum that etcd's Hash call answers: everything but where this member stands in the log.
    package func hash() -> UInt32 {
        hash(skipping: ["consistent_index", "term", "storageVersion"])
    }

    func hash(skipping skipped: [String]) -> UInt32 {
        let skippedKeys = skipped.map { Array($0.utf8) }
        var crc = CRC32C()
        for bucket in LedgerView.bucketNames {
            crc.update(Array(bucket.utf8))
            unsafe forEachRow(in: bucket) { (key, value) throws(Never) in
                if bucket == "meta", skippedKeys.contains(where: { unsafe key.elementsEqual($0) }) {
                    return
                }
                unsafe crc.update(key)
                unsafe crc.update(value)
            }
        }
        return crc.value
    }
}

struct BucketRow: Sendable, Equatable {
    var key: [UInt8]
    var value: [UInt8]

    init(_ key: [UInt8], _ value: [UInt8]) {
        self.key = key
        self.value = value
    }

    init(_ key: String, _ value: [UInt8]) {
        self.init(Array(key.utf8), value)
    }

    func give<Failure: Error>(to body: LedgerView.RowBody<Failure>) throws(Failure) {
        try unsafe key.span.withUnsafeBytes { (key) throws(Failure) in
            try unsafe value.span.withUnsafeBytes { (value) throws(Failure) in
                try unsafe body(key, value)
            }
        }
    }

    static func bigEndian(_ number: some FixedWidthInteger) -> [UInt8] {
        var writer = ByteWriter(capacity: 8)
        writer.appendBigEndian(number)
        return writer.bytes
    }
}

extension Lessor.Row {
    var bucketRow: BucketRow {
        var writer = ByteWriter(capacity: 24)
        writer.appendField(1, UInt64(bitPattern: id))
        writer.appendField(2, UInt64(bitPattern: ttl))
        writer.appendField(3, UInt64(bitPattern: recorded))
        return BucketRow(BucketRow.bigEndian(id), writer.bytes)
    }
}
