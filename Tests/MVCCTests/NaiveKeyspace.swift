// SPDX-License-Identifier: Apache-2.0
import Bytes
import MVCC

/// One row of the key bucket, spelled out.
struct NaiveRow: Equatable {
    var revision: Revision
    var isTombstone: Bool
    var key: [UInt8]
    var value: [UInt8] = []
    var createRevision: Int64 = 0
    var version: Int64 = 0
    var lease: Int64 = 0

    var rowKey: [UInt8] {
        var writer = ByteWriter()
        writer.appendBigEndian(revision.main)
        writer.append(0x5f)
        writer.appendBigEndian(revision.sub)
        if isTombstone { writer.append(0x74) }
        return writer.bytes
    }

    var wire: [UInt8] {
        var writer = ByteWriter()
        writer.appendField(1, bytes: key)
        if isTombstone { return writer.bytes }
        writer.appendField(2, UInt64(bitPattern: createRevision))
        writer.appendField(3, UInt64(bitPattern: revision.main))
        writer.appendField(4, UInt64(bitPattern: version))
        writer.appendField(5, bytes: value)
        writer.appendField(6, UInt64(bitPattern: lease))
        return writer.bytes
    }
}

/// The keyspace as its rules read: a list of rows, walked for every question.
struct NaiveKeyspace {
    var rows: [NaiveRow] = []
    var revision: Int64 = 1
    var compactRevision: Int64 = -1
    private var writing: [NaiveRow] = []

    /// The rows that a finished compaction leaves.
    var keptRows: [NaiveRow] {
        rows.filter { row in
            if row.revision.main > compactRevision { return true }
            if row.isTombstone, row.revision.main < compactRevision { return false }
            return newest(row.key, at: compactRevision) == row
        }
    }

    func newest(_ key: [UInt8], at main: Int64) -> NaiveRow? {
        rows.last { $0.key == key && $0.revision.main <= main }
    }

    func get(_ key: [UInt8], at main: Int64) -> NaiveRow? {
        let row = newest(key, at: main > 0 ? main : Int64.max)
        return row?.isTombstone == false ? row : nil
    }

    func range(_ range: KeyRange, at main: Int64) -> [NaiveRow] {
        let keys = Set(rows.map(\.key)).filter { contains(range, $0) }
        return keys.compactMap { get($0, at: main) }
            .sorted { $0.key.lexicographicallyPrecedes($1.key) }
    }

    func contains(_ range: KeyRange, _ key: [UInt8]) -> Bool {
        if range.end.isEmpty { return key == range.key }
        if key.lexicographicallyPrecedes(range.key) { return false }
        return range.end == [0] || key.lexicographicallyPrecedes(range.end)
    }

    mutating func put(_ key: [UInt8], _ value: [UInt8], _ lease: Int64) {
        let before = get(key, at: 0)
        append(
            NaiveRow(
                revision: next, isTombstone: false, key: key, value: value,
                createRevision: before?.createRevision ?? revision + 1,
                version: (before?.version ?? 0) + 1, lease: lease))
    }

    mutating func delete(_ range: KeyRange) {
        for row in self.range(range, at: 0) {
            append(NaiveRow(revision: next, isTombstone: true, key: row.key))
        }
    }

    private var next: Revision { Revision(main: revision + 1, sub: Int64(writing.count)) }

    private mutating func append(_ row: NaiveRow) {
        rows.append(row)
        writing.append(row)
    }

    mutating func endWrite() -> [NaiveRow] {
        let done = writing
        writing = []
        if !done.isEmpty { revision += 1 }
        return done
    }

    /// HashKV, word for word.
    func hash(at main: Int64) -> UInt32 {
        let kept = keptRows
        let keep = kept.filter { row in
            !row.isTombstone && row.revision.main <= main && newest(row.key, at: main) == row
        }
        var bytes = Array("key".utf8)
        for row in kept where row.revision.main <= main {
            if row.revision.main <= compactRevision, !keep.isEmpty, !keep.contains(row) { continue }
            if row.isTombstone, row.revision.main == compactRevision { continue }
            bytes += row.rowKey + row.wire
        }
        return CRC32C.of(bytes)
    }
}

extension Record {
    var naive: NaiveRow {
        NaiveRow(
            revision: revision, isTombstone: isTombstone, key: key, value: value,
            createRevision: createRevision, version: version, lease: lease)
    }

    var wire: [UInt8] {
        var writer = ByteWriter()
        appendWire(to: &writer)
        return writer.bytes
    }
}

struct RawRow: Equatable {
    var key: [UInt8]
    var value: [UInt8]
}

extension KeyspaceView {
    var rows: [RawRow] {
        var rows: [RawRow] = []
        unsafe forEachRow { key, value in
            unsafe rows.append(RawRow(key: Array(key), value: Array(value)))
        }
        return rows
    }
}

extension Keyspace {
    func restoreRow(_ key: [UInt8], _ value: [UInt8]) throws(KeyspaceError) {
        var failure: KeyspaceError?
        unsafe key.withUnsafeBytes { key in
            unsafe value.withUnsafeBytes { value in
                do throws(KeyspaceError) {
                    try unsafe restoreRow(key: key, value: value)
                } catch {
                    failure = error
                }
            }
        }
        if let failure { throw failure }
    }

    /// One write of its own.
    @discardableResult
    func put(_ key: String, _ value: String, lease: Int64 = 0) -> Change {
        beginWrite()
        let change = put(key: Array(key.utf8), value: Array(value.utf8), lease: lease)
        _ = endWrite()
        return change
    }

    @discardableResult
    func delete(_ key: String, _ end: String = "") -> [Change] {
        beginWrite()
        delete(KeyRange(key: Array(key.utf8), end: Array(end.utf8)))
        return endWrite()
    }

    func text(_ key: String, at revision: Int64 = 0) throws -> String? {
        try get(Array(key.utf8), at: revision).map { String(decoding: $0.value, as: UTF8.self) }
    }
}
