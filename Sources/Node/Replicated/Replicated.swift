// SPDX-License-Identifier: Apache-2.0
package import Bytes
internal import MVCC

// What all members of a cluster must agree on: keys, leases, alarms, members, versions.
//
//   entry of the log ──> EntryContent ──> Ledger.apply ──> Applied (answer, changes, decisions)
//                                             │
//         ┌────────────┬──────────┬───────────┼───────────────┬───────────────┐
//      Keyspace      Lessor     Alarms    Membership     clusterVersion      AuthStore
//      (MVCC room)                                        downgrade         (folder Auth)
//                                             │
//   checkpoint  <── LedgerView <──────────────┘  rows of etcd's buckets, key by key
//   LedgerLoader ──> Ledger                      from the rows of a file, ours or etcd's
//
// The Ledger is a function of the log: two members that applied the same entries hold the same
// state, whatever their clocks, their load and the moments of their restarts. Time enters in one
// place only, the deadlines of leases at the leader, and a deadline is never part of the state;
// an expiry becomes one by passing through the log as a revocation.
//
// Invariants
//   - each entry is applied once; `appliedIndex` moves by exactly one with each, also a refused one
//   - an entry is refused before its first write or applied in whole
//   - no answer depends on the order of a Dictionary or a Set
//   - compaction counts at once, when applied, not when its rows are gone
//   - who may do what is decided when an entry is applied, by the state before it
//
// Ranges inside transactions. Upstream up to 3.6 lets a member that did not propose a transaction
// drop its top-level ranges before it checks their revisions, so that a range of a compacted
// revision fails the transaction on one member and not on the others. Here every member checks
// every range of the branch that runs, and all refuse the transaction alike (as 3.7 does).

/// What a ledger is told once. All members of a cluster must be given the same limits.
package struct LedgerSettings: Sendable {
    package var clusterID: ClusterID
    /// The member this ledger lives in; only `Applied.removedSelf` depends on it.
    package var memberID: MemberID
    /// Bytes; zero stands for the default of 2 GiB, a negative number for no limit.
    package var quotaBytes: Int64
    /// Seconds; shorter leases are granted this long.
    package var minimumLeaseTTL: Int64
    package var maxTxnOps: Int
    package var maxLearners: Int
    /// Where keys go in the hash table. A server draws it, so that nobody can choose keys that
    /// collide; nothing else depends on it, and members need not agree.
    package var hashSeed: UInt64
    /// Bytes in which the store keeps records and gives memory back. Small ones let small stores go
    /// through all that compaction does.
    package var chunkSize = Keyspace.chunkSize

    package init(
        clusterID: ClusterID, memberID: MemberID, quotaBytes: Int64 = 0,
        minimumLeaseTTL: Int64 = 2, maxTxnOps: Int = 128, maxLearners: Int = 1,
        hashSeed: UInt64 = 0
    ) {
        self.clusterID = clusterID
        self.memberID = memberID
        self.quotaBytes = quotaBytes
        self.minimumLeaseTTL = minimumLeaseTTL
        self.maxTxnOps = maxTxnOps
        self.maxLearners = maxLearners
        self.hashSeed = hashSeed
    }
}
