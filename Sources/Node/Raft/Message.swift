// SPDX-License-Identifier: Apache-2.0
package import Bytes

/// What members say to each other (raftpb.Message). Which fields carry meaning depends on `kind`;
/// the others are zero.
package struct Message: Equatable, Sendable {
    /// The numbers are raftpb's.
    package enum Kind: UInt8, CaseIterable, Sendable {
        case hup = 0
        case beat = 1
        case propose = 2
        case append = 3
        case appendResponse = 4
        case vote = 5
        case voteResponse = 6
        case snapshot = 7
        case heartbeat = 8
        case heartbeatResponse = 9
        case unreachable = 10
        case snapshotStatus = 11
        case checkQuorum = 12
        case transferLeader = 13
        case timeoutNow = 14
        case readIndex = 15
        case readIndexResponse = 16
        case preVote = 17
        case preVoteResponse = 18
        case storageAppend = 19
        case storageAppendResponse = 20
        case storageApply = 21
        case storageApplyResponse = 22
        case forgetLeader = 23
        /// A number that we do not know; never sent, ignored when received.
        case unknown = 255
    }

    package var kind: Kind
    package var to: MemberID
    package var from: MemberID
    package var term = Term.zero
    /// Term of the entry at `index` (append, vote), or at the hint (refused append).
    package var logTerm = Term.zero
    package var index = LogIndex.zero
    package var entries: [Entry] = []
    package var commit = LogIndex.zero
    package var snapshot: SnapshotMetadata?
    /// Opaque to consensus (etcd's v2 store); the state itself travels beside the message.
    package var snapshotData: [UInt8] = []
    package var reject = false
    package var rejectHint = LogIndex.zero
    package var context: [UInt8] = []

    package init(kind: Kind, to: MemberID, from: MemberID, term: Term = .zero) {
        self.kind = kind
        self.to = to
        self.from = from
        self.term = term
    }

    /// The context of a vote that a leader asked for: it is answered even while a leader is alive.
    package static let transferContext = Array("CampaignTransfer".utf8)
}

extension Message {
    /// Numbers beyond this come from a broken or hostile peer; below it no addition can overflow.
    static let numberLimit: UInt64 = 1 << 62

    var isPlausible: Bool {
        guard term.number < Self.numberLimit, logTerm.number < Self.numberLimit,
            index.number < Self.numberLimit, commit.number < Self.numberLimit,
            rejectHint.number < Self.numberLimit
        else { return false }
        if let snapshot, snapshot.index.number >= Self.numberLimit || snapshot.term > term {
            return false
        }
        return kind != .append || entriesFollowIndex
    }

    private var entriesFollowIndex: Bool {
        var expected = index
        var newest = logTerm
        for entry in entries {
            expected = expected.next
            if entry.index != expected || entry.term < newest || entry.term > term { return false }
            newest = entry.term
        }
        return true
    }

    var isAcceptedAppend: Bool { kind == .appendResponse && !reject }
}
