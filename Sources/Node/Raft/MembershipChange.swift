// SPDX-License-Identifier: Apache-2.0
package import Bytes

/// A change of members as it stands in the log (raftpb.ConfChange and ConfChangeV2).
package struct MembershipChange: Equatable, Sendable {
    /// The numbers are raftpb's.
    package enum Operation: UInt8, Sendable {
        case addVoter = 0
        case remove = 1
        /// Changes nothing for consensus: a member's addresses.
        case update = 2
        case addLearner = 3
    }

    package struct Step: Equatable, Sendable {
        package var operation: Operation
        /// `.none` makes the step empty.
        package var member: MemberID

        package init(_ operation: Operation, _ member: MemberID) {
            self.operation = operation
            self.member = member
        }
    }

    package enum Transition: UInt8, Sendable {
        case automatic = 0
        case jointImplicit = 1
        /// Somebody must propose to leave the joint configuration.
        case jointExplicit = 2
    }

    /// The proposer's number; only the simple form carries it.
    package var identifier: UInt64 = 0
    package var transition = Transition.automatic
    package var steps: [Step]
    package var context: [UInt8] = []

    package init(_ steps: [Step]) {
        self.steps = steps
    }

    package init(_ operation: Operation, _ member: MemberID) {
        steps = [Step(operation, member)]
    }

    /// The change that ends a joint configuration.
    package static var leave: Self { MembershipChange([]) }

    package var leavesJoint: Bool { steps.isEmpty && transition == .automatic }
    var entersJoint: Bool { steps.count > 1 || transition != .automatic }
}

extension Configuration {
    package var isJoint: Bool { !votersOutgoing.isEmpty }

    package func contains(_ member: MemberID) -> Bool {
        voters.contains(member) || learners.contains(member) || votersOutgoing.contains(member)
    }

    /// Every member once, ascending.
    package var members: [MemberID] {
        var all = Set(voters)
        all.formUnion(learners)
        all.formUnion(votersOutgoing)
        all.formUnion(learnersNext)
        return all.sorted()
    }

    /// The configuration after `change`; nil when the change is not allowed here: it would leave no
    /// voter, move two voters at once, enter a joint configuration twice, or leave none.
    package func applying(_ change: MembershipChange) -> Configuration? {
        var result = self
        if change.leavesJoint {
            guard isJoint else { return nil }
            result.leaveJoint()
            return result
        }
        guard !isJoint else { return nil }
        if change.entersJoint {
            result.votersOutgoing = voters
            result.leavesByItself = change.transition != .jointExplicit
        }
        for step in change.steps { result.take(step) }
        guard !result.voters.isEmpty else { return nil }
        if !change.entersJoint {
            let moved = Set(voters).symmetricDifference(result.voters).count
            invariant(moved <= 1, "one step moved \(moved) voters")
        }
        return result
    }

    private mutating func take(_ step: MembershipChange.Step) {
        let member = step.member
        if member == .none { return }
        switch step.operation {
        case .update: break
        case .remove: forget(member)
        case .addVoter:
            forget(member)
            voters.insertSorted(member)
        case .addLearner:
            if learners.contains(member) { return }
            forget(member)
            // A voter of the outgoing half has to vote until the joint configuration is left.
            if votersOutgoing.contains(member) {
                learnersNext.insertSorted(member)
            } else {
                learners.insertSorted(member)
            }
        }
    }

    private mutating func forget(_ member: MemberID) {
        voters.removeAll { $0 == member }
        learners.removeAll { $0 == member }
        learnersNext.removeAll { $0 == member }
    }

    private mutating func leaveJoint() {
        for member in learnersNext { learners.insertSorted(member) }
        learnersNext = []
        votersOutgoing = []
        leavesByItself = false
    }
}

extension [MemberID] {
    fileprivate mutating func insertSorted(_ member: MemberID) {
        if contains(member) { return }
        insert(member, at: firstIndex { $0 > member } ?? count)
    }
}
