// SPDX-License-Identifier: Apache-2.0
package import Bytes

/// What the core asks of the outside world. The order is the order of issue only: nothing in the
/// list has to wait for anything else in it, except that appends are written in the order of their
/// numbers and that restores and commits reach the state machine in order.
package enum Effect: Equatable, Sendable {
    /// Answered by `Event.appended`.
    case append(AppendBatch)
    case send(Message)
    /// To be applied in order, each exactly once in a process's life. All of it is durable here.
    case commit([Entry])
    /// The received snapshot of this index replaces the state machine; its mark is durable in our
    /// log. Comes before any later commit. A snapshot that a newer one overtakes is not named.
    case restore(SnapshotMetadata)
    /// Build a snapshot of the applied state, ask `snapshotMessage(to:metadata:)` for its message,
    /// send both, and tell the end by `Event.snapshotReported`.
    case sendSnapshot(to: MemberID)
    /// A read may be answered once the state machine has applied `index`.
    case readReady(context: UInt64, index: LogIndex)
    /// Ask again under a new context.
    case readDropped(context: UInt64)
    case leaderChanged(leader: MemberID?, term: Term, role: RoleName)
    /// Proposed here or forwarded by a peer while nobody leads, or while leadership moves away:
    /// they are in nobody's log and may be proposed again.
    case proposalsDropped([Proposal])
    /// A leader contradicts what is committed here, or believes we hold what we do not: one of the
    /// two has lost durable data. Its message was ignored.
    case diverged(from: MemberID, index: LogIndex)
}

/// One write to the log on disk.
package struct AppendBatch: Equatable, Sendable {
    package var number: AppendNumber
    /// Given only when it changed.
    package var hardState: HardState?
    /// Replaces the whole log; comes before the entries.
    package var snapshot: SnapshotMetadata?
    /// They replace the log from `entries[0].index` on.
    package var entries: [Entry]
    /// False when only the commit index moved: writing is enough, and even that may be lost.
    package var mustSync: Bool

    package init(
        number: AppendNumber, hardState: HardState?, snapshot: SnapshotMetadata?, entries: [Entry],
        mustSync: Bool
    ) {
        self.number = number
        self.hardState = hardState
        self.snapshot = snapshot
        self.entries = entries
        self.mustSync = mustSync
    }
}

/// Which state a snapshot holds (raftpb.SnapshotMetadata).
package struct SnapshotMetadata: Equatable, Sendable {
    package var index: LogIndex
    package var term: Term
    package var configuration: Configuration

    package init(
        index: LogIndex = .zero, term: Term = .zero, configuration: Configuration = Configuration()
    ) {
        self.index = index
        self.term = term
        self.configuration = configuration
    }
}
