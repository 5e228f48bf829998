// SPDX-License-Identifier: Apache-2.0
internal import Bytes

// The leader's half of replication (thesis, sections 3.5 and 10.2.1).

extension Core {
    // MARK: Proposals

    mutating func propose(_ proposals: [Proposal], _ effects: inout [Effect]) {
        if proposals.isEmpty { return }
        if role == .leader {
            lead(proposals, &effects)
        } else if role == .follower, leaderID != .none {
            var message = Message(kind: .propose, to: leaderID, from: id)
            message.entries = proposals.map {
                Entry(kind: $0.kind, term: .zero, index: .zero, data: $0.data)
            }
            effects.append(.send(message))
        } else {
            effects.append(.proposalsDropped(proposals))
        }
    }

    /// Proposals that a peer forwarded. They may be those of the very member that leads now: it
    /// sent them before it did, and they go back. No circle comes of that, for each member that
    /// forwards follows one that has led in its term or a later one.
    mutating func place(_ message: Message, _ effects: inout [Effect]) {
        if message.entries.isEmpty { return }
        if role == .follower, leaderID != .none {
            var forwarded = message
            forwarded.to = leaderID
            effects.append(.send(forwarded))
        } else {
            propose(message.entries.map { Proposal(kind: $0.kind, data: $0.data) }, &effects)
        }
    }

    /// Whether a proposal would be appended or forwarded now, and not given back.
    package var takesProposals: Bool {
        switch role {
        case .leader: mayPropose
        case .follower: leaderID != .none
        case .preCandidate, .candidate: false
        }
    }

    private var mayPropose: Bool { transferee == .none && configuration.contains(id) }

    private mutating func lead(_ proposals: [Proposal], _ effects: inout [Effect]) {
        guard mayPropose else {
            effects.append(.proposalsDropped(proposals))
            return
        }
        appendOwn(proposals)
        broadcastAppend(&effects)
    }

    /// Gives proposals their places at the end of our log.
    mutating func appendOwn(_ proposals: [Proposal]) {
        invariant(role == .leader, "a \(role.rawValue) appends on its own")
        var fresh: [Entry] = []
        fresh.reserveCapacity(proposals.count)
        var index = log.lastIndex
        for proposal in proposals {
            index = index.next
            var entry = Entry(kind: proposal.kind, term: term, index: index, data: proposal.data)
            if entry.kind != .normal { admitChange(&entry) }
            fresh.append(entry)
        }
        log.append(fresh)
        journal.stage(fresh)
        slice = fresh
        holdOwnProgress()
    }

    /// Our match counts like a follower's: as far as the disk has confirmed.
    mutating func holdOwnProgress() {
        let durable = journal.durableIndex
        let last = log.lastIndex
        _ = peers.update(id) { $0.holdDurable(durable, last: last) }
    }

    mutating func addPeer(_ member: MemberID, next: LogIndex, isActive: Bool) {
        invariant(!peers.contains(member), "peer \(member) is known already")
        peers[member] = Progress(
            match: .zero, next: max(next, LogIndex(1)), maxInFlight: settings.maxInFlight,
            isRecentlyActive: isActive)
        if member == id { holdOwnProgress() }
    }

    // MARK: Sending

    mutating func broadcastAppend(_ effects: inout [Effect]) {
        for member in peers.keys where member != id {
            _ = sendAppend(to: member, evenEmpty: true, &effects)
        }
    }

    /// Whether something went out.
    mutating func sendAppend(
        to member: MemberID, evenEmpty: Bool, _ effects: inout [Effect]
    ) -> Bool {
        invariant(role == .leader, "a \(role.rawValue) sends appends")
        let state = peers.update(member) { ($0.isPaused, $0.next, $0.isRecentlyActive) }
        guard let (isPaused, next, isActive) = state, !isPaused else { return false }
        let last = log.lastIndex
        invariant(next <= last.next, "next of \(member) is \(next), last is \(last)")
        guard let previousTerm = log.term(at: next.previous) else {
            // What it needs is compacted. A peer that is away gets its snapshot when it is back.
            if isActive { beginSnapshot(for: member, &effects) }
            return isActive
        }
        if next > last, !evenEmpty { return false }
        cutSlice(from: next)
        var message = Message(kind: .append, to: member, from: id, term: term)
        message.index = next.previous
        message.logTerm = previousTerm
        message.commit = commit
        if next <= last { message.entries = slice }
        let sent = message.entries.last?.index
        _ = peers.update(member) { $0.noteSent(through: sent) }
        effects.append(.send(message))
        return true
    }

