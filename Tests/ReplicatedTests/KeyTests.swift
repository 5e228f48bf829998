// SPDX-License-Identifier: Apache-2.0
import Bytes
import EtcdAPI
import MVCC
import Replicated
import Testing

@Suite struct KeyTests {
    @Test func `a put raises the revision by one and tells the change`() throws {
        var scribe = Scribe()
        let applied = scribe.put("a", "1")
        #expect(applied.revision == 2)
        #expect(applied.changes.count == 1)
        #expect(applied.requestID == 101)
        #expect(scribe.ledger.appliedIndex == LogIndex(1))
        let response = try PutResponse(decoding: applied.answer)
        #expect(response.header == header)
        #expect(response.prevKV == nil)
    }

    @Test func `version and create revision belong to the life of a key`() throws {
        var scribe = Scribe()
        scribe.put("a", "1")
        scribe.put("a", "2")
        let second = try #require(try scribe.range(RangeRequest(key: bytes("a"))).kvs.first)
        #expect(
            second
                == KeyValue(
                    key: bytes("a"), createRevision: 2, modRevision: 3, version: 2,
                    value: bytes("2")))
        scribe.delete("a")
        scribe.put("a", "3")
        let third = try #require(try scribe.range(RangeRequest(key: bytes("a"))).kvs.first)
        #expect((third.createRevision, third.modRevision, third.version) == (5, 5, 1))
    }

    @Test func `a put answers the pair before it when asked`() throws {
        var scribe = Scribe()
        scribe.put("a", "1")
        let applied = scribe.apply(
            .put(PutRequest(key: bytes("a"), value: bytes("2"), prevKV: true)))
        let response = try PutResponse(decoding: applied.answer)
        #expect(response.prevKV?.value == bytes("1"))
    }

    @Test func `ignored value and lease are taken from the pair before`() throws {
        var scribe = Scribe()
        scribe.grant(5)
        scribe.put("a", "1", lease: 5)
        scribe.apply(.put(PutRequest(key: bytes("a"), value: bytes("2"), ignoreLease: true)))
        scribe.apply(.put(PutRequest(key: bytes("a"), lease: 5, ignoreValue: true)))
        let kv = try #require(try scribe.range(RangeRequest(key: bytes("a"))).kvs.first)
        #expect(kv.value == bytes("2"))
        #expect(kv.lease == 5)
        for missing in [
            PutRequest(key: bytes("b"), ignoreValue: true),
            PutRequest(key: bytes("b"), value: bytes("x"), ignoreLease: true),
        ] {
            let applied = scribe.apply(.put(missing))
            #expect(applied.failure == .keyNotFound)
            #expect(applied.changes.isEmpty)
        }
    }

    @Test func `a put with an unknown lease writes nothing`() {
        var scribe = Scribe()
        let applied = scribe.put("a", lease: 9)
        #expect(applied.failure == .leaseNotFound)
        #expect(applied.revision == 1)
        #expect(scribe.ledger.appliedIndex == LogIndex(1))
    }

    @Test func `a delete that matches nothing does not move the revision`() throws {
        var scribe = Scribe()
        scribe.put("a")
        let applied = scribe.delete("b", "z")
        #expect(applied.revision == 2)
        #expect(try DeleteRangeResponse(decoding: applied.answer).deleted == 0)
    }

    @Test func `a range delete takes keys in byte order and answers them when asked`() throws {
        var scribe = Scribe()
        for key in ["b", "a", "c", "d"] { scribe.put(key, key) }
        let applied = scribe.apply(
            .deleteRange(
                DeleteRangeRequest(key: bytes("a"), rangeEnd: bytes("d"), prevKV: true)))
        let response = try DeleteRangeResponse(decoding: applied.answer)
        #expect(response.deleted == 3)
        #expect(response.prevKVs.map { text($0.value) } == ["a", "b", "c"])
        #expect(applied.changes.map { text($0.record.key) } == ["a", "b", "c"])
        #expect(applied.changes.map(\.record.revision.sub) == [0, 1, 2])
        #expect(applied.revision == 6)
        #expect(try scribe.keys() == ["d"])
    }

    @Test func `compaction counts at once and only between its bounds`() throws {
        var scribe = Scribe()
        for value in ["1", "2", "3"] { scribe.put("a", value) }
        func compact(_ revision: Int64) -> Applied {
            scribe.apply(.compaction(CompactionRequest(revision: revision)))
        }
        #expect(compact(5).failure == .futureRevision)
        let applied = compact(3)
        #expect(applied.compactedTo == 3)
        #expect(try headerOf(applied) == header)
        #expect(compact(3).failure == .compacted)
        #expect(compact(-4).failure == .compacted)
        #expect(
            scribe.ledger.range(RangeRequest(key: bytes("a"), revision: 2)).failure == .compacted)
        #expect(
            scribe.ledger.range(RangeRequest(key: bytes("a"), revision: 9)).failure
                == .futureRevision)
        let kept = try scribe.range(RangeRequest(key: bytes("a"), revision: 3))
        #expect(kept.kvs.first?.value == bytes("2"))
    }

    private func headerOf(_ applied: Applied) throws -> ResponseHeader? {
        try PutResponse(decoding: applied.answer).header
    }

    /// Known bug: 13766.
    @Test func `an entry applied before is passed over`() {
        var scribe = Scribe()
        scribe.put("a", "1")
        let hash = scribe.ledger.stateHash()
        let again = Entry(
            term: Term(1), index: LogIndex(1),
            data: InternalRaftRequest(
                id: 4, command: .put(PutRequest(key: bytes("b")))
            ).encoded())
        let applied = scribe.ledger.apply(again, isProposer: true, now: scribe.now)
        #expect(applied.requestID == 0)
        #expect(applied.changes.isEmpty)
        #expect(scribe.ledger.stateHash() == hash)
    }

    @Test func `where nobody waits there is no reply but the same state`() {
        var proposer = Scribe()
        var other = Scribe()
        other.isProposer = false
        let commands: [InternalRaftRequest.Command] = [
            .put(PutRequest(key: bytes("a"), value: bytes("1"))),
            .range(RangeRequest(key: bytes("a"))),
            .txn(
                TxnRequest(success: [
                    .range(RangeRequest(key: bytes("a"))),
                    .put(PutRequest(key: bytes("b"))),
                ])),
        ]
        for command in commands {
            #expect(proposer.apply(command).reply != nil)
            #expect(other.apply(command).reply == nil)
        }
        #expect(proposer.ledger.stateHash() == other.ledger.stateHash())
    }

    @Test func `the id of a request is its own field or else the header's`() {
        var scribe = Scribe()
        let own = InternalRaftRequest(
            id: 5, command: .put(PutRequest(key: bytes("a"))), header: RequestHeader(id: 6))
        #expect(scribe.apply(data: own.encoded()).requestID == 5)
        #expect(scribe.apply(data: []).isLeaderMark)
        #expect(scribe.ledger.appliedIndex == LogIndex(2))
    }
}

extension Result<Reply, EtcdError> {
    var failure: EtcdError? {
        if case .failure(let error) = self { error } else { nil }
    }
}
