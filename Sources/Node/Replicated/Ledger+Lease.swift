// SPDX-License-Identifier: Apache-2.0
internal import Bytes
internal import EtcdAPI
internal import MVCC

extension Ledger {
    func applyGrant(_ request: LeaseGrantRequest, now: Instant) -> Outcome {
        switch lessor.grant(request.id, ttl: request.ttl, now: now) {
        case .success(let ttl): .reply(.leaseGrant(id: request.id, ttl: ttl))
        case .failure(let error): .failure(error)
        }
    }

    /// The lease and its keys go in one revision, keys in byte order.
    func applyRevoke(_ request: LeaseRevokeRequest, _ applied: inout Applied) -> Outcome {
        guard let keys = lessor.revoke(request.id) else { return .failure(.leaseNotFound) }
        keyspace.beginWrite()
        for key in keys { _ = keyspace.delete(KeyRange(key: key)) }
        applied.changes = keyspace.endWrite()
        invariant(
            applied.changes.count == keys.count,
            "lease \(request.id) had \(keys.count) keys, \(applied.changes.count) were there")
        return .reply(.leaseRevoke)
    }

    /// A lease revoked since the leader looked is passed over.
    func applyCheckpoint(_ request: LeaseCheckpointRequest, now: Instant) -> Outcome {
        for checkpoint in request.checkpoints {
            lessor.record(remaining: checkpoint.remainingTTL, of: checkpoint.id, now: now)
        }
        return .reply(.leaseCheckpoint)
    }
}
