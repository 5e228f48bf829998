// SPDX-License-Identifier: Apache-2.0

/// Known bugs of such systems, built into the simulated shell to see that they are found. The
/// numbers are those of etcd's issues.
package enum Plant: String, CaseIterable, Sendable {
    /// Appends are reported before they are synced (14370).
    case earlyAppended
    /// The vote is not written with the rest.
    case forgottenVote
    /// A snapshot's message is given to the member before the store that it stands for is saved.
    case unsavedSnapshot
    /// The store says it stands one entry behind where it is (13766).
    case staleIndex
    /// Linearizable reads are served without asking a quorum (20418).
    case staleRead
    /// Now and then an event message is lost on the way to its watcher.
    case lostEvent
    /// Progress notifications overtake events (15220).
    case earlyProgress
    /// After a snapshot was installed, watchers get the past again (15271).
    case repeatedEvent
    /// A forwarded proposal arrives twice.
    case repeatedProposal
    /// A member's monotonic clock jumps.
    case clockJump
    /// Syncs answer without doing anything.
    case lyingSync
    /// Checkpoints are loaded without a look at their sums.
    case uncheckedSums
}
