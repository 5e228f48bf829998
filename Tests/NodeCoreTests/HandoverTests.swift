// SPDX-License-Identifier: Apache-2.0
import Bytes
import EtcdAPI
import Raft
import Testing

@testable import NodeCore

/// The leader is told to stop while clients are at work on the other two. Messages take up to two
/// heartbeat intervals and keep their order only within a stream, a disk up to one; the leader is gone
/// five intervals after it has handed over.
@Suite struct HandoverTests {
    @Test(arguments: 1...300 as ClosedRange<UInt64>)
    func `no request of other members is lost while the leader leaves`(seed: UInt64) {
        var handover = Handover(seed: seed)
        handover.run()
        #expect(handover.old.isHandedOver)
        #expect(handover.isGone)
        #expect(handover.calls.count > Handover.callsBefore)
        for (member, call) in handover.calls {
            let answer = member.answers[call]
            #expect(answer != nil, "call \(call) at \(member.id)")
            #expect(answer?.failure == nil, "call \(call) at \(member.id)")
        }
    }
}

private struct Handover {
    /// Appends have a stream of their own, as between real members.
    private struct Wire: Hashable {
        var from: MemberID
        var to: MemberID
        var isAppend: Bool
    }

    private struct Letter {
        var message: Message
        var sent: Int
    }

    private final class Network {
        var order: [Wire] = []
        var letters: [Wire: [Letter]] = [:]
        var ticks = 0

        func take(_ message: Message, from sender: MemberID) {
            let wire = Wire(from: sender, to: message.to, isAppend: message.kind == .append)
            if letters[wire] == nil { order.append(wire) }
            letters[wire, default: []].append(Letter(message: message, sent: ticks))
        }
    }

    static let callsBefore = 10
    private static let grace = 5

    let cluster = Cluster(3).ready()
    let old: TestMember
    private(set) var calls: [(TestMember, CallNumber)] = []
    private(set) var isGone = false
    private let others: [TestMember]
    private let network = Network()
    private var random: Random
    private var handedOverAt: Int?

    init(seed: UInt64) {
        random = Random(seed: seed)
        let head = cluster.head
        old = head
        others = cluster.members.filter { $0 !== head }
        cluster.isTaken = { [network] message, sender in
            network.take(message, from: sender)
            return true
        }
    }

    mutating func run() {
        while calls.count < Handover.callsBefore { step() }
        cluster.input(old, .stopping)
        cluster.settle()
        while !isGone, network.ticks < 100 { step() }
        for _ in 0..<100 { tick() }
    }

    private mutating func step() {
        switch random.below(20) {
        case 0: tick()
        case 1...3: call(others[random.below(2)])
        case 4: cluster.members[random.below(3)].holdsDisk = true
        default: deliverOne()
        }
    }

    private mutating func call(_ member: TestMember) {
        let request =
            random.chance(percent: 30)
            ? Request.range(RangeRequest(key: bytes("key"))) : .put("key", "\(calls.count)")
        calls.append((member, cluster.begin(member, request)))
        cluster.settle()
    }

    private mutating func tick() {
        for wire in network.order { deliver(wire) { $0.sent < network.ticks } }
        network.ticks += 1
        for member in cluster.members where member.holdsDisk { cluster.release(member) }
        cluster.tick()
        guard old.isHandedOver, !isGone else { return }
        handedOverAt = handedOverAt ?? network.ticks
        guard let since = handedOverAt, network.ticks - since >= Handover.grace else { return }
        isGone = true
        cluster.cut = [old.id]
        for other in others { cluster.connect(other, old, false) }
    }

    private mutating func deliverOne() {
        let full = network.order.filter { network.letters[$0]?.isEmpty == false }
        guard !full.isEmpty else { return }
        let wire = full[random.below(full.count)]
        var isFirst = true
        deliver(wire) { _ in
            defer { isFirst = false }
            return isFirst
        }
    }

    private func deliver(_ wire: Wire, while isDue: (Letter) -> Bool) {
        while let letter = network.letters[wire]?.first, isDue(letter) {
            network.letters[wire]?.removeFirst()
            guard !cluster.cut.contains(wire.from), !cluster.cut.contains(wire.to),
                let target = cluster.members.first(where: { $0.id == wire.to })
            else { continue }
            cluster.input(target, .received(letter.message))
            cluster.settle()
        }
    }
}
