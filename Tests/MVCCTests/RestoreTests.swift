// SPDX-License-Identifier: Apache-2.0
import Bytes
import Testing

@testable import MVCC

@Suite struct RestoreTests {
    private func rowKey(_ main: Int64, _ sub: Int64 = 0, tombstone: Bool = false) -> [UInt8] {
        NaiveRow(revision: Revision(main: main, sub: sub), isTombstone: tombstone, key: []).rowKey
    }

    @Test func `a key whose earlier life was compacted keeps its own numbers`() throws {
        let keyspace = Keyspace()
        let row = NaiveRow(
            revision: Revision(main: 40), isTombstone: false, key: [1], value: [2],
            createRevision: 12, version: 9, lease: 5)
        try keyspace.restoreRow(row.rowKey, row.wire)
        try keyspace.finishRestore(scheduledCompact: 41, finishedCompact: 41)
        #expect(keyspace.revision == 41)
        #expect(keyspace.compactRevision == 41)
        #expect(try keyspace.get([1])?.naive == row)
        keyspace.beginWrite()
        let change = keyspace.put(key: [1], value: [3])
        _ = keyspace.endWrite()
        #expect(change.record.version == 10)
        #expect(change.record.createRevision == 12)
        #expect(change.record.modRevision == 42)
    }

    @Test func `a row that lifts the revision is kept and seen by no range`() throws {
        let keyspace = Keyspace()
        let row = NaiveRow(
            revision: Revision(main: 2), isTombstone: false, key: [1], value: [2],
            createRevision: 2, version: 1)
        try keyspace.restoreRow(row.rowKey, row.wire)
        try keyspace.restoreRow(rowKey(1_000_002), [])
        try keyspace.finishRestore(scheduledCompact: 1_000_002, finishedCompact: nil)
        #expect(keyspace.revision == 1_000_002)
        while !keyspace.removeCompacted(budget: 1) {}
        #expect(keyspace.finishedCompactRevision == 1_000_002)
        #expect(keyspace.view().rows.last == RawRow(key: rowKey(1_000_002), value: []))
        #expect(try keyspace.range(KeyRange(key: [0], end: [0])).count == 1)
        #expect(throws: KeyspaceError.compacted(revision: 1_000_002)) {
            try keyspace.history(from: 3, maxRevisions: 1, maxBytes: 1)
        }
    }

    @Test func `rows that nobody would have written are refused`() throws {
        let good = NaiveRow(
            revision: Revision(main: 5), isTombstone: false, key: [1], createRevision: 5,
            version: 1)
        var early = good
        early.createRevision = 6
        var unborn = good
        unborn.version = 0
        let bad: [(String, [UInt8], [UInt8])] = [
            ("short", [1, 2, 3], good.wire),
            ("no underscore", [UInt8](repeating: 1, count: 17), good.wire),
            ("wrong mark", good.rowKey + [0x75], [0x0a, 1, 1]),
            ("revision 0", rowKey(0), good.wire),
            ("negative", rowKey(-5), good.wire),
            ("enormous", rowKey(Int64.max), good.wire),
            ("negative sub", rowKey(5, -1), good.wire),
            ("enormous sub", rowKey(5, 1 << 40), good.wire),
            ("cut value", good.rowKey, Array(good.wire.dropLast())),
            ("another revision", rowKey(6), good.wire),
            ("created later", early.rowKey, early.wire),
            ("version 0", unborn.rowKey, unborn.wire),
        ]
        for (name, key, value) in bad {
            #expect(throws: KeyspaceError.self, "\(name)") {
                try Keyspace().restoreRow(key, value)
            }
        }
        let keyspace = Keyspace()
        try keyspace.restoreRow(good.rowKey, good.wire)
        #expect(throws: KeyspaceError.self) { try keyspace.restoreRow(good.rowKey, good.wire) }
        #expect(throws: KeyspaceError.self) {
            try keyspace.finishRestore(scheduledCompact: .max, finishedCompact: nil)
        }
    }

    @Test func `fuzzed rows are taken or refused, and never trap`() throws {
        var random = Random(seed: 11)
        var taken = 0
        for _ in 0..<2000 {
            let keyspace = Keyspace(hashSeed: 0, chunkSize: 1024)
            var main: Int64 = 1
            for _ in 0..<50 {
                main += Int64(random.below(2))
                let (key, value) = fuzzedRow(main, &random)
                do throws(KeyspaceError) {
                    try keyspace.restoreRow(key, value)
                    taken += 1
                } catch {
                    if random.chance(percent: 10) { break }
                }
            }
            do throws(KeyspaceError) {
                try keyspace.finishRestore(
                    scheduledCompact: Int64(random.below(60)), finishedCompact: nil)
            } catch { continue }
            while !keyspace.removeCompacted(budget: 1000) {}
            let view = keyspace.view()
            #expect(view.rows.count == view.rowCount)
            _ = try view.hashKV()
            _ = try keyspace.range(KeyRange(key: [], end: [0])).records.map(\.naive)
        }
        #expect(taken > 10_000)
    }

    private func fuzzedRow(_ main: Int64, _ random: inout Random) -> ([UInt8], [UInt8]) {
        let tombstone = random.chance(percent: 20)
        let row = NaiveRow(
            revision: Revision(main: main, sub: Int64(random.below(50))), isTombstone: tombstone,
            key: random.bytes(random.below(2)), value: random.bytes(random.below(8)),
            createRevision: max(1, main - Int64(random.below(2))), version: 1)
        var key = row.rowKey
        var value = row.wire
        switch random.below(8) {
        case 0: key[random.below(key.count)] = UInt8(random.below(256))
        case 1: key = random.bytes(random.below(20))
        case 2 where !value.isEmpty: value[random.below(value.count)] = UInt8(random.below(256))
        case 3: value = Array(value.prefix(random.below(value.count + 1)))
        case 4: value += random.bytes(random.below(6))
        default: break
        }
        return (key, value)
    }

    @Test func `a message of random bytes decodes or does not, and stays in its bounds`() {
        var random = Random(seed: 5)
        var decoded = 0
        for _ in 0..<100_000 {
            let tags: [UInt8] = [0x0a, 0x10, 0x18, 0x20, 0x2a, 0x30, 0x3d, 0x41, 0x80]
            var bytes = random.bytes(random.below(12))
            if !bytes.isEmpty { bytes[0] = tags[random.below(tags.count)] }
            unsafe bytes.withUnsafeBytes { buffer in
                guard let fields = unsafe KeyValueFields.read(buffer) else { return }
                decoded += 1
                #expect(fields.key.upperBound <= bytes.count)
                #expect(fields.value.upperBound <= bytes.count)
            }
        }
        #expect(decoded > 1000)
    }
}
