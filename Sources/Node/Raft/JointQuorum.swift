// SPDX-License-Identifier: Apache-2.0
internal import Bytes

/// How a vote stands.
enum VoteOutcome: Equatable {
    case pending
    case won
    case lost
}

/// Majorities of a single set of voters. An empty set agrees with everything, so that it can be the
/// absent half of a joint configuration.
enum Quorum {
    static func size(of voterCount: Int) -> Int { voterCount / 2 + 1 }

    /// The largest index that a majority holds. Every member is compared with every other: for the
    /// handful of voters of a real cluster that is quicker than sorting and allocates nothing.
    static func committed(
        _ voters: [MemberID], _ match: (MemberID) -> LogIndex
    ) -> LogIndex {
        if voters.isEmpty { return LogIndex(.max) }
        let needed = size(of: voters.count)
        var best = LogIndex.zero
        for voter in voters {
            let index = match(voter)
            if index <= best { continue }
            var holders = 0
            for other in voters where match(other) >= index { holders += 1 }
            if holders >= needed { best = index }
        }
        return best
    }

    static func outcome(
        _ voters: [MemberID], _ vote: (MemberID) -> Bool?
    ) -> VoteOutcome {
        if voters.isEmpty { return .won }
        var granted = 0
        var missing = 0
        for voter in voters {
            switch vote(voter) {
            case true?: granted += 1
            case false?: break
            case nil: missing += 1
            }
        }
        let needed = size(of: voters.count)
        if granted >= needed { return .won }
        return granted + missing >= needed ? .pending : .lost
    }
}

/// Majorities of a configuration: both halves must agree while it is joint (thesis, section 4.3).
struct JointQuorum: Equatable {
    let incoming: [MemberID]
    let outgoing: [MemberID]

    init(_ configuration: Configuration) {
        incoming = configuration.voters
        outgoing = configuration.votersOutgoing
    }

    var isJoint: Bool { !outgoing.isEmpty }
    var isSingle: Bool { incoming.count == 1 && outgoing.isEmpty }

    /// Each voter once, ascending.
    var voters: [MemberID] {
        var all = incoming
        for voter in outgoing where !incoming.contains(voter) { all.append(voter) }
        return all.sorted()
    }

    func contains(_ member: MemberID) -> Bool {
        incoming.contains(member) || outgoing.contains(member)
    }

    func committed(_ match: (MemberID) -> LogIndex) -> LogIndex {
        min(Quorum.committed(incoming, match), Quorum.committed(outgoing, match))
    }

    func outcome(_ vote: (MemberID) -> Bool?) -> VoteOutcome {
        switch (Quorum.outcome(incoming, vote), Quorum.outcome(outgoing, vote)) {
        case (.won, .won): .won
        case (.lost, _), (_, .lost): .lost
        case (.pending, _), (_, .pending): .pending
        }
    }
}
