// SPDX-License-Identifier: Apache-2.0
internal import Bytes

// Messages: first the rules of terms (thesis, section 3.3 and 9.6), then one handler per role.

extension Core {
    /// The door for messages of others.
    mutating func receive(_ message: Message, _ effects: inout [Effect]) {
        guard message.to == id, message.from != .none, message.isPlausible else { return }
        switch message.kind {
        case .propose, .readIndex, .transferLeader:
            // These have crossed more than one member and may name ourselves.
            step(message, &effects)
        case .append, .appendResponse, .vote, .voteResponse, .snapshot, .heartbeat,
            .heartbeatResponse, .timeoutNow, .readIndexResponse, .preVote, .preVoteResponse:
            guard message.from != id, message.term > .zero else { return }
            if message.kind.isAnswer, !configuration.contains(message.from) { return }
            step(message, &effects)
        case .hup, .beat, .unreachable, .snapshotStatus, .checkQuorum, .storageAppend,
            .storageAppendResponse, .storageApply, .storageApplyResponse, .forgetLeader, .unknown:
            break  // Never meant for the wire.
        }
    }

    mutating func step(_ message: Message, _ effects: inout [Effect]) {
        if message.term > term {
            guard takeHigherTerm(message) else { return }
        } else if message.term > .zero, message.term < term {
            return answerLowerTerm(message, &effects)
        }
        switch message.kind {
        case .vote, .preVote: judge(message, &effects)
        case .append, .heartbeat, .snapshot: obey(message, &effects)
        case .voteResponse, .preVoteResponse: count(message, &effects)
        case .appendResponse, .heartbeatResponse:
            if role == .leader { stepLeader(message, &effects) }
        case .propose: place(message, &effects)
        case .readIndex: receiveReadIndex(message, &effects)
        case .readIndexResponse: receiveReadAnswer(message, &effects)
        case .transferLeader: receiveTransfer(message, &effects)
        case .timeoutNow:
            if role == .follower { campaignIfAllowed(.transfer, &effects) }
        case .hup, .beat, .unreachable, .snapshotStatus, .checkQuorum, .storageAppend,
            .storageAppendResponse, .storageApply, .storageApplyResponse, .forgetLeader, .unknown:
            break
        }
    }

    /// Whether the message is to be handled, in the term that is ours now.
    private mutating func takeHigherTerm(_ message: Message) -> Bool {
        switch message.kind {
        case .vote, .preVote:
            let isForced = message.context == Message.transferContext
            if !isForced, holdsLease { return false }
            invariant(message.term > term, "term \(message.term) taken for later than \(term)")
            // A pre-vote asks about a term that has not begun.
            if message.kind == .vote { becomeFollower(message.term, of: .none) }
        case .preVoteResponse:
            // A grant carries the future term that we asked for.
            if message.reject { becomeFollower(message.term, of: .none) }
        case .append, .heartbeat, .snapshot: becomeFollower(message.term, of: message.from)
        case .appendResponse, .voteResponse, .heartbeatResponse, .transferLeader, .timeoutNow,
            .readIndex, .readIndexResponse, .propose, .hup, .beat, .unreachable, .snapshotStatus,
            .checkQuorum, .storageAppend, .storageAppendResponse, .storageApply,
            .storageApplyResponse, .forgetLeader, .unknown:
            becomeFollower(message.term, of: .none)
        }
        return true
    }

    /// A leader was heard of less than an election timeout ago: votes would only disturb it.
    private var holdsLease: Bool {
        settings.checkQuorum && leaderID != .none && electionElapsed < settings.electionTicks
    }

    private func answerLowerTerm(_ message: Message, _ effects: inout [Effect]) {
        switch message.kind {
        case .append, .heartbeat:
            // Lets a leader that was cut off step down, whose term ours has overtaken.
            if settings.checkQuorum || settings.preVote {
                effects.append(.send(reply(.appendResponse, to: message)))
            }
        case .preVote:
            var refusal = reply(.preVoteResponse, to: message)
            refusal.reject = true
            effects.append(.send(refusal))
        case .snapshot, .vote, .appendResponse, .voteResponse, .heartbeatResponse,
            .preVoteResponse, .transferLeader, .timeoutNow, .readIndex, .readIndexResponse,
            .propose, .hup, .beat, .unreachable, .snapshotStatus, .checkQuorum, .storageAppend,
            .storageAppendResponse, .storageApply, .storageApplyResponse, .forgetLeader, .unknown:
            break  // Late.
        }
    }

    /// What only the leader of a term sends.
    private mutating func obey(_ message: Message, _ effects: inout [Effect]) {
        switch role {
        case .leader: return  // A second leader of one term; its own members will tell it.
        case .preCandidate, .candidate: becomeFollower(message.term, of: message.from)
        case .follower:
            leaderID = message.from
            electionElapsed = 0
        }
        switch message.kind {
        case .append: receiveAppend(message, &effects)
        case .heartbeat: receiveHeartbeat(message, &effects)
        case .snapshot: receiveSnapshot(message, &effects)
        default: invariant(false, "\(message.kind) is not a leader's word")
        }
    }

    func reply(_ kind: Message.Kind, to message: Message) -> Message {
        Message(kind: kind, to: message.from, from: id, term: term)
    }
}

extension Message.Kind {
    /// Answers of members that we do not know count for nothing.
    fileprivate var isAnswer: Bool {
        switch self {
        case .appendResponse, .voteResponse, .heartbeatResponse, .preVoteResponse: true
        default: false
        }
    }
}
