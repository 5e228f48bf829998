// SPDX-License-Identifier: Apache-2.0
import Bytes
import Testing

@testable import Raft

@Suite struct ClusterTests {
    @Test(arguments: 0..<8) func `three members stay safe and recover`(_ part: Int) {
        for seed in 0..<25 { run(seed: UInt64(part * 25 + seed), members: 3, spares: 2) }
    }

    @Test(arguments: 0..<8) func `five members stay safe and recover`(_ part: Int) {
        for seed in 0..<20 { run(seed: UInt64(10_000 + part * 20 + seed), members: 5, spares: 1) }
    }

    @Test func `one member stays safe and recovers`() {
        for seed in 0..<20 { run(seed: UInt64(20_000 + seed), members: 1, spares: 2) }
    }

    @Test func `the same seed gives the same story`() {
        let traces = (0..<2).map { _ in
            let world = World(seed: 77, members: 3, spares: 1)
            world.keepsTrace = true
            for _ in 0..<900 { world.disturb() }
            return world.trace
        }
        #expect(traces[0] == traces[1])
        #expect(traces[0].count > 600)
    }

    private func run(seed: UInt64, members: Int, spares: Int) {
        let world = World(seed: seed, members: members, spares: spares)
        world.dropPercent = [0, 2, 10, 25][world.random.below(4)]
        world.duplicatePercent = [0, 5, 15][world.random.below(3)]
        let steps = 800
        for _ in 0..<steps where world.failures.isEmpty { world.disturb() }
        if world.failures.isEmpty { world.heal() }
        #expect(world.failures.isEmpty, "seed \(seed), members \(members): \(world.failures)")
    }
}

extension World {
    /// One random thing happens.
    func disturb() {
        let node = nodes[random.below(nodes.count)]
        switch random.below(1000) {
        case ..<520:
            guard !wire.isEmpty else { return tell(node, .ticked) }
            // Mostly in order, sometimes not.
            let isInOrder = random.chance(percent: 70)
            deliver(at: isInOrder ? 0 : random.below(wire.count))
        case ..<680: tell(node, .ticked)
        case ..<800: confirmOne(node)
        case ..<880: applySome(node)
        case ..<930: propose(on: node)
        case ..<945: requestRead(on: node)
        case ..<955: checkpoint(node)
        case ..<965: changeMembers(on: node)
        case ..<970:
            let target = nodes[random.below(nodes.count)].id
            tell(node, .transferRequested(to: target))
        case ..<976: crash(node)
        case ..<990: nodes.filter { !$0.isUp }.forEach { restart($0) }
        case ..<995:
            let other = nodes[random.below(nodes.count)]
            cut.insert([node.id, other.id])
            if random.chance(percent: 60) { cut.insert([other.id, node.id]) }
        case ..<999: cut = []
        default: tell(node, .campaignRequested)
        }
    }

    private func propose(on node: Node) {
        let proposals = (0...random.below(4)).map { _ in
            nextNumber += 1
            return Proposal(data: Array("p\(nextNumber)".utf8))
        }
        tell(node, .proposed(proposals))
    }

    private func requestRead(on node: Node) {
        guard node.isUp else { return }
        nextNumber += 1
        reads[nextNumber] = newestChosen
        tell(node, .readRequested(context: nextNumber))
    }

    private func changeMembers(on node: Node) {
        let target = nodes[random.below(nodes.count)].id
        let operations: [MembershipChange.Operation] = [
            .addVoter, .addVoter, .remove, .addLearner, .update,
        ]
        let operation = operations[random.below(operations.count)]
        if random.chance(percent: 70) {
            let change = MembershipChange(operation, target)
            let data = MessageCodec.encodeChange(change)
            return tell(node, .proposed([Proposal(kind: .change, data: data)]))
        }
        let other = nodes[random.below(nodes.count)].id
        var change = MembershipChange([.init(operation, target), .init(.addVoter, other)])
        if random.chance(percent: 20) { change.transition = .jointExplicit }
        if random.chance(percent: 30) { change = .leave }
        let data = MessageCodec.encodeJointChange(change)
        tell(node, .proposed([Proposal(kind: .jointChange, data: data)]))
    }

    /// Everything works again; soon a proposal must be everywhere.
    func heal() {
        cut = []
        dropPercent = 0
        duplicatePercent = 0
        nodes.forEach { restart($0) }
        var goal: LogIndex?
        for round in 0..<600 {
            nodes.forEach { tell($0, .ticked) }
            for _ in 0..<12 { turn() }
            guard let leader = currentLeader else { continue }
            if goal == nil, leader.core.isEstablished {
                requestRead(on: leader)
                propose(on: leader)
                if round > 100 { leaveJoint(leader) }
                goal = leader.core.lastIndex
            }
            if let goal, isEverywhere(goal, leader) { return }
            if round % 100 == 99 { goal = nil }
        }
        fail("not healed: " + nodes.map { $0.core.describe() }.joined(separator: "\n"))
    }

    private func leaveJoint(_ leader: Node) {
        let data = MessageCodec.encodeJointChange(.leave)
        tell(leader, .proposed([Proposal(kind: .jointChange, data: data)]))
    }

    private func turn() {
        for _ in 0..<wire.count { deliver(at: 0) }
        for node in nodes {
            confirmOne(node)
            applySome(node)
        }
    }

    private var currentLeader: Node? {
        nodes.filter { $0.core.role == .leader }.max { $0.core.term < $1.core.term }
    }

    private func isEverywhere(_ goal: LogIndex, _ leader: Node) -> Bool {
        let members = leader.core.configuration.members
        return members.allSatisfy { member in
            nodes.contains { $0.id == member && $0.machine.index >= goal }
        }
    }
}
