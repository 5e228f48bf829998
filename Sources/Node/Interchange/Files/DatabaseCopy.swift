// SPDX-License-Identifier: Apache-2.0
internal import Bytes
internal import Replicated
package import Storage

/// A `.db` file written anew from another, row by row: in order, without free pages, and with some
/// rows replaced. What a member does not know of is copied as it is.
package struct DatabaseCopy {
    struct Row: Equatable {
        var key: [UInt8]
        var value: [UInt8]
    }

    /// Instead of what the source has in these buckets. Rows in any order.
    private var replaced: [(bucket: String, rows: [Row])] = []
    /// Single rows of small buckets that take the place of the source's, or are added.
    private var set: [(bucket: String, row: Row)] = []
    /// Rows behind the last one of bucket `key`.
    private var appended: [Row] = []

    /// Nothing is replaced.
    package init() {}

    mutating func replace(_ bucket: String, by rows: [Row]) {
        replaced.append((bucket, rows))
    }

    mutating func set(_ bucket: String, _ row: Row) {
        set.append((bucket, row))
    }

    /// The source must have no row of bucket `key` at or behind this one.
    mutating func append(keyRow: Row) {
        appended.append(keyRow)
    }

    /// Writes all buckets; the caller finishes the writer.
    package func write(
        _ source: SnapshotFile, to writer: inout BoltWriter, progress: ByteCounter = { _ in }
    ) throws(StorageError) {
        var done: Int64 = 0
        for name in names(source) {
            try writer.beginBucket(name)
            let bucket = String(decoding: name, as: UTF8.self)
            if bucket == "key" {
                unsafe try source.forEach(in: name, &done, progress) {
                    key, value throws(StorageError) in
                    unsafe try writer.put(key: key, value: value)
                }
                for row in appended { try writer.put(key: row.key, value: row.value) }
            } else if isChanged(bucket) {
                for row in try rows(of: bucket, source) {
                    try writer.put(key: row.key, value: row.value)
                }
            } else {
                unsafe try source.forEach(in: name, &done, progress) {
                    key, value throws(StorageError) in
                    unsafe try writer.put(key: key, value: value)
                }
            }
            try writer.endBucket()
        }
    }

    /// Those of the source and those every member has, in byte order.
    private func names(_ source: SnapshotFile) -> [[UInt8]] {
        var names = source.reader.bucketNames
        for name in LedgerView.bucketNames.map({ Array($0.utf8) }) where !names.contains(name) {
            names.append(name)
        }
        return names.sorted(by: isBytewiseBefore)
    }

    private func isChanged(_ bucket: String) -> Bool {
        replaced.contains { $0.bucket == bucket } || set.contains { $0.bucket == bucket }
    }

    private func rows(of bucket: String, _ source: SnapshotFile) throws(StorageError) -> [Row] {
        var rows: [Row] = []
        if let given = replaced.last(where: { $0.bucket == bucket }) {
            rows = given.rows
        } else {
            unsafe try source.reader.forEach(in: bucket) { key, value throws(StorageError) in
                rows.append(unsafe Row(key: Array(key), value: Array(value)))
            }
        }
        for (_, row) in set.filter({ $0.bucket == bucket }) {
            rows.removeAll { $0.key == row.key }
            rows.append(row)
        }
        return rows.sorted { isBytewiseBefore($0.key, $1.key) }
    }
}

extension DatabaseCopy {
    /// Writes the checkpoint of a member's folder anew, which nobody else uses meanwhile. A folder
    /// without one is left as it is. `begin` is told the size and answers who counts.
    package static func renew(
        _ checkpoints: Checkpoints, _ begin: (Int64) -> ByteCounter
    ) throws(InterchangeError) {
        try stored { () throws(StorageError) in try checkpoints.tidy() }
        guard let old = try stored({ () throws(StorageError) in try checkpoints.newest() }) else {
            return
        }
        defer { old.close() }
        let source = try SnapshotFile(old.file)
        if let problem = source.reader.check().first {
            throw .notSnapshot(path: source.path, "is damaged: \(problem)")
        }
        let progress = begin(source.reader.size)
        _ = try stored { () throws(StorageError) in
            try checkpoints.publish(
                transaction: max(1, source.reader.transaction)
            ) { writer throws(StorageError) in
                try DatabaseCopy().write(source, to: &writer, progress: progress)
            }
        }
    }

    /// Takes who is in the cluster, and where in the log this is, from a ledger.
    mutating func take(membershipOf view: LedgerView) {
        for bucket in ["members", "members_removed"] {
            replace(bucket, by: DatabaseCopy.rows(of: bucket, view))
        }
        let names = ["consistent_index", "term", "confState"].map { Array($0.utf8) }
        for row in DatabaseCopy.rows(of: "meta", view) where names.contains(row.key) {
            set("meta", row)
        }
    }

    /// With another place in the log than the ledger's own: it only followed who is in the cluster.
    mutating func take(membershipOf view: LedgerView, at index: LogIndex, _ term: Term) {
        take(membershipOf: view)
        replace("cluster", by: DatabaseCopy.rows(of: "cluster", view))
        for (name, number) in [("consistent_index", index.number), ("term", term.number)] {
            var writer = ByteWriter(capacity: 8)
            writer.appendBigEndian(number)
            set("meta", Row(key: Array(name.utf8), value: writer.bytes))
        }
    }

    static func rows(of bucket: String, _ view: LedgerView) -> [Row] {
        var rows: [Row] = []
        unsafe view.forEachRow(in: bucket) { key, value in
            rows.append(unsafe Row(key: Array(key), value: Array(value)))
        }
        return rows
    }

    /// The key of a row of bucket `key`, and how compactions are written down.
    static func revisionKey(_ main: Int64) -> [UInt8] {
        var writer = ByteWriter(capacity: 17)
        writer.appendBigEndian(main)
        writer.append(0x5f)
        writer.appendBigEndian(Int64(0))
        return writer.bytes
    }
}
