// SPDX-License-Identifier: Apache-2.0
import Bytes
import Testing

@testable import MVCC

@Suite struct KeyspaceTests {
    @Test func `an empty store is at revision 1 and was never compacted`() throws {
        let keyspace = Keyspace()
        #expect(keyspace.revision == 1)
        #expect(keyspace.compactRevision == -1)
        #expect(try keyspace.get(Array("a".utf8)) == nil)
        #expect(try keyspace.range(KeyRange(key: [0], end: [0])).count == 0)
        #expect(keyspace.byteCount == 0)
        #expect(keyspace.view().rowCount == 0)
    }

    @Test func `a key's versions count up until it dies, and start again`() throws {
        let keyspace = Keyspace()
        keyspace.put("a", "1")
        let second = keyspace.put("a", "2", lease: 7)
        #expect(second.record.createRevision == 2)
        #expect(second.record.modRevision == 3)
        #expect(second.record.version == 2)
        #expect(second.record.lease == 7)
        #expect(second.previous?.version == 1)
        let deleted = keyspace.delete("a")
        #expect(deleted.first?.record.isTombstone == true)
        #expect(deleted.first?.previous?.version == 2)
        let reborn = keyspace.put("a", "3")
        #expect(reborn.record.createRevision == 5)
        #expect(reborn.record.version == 1)
        #expect(reborn.previous == nil)
        #expect(try keyspace.text("a", at: 2) == "1")
        #expect(try keyspace.text("a", at: 3) == "2")
        #expect(try keyspace.text("a", at: 4) == nil)
        #expect(try keyspace.text("a", at: 5) == "3")
    }

    @Test func `a write that changes nothing does not move the revision`() {
        let keyspace = Keyspace()
        #expect(keyspace.delete("a").isEmpty)
        keyspace.beginWrite()
        #expect(keyspace.endWrite().isEmpty)
        #expect(keyspace.revision == 1)
    }

