// SPDX-License-Identifier: Apache-2.0
package import Bytes

/// What the outside world tells the core: it has already happened.
package enum Event: Equatable, Sendable {
    /// One heartbeat interval has passed.
    case ticked
    /// A message from a peer, as decoded. Implausible, misdirected and late ones are ignored.
    case received(Message)
    /// Appended here if we lead, forwarded if we follow; otherwise `Effect.proposalsDropped`.
    case proposed([Proposal])
    /// Batches up to this number would survive a power cut (those with `mustSync` false may be
    /// reported as soon as they are written).
    case appended(through: AppendNumber)
    /// A committed change of members was applied; nil when the state machine refused it. Comes
    /// once per change entry, in log order, before the `applied` that covers the entry.
    case changeApplied(MembershipChange?)
    /// The state machine has applied everything up to here (or was restored to here).
    case applied(through: LogIndex)
    /// Asks for an index that a linearizable read must wait for. Contexts are never used twice.
    case readRequested(context: UInt64)
    case transferRequested(to: MemberID)
    case campaignRequested
    /// A message to this peer was lost on our side of the wire.
    case unreachable(MemberID)
    /// The snapshot asked for by `Effect.sendSnapshot` has, or has not, reached its peer.
    case snapshotReported(MemberID, succeeded: Bool)
    /// Entries up to here may be forgotten in memory; never beyond what was applied.
    case compacted(through: LogIndex)
}

/// What a client wants in the log; the leader gives it a place.
package struct Proposal: Equatable, Sendable {
    package var kind: Entry.Kind
    package var data: [UInt8]

    package init(kind: Entry.Kind = .normal, data: [UInt8]) {
        self.kind = kind
        self.data = data
    }
}

/// What is the same for all members of a cluster, and a few limits.
package struct Settings: Equatable, Sendable {
    package var electionTicks = 10
    package var heartbeatTicks = 1
    package var preVote = true
    package var checkQuorum = true
    /// Encoded bytes of the entries in one append; one entry always goes, whatever its size.
    package var maxAppendBytes = 1 << 20
    /// Appends on their way to one peer.
    package var maxInFlight = 512
    /// Reads that wait for a quorum; beyond it they are dropped.
    package var maxPendingReads = 16_384

    package init() {}
}

/// What a member finds on its disk. `Restored()` is a member that has never run.
package struct Restored: Equatable, Sendable {
    package var hardState = HardState()
    /// The state that the log stands on; index zero when the log is whole.
    package var snapshot = SnapshotMetadata()
    /// Contiguous, from `snapshot.index + 1` on.
    package var entries: [Entry] = []
    /// What the state machine holds; at least `snapshot.index`, at most the last entry.
    package var applied = LogIndex.zero
    /// The members as of `applied`; nil when they are those of the snapshot.
    package var configuration: Configuration?

    package init() {}
}
