// SPDX-License-Identifier: Apache-2.0
import Bytes
import Testing

@testable import MVCC

/// The hashes come from etcd 3.5.1: `etcdctl endpoint hashkv --rev N` after the same script, with
/// `compact --physical`.
@Suite struct StoreHashTests {
    private func scripted() -> Keyspace {
        let keyspace = Keyspace()
        keyspace.put("a", "1")
        keyspace.put("b", "2")
        keyspace.put("a", "3")
        keyspace.delete("b")
        keyspace.put("b", "4")
        keyspace.beginWrite()
        keyspace.put(key: Array("x".utf8), value: Array("ten".utf8))
        keyspace.put(key: Array("y".utf8), value: Array("eleven".utf8))
        _ = keyspace.endWrite()
        keyspace.delete("x", "z")
        keyspace.put("empty", "")
        return keyspace
    }

    /// The hash at each revision from `first` on.
    private func expect(
        _ keyspace: Keyspace, _ first: Int64, _ hashes: [UInt32],
        _ location: SourceLocation = #_sourceLocation
    ) throws {
        let view = keyspace.view()
        for (offset, hash) in hashes.enumerated() {
            let found = try view.hashKV(at: first + Int64(offset))
            #expect(found.hash == hash, "at \(found.revision)", sourceLocation: location)
            #expect(found.compactRevision == keyspace.compactRevision, sourceLocation: location)
        }
    }

    /// The same before the removal, in the middle and after it.
    private func expectThroughout(
        _ keyspace: Keyspace, _ first: Int64, _ hashes: [UInt32],
        _ location: SourceLocation = #_sourceLocation
    ) throws {
        try expect(keyspace, first, hashes, location)
        while !keyspace.removeCompacted(budget: 1) {
            try expect(keyspace, first, hashes, location)
        }
        try expect(keyspace, first, hashes, location)
    }

    @Test func `hashes equal those of etcd through writes and compactions`() throws {
        #expect(try Keyspace().view().hashKV().hash == 1_084_519_789)
        let keyspace = scripted()
        try expect(
            keyspace, 1,
            [
                1_084_519_789, 2_587_454_935, 1_827_592_406, 2_069_675_932, 1_125_682_900,
                1_755_817_298, 3_290_781_194, 2_663_948_287, 3_225_065_701,
            ])
        try keyspace.compact(through: 5)
        try expectThroughout(
            keyspace, 6, [3_244_272_178, 1_936_784_981, 2_816_975_828, 2_654_660_527])
        try keyspace.compact(through: 7)
        try expectThroughout(keyspace, 8, [2_852_426_623, 2_632_578_039])
        for key in ["a", "b", "empty"] { keyspace.delete(key) }
        try expectThroughout(
            keyspace, 8,
            [2_852_426_623, 2_632_578_039, 1_379_827_659, 1_516_283_688, 2_712_467_998])
        try keyspace.compact(through: 11)
        try expectThroughout(keyspace, 12, [329_676_703])
        keyspace.put("last", "word")
        try keyspace.compact(through: 12)
        try expectThroughout(keyspace, 13, [3_403_202_569])
    }

    @Test func `a hash of the future or of the compacted past is refused`() throws {
        let keyspace = scripted()
        try keyspace.compact(through: 5)
        let view = keyspace.view()
        #expect(throws: KeyspaceError.compacted(revision: 5)) { try view.hashKV(at: 4) }
        #expect(throws: KeyspaceError.futureRevision) { try view.hashKV(at: 10) }
        #expect(try view.hashKV(at: 5).revision == 5)
        #expect(try view.hashKV().revision == 9)
    }

    @Test func `no row is as old as a negative revision`() throws {
        let view = scripted().view()
        #expect(try view.hashKV(at: -1).hash == Keyspace().view().hashKV().hash)
    }
}
