// SPDX-License-Identifier: Apache-2.0
package import EtcdAPI

// All that a request touches, asked one by one. Side doors count as doors: the previous value that
// a write returns is a read, and a put may hang its key on a lease only if whoever asks could end
// that lease. Nested transactions are looked through to their ground, both branches always.
extension Ledger {
    /// What any user may, and what only root may.
    package func refusalAsUser(_ asker: Asker) -> EtcdError? { auth.refusalAsUser(asker) }
    package func refusalAsRoot(_ asker: Asker) -> EtcdError? { auth.refusalAsRoot(asker) }

    package func refusal(_ range: RangeRequest, _ asker: Asker) -> EtcdError? {
        auth.refusal(asker, .read, range.key, range.rangeEnd)
    }

    package func refusal(_ put: PutRequest, _ asker: Asker) -> EtcdError? {
        if let error = auth.refusal(asker, .write, put.key) { return error }
        if let error = refusal(writingKeysOf: put.lease, asker) { return error }
        return put.prevKV ? auth.refusal(asker, .read, put.key) : nil
    }

    package func refusal(_ delete: DeleteRangeRequest, _ asker: Asker) -> EtcdError? {
        if let error = auth.refusal(asker, .write, delete.key, delete.rangeEnd) { return error }
        return delete.prevKV ? auth.refusal(asker, .read, delete.key, delete.rangeEnd) : nil
    }

    package func refusal(_ txn: TxnRequest, _ asker: Asker) -> EtcdError? {
        refusal(txn, asker, depth: 0)
    }

    private func refusal(_ txn: TxnRequest, _ asker: Asker, depth: Int) -> EtcdError? {
        if !auth.isEnabled { return nil }
        guard depth <= Ledger.maxTxnDepth else { return .permissionDenied }
        // A transaction of nothing still is a request of somebody.
        if let error = auth.refusalAsUser(asker) { return error }
        for compare in txn.compare {
            if let error = auth.refusal(asker, .read, compare.key, compare.rangeEnd) {
                return error
            }
        }
        for operation in txn.success + txn.failure {
            if let error = refusal(operation, asker, depth: depth) { return error }
        }
        return nil
    }

    private func refusal(_ operation: RequestOp, _ asker: Asker, depth: Int) -> EtcdError? {
        switch operation {
        case .range(let range): refusal(range, asker)
        case .put(let put): refusal(put, asker)
        case .deleteRange(let delete): refusal(delete, asker)
        case .txn(let nested): refusal(nested, asker, depth: depth + 1)
        case .none: nil
        }
    }

    package func refusal(
        watching key: [UInt8], _ end: [UInt8], _ asker: Asker
    ) -> EtcdError? {
        auth.refusal(asker, .read, key, end)
    }

    // MARK: Leases

    /// Ending or renewing a lease is writing its keys, and so is hanging a key on it.
    package func refusal(writingKeysOf lease: Int64, _ asker: Asker) -> EtcdError? {
        refusal(keysOf: lease, .write, asker)
    }

    package func refusal(readingKeysOf lease: Int64, _ asker: Asker) -> EtcdError? {
        refusal(keysOf: lease, .read, asker)
    }

    /// The keys of a lease as another member told them.
    package func refusal(reading keys: [[UInt8]], _ asker: Asker) -> EtcdError? {
        guard let error = auth.refusalAsRoot(asker) else { return nil }
        if asker.isNobody { return error }
        for key in keys {
            if let error = auth.refusal(asker, .read, key) { return error }
        }
        return nil
    }

    /// A list of leases tells of all their keys.
    package func refusalToListLeases(_ asker: Asker) -> EtcdError? {
        if auth.refusalAsRoot(asker) == nil { return nil }
        if let error = auth.refusalAsUser(asker) { return error }
        for lease in lessor.leases() {
            if let error = refusal(readingKeysOf: lease, asker) { return error }
        }
        return nil
    }

    private func refusal(
        keysOf lease: Int64, _ access: KeyGrants.Access, _ asker: Asker
    ) -> EtcdError? {
        if lease == 0 || auth.refusalAsRoot(asker) == nil { return nil }
        for key in lessor.keys(of: lease) {
            if let error = auth.refusal(asker, access, key) { return error }
        }
        return nil
    }
}
