// SPDX-License-Identifier: Apache-2.0
package import Bytes

extension Core {
    // MARK: Leader

    /// The message that goes with a snapshot of the applied state, built for `sendSnapshot(to:)`.
    /// Nil when it is no longer wanted. Its `snapshotData` is the caller's to fill.
    package mutating func snapshotMessage(
        to member: MemberID, metadata: SnapshotMetadata
    ) -> Message? {
        invariant(metadata.index <= emitted, "snapshot at \(metadata.index), at most \(emitted)")
        let wanted = peers.update(member) { peer in
            guard case .snapshot = peer.state else { return false }
            peer.beginSnapshot(of: metadata.index)
            return true
        }
        guard wanted == true else { return nil }
        var message = Message(kind: .snapshot, to: member, from: id, term: term)
        message.snapshot = metadata
        return message
    }

    // MARK: Follower

    mutating func receiveSnapshot(_ message: Message, _ effects: inout [Effect]) {
        guard let snapshot = message.snapshot else { return }
        var answer = reply(.appendResponse, to: message)
        answer.index = take(snapshot) ? log.lastIndex : commit
        journal.hold(answer)
    }

    /// Whether the snapshot replaced our log.
    private mutating func take(_ snapshot: SnapshotMetadata) -> Bool {
        invariant(role == .follower, "a \(role.rawValue) restores a snapshot")
        if snapshot.index <= commit { return false }
        if !snapshot.configuration.contains(id) { return false }
        if log.matches(snapshot.index, snapshot.term) {
            // We have it all already, only not known as committed.
            commit = snapshot.index
            return false
        }
        log.restore(snapshot)
        journal.stage(snapshot)
        commit = snapshot.index
        configuration = snapshot.configuration
        electorate = JointQuorum(configuration)
        invariant(log.lastIndex == commit, "restored to \(commit), last is \(log.lastIndex)")
        return true
    }
}
