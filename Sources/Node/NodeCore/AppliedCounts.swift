// SPDX-License-Identifier: Apache-2.0
internal import MVCC
internal import Replicated

/// What this member has applied since it started, for the metrics.
package struct AppliedCounts: Equatable, Sendable {
    package private(set) var puts: UInt64 = 0
    package private(set) var deletes: UInt64 = 0
    /// Of the rows that puts have made, keys included.
    package private(set) var putBytes: UInt64 = 0
    package private(set) var leasesGranted: UInt64 = 0
    package private(set) var leasesRevoked: UInt64 = 0

    mutating func add(_ applied: Applied) {
        for change in applied.changes {
            if change.record.isTombstone {
                deletes &+= 1
            } else {
                puts &+= 1
                putBytes &+= UInt64(change.record.byteCount)
            }
        }
        switch applied.outcome {
        case .reply(.leaseGrant): leasesGranted &+= 1
        case .reply(.leaseRevoke): leasesRevoked &+= 1
        case .reply, .failure, .nothing: break
        }
    }
}
