// SPDX-License-Identifier: Apache-2.0
internal import Bytes

// Changes take effect when they are applied, not when they are appended, and one at a time: the
// next is proposed after the last was applied (thesis, chapter 4, with etcd's variation).

extension Core {
    /// A change that may not be proposed now becomes an empty entry; its proposer waits in vain.
    mutating func admitChange(_ entry: inout Entry) {
        invariant(entry.index > log.lastIndex, "change \(entry.index) is in the log already")
        let change = try? MessageCodec.decodeChange(entry)
        let isPending = pendingChangeIndex > applied
        if let change, !isPending, change.leavesJoint == configuration.isJoint {
            pendingChangeIndex = entry.index
        } else {
            entry.kind = .normal
            entry.data = []
        }
    }

    /// The committed change was applied, or (nil) refused by the state machine.
    mutating func noteChange(_ change: MembershipChange?, _ effects: inout [Effect]) {
        if let change, let next = configuration.applying(change) { adopt(next, &effects) }
        leaveJointIfDue(&effects)
    }

    private mutating func adopt(_ next: Configuration, _ effects: inout [Effect]) {
        invariant(!next.voters.isEmpty, "a configuration without voters")
        configuration = next
        electorate = JointQuorum(next)
        guard role == .leader else { return }
        trackPeers()
        if !configuration.contains(transferee) { transferee = .none }
        // Without us among the voters we go on until we are stopped or another is elected.
        guard electorate.contains(id) else { return }
        let isSent = advanceCommit(&effects)
        confirmReadsAnew(&effects)
        if isSent { return }
        for member in peers.keys where member != id {
            _ = sendAppend(to: member, evenEmpty: false, &effects)
        }
    }

    private mutating func trackPeers() {
        let members = configuration.members
        for gone in peers.keys where !members.contains(gone) { peers[gone] = nil }
        for member in members where !peers.contains(member) {
            // New members count as active, lest the next check of the quorum fails at once.
            addPeer(member, next: log.lastIndex, isActive: true)
        }
    }

    mutating func leaveJointIfDue(_ effects: inout [Effect]) {
        guard role == .leader, configuration.isJoint, configuration.leavesByItself,
            applied >= pendingChangeIndex
        else { return }
        appendOwn([Proposal(kind: .jointChange, data: [])])
        invariant(pendingChangeIndex == log.lastIndex, "the way out of the joint change is shut")
        broadcastAppend(&effects)
    }
}
