// SPDX-License-Identifier: Apache-2.0
internal import Bytes

// The follower's half of replication (thesis, section 3.5).

extension Core {
    mutating func receiveAppend(_ message: Message, _ effects: inout [Effect]) {
        if message.index < commit { return accept(through: commit, of: message) }
        guard log.matches(message.index, message.logTerm) else {
            return refuse(message, &effects)
        }
        if let at = log.firstMissing(of: message.entries) {
            let first = message.entries[at].index
            guard first > commit else {
                effects.append(.diverged(from: message.from, index: first))
                return
            }
            let fresh = at == 0 ? message.entries : Array(message.entries[at...])
            log.append(fresh)
            journal.stage(fresh)
        }
        let last = LogIndex(message.index.number + UInt64(message.entries.count))
        invariant(last <= log.lastIndex, "accepted through \(last), last is \(log.lastIndex)")
        commit = max(commit, min(message.commit, last))
        invariant(role == .follower, "a \(role.rawValue) accepts appends")
        accept(through: last, of: message)
    }

    /// An acceptance counts towards commitment, so it waits for the disk.
    private mutating func accept(through index: LogIndex, of message: Message) {
        var answer = reply(.appendResponse, to: message)
        answer.index = index
        journal.hold(answer)
    }

    /// The hint is our last entry whose term is not beyond the leader's at that place: the leader
    /// cannot agree with us on anything later.
    private func refuse(_ message: Message, _ effects: inout [Effect]) {
        let hint = log.lastIndex(
            notBeyond: min(message.index, log.lastIndex), term: message.logTerm)
        var answer = reply(.appendResponse, to: message)
        answer.index = message.index
        answer.reject = true
        answer.rejectHint = hint
        answer.logTerm = log.term(at: hint) ?? .zero
        effects.append(.send(answer))
    }

    mutating func receiveHeartbeat(_ message: Message, _ effects: inout [Effect]) {
        // The leader cuts it to what we acknowledged, which was durable then.
        guard message.commit <= log.lastIndex else {
            effects.append(.diverged(from: message.from, index: message.commit))
            return
        }
        commit = max(commit, message.commit)
        var answer = reply(.heartbeatResponse, to: message)
        answer.context = message.context
        effects.append(.send(answer))
    }
}
