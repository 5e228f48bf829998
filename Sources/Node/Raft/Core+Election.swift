// SPDX-License-Identifier: Apache-2.0
internal import Bytes

/// Why a campaign begins.
enum CampaignReason {
    case usual
    /// The leader asks for it: no pre-vote, and voters answer in spite of its lease.
    case transfer
}

extension Core {
    var isPromotable: Bool { electorate.contains(id) && !journal.hasPendingRestore }

    mutating func campaignIfAllowed(_ reason: CampaignReason, _ effects: inout [Effect]) {
        guard role != .leader, isPromotable else { return }
        // With a change of members committed but not applied we do not know the voters.
        if log.holdsChange(from: applied.next, through: commit) { return }
        if reason == .usual, settings.preVote {
            campaignForPreVotes(&effects)
        } else {
            campaign(reason, &effects)
        }
    }

    private mutating func campaignForPreVotes(_ effects: inout [Effect]) {
        role = .preCandidate
        leaderID = .none
        votes.removeAll()
        votes[id] = true
        if electorate.outcome({ votes[$0] }) == .won { return campaign(.usual, &effects) }
        for voter in electorate.voters where voter != id {
            effects.append(.send(ballot(.preVote, for: voter, in: term.next)))
        }
    }

    private mutating func campaign(_ reason: CampaignReason, _ effects: inout [Effect]) {
        invariant(role != .leader, "the leader of \(term) campaigns")
        beginTerm(term.next)
        role = .candidate
        vote = id
        // All of this waits until our vote is durable, our own vote included.
        journal.hold(Message(kind: .voteResponse, to: id, from: id, term: term))
        for voter in electorate.voters where voter != id {
            var request = ballot(.vote, for: voter, in: term)
            if reason == .transfer { request.context = Message.transferContext }
            journal.hold(request)
        }
    }

    private func ballot(_ kind: Message.Kind, for voter: MemberID, in term: Term) -> Message {
        var request = Message(kind: kind, to: voter, from: id, term: term)
        request.index = log.lastIndex
        request.logTerm = log.lastTerm
        return request
    }

    /// A request for our vote, in our term or (pre-vote) a later one.
    mutating func judge(_ request: Message, _ effects: inout [Effect]) {
        let isReal = request.kind == .vote
        let isFree = vote == .none && leaderID == .none
        let mayVote = vote == request.from || isFree || (!isReal && request.term > term)
        let kind = isReal ? Message.Kind.voteResponse : .preVoteResponse
        var answer = reply(kind, to: request)
        guard mayVote, log.isCovered(byLast: request.index, request.logTerm) else {
            answer.reject = true
            effects.append(.send(answer))
            return
        }
        // A grant carries the term asked about, which for a pre-vote is not ours.
        answer.term = request.term
        guard isReal else {
            effects.append(.send(answer))
            return
        }
        invariant(request.term == term, "vote of term \(request.term) given in \(term)")
        invariant(vote == .none || vote == request.from, "second vote in \(term), had \(vote)")
        electionElapsed = 0
        vote = request.from
        journal.hold(answer)
    }

    mutating func count(_ answer: Message, _ effects: inout [Effect]) {
        switch (role, answer.kind) {
        case (.candidate, .voteResponse):
            if answer.term != term { return }
        case (.preCandidate, .preVoteResponse):
            // A grant of an earlier round asked about an earlier term.
            if !answer.reject, answer.term != term.next { return }
        default: return  // Late: that campaign is over.
        }
        if votes[answer.from] == nil { votes[answer.from] = !answer.reject }
        switch electorate.outcome({ votes[$0] }) {
        case .pending: break
        case .lost: becomeFollower(term, of: .none)
        case .won where role == .preCandidate: campaign(.usual, &effects)
        case .won: becomeLeader(&effects)
        }
    }

    // MARK: Roles

    mutating func becomeFollower(_ newTerm: Term, of newLeader: MemberID) {
        beginTerm(newTerm)
        role = .follower
        leaderID = newLeader
    }

    private mutating func becomeLeader(_ effects: inout [Effect]) {
        invariant(role == .candidate, "a \(role.rawValue) was elected")
        invariant(vote == id, "elected in \(term) but voted for \(vote)")
        beginTerm(term)
        role = .leader
        leaderID = id
        let last = log.lastIndex
        for member in configuration.members { addPeer(member, next: last.next, isActive: false) }
        // There may be a change among the entries that are not committed; wait for them all.
        pendingChangeIndex = last
        appendOwn([Proposal(data: [])])
        broadcastAppend(&effects)
    }

    /// What every new role begins with; a term that is new also begins without a vote.
    private mutating func beginTerm(_ newTerm: Term) {
        invariant(newTerm >= term, "term falls from \(term) to \(newTerm)")
        if newTerm != term {
            term = newTerm
            vote = .none
        }
        leaderID = .none
        electionElapsed = 0
        heartbeatElapsed = 0
        drawElectionTimeout()
        votes.removeAll()
        peers.removeAll()
        pendingChangeIndex = .zero
        transferee = .none
        reads.abandon()
    }

    /// Steps down unless a majority was heard of since the last check (thesis, section 6.2).
    mutating func checkQuorum(_ effects: inout [Effect]) {
        let outcome = electorate.outcome { member in
            member == id || peers.isRecentlyActive(member)
        }
        if outcome != .won { return becomeFollower(term, of: .none) }
        for member in peers.keys where member != id {
            _ = peers.update(member) { $0.isRecentlyActive = false }
        }
    }
}
