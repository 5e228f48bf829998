// SPDX-License-Identifier: Apache-2.0
import Bytes
import EtcdAPI
import MVCC
import Replicated
import Testing

@Suite struct TxnTests {
    private func put(_ key: String, _ value: String = "v", lease: Int64 = 0) -> RequestOp {
        .put(PutRequest(key: bytes(key), value: bytes(value), lease: lease))
    }

    private func get(_ key: String, revision: Int64 = 0) -> RequestOp {
        .range(RangeRequest(key: bytes(key), revision: revision))
    }

    private func compare(
        _ key: String, _ target: Compare.CompareTarget, _ result: Compare.CompareResult,
        _ value: Compare.TargetUnion, end: String = ""
    ) -> Compare {
        Compare(
            result: result, target: target, key: bytes(key), targetUnion: value,
            rangeEnd: bytes(end))
    }

    @Test func `later operations see earlier ones and share one revision`() throws {
        var scribe = Scribe()
        scribe.put("a", "0")
        let applied = scribe.apply(
            .txn(
                TxnRequest(success: [
                    get("a"), put("a", "1"), get("a"), put("b", "2"),
                    .deleteRange(DeleteRangeRequest(key: bytes("a"))), get("a"),
                ])))
        #expect(applied.revision == 3)
        #expect(applied.changes.map(\.record.revision.sub) == [0, 1, 2])
        let response = try applied.txn()
        #expect(response.succeeded)
        guard case .range(let before) = response.responses[0],
            case .put(let first) = response.responses[1],
            case .range(let between) = response.responses[2],
            case .deleteRange(let gone) = response.responses[4],
            case .range(let after) = response.responses[5]
        else {
            Issue.record("answers out of order")
            return
        }
        #expect(before.kvs.first?.value == bytes("0"))
        #expect(before.header == ResponseHeader(revision: 2))
        #expect(first.header == ResponseHeader(revision: 3))
        #expect(between.kvs.first?.value == bytes("1"))
        #expect(between.header == ResponseHeader(revision: 3))
        #expect(gone.deleted == 1)
        #expect(after.kvs.isEmpty)
    }

    @Test func `an empty branch and a delete of nothing move no revision`() throws {
        var scribe = Scribe()
        scribe.put("a")
        #expect(scribe.apply(.txn(TxnRequest())).revision == 2)
        let nothing = RequestOp.deleteRange(DeleteRangeRequest(key: bytes("x")))
        let applied = scribe.apply(.txn(TxnRequest(success: [nothing])))
        #expect(applied.revision == 2)
        guard case .deleteRange(let answer)? = try applied.txn().responses.first else {
            Issue.record("no answer")
            return
        }
        #expect(answer.header == ResponseHeader(revision: 2))
    }

    @Test func `compares choose the branch`() throws {
        var scribe = Scribe()
        scribe.grant(7)
        scribe.put("a", "5")
        scribe.put("a", "6", lease: 7)
        let cases: [(Compare, Bool)] = [
            (compare("a", .version, .equal, .version(2)), true),
            (compare("a", .version, .less, .version(2)), false),
            (compare("a", .create, .equal, .createRevision(2)), true),
            (compare("a", .mod, .greater, .modRevision(2)), true),
            (compare("a", .mod, .notEqual, .modRevision(3)), false),
            (compare("a", .lease, .equal, .lease(7)), true),
            (compare("a", .value, .equal, .value(bytes("6"))), true),
            (compare("a", .value, .less, .value(bytes("7"))), true),
            (compare("a", .value, .greater, .value(bytes("6"))), false),
            (compare("x", .version, .equal, .version(0)), true),
            (compare("x", .mod, .equal, .none), true),
            (compare("x", .create, .greater, .createRevision(-1)), true),
            (compare("x", .value, .equal, .value([])), false),
            (compare("x", .value, .notEqual, .value(bytes("q"))), false),
            (compare("a", .version, .equal, .modRevision(2)), false),
            (compare("a", .unknown(9), .equal, .none), true),
            (compare("a", .version, .unknown(9), .version(77)), true),
        ]
        for (compare, expected) in cases {
            let applied = scribe.apply(.txn(TxnRequest(compare: [compare])))
            #expect(try applied.txn().succeeded == expected, "\(compare)")
        }
    }

    @Test func `a compare over a range holds for every key of it`() throws {
        var scribe = Scribe()
        scribe.put("k1", "x")
        scribe.put("k2", "x")
        scribe.put("k2", "x")
        let cases: [(Compare, Bool)] = [
            (compare("k", .value, .equal, .value(bytes("x")), end: "l"), true),
            (compare("k", .version, .equal, .version(1), end: "l"), false),
            (compare("k", .version, .greater, .version(0), end: "\0"), true),
            (compare("q", .version, .equal, .version(0), end: "r"), true),
            (compare("q", .value, .notEqual, .value(bytes("x")), end: "r"), false),
        ]
        for (compare, expected) in cases {
            let applied = scribe.apply(.txn(TxnRequest(compare: [compare])))
            #expect(try applied.txn().succeeded == expected, "\(compare)")
        }
    }

