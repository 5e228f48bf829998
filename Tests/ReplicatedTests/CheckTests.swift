// SPDX-License-Identifier: Apache-2.0
import Bytes
import EtcdAPI
import Replicated
import Testing

@Suite struct CheckTests {
    private func put(_ key: String) -> RequestOp { .put(PutRequest(key: bytes(key))) }

    private func delete(_ key: String, _ end: String = "") -> RequestOp {
        .deleteRange(DeleteRangeRequest(key: bytes(key), rangeEnd: bytes(end)))
    }

    private func nested(_ success: [RequestOp], _ failure: [RequestOp] = []) -> RequestOp {
        .txn(TxnRequest(success: success, failure: failure))
    }

    private func check(_ success: [RequestOp], _ failure: [RequestOp] = []) -> EtcdError? {
        Ledger.check(TxnRequest(success: success, failure: failure), maxOps: 128)
    }

    @Test func `a put says what it must and no more`() {
        #expect(Ledger.check(PutRequest()) == .emptyKey)
        #expect(
            Ledger.check(PutRequest(key: [1], value: [2], ignoreValue: true)) == .valueProvided)
        #expect(Ledger.check(PutRequest(key: [1], lease: 2, ignoreLease: true)) == .leaseProvided)
        #expect(Ledger.check(PutRequest(key: [1], ignoreValue: true, ignoreLease: true)) == nil)
        #expect(Ledger.check(DeleteRangeRequest()) == .emptyKey)
    }

    /// Known bug: 3.7.1-nesting.
    @Test func `etcd 3.7.1: a transaction has a budget that nesting shares`() {
        let many = (0..<128).map { put("k\($0)") }
        #expect(check(many) == nil)
        #expect(check(many + [put("x")]) == .tooManyOps)
        #expect(check([], many + [put("x")]) == .tooManyOps)
        #expect(check([nested(Array(many.prefix(127)))]) == nil)
        #expect(check([nested(many)]) == .tooManyOps)
        let compares = (0..<129).map {
            Compare(result: .equal, target: .version, key: bytes("k\($0)"))
        }
        #expect(Ledger.check(TxnRequest(compare: compares), maxOps: 128) == .tooManyOps)
    }

    @Test func `nothing inside may lack its key or its content`() {
        #expect(check([.none]) == .keyNotFound)
        #expect(check([nested([.none])]) == .keyNotFound)
        #expect(check([put("")]) == .emptyKey)
        #expect(check([], [nested([], [.range(RangeRequest())])]) == .emptyKey)
        #expect(check([delete("")]) == .emptyKey)
        let compare = Compare(result: .equal, target: .version, key: [])
        #expect(Ledger.check(TxnRequest(compare: [compare]), maxOps: 128) == .emptyKey)
    }

    @Test func `a key is put once in a branch and not where the branch deletes`() {
        #expect(check([put("a"), put("a")]) == .duplicateKey)
        #expect(check([put("a")], [put("a")]) == nil)
        #expect(check([put("b"), delete("a", "c")]) == .duplicateKey)
        #expect(check([delete("a", "c"), put("c")]) == nil)
        #expect(check([delete("a"), put("a")]) == .duplicateKey)
        // As in etcd, a delete without an end is not looked at.
        #expect(check([delete("a", "\0"), put("zz")]) == nil)
        #expect(check([delete("a", "c"), delete("b", "d")]) == nil)
        #expect(check([.range(RangeRequest(key: bytes("a"))), put("a")]) == nil)
    }

    @Test func `the branches of a nested transaction exclude each other but not the parent`() {
        #expect(check([nested([put("a")], [put("a")])]) == nil)
        #expect(check([nested([put("a")], [put("b")]), put("b")]) == .duplicateKey)
        #expect(check([nested([put("a")]), nested([put("a")])]) == .duplicateKey)
        #expect(check([nested([put("a")]), delete("a", "b")]) == .duplicateKey)
        #expect(check([nested([delete("a", "c")]), put("b")]) == .duplicateKey)
        #expect(check([nested([delete("a", "c")]), nested([put("b")])]) == .duplicateKey)
        // As in etcd, a delete in a later sibling is not seen by an earlier one.
        #expect(check([nested([put("b")]), nested([delete("a", "c")])]) == nil)
        #expect(check([nested([nested([put("x")], [put("x")])], [put("x")])]) == nil)
    }

    @Test func `clashes agree with a naive search`() {
        var random = Random(seed: 11)
        for _ in 0..<2_000 {
            let branch = (0..<(1 + random.below(6))).map { _ -> RequestOp in
                let key = String(UnicodeScalar(UInt8(97 + random.below(8))))
                let end = String(UnicodeScalar(UInt8(97 + random.below(8))))
                switch random.below(4) {
                case 0: return delete(key)
                case 1: return delete(key, end)
                case 2 where random.chance(percent: 20): return delete(key, "\0")
                default: return put(key)
                }
            }
            #expect((check(branch) == .duplicateKey) == naiveClash(branch))
        }
    }

    private func naiveClash(_ branch: [RequestOp]) -> Bool {
        var puts: [[UInt8]] = []
        for case .put(let put) in branch { puts.append(put.key) }
        if Set(puts).count != puts.count { return true }
        return puts.contains { key in
            branch.contains { operation in
                guard case .deleteRange(let range) = operation else { return false }
                if range.rangeEnd.isEmpty { return range.key == key }
                if key.lexicographicallyPrecedes(range.key) { return false }
                return key.lexicographicallyPrecedes(range.rangeEnd)
            }
        }
    }

    @Test func `many ranges and puts are checked in good time`() {
        // A quadratic search would look at 10^9 pairs.
        let puts = (0..<100).map { group in
            nested((0..<27).map { put("p\(group)/\($0)") })
        }
        let deletes = (0..<100).map { group in
            nested((0..<27).map { delete("q\(group)/\($0)", "q\(group)/\($0)x") })
        }
        #expect(Ledger.check(TxnRequest(success: puts, failure: deletes), maxOps: 128) == nil)
        #expect(Ledger.check(TxnRequest(success: deletes + puts), maxOps: 300) == nil)
    }

    @Test func `a transaction of ranges only is a read`() {
        let range = RequestOp.range(RangeRequest(key: bytes("a"), serializable: true))
        #expect(Ledger.isReadOnly(TxnRequest(success: [range])))
        #expect(!Ledger.isReadOnly(TxnRequest(success: [range], failure: [put("a")])))
        #expect(!Ledger.isReadOnly(TxnRequest(success: [nested([range])])))
        #expect(Ledger.isSerializable(TxnRequest(success: [range])))
        let linear = RequestOp.range(RangeRequest(key: bytes("a")))
        #expect(!Ledger.isSerializable(TxnRequest(success: [range, linear])))
    }
}
