// SPDX-License-Identifier: Apache-2.0
import Net
import TestKit
import Testing

@testable import NodeServer

/// Those that want much of a turn share it.
@Suite struct TurnsTests {
    @Test
    func `who finds the share of a turn spent goes on in a later one, in the order of asking`()
        throws
    {
        let reactor = try Reactor()
        defer { reactor.shutDown() }
        let turns = AnswerTurns(reactor)
        var done: [(who: Int, turn: UInt64)] = []
        for who in 0..<5 {
            turns.wait {
                done.append((who, reactor.turnNumber))
                turns.took(100 << 20)
            }
        }
        for _ in 0..<10 { try reactor.runTurn(timeout: .milliseconds(1)) }
        #expect(done.map(\.who) == [0, 1, 2, 3, 4])
        #expect(Set(done.map(\.turn)).count == 5, "each took more than a turn's share")
        let hasRoom = turns.hasRoom
        turns.took(100 << 20)
        #expect(hasRoom && !turns.hasRoom)
    }

    @Test func `many small ones go on in the same turn`() throws {
        let reactor = try Reactor()
        defer { reactor.shutDown() }
        let turns = AnswerTurns(reactor)
        var done: Set<UInt64> = []
        for _ in 0..<5 {
            turns.wait {
                done.insert(reactor.turnNumber)
                turns.took(1_000)
            }
        }
        for _ in 0..<3 { try reactor.runTurn(timeout: .milliseconds(1)) }
        #expect(done.count == 1)
    }

    @Test func `lists go on a few at a time, and those that left the line are passed over`() throws
    {
        let reactor = try Reactor()
        defer { reactor.shutDown() }
        let gate = ListGate(reactor)
        var begun: [Int] = []
        let tickets = (0..<5_000).map { who in
            gate.enter({ begun.append(who) }, cut: {})
        }
        try reactor.runTurn(timeout: .zero)
        #expect(begun == Array(0..<ListGate.activeMax))
        for ticket in tickets[ListGate.activeMax..<4_990] { gate.leave(ticket) }
        // Once more changes nothing.
        for ticket in tickets[100..<200] { gate.leave(ticket) }
        for ticket in tickets[..<ListGate.activeMax] { gate.leave(ticket) }
        for _ in 0..<3 { try reactor.runTurn(timeout: .milliseconds(1)) }
        #expect(begun.dropFirst(ListGate.activeMax) == Array(4_990..<4_998)[...])
        for ticket in tickets[4_990..<4_998] { gate.leave(ticket) }
        for _ in 0..<3 { try reactor.runTurn(timeout: .milliseconds(1)) }
        #expect(begun.suffix(2) == [4_998, 4_999])
    }
}
