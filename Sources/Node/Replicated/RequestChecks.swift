// SPDX-License-Identifier: Apache-2.0
package import EtcdAPI

// What can be refused by looking at the request alone, before it is proposed. The order of the
// checks decides which error a client sees, and follows etcd.
extension Ledger {
    package static func check(_ range: RangeRequest) -> EtcdError? {
        if range.key.isEmpty { return .emptyKey }
        if case .unknown = range.sortOrder { return .invalidSortOption }
        if case .unknown = range.sortTarget { return .invalidSortOption }
        return nil
    }

    package static func check(_ put: PutRequest) -> EtcdError? {
        if put.key.isEmpty { return .emptyKey }
        if put.ignoreValue, !put.value.isEmpty { return .valueProvided }
        if put.ignoreLease, put.lease != 0 { return .leaseProvided }
        return nil
    }

    package static func check(_ delete: DeleteRangeRequest) -> EtcdError? {
        delete.key.isEmpty ? .emptyKey : nil
    }

    package static func check(_ txn: TxnRequest, maxOps: Int) -> EtcdError? {
        if let error = checkShape(txn, maxOps: maxOps) { return error }
        do throws(DuplicateKey) {
            _ = try writes(of: txn.success)
            _ = try writes(of: txn.failure)
        } catch {
            return .duplicateKey
        }
        return nil
    }

    /// A transaction whose operations are all ranges is served as a read.
    package static func isReadOnly(_ txn: TxnRequest) -> Bool {
        (txn.success + txn.failure).allSatisfy { operation in
            if case .range = operation { true } else { false }
        }
    }

    /// A read that asks no quorum. Without operations there is nobody who said so: then the compares
    /// are decided at the newest state (etcd decides them wherever it stands).
    package static func isSerializable(_ txn: TxnRequest) -> Bool {
        let operations = txn.success + txn.failure
        return !operations.isEmpty
            && operations.allSatisfy { operation in
                if case .range(let range) = operation { range.serializable } else { false }
            }
    }

    private static func checkShape(_ txn: TxnRequest, maxOps: Int) -> EtcdError? {
        let count = max(txn.compare.count, txn.success.count, txn.failure.count)
        if count > maxOps { return .tooManyOps }
        if txn.compare.contains(where: \.key.isEmpty) { return .emptyKey }
        for operation in txn.success + txn.failure {
            if let error = check(operation, maxOps: maxOps - count) { return error }
        }
        return nil
    }

    private static func check(_ operation: RequestOp, maxOps: Int) -> EtcdError? {
        switch operation {
        case .range(let range): check(range)
        case .put(let put): check(put)
        case .deleteRange(let delete): check(delete)
        case .txn(let txn): checkShape(txn, maxOps: maxOps)
        case .none: .keyNotFound
        }
    }

    // MARK: One key, one write

    private struct DuplicateKey: Error {}

    /// What a branch may write, with everything nested in it.
    private struct Writes {
        var puts: Set<[UInt8]> = []
        var deletes = KeyIntervals()
    }

    /// etcd's `checkIntervals`: no key is put twice, and none is put where the same branch deletes.
    ///
    /// The two branches of a nested transaction exclude each other and may put the same key. As in
    /// etcd, a nested transaction is compared with the deletes of this level and of the nested ones
    /// before it, not of those after it.
    private static func writes(of branch: [RequestOp]) throws(DuplicateKey) -> Writes {
        var writes = Writes()
        writes.deletes = KeyIntervals(
            branch.compactMap { operation in
                guard case .deleteRange(let delete) = operation else { return nil }
                return (delete.key, delete.rangeEnd)
            })
        for case .txn(let txn) in branch {
            let success = try Ledger.writes(of: txn.success)
            let failure = try Ledger.writes(of: txn.failure)
            let nested = success.puts.union(failure.puts)
            guard nested.isDisjoint(with: writes.puts) else { throw DuplicateKey() }
            guard !nested.contains(where: writes.deletes.contains) else { throw DuplicateKey() }
            writes.puts.formUnion(nested)
            writes.deletes.formUnion(success.deletes)
            writes.deletes.formUnion(failure.deletes)
        }
        for case .put(let put) in branch {
            if writes.deletes.contains(put.key) || !writes.puts.insert(put.key).inserted {
                throw DuplicateKey()
            }
        }
        return writes
    }
}
