// SPDX-License-Identifier: Apache-2.0
internal import Bytes

// Leadership moves on request (thesis, section 3.10). While it does, the leader takes no proposals;
// after one election timeout it gives up.

extension Core {
    mutating func requestTransfer(to member: MemberID, _ effects: inout [Effect]) {
        let message = Message(kind: .transferLeader, to: id, from: member, term: term)
        receiveTransfer(message, &effects)
    }

    /// `from` is the member that is to lead.
    mutating func receiveTransfer(_ message: Message, _ effects: inout [Effect]) {
        if role == .leader {
            beginTransfer(to: message.from, &effects)
        } else if role == .follower, leaderID != .none {
            var forwarded = message
            forwarded.to = leaderID
            forwarded.term = term
            effects.append(.send(forwarded))
        }
    }

    private mutating func beginTransfer(to member: MemberID, _ effects: inout [Effect]) {
        guard electorate.contains(member), peers.contains(member) else { return }
        if member == transferee { return }
        transferee = .none
        if member == id { return }
        electionElapsed = 0
        transferee = member
        if match(of: member) == log.lastIndex {
            sendTimeoutNow(&effects)
        } else {
            _ = sendAppend(to: member, evenEmpty: true, &effects)
        }
    }

    mutating func finishTransferIfCaughtUp(_ member: MemberID, _ effects: inout [Effect]) {
        guard member == transferee, match(of: member) == log.lastIndex else { return }
        sendTimeoutNow(&effects)
    }

    private func sendTimeoutNow(_ effects: inout [Effect]) {
        invariant(role == .leader, "a \(role.rawValue) gives leadership away")
        invariant(transferee != id, "leadership moves to where it is, \(id)")
        effects.append(
            .send(Message(kind: .timeoutNow, to: transferee, from: id, term: term)))
    }
}
