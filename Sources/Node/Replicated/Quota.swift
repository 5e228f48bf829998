// SPDX-License-Identifier: Apache-2.0
package import EtcdAPI
internal import MVCC

// How much a request may add to the store. The same numbers as etcd's, so that clients see the same
// requests refused; a put inside a nested transaction counts here too.
extension Ledger {
    private static let defaultQuota: Int64 = 2 << 30
    private static let putOverhead: Int64 = 256
    private static let leaseCost: Int64 = 64

    /// What would be refused for want of space before it is proposed.
    package func exceedsQuota(_ command: InternalRaftRequest.Command) -> Bool {
        guard let cost = Ledger.cost(of: command) else { return false }
        return exceedsQuota(cost: cost)
    }

    package var quotaBytes: Int64 {
        settings.quotaBytes == 0 ? Ledger.defaultQuota : settings.quotaBytes
    }

    func exceedsQuota(cost: Int64) -> Bool {
        guard quotaBytes > 0 else { return false }
        let (needed, overflow) = Int64(keyspace.byteCount).addingReportingOverflow(cost)
        return overflow || needed >= quotaBytes
    }

    /// Nil for what the quota does not concern. A read-only transaction costs nothing.
    static func cost(of command: InternalRaftRequest.Command) -> Int64? {
        switch command {
        case .put(let put): cost(of: put)
        case .txn(let txn): cost(of: txn, depth: 0)
        case .leaseGrant: leaseCost
        default: nil
        }
    }

    private static func cost(of put: PutRequest) -> Int64 {
        putOverhead + Int64(put.key.count) + Int64(put.value.count)
    }

    private static func cost(of txn: TxnRequest, depth: Int) -> Int64 {
        guard depth <= maxTxnDepth else { return 0 }
        return max(
            cost(of: txn.success, depth: depth), cost(of: txn.failure, depth: depth))
    }

    private static func cost(of branch: [RequestOp], depth: Int) -> Int64 {
        branch.reduce(0) { sum, operation in
            switch operation {
            case .put(let put): sum + cost(of: put)
            case .txn(let txn): sum + cost(of: txn, depth: depth + 1)
            case .range, .deleteRange, .none: sum
            }
        }
    }
}
