// SPDX-License-Identifier: Apache-2.0

/// One entry of the replicated log, as consensus orders it and the disk keeps it.
@frozen @usableFromInline
package struct Entry: Equatable, Sendable {
    /// The numbers are raftpb's.
    @frozen @usableFromInline
    package enum Kind: UInt8, Sendable {
        case normal = 0
        case change = 1
        case jointChange = 2
    }

    @usableFromInline package var kind: Kind
    @usableFromInline package var term: Term
    @usableFromInline package var index: LogIndex
    @usableFromInline package var data: [UInt8]

    @inlinable
    package init(kind: Kind = .normal, term: Term, index: LogIndex, data: [UInt8] = []) {
        self.kind = kind
        self.term = term
        self.index = index
        self.data = data
    }
}

/// What a member must not forget over a crash before it answers (Raft, figure 2).
@frozen @usableFromInline
package struct HardState: Equatable, Sendable {
    @usableFromInline package var term: Term
    /// Whom this member voted for in `term`; `.none` for nobody.
    @usableFromInline package var vote: MemberID
    /// May be older than the true commit index after a crash; never newer.
    @usableFromInline package var commit: LogIndex

    @inlinable
    package init(term: Term = .zero, vote: MemberID = .none, commit: LogIndex = .zero) {
        self.term = term
        self.vote = vote
        self.commit = commit
    }
}

/// Who votes and who only listens (raftpb.ConfState). Lists are sorted and hold no one twice.
package struct Configuration: Equatable, Sendable {
    package var voters: [MemberID]
    package var learners: [MemberID]
    /// The other half of a joint configuration; empty outside of one.
    package var votersOutgoing: [MemberID]
    /// Voters of the outgoing half that become learners when the joint configuration is left.
    package var learnersNext: [MemberID]
    package var leavesByItself: Bool

    package init(
        voters: [MemberID] = [], learners: [MemberID] = [], votersOutgoing: [MemberID] = [],
        learnersNext: [MemberID] = [], leavesByItself: Bool = false
    ) {
        self.voters = voters.sorted()
        self.learners = learners.sorted()
        self.votersOutgoing = votersOutgoing.sorted()
        self.learnersNext = learnersNext.sorted()
        self.leavesByItself = leavesByItself
    }
}