    private mutating func cutSlice(from next: LogIndex) {
        if next > log.lastIndex || slice.first?.index == next { return }
        slice = log.entries(from: next, maxBytes: settings.maxAppendBytes)
    }

    private mutating func beginSnapshot(for member: MemberID, _ effects: inout [Effect]) {
        let index = applied
        _ = peers.update(member) { $0.beginSnapshot(of: index) }
        effects.append(.sendSnapshot(to: member))
    }

    /// The commit index is cut to what the peer surely holds, so that it never commits by it an
    /// entry of which we hold another version.
    mutating func broadcastHeartbeat(context: [UInt8], _ effects: inout [Effect]) {
        for member in peers.keys where member != id {
            var message = Message(kind: .heartbeat, to: member, from: id, term: term)
            message.commit = min(match(of: member), commit)
            message.context = context
            effects.append(.send(message))
        }
    }

    // MARK: Answers

    mutating func stepLeader(_ message: Message, _ effects: inout [Effect]) {
        guard peers.contains(message.from) else { return }
        switch message.kind {
        case .appendResponse where message.reject: receiveRefusal(message, &effects)
        case .appendResponse: receiveAcceptance(message, &effects)
        case .heartbeatResponse: receiveHeartbeatAnswer(message, &effects)
        default: invariant(false, "\(message.kind) is not an answer to a leader")
        }
    }

    private mutating func receiveRefusal(_ message: Message, _ effects: inout [Effect]) {
        // With the term at its hint the follower lets us skip whole terms in which we differ.
        var hint = message.rejectHint
        if message.logTerm > .zero {
            hint = log.lastIndex(notBeyond: hint, term: message.logTerm)
        }
        let moved = peers.update(message.from) { peer in
            peer.isRecentlyActive = true
            return peer.refuse(message.index, hint: hint)
        }
        if moved == true { _ = sendAppend(to: message.from, evenEmpty: true, &effects) }
    }

    private mutating func receiveAcceptance(_ message: Message, _ effects: inout [Effect]) {
        let member = message.from
        if message.index > log.lastIndex {
            effects.append(.diverged(from: member, index: message.index))
            return
        }
        let firstIndex = log.firstIndex
        let outcome = peers.update(member) { peer in
            peer.isRecentlyActive = true
            let wasPaused = peer.isPaused
            return (peer.accept(message.index, firstIndex: firstIndex), wasPaused)
        }
        guard let (isNews, wasPaused) = outcome, isNews else { return }
        if !advanceCommit(&effects), wasPaused {
            _ = sendAppend(to: member, evenEmpty: true, &effects)
        }
        while sendAppend(to: member, evenEmpty: false, &effects) {}
        finishTransferIfCaughtUp(member, &effects)
    }

    private mutating func receiveHeartbeatAnswer(_ message: Message, _ effects: inout [Effect]) {
        let last = log.lastIndex
        let isBehind = peers.update(message.from) { peer in
            peer.hearHeartbeat()
            return peer.match < last || peer.state == .probe
        }
        if isBehind == true { _ = sendAppend(to: message.from, evenEmpty: true, &effects) }
        confirmRead(by: message.from, message.context, &effects)
    }

    // MARK: Commit

    func match(of member: MemberID) -> LogIndex { peers.match(of: member) }

    /// Only entries of the own term are committed by counting; earlier ones ride along (thesis,
    /// section 3.6.2). Tells the peers and answers waiting reads. Whether it moved.
    @discardableResult
    mutating func advanceCommit(_ effects: inout [Effect]) -> Bool {
        invariant(role == .leader, "a \(role.rawValue) counts matches")
        if electorate.incoming.isEmpty { return false }
        // The closure takes the table alone: with `self` it would copy the whole core.
        let table = peers
        let index = electorate.committed { table.match(of: $0) }
        guard index > commit, log.term(at: index) == term else { return false }
        invariant(index <= log.lastIndex, "quorum at \(index), last is \(log.lastIndex)")
        commit = index
        servePostponedReads(&effects)
        broadcastAppend(&effects)
        return true
    }
}
