// SPDX-License-Identifier: Apache-2.0
internal import Bytes
package import EtcdAPI
internal import MVCC

extension Ledger {
    /// All failures are found before the first write, in nested transactions too.
    func applyTxn(
        _ request: TxnRequest, reads: Bool, _ applied: inout Applied
    ) -> Outcome {
        guard let plan = plan(request) else { return .failure(.tooManyOps) }
        if let error = refusal(of: plan) { return .failure(error) }
        keyspace.beginWrite()
        var run = TxnRun(ledger: self, reads: reads)
        var reply = run.execute(plan)
        applied.changes = keyspace.endWrite()
        invariant(
            applied.changes.isEmpty != run.hasWritten, "a transaction lost track of its writes")
        reply.revision = keyspace.revision
        return .reply(.txn(reply))
    }

    /// A transaction of ranges only, at the current state. The caller has checked that
    /// (`isReadOnly`); anything else in it is refused.
    package func readTxn(_ request: TxnRequest) -> Result<Reply, EtcdError> {
        guard Ledger.isReadOnly(request), let plan = plan(request) else {
            return .failure(.tooManyOps)
        }
        if let error = refusal(of: plan) { return .failure(error) }
        var run = TxnRun(ledger: self, reads: true)
        return .success(.txn(run.execute(plan)))
    }
}

/// Carries a checked plan out, step by step; later steps see what earlier ones wrote.
private struct TxnRun {
    let ledger: Ledger
    /// False where nobody waits for the answer: then ranges are not read.
    let reads: Bool
    var hasWritten = false

    mutating func execute(_ plan: TxnPlan) -> TxnReply {
        var reply = TxnReply(
            succeeded: plan.succeeded, parts: [], revision: ledger.keyspace.revision)
        reply.parts.reserveCapacity(plan.steps.count)
        for step in plan.steps { reply.parts.append(execute(step)) }
        return reply
    }

    private mutating func execute(_ step: TxnPlan.Step) -> TxnReply.Part {
        switch step {
        case .range(let range):
            return reads ? .range(read(range)) : .none
        case .put(let put):
            hasWritten = true
            return .put(ledger.write(put))
        case .deleteRange(let delete):
            let reply = ledger.write(delete, hasWritten: hasWritten)
            if reply.deleted > 0 { hasWritten = true }
            return .deleteRange(reply)
        case .txn(let nested):
            return .txn(execute(nested))
        case .none:
            return .none
        }
    }

    private func read(_ range: RangeRequest) -> RangeReply {
        do throws(KeyspaceError) {
            return try ledger.read(range, hasWritten: hasWritten)
        } catch {
            invariantBroken("a checked range failed: \(error)", file: #fileID, line: #line)
        }
    }
}
