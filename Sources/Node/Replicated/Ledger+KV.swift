// SPDX-License-Identifier: Apache-2.0
internal import Bytes
internal import EtcdAPI
internal import MVCC

// Single puts, deletes and compactions; what transactions use of them is here too.
extension Ledger {
    func applyPut(_ put: PutRequest, _ applied: inout Applied) -> Outcome {
        // Outside of a transaction etcd looks at the lease first.
        if put.lease != 0, !lessor.contains(put.lease) { return .failure(.leaseNotFound) }
        if put.key.isEmpty { return .failure(.emptyKey) }
        if needsPrevious(put), live(put.key) == nil { return .failure(.keyNotFound) }
        keyspace.beginWrite()
        let reply = write(put)
        applied.changes = keyspace.endWrite()
        return .reply(.put(reply))
    }

    func applyDelete(_ delete: DeleteRangeRequest, _ applied: inout Applied) -> Outcome {
        if delete.key.isEmpty { return .failure(.emptyKey) }
        keyspace.beginWrite()
        var reply = write(delete, hasWritten: false)
        applied.changes = keyspace.endWrite()
        reply.revision = keyspace.revision
        return .reply(.deleteRange(reply))
    }

    func applyCompaction(_ request: CompactionRequest, _ applied: inout Applied) -> Outcome {
        do throws(KeyspaceError) {
            try keyspace.compact(through: request.revision)
            applied.compactedTo = request.revision
            return .reply(.compaction)
        } catch {
            return .failure(Ledger.answer(to: error))
        }
    }

    // MARK: Inside a write

    /// All checks are done; within `beginWrite` and `endWrite`.
    func write(_ put: PutRequest) -> PutReply {
        let previous = needsPrevious(put) ? live(put.key) : nil
        let value = put.ignoreValue ? previous?.value ?? [] : put.value
        let lease = put.ignoreLease ? previous?.lease ?? 0 : put.lease
        let change = keyspace.put(key: put.key, value: value, lease: lease)
        let leaseBefore = change.previous?.lease ?? 0
        if leaseBefore != lease {
            lessor.detach(put.key, from: leaseBefore)
            lessor.attach(put.key, to: lease)
        }
        return PutReply(
            previous: put.prevKV ? change.previous : nil, revision: keyspace.revision + 1)
    }

    /// `hasWritten`: something else in the same write came before.
    func write(_ delete: DeleteRangeRequest, hasWritten: Bool) -> DeleteReply {
        let changes = keyspace.delete(KeyRange(key: delete.key, end: delete.rangeEnd))
        for change in changes {
            let lease = change.previous?.lease ?? 0
            if lease != 0 { lessor.detach(change.record.key, from: lease) }
        }
        let written = hasWritten || !changes.isEmpty
        return DeleteReply(
            deleted: Int64(changes.count),
            previous: delete.prevKV ? changes.compactMap(\.previous) : [],
            revision: keyspace.revision + (written ? 1 : 0))
    }

    func needsPrevious(_ put: PutRequest) -> Bool { put.ignoreValue || put.ignoreLease }

    /// The key as it is now, own writes included.
    func live(_ key: [UInt8]) -> Record? {
        do throws(KeyspaceError) {
            return try keyspace.get(key)
        } catch {
            invariantBroken(
                "the current revision cannot be read: \(error)", file: #fileID, line: #line)
        }
    }

    static func answer(to error: KeyspaceError) -> EtcdError {
        switch error {
        case .compacted: .compacted
        case .futureRevision: .futureRevision
        case .corrupt: .corrupt
        }
    }
}
