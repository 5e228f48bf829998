// SPDX-License-Identifier: Apache-2.0
internal import Bytes
internal import MVCC
internal import Storage

/// etcd's HashKV over a file: what the HashKV call of a member with this database answers.
///
/// Of the rows not after the compaction only the newest of each key counts, which a reader learns
/// too late: the newer row comes behind. So the file is walked first for a table of keys, and one
/// bit for each row says whether it is its key's newest. The table is bounded; a file with more
/// keys is walked several times, each time for another part of the keys.
package struct FileHash: Equatable, Sendable {
    package var hash: UInt32
    package var revision: Int64
    package var compactRevision: Int64
    /// Keys that live at the revision.
    package var keyCount: Int

    package static let tableKeysMax = 2_000_000

    package static func of(
        _ snapshot: SnapshotFile, at revision: Int64 = 0, tableKeys: Int = tableKeysMax
    ) throws(InterchangeError) -> FileHash {
        let meta = try MetaRows(of: snapshot.reader)
        let walk = KeyWalk(snapshot: snapshot)
        let compact = meta.compactRevision
        let current = max(try walk.last()?.main ?? 1, compact, 1)
        let main = revision == 0 ? current : revision
        if main > current { throw .refused("mvcc: required revision is a future revision") }
        if main >= 0, main < compact {
            throw .refused("mvcc: required revision has been compacted")
        }
        var hash = CRC32C()
        hash.update(Array("key".utf8))
        let kept = try KeptRows(walk, through: main, compact: compact, tableKeys: tableKeys)
        if compact < 0 {
            unsafe try walk.rows { row, key, value, _ in
                if row.revision.main <= main {
                    unsafe hash.update(key)
                    unsafe hash.update(value)
                }
            }
        } else {
            unsafe try walk.rows { row, key, value, ordinal in
                if row.revision.main > main { return }
                if row.revision.main > compact || (!row.isTombstone && kept.contains(ordinal)) {
                    unsafe hash.update(key)
                    unsafe hash.update(value)
                }
            }
        }
        return FileHash(
            hash: hash.value, revision: main, compactRevision: compact, keyCount: kept.keyCount)
    }
}

/// The rows of a file's key bucket, checked as they come.
private struct KeyWalk {
    let snapshot: SnapshotFile

    /// With the number of the row, from 0.
    typealias Body = (
        StoredRow, _ key: UnsafeRawBufferPointer, _ value: UnsafeRawBufferPointer, _ ordinal: Int
    ) -> Void

    func rows(_ body: Body) throws(InterchangeError) {
        var last: Revision?
        var ordinal = 0
        try stored { () throws(StorageError) in
            unsafe try snapshot.reader.forEach(in: "key") { key, value throws(StorageError) in
                do throws(KeyspaceError) {
                    let row = unsafe try StoredRow.check(key: key, value: value, after: last)
                    last = row.revision
                    unsafe body(row, key, value, ordinal)
                    ordinal += 1
                } catch {
                    throw .refused("\(snapshot.path) is damaged: bucket key: \(error)")
                }
            }
        }
    }

    func last() throws(InterchangeError) -> Revision? {
        var last: Revision?
        unsafe try rows { row, _, _, _ in last = row.revision }
        return last
    }
}

/// One bit for each row up to the compaction: it is the newest up to some revision of its key.
///
/// If no key lives at that revision, etcd compares with nothing: then all rows count that the
/// compaction keeps, which is the same question asked at the compaction's own revision.
private struct KeptRows {
    private var bits: [UInt64] = []
    private var livingCount = 0
    /// Keys that live at the revision that was asked for.
    private(set) var keyCount = 0

    func contains(_ ordinal: Int) -> Bool {
        ordinal >> 6 < bits.count && bits[ordinal >> 6] >> UInt64(ordinal & 63) & 1 == 1
    }