    @Test func `compares of a nested transaction look at the state before the outer one`() throws {
        var scribe = Scribe()
        let inner = TxnRequest(
            compare: [compare("a", .version, .equal, .version(0))],
            success: [put("seen", "before")], failure: [put("seen", "after")])
        let applied = scribe.apply(.txn(TxnRequest(success: [put("a"), .txn(inner)])))
        let seen = try scribe.range(RangeRequest(key: bytes("seen")))
        #expect(seen.kvs.first?.value == bytes("before"))
        guard case .txn(let answer)? = try applied.txn().responses.last else {
            Issue.record("no nested answer")
            return
        }
        #expect(answer.succeeded)
        #expect(answer.header == ResponseHeader())
        #expect(applied.changes.map(\.record.revision.main) == [2, 2])
    }

    @Test func `an operation without content answers an empty part`() throws {
        var scribe = Scribe()
        let applied = scribe.apply(.txn(TxnRequest(success: [.none, put("a")])))
        let responses = try applied.txn().responses
        #expect(responses.first == ResponseOp.none)
        #expect(responses.count == 2)
    }

    /// Known bug: 18799.
    @Test func `a failing operation at any place leaves nothing written`() throws {
        var scribe = Scribe()
        for value in ["1", "2", "3"] { scribe.put("old", value) }
        scribe.apply(.compaction(CompactionRequest(revision: 3)))
        let failing: [(RequestOp, EtcdError)] = [
            (get("old", revision: 2), .compacted), (get("old", revision: 50), .futureRevision),
            (get("old", revision: -7), .compacted),
            (put("x", lease: 404), .leaseNotFound),
            (.put(PutRequest(key: bytes("none"), ignoreValue: true)), .keyNotFound),
            (.put(PutRequest(key: bytes("none"), ignoreLease: true)), .keyNotFound),
            (put(""), .emptyKey), (.deleteRange(DeleteRangeRequest()), .emptyKey),
        ]
        let good = [put("a"), .deleteRange(DeleteRangeRequest(key: bytes("old"))), put("b")]
        for (bad, error) in failing {
            for place in 0...good.count {
                for depth in 0...3 {
                    var branch = good
                    branch.insert(wrapped(bad, depth), at: place)
                    let before = contentHash(scribe.ledger)
                    let applied = scribe.apply(.txn(TxnRequest(success: branch)))
                    #expect(applied.failure == error)
                    #expect(applied.changes.isEmpty)
                    #expect(contentHash(scribe.ledger) == before)
                }
            }
        }
        // The branch that does not run is not looked at.
        let applied = scribe.apply(
            .txn(TxnRequest(success: good, failure: failing.map(\.0))))
        #expect(applied.failure == nil)
    }

    /// Inside so many transactions, after a put of their own.
    private func wrapped(_ operation: RequestOp, _ depth: Int) -> RequestOp {
        guard depth > 0 else { return operation }
        return .txn(TxnRequest(success: [put("deep\(depth)"), wrapped(operation, depth - 1)]))
    }

    /// Known bug: 18667.
    @Test func `a range that fails does so on every member alike`() {
        let request = TxnRequest(success: [put("a"), get("a", revision: 77)])
        var proposer = Scribe()
        var other = Scribe()
        other.isProposer = false
        #expect(proposer.apply(.txn(request)).failure == .futureRevision)
        #expect(other.apply(.txn(request)).failure == .futureRevision)
        #expect(proposer.ledger.stateHash() == other.ledger.stateHash())
    }

    @Test func `reads of a transaction are served without the log`() throws {
        var scribe = Scribe()
        scribe.put("a", "1")
        let request = TxnRequest(
            compare: [compare("a", .version, .equal, .version(1))], success: [get("a")],
            failure: [get("b")])
        let response = try TxnResponse(decoding: encoded(scribe.ledger.readTxn(request).get()))
        #expect(response.succeeded)
        guard case .range(let answer)? = response.responses.first else {
            Issue.record("no range")
            return
        }
        #expect(answer.kvs.first?.value == bytes("1"))
        #expect(
            scribe.ledger.readTxn(TxnRequest(success: [get("a", revision: 9)])).failure
                == .futureRevision)
        #expect(scribe.ledger.readTxn(TxnRequest(success: [put("a")])).failure != nil)
    }

    /// Known bug: 3.7.1-nesting.
    @Test func `nesting beyond all limits is refused`() {
        var operation = put("a")
        for _ in 0..<160 { operation = .txn(TxnRequest(success: [operation])) }
        var scribe = Scribe()
        let applied = scribe.apply(.txn(TxnRequest(success: [operation])))
        #expect(applied.failure != nil)
        #expect(scribe.ledger.appliedIndex == LogIndex(1))
    }
}
