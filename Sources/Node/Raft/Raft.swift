// SPDX-License-Identifier: Apache-2.0

// The room of consensus. It decides; it never does.
//
//   Event ──► Core.receive ──► [Effect] ──► owner ──► Event
//
//   Core              term, role, log, configuration; one file per topic (Core+Election, ...)
//   LogView           the part of the log that is in memory
//   Journal           what was given to the disk and what has come back from it
//   Progress          what a leader knows of one peer (PeerTable: of all); InFlight is its window
//   JointQuorum       majorities of one or two sets of voters
//   MembershipChange  how a configuration becomes the next one
//   MessageCodec      raftpb bytes, written as etcd 3.5 writes them, read from any version
//
// No clock, thread, file, socket or random source is known here. Time is `.ticked`. Randomness
// comes from a seed. The same events always give the same effects.
//
// The rule of durability. The core goes on from its memory at once, but whatever would tell others
// about state that a crash can take back is held until `.appended` covers every batch issued before
// it: a granted vote, a request for votes (and our own vote), an accepted append or snapshot. Seen
// from outside the core is then one whose disk takes no time and whose answers are slow; a crash
// only removes a suffix that nobody has heard of. What may leave before, and why:
//
//   leader's appends       an entry alone promises nothing; our own match counts when durable
//   heartbeats, answers    carry a term and commit that are true whatever our disk forgets
//   refusals               promise nothing
//   pre-votes              change no state
//
// Invariants (checked where they are at stake):
//   applied <= emitted <= commit <= last index;  emitted <= durable index
//   a term never falls; a vote changes only with the term; committed entries never change
//   next > match for each peer; a leader never truncates its own log
//
// Sources: Ongaro, "Consensus: Bridging Theory and Practice" (2014), chapters 3, 4, 6.4, 9.6,
// 10.2.1; etcd's raft, whose rules and messages are followed so that members can be mixed.

/// Why bytes are not the raftpb message they claim to be.
package enum RaftError: Error, Equatable, Sendable {
    case malformed(offset: Int)
    /// An entry that we could not apply if it were committed.
    case unknownEntryKind(UInt64)
    case unknownChange(UInt64)
}

/// Counts the batches given to the disk, from 1 on, in the order in which they must be written.
package struct AppendNumber: Hashable, Comparable, Sendable {
    package let number: UInt64

    package init(_ number: UInt64) {
        self.number = number
    }

    package static var zero: Self { AppendNumber(0) }
    package var next: AppendNumber { AppendNumber(number + 1) }

    package static func < (left: AppendNumber, right: AppendNumber) -> Bool {
        left.number < right.number
    }
}

package enum RoleName: String, Sendable {
    case follower
    case preCandidate
    case candidate
    case leader
}
