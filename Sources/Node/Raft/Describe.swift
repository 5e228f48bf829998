// SPDX-License-Identifier: Apache-2.0
package import Bytes

// Text for golden files, traces and crash reports; only what is not zero is named.

extension Core {
    /// What a leader knows of a member; nil when we do not lead or do not know it.
    package func progress(of member: MemberID) -> ProgressReport? {
        guard let peer = peers[member] else { return nil }
        var isReceiving = false
        if case .snapshot = peer.state { isReceiving = true }
        return ProgressReport(
            match: peer.match, next: peer.next,
            isRecentlyActive: member == id || peer.isRecentlyActive,
            isLearner: !electorate.contains(member), isPaused: peer.isPaused,
            isReceivingSnapshot: isReceiving, inFlightCount: peer.inFlight.count)
    }

    /// A leader's view of who has answered since its last check of the quorum.
    package func isRecentlyActive(_ member: MemberID) -> Bool {
        progress(of: member)?.isRecentlyActive ?? false
    }

    package func describe() -> String {
        var lines = [
            "\(id) \(role.rawValue) term \(term) leader \(leader.map { "\($0)" } ?? "none")"
                + (vote == .none ? "" : " vote \(vote)"),
            "log \(log.firstIndex)...\(log.lastIndex) last term \(log.lastTerm)"
                + " durable \(journal.durableIndex) commit \(commit) applied \(applied)",
            configuration.text,
        ]
        if transferee != .none { lines.append("transfers to \(transferee)") }
        for member in peers.keys {
            guard let peer = peers[member] else { continue }
            let pause = peer.isPaused ? " paused" : ""
            let window = peer.inFlight.count > 0 ? " in flight \(peer.inFlight.count)" : ""
            lines.append(
                "peer \(member) \(peer.state.text) match \(peer.match) next \(peer.next)"
                    + "\(pause)\(window)\(peer.isRecentlyActive ? " active" : "")")
        }
        return lines.joined(separator: "\n")
    }
}

extension Progress.State {
    fileprivate var text: String {
        switch self {
        case .probe: "probe"
        case .replicate: "replicate"
        case .snapshot(let pending): "snapshot \(pending)"
        }
    }
}

extension Configuration {
    package var text: String {
        var parts = ["voters \(list(voters))"]
        if isJoint { parts.append("outgoing \(list(votersOutgoing))") }
        if !learners.isEmpty { parts.append("learners \(list(learners))") }
        if !learnersNext.isEmpty { parts.append("learners next \(list(learnersNext))") }
        if leavesByItself { parts.append("leaves by itself") }
        return parts.joined(separator: " ")
    }

    private func list(_ members: [MemberID]) -> String {
        "(" + members.map { "\($0)" }.joined(separator: " ") + ")"
    }
}

extension Entry {
    package var text: String {
        let mark =
            switch kind {
            case .normal: ""
            case .change: "!"
            case .jointChange: "!!"
            }
        let place = index == .zero ? "" : "\(index)/\(term)"
        let isText = !data.isEmpty && data.count <= 32 && data.allSatisfy { 32..<127 ~= $0 }
        let content =
            if data.isEmpty { "" } else if isText && kind == .normal {
                "\"" + data.map { String(UnicodeScalar($0)) }.joined() + "\""
            } else { "(\(data.count) bytes)" }
        return place + mark + content
    }
}

extension SnapshotMetadata {
    package var text: String { "\(index)/\(term) \(configuration.text)" }
}

extension Message {
    package var text: String {
        var parts = ["\(from)->\(to) \(kind)"]
        if term > .zero { parts.append("term \(term)") }
        let hasPlace = index > .zero || logTerm > .zero || kind == .append || isAcceptedAppend
        if hasPlace { parts.append("at \(index)/\(logTerm)") }
        if commit > .zero { parts.append("commit \(commit)") }
        if reject { parts.append(kind == .appendResponse ? "reject hint \(rejectHint)" : "reject") }
        if let snapshot { parts.append("snapshot \(snapshot.text)") }
        if context == Self.transferContext {
            parts.append("forced")
        } else if !context.isEmpty {
            parts.append("context \(context.map { "\($0)" }.joined(separator: "."))")
        }
        if !entries.isEmpty { parts.append(entries.briefly) }
        return parts.joined(separator: " ")
    }
}

extension Effect {
    package var text: String {
        switch self {
        case .append(let batch): batch.text
        case .send(let message): "send \(message.text)"
        case .commit(let entries): "commit \(entries.briefly)"
        case .restore(let snapshot): "restore \(snapshot.text)"
        case .sendSnapshot(let member): "send snapshot to \(member)"
        case .readReady(let context, let index): "read \(context) ready at \(index)"
        case .readDropped(let context): "read \(context) dropped"
        case .leaderChanged(let leader, let term, let role):
            "\(role.rawValue) term \(term) leader \(leader.map { "\($0)" } ?? "none")"
        case .proposalsDropped(let proposals): "dropped \(proposals.count) proposals"
        case .diverged(let member, let index): "diverged from \(member) at \(index)"
        }
    }
}

extension AppendBatch {
    fileprivate var text: String {
        var parts = ["append #\(number.number)"]
        if let state = hardState {
            let vote = state.vote == .none ? "" : " vote \(state.vote)"
            parts.append("term \(state.term)\(vote) commit \(state.commit)")
        }
        if let snapshot { parts.append("snapshot \(snapshot.text)") }
        if !entries.isEmpty { parts.append(entries.briefly) }
        if !mustSync { parts.append("unsynced") }
        return parts.joined(separator: " ")
    }
}

extension [Entry] {
    fileprivate var briefly: String {
        if count > 6, let first, let last { return "[\(first.text) ... \(last.text)]" }
        return "[" + map(\.text).joined(separator: " ") + "]"
    }
}