    init(
        _ walk: KeyWalk, through main: Int64, compact: Int64, tableKeys: Int
    ) throws(InterchangeError) {
        try mark(walk, through: main, compact: compact, tableKeys: tableKeys)
        keyCount = livingCount
        if livingCount == 0, main > compact, compact >= 0 {
            bits = []
            try mark(walk, through: compact, compact: compact, tableKeys: tableKeys)
        }
    }

    private mutating func mark(
        _ walk: KeyWalk, through main: Int64, compact: Int64, tableKeys: Int
    ) throws(InterchangeError) {
        var parts = 1
        var part = 0
        while part < parts {
            let fits = try mark(
                walk, through: main, compact: compact, part: UInt64(part), of: UInt64(parts),
                tableKeys: tableKeys)
            if fits {
                part += 1
            } else {
                parts *= 2
                part = 0
                livingCount = 0
                bits = []
            }
        }
    }

    /// False when the table was too small for this part of the keys.
    private mutating func mark(
        _ walk: KeyWalk, through main: Int64, compact: Int64, part: UInt64, of parts: UInt64,
        tableKeys: Int
    ) throws(InterchangeError) -> Bool {
        // Looked up only, never walked.
        var newest: [Fingerprint: (ordinal: Int, isLiving: Bool)] = [:]
        var isFull = false
        unsafe try walk.rows { row, _, value, ordinal in
            if row.revision.main > main { return }
            let print = unsafe Fingerprint(UnsafeRawBufferPointer(rebasing: value[row.key]))
            if isFull || print.high % parts != part { return }
            let old = newest.updateValue((ordinal, !row.isTombstone), forKey: print)
            if let old {
                if old.isLiving { livingCount -= 1 }
                set(old.ordinal, false)
            } else if newest.count > tableKeys {
                isFull = true
            }
            if !row.isTombstone { livingCount += 1 }
            if row.revision.main <= compact { set(ordinal, true) }
        }
        return !isFull
    }

    private mutating func set(_ ordinal: Int, _ value: Bool) {
        let word = ordinal >> 6
        if word >= bits.count {
            if !value { return }
            bits.append(contentsOf: repeatElement(0, count: word + 1 - bits.count))
        }
        let bit = UInt64(1) << UInt64(ordinal & 63)
        if value { bits[word] |= bit } else { bits[word] &= ~bit }
    }
}

/// 128 bits in place of a key. Two keys of one file share it with a chance that is no concern.
private struct Fingerprint: Hashable {
    let high: UInt64
    let low: UInt64

    init(_ bytes: UnsafeRawBufferPointer) {
        var one: UInt64 = 0x9E37_79B9_7F4A_7C15 ^ UInt64(bytes.count)
        var two: UInt64 = 0xC2B2_AE3D_27D4_EB4F &+ UInt64(bytes.count)
        var offset = 0
        while offset < bytes.count {
            var word: UInt64 = 0
            if offset + 8 <= bytes.count {
                word = unsafe bytes.loadUnaligned(fromByteOffset: offset, as: UInt64.self)
            } else {
                for at in offset..<bytes.count { word = unsafe word << 8 | UInt64(bytes[at]) }
            }
            one = Fingerprint.mix(one ^ word)
            two = Fingerprint.mix(two &+ word &* 0x1656_67B1_9E37_79F9)
            offset += 8
        }
        high = Fingerprint.mix(one &+ 0x27D4_EB2F_1656_67C5)
        low = Fingerprint.mix(two ^ 0x85EB_CA77_C2B2_AE63)
    }

    private static func mix(_ number: UInt64) -> UInt64 {
        var mixed = number &+ 0x9E37_79B9_7F4A_7C15
        mixed = (mixed ^ (mixed >> 30)) &* 0xBF58_476D_1CE4_E5B9
        mixed = (mixed ^ (mixed >> 27)) &* 0x94D0_49BB_1331_11EB
        return mixed ^ (mixed >> 31)
    }
}
