// SPDX-License-Identifier: Apache-2.0
internal import Bytes
internal import MVCC
internal import Replicated
internal import Storage

/// What `snapshot verify` looked at, and what it found.
package struct SnapshotCheck: Equatable, Sendable {
    package var byteCount: Int64 = 0
    package var pageSize = 0
    package var pageCount: Int64 = 0
    package var bucketCount = 0
    package var rowCount = 0
    /// Distinct revisions of the key bucket's rows, tombstones among them.
    package var keyRowCount = 0
    package var tombstoneCount = 0
    package var revision: Int64 = 0
    package var compactRevision: Int64 = -1
    package var hash: UInt32 = 0
    package var storageVersion = ""
    package var sum = SnapshotFile.SumCheck.missing

    /// Checks the SHA-256, every page, and every row: revisions in order, values that decode and
    /// belong to their revision, and the small buckets by loading them as a member would. The first
    /// thing wrong is thrown as a sentence.
    ///
    /// `requiresSum` false takes a database that was copied from a data directory.
    package static func of(
        _ snapshot: SnapshotFile, _ digests: Digests, requiresSum: Bool = false,
        progress: ByteCounter = { _ in }
    ) throws(InterchangeError) -> SnapshotCheck {
        let size = snapshot.byteCount
        var check = SnapshotCheck()
        check.byteCount = size
        check.pageSize = snapshot.reader.pageSize
        check.pageCount = snapshot.reader.size / Int64(snapshot.reader.pageSize)
        check.sum = try snapshot.checkSum(digests) { progress($0) }
        switch check.sum {
        case .matches: break
        case .missing where !requiresSum: break
        case .missing:
            throw .notSnapshot(
                path: snapshot.path,
                "has no SHA-256 behind its pages: it was cut, or copied from a data directory")
        case .differs:
            throw .notSnapshot(
                path: snapshot.path,
                "is damaged: its bytes have another SHA-256 than the one at its end"
                    + (place(of: snapshot).map { " (\($0))" } ?? ""))
        }
        if let problem = snapshot.reader.check().first {
            throw .notSnapshot(path: snapshot.path, "is damaged: \(problem)")
        }
        progress(size * 2)
        try check.walkRows(snapshot) { progress(size * 2 + $0) }
        progress(size * 3)
        return check
    }

    /// How much `progress` counts to.
    package static func work(_ snapshot: SnapshotFile) -> Int64 { snapshot.byteCount * 3 }

    /// The sum says that something is wrong; the pages may say where.
    private static func place(of snapshot: SnapshotFile) -> String? {
        if let problem = snapshot.reader.check().first { return problem }
        var check = SnapshotCheck()
        do throws(InterchangeError) {
            try check.walkRows(snapshot) { _ in }
            return nil
        } catch {
            return "\(error)"
        }
    }

    private mutating func walkRows(
        _ snapshot: SnapshotFile, _ progress: ByteCounter
    ) throws(InterchangeError) {
        var crc = CRC32C()
        var done: Int64 = 0
        var loader = LedgerLoader(
            settings: LedgerSettings(
                clusterID: ClusterID(0), memberID: .none, maxLearners: Int.max))
        var meta = MetaRows()
        for name in snapshot.reader.bucketNames {
            bucketCount += 1
            crc.update(name)
            let bucket = String(decoding: name, as: UTF8.self)
            var last: Revision?
            try stored { () throws(StorageError) in
                unsafe try snapshot.forEach(in: name, &done, progress) {
                    key, value throws(StorageError) in
                    unsafe crc.update(key)
                    unsafe crc.update(value)
                    rowCount += 1
                    if bucket == "key" {
                        unsafe try checkKeyRow(key, value, after: &last, snapshot.path)
                    } else {
                        unsafe try checkSmallRow(bucket, key, value, &loader, snapshot.path)
                        if bucket == "meta" { unsafe meta.take(key, value) }
                    }
                }
            }
        }
        do throws(LoadFailure) {
            _ = try loader.finish()
        } catch {
            throw .notSnapshot(path: snapshot.path, "is damaged: \(error)")
        }
        hash = crc.value
        compactRevision = meta.compactRevision
        storageVersion = meta.storageVersion
    }

    private mutating func checkKeyRow(
        _ key: UnsafeRawBufferPointer, _ value: UnsafeRawBufferPointer,
        after last: inout Revision?, _ path: String
    ) throws(StorageError) {
        do throws(KeyspaceError) {
            let row = unsafe try StoredRow.check(key: key, value: value, after: last)
            last = row.revision
            keyRowCount += 1
            if row.isTombstone { tombstoneCount += 1 }
            revision = row.revision.main
        } catch {
            throw .refused("\(path) is damaged: bucket key: \(error)")
        }
    }

    private func checkSmallRow(
        _ bucket: String, _ key: UnsafeRawBufferPointer, _ value: UnsafeRawBufferPointer,
        _ loader: inout LedgerLoader, _ path: String
    ) throws(StorageError) {
        do throws(LoadFailure) {
            unsafe try loader.row(bucket: bucket, key: key, value: value)
        } catch {
            throw .refused("\(path) is damaged: \(error)")
        }
    }
}

/// What the rows of bucket `meta` say, as far as these tools ask.
struct MetaRows: Equatable {
    var consistentIndex: UInt64?
    var term: UInt64?
    var scheduledCompact: Int64 = -1
    var finishedCompact: Int64 = -1
    var storageVersion = ""
    var hasConfiguration = false

    /// The compaction that a member finishes when it starts.
    var compactRevision: Int64 { max(scheduledCompact, finishedCompact) }

    init() {}

    init(of reader: BoltReader) throws(InterchangeError) {
        var rows = MetaRows()
        try stored { () throws(StorageError) in
            unsafe try reader.forEach(in: "meta") { key, value throws(StorageError) in
                unsafe rows.take(key, value)
            }
        }
        self = rows
    }

    mutating func take(_ key: UnsafeRawBufferPointer, _ value: UnsafeRawBufferPointer) {
        switch unsafe String(decoding: key, as: UTF8.self) {
        case "consistent_index": consistentIndex = unsafe MetaRows.number(value, size: 8)
        case "term": term = unsafe MetaRows.number(value, size: 8)
        case "scheduledCompactRev": scheduledCompact = unsafe MetaRows.main(value)
        case "finishedCompactRev": finishedCompact = unsafe MetaRows.main(value)
        case "storageVersion": storageVersion = unsafe String(decoding: value, as: UTF8.self)
        case "confState": hasConfiguration = true
        default: break
        }
    }

    private static func main(_ value: UnsafeRawBufferPointer) -> Int64 {
        unsafe number(value, size: 17).flatMap { Int64(exactly: $0) } ?? -1
    }

    private static func number(_ value: UnsafeRawBufferPointer, size: Int) -> UInt64? {
        guard value.count == size else { return nil }
        return unsafe UInt64(bigEndian: value.loadUnaligned(as: UInt64.self))
    }
}