    @Test func `changes of one write share the main revision and number their subs`() throws {
        let keyspace = Keyspace()
        keyspace.put("b", "0")
        keyspace.beginWrite()
        keyspace.put(key: Array("c".utf8), value: [1])
        #expect(try keyspace.range(KeyRange(key: [0], end: [0])).count == 2)
        #expect(try keyspace.get(Array("c".utf8), at: 3)?.value == [1])
        #expect(try keyspace.get(Array("c".utf8), at: 2) == nil)
        keyspace.delete(KeyRange(key: Array("a".utf8), end: [0]))
        let changes = keyspace.endWrite()
        #expect(
            changes.map(\.record.revision) == [
                Revision(main: 3, sub: 0), Revision(main: 3, sub: 1), Revision(main: 3, sub: 2),
            ])
        #expect(changes.map(\.record.key) == ["c", "b", "c"].map { Array($0.utf8) })
        #expect(keyspace.revision == 3)
    }

    @Test func `range ends follow etcd's conventions`() throws {
        let keyspace = Keyspace()
        for key in ["a", "b", "ba", "c"] { keyspace.put(key, key) }
        func keys(_ key: String, _ end: [UInt8]) throws -> [String] {
            try keyspace.range(KeyRange(key: Array(key.utf8), end: end)).records
                .map { String(decoding: $0.key, as: UTF8.self) }
        }
        #expect(try keys("b", []) == ["b"])
        #expect(try keys("b", Array("c".utf8)) == ["b", "ba"])
        #expect(try keys("b", [0]) == ["b", "ba", "c"])
        #expect(try keys("\0", [0]) == ["a", "b", "ba", "c"])
        #expect(try keys("b", Array("b".utf8)) == [])
        #expect(try keys("c", Array("a".utf8)) == [])
        let range = KeyRange(key: Array("b".utf8), end: Array("c".utf8))
        let inside = ["a", "b", "ba", "c"].filter { range.contains(Array($0.utf8)) }
        #expect(inside == ["b", "ba"])
        let limited = try keyspace.range(KeyRange(key: [0], end: [0]), limit: 2)
        #expect(limited.records.count == 2)
        #expect(limited.count == 4)
    }

    @Test func `compaction refuses what is done and what has not happened`() throws {
        let keyspace = Keyspace()
        for value in ["1", "2", "3"] { keyspace.put("a", value) }
        #expect(throws: KeyspaceError.futureRevision) { try keyspace.compact(through: 5) }
        try keyspace.compact(through: 3)
        #expect(throws: KeyspaceError.compacted(revision: 3)) { try keyspace.compact(through: 3) }
        #expect(throws: KeyspaceError.compacted(revision: 3)) { try keyspace.text("a", at: 2) }
        #expect(try keyspace.text("a", at: 3) == "2")
        #expect(throws: KeyspaceError.futureRevision) { try keyspace.text("a", at: 5) }
        #expect(throws: KeyspaceError.compacted(revision: 3)) {
            try keyspace.history(from: 2, maxRevisions: 9, maxBytes: 9)
        }
        #expect(try keyspace.history(from: 3, maxRevisions: 9, maxBytes: 999).changes.count == 2)
    }

    /// Known bug: 18089.
    @Test func `a tombstone exactly at the compaction stays until the next one`() throws {
        let keyspace = Keyspace()
        keyspace.put("a", "1")
        keyspace.delete("a")
        keyspace.put("b", "1")
        try keyspace.compact(through: 3)
        while !keyspace.removeCompacted(budget: 100) {}
        #expect(keyspace.view().rows.map(\.key.count) == [18, 17])
        let history = try keyspace.history(from: 3, maxRevisions: 9, maxBytes: 999)
        #expect(history.changes.first?.record.isTombstone == true)
        #expect(history.changes.first.flatMap { keyspace.previous(of: $0.record) } == nil)
        try keyspace.compact(through: 4)
        while !keyspace.removeCompacted(budget: 100) {}
        #expect(keyspace.view().rows.map(\.key.count) == [17])
        #expect(keyspace.tree.count == 1)
    }

    @Test func `memory and estimates shrink after compaction`() throws {
        let keyspace = Keyspace(hashSeed: 0, chunkSize: 4096)
        let value = String(repeating: "x", count: 200)
        for round in 0..<1000 { keyspace.put("k\(round % 10)", value) }
        let before = keyspace.byteCount
        try keyspace.compact(through: keyspace.revision)
        let held = keyspace.view()
        while !keyspace.removeCompacted(budget: 7) {}
        #expect(keyspace.byteCount < before / 20)
        #expect(keyspace.liveByteCount == 4096)
        #expect(keyspace.log.segments.count <= 2)
        #expect(held.rowCount == 10)
        #expect(held.rows == keyspace.view().rows)
    }

    @Test func `history stops at whole revisions`() throws {
        let keyspace = Keyspace()
        for round in 0..<5 {
            keyspace.beginWrite()
            for key in 0..<3 { keyspace.put(key: [UInt8(key)], value: [UInt8(round)]) }
            _ = keyspace.endWrite()
        }
        let first = try keyspace.history(from: 2, maxRevisions: 2, maxBytes: 1 << 20)
        #expect(first.changes.count == 6)
        #expect(first.next == 4)
        let small = try keyspace.history(from: 4, maxRevisions: 100, maxBytes: 1)
        #expect(small.changes.count == 3)
        #expect(small.next == 5)
        let rest = try keyspace.history(from: 5, maxRevisions: 100, maxBytes: 1 << 20)
        #expect(rest.changes.count == 6)
        #expect(rest.next == 7)
        #expect(try keyspace.history(from: 9, maxRevisions: 1, maxBytes: 1).next == 9)
    }

    @Test func `a record's wire bytes are etcd's`() {
        let keyspace = Keyspace()
        let change = keyspace.put("ab", "xyz", lease: 300)
        let wire: [UInt8] = [
            0x0a, 2, 0x61, 0x62, 0x10, 2, 0x18, 2, 0x20, 1, 0x2a, 3, 0x78, 0x79, 0x7a, 0x30, 0xac,
            2,
        ]
        #expect(change.record.wire == wire)
        #expect(change.record.byteCount == wire.count)
        var writer = ByteWriter()
        change.record.appendWireWithoutValue(to: &writer)
        #expect(writer.bytes == Array(wire[..<10] + wire[15...]))
        let tombstone = keyspace.delete("ab")[0].record
        #expect(tombstone.wire == [0x0a, 2, 0x61, 0x62])
        writer = ByteWriter()
        tombstone.appendEventWire(to: &writer)
        #expect(writer.bytes == [0x0a, 2, 0x61, 0x62, 0x18, 3])
        #expect(writer.bytes.count == tombstone.eventByteCount)
    }

    @Test func `a big record gets a chunk of its own`() throws {
        let keyspace = Keyspace(hashSeed: 0, chunkSize: 256)
        let big = [UInt8](repeating: 9, count: 5000)
        keyspace.put("a", "small")
        keyspace.beginWrite()
        keyspace.put(key: Array("big".utf8), value: big)
        keyspace.put(key: Array("c".utf8), value: [1])
        _ = keyspace.endWrite()
        #expect(try keyspace.get(Array("big".utf8))?.value == big)
        #expect(keyspace.log.segments.count == 3)
        #expect(keyspace.view().rows.count == 3)
    }
}
