// SPDX-License-Identifier: Apache-2.0
import Bytes
import EtcdAPI
import Testing

@testable import NodeCore

/// A turn tells watchers no more than its budget allows; others are served in between.
@Suite struct WatchBudgetTests {
    /// A member whose turns tell watchers ten things, and a hundred watchers of one key.
    private struct Hall {
        let cluster: Cluster
        let member: TestMember
        let streams: [StreamNumber]

        init(burst: Int = 10, least: Int? = nil, bytes: Int = 1 << 20) {
            cluster = Cluster(1) { settings in
                settings.watchPace = WatchPace(burst: burst, least: least ?? burst, bytes: bytes)
            }
            .ready()
            let member = cluster.first
            self.member = member
            let cluster = cluster
            streams = (0..<100).map { _ in cluster.open(member) }
            for stream in streams {
                cluster.watch(member, stream, WatchCreateRequest(key: NodeCoreTests.bytes("hot")))
                _ = cluster.responses(member, stream)
            }
        }

        /// One turn, and whether there is more to do.
        func turn(again: Bool = false) -> Bool {
            let isBusy = member.node.endTurn(
                now: cluster.now, outputs: &member.outputs, again: again)
            cluster.carryOut(member)
            return isBusy
        }

        func put() { _ = cluster.begin(member, .put("hot")) }

        /// How many events each has had since the last time.
        func counts() -> [Int] {
            streams.map { stream in
                cluster.responses(member, stream).reduce(0) { $0 + $1.events.count }
            }
        }
    }

    @Test func `what is beyond the budget comes in the turns that follow, once and to all`() {
        let hall = Hall()
        hall.put()
        // The entry is applied in the turn after it was written.
        _ = hall.turn()
        var turns = 0
        var isBusy = true
        var total = Array(repeating: 0, count: 100)
        while isBusy {
            isBusy = hall.turn()
            let counts = hall.counts()
            // Ten that are news, ten that are history.
            #expect(counts.reduce(0, +) <= 20)
            for (place, count) in counts.enumerated() { total[place] += count }
            turns += 1
        }
        #expect(turns >= 5)
        #expect(total.allSatisfy { $0 == 1 }, "\(total)")
        #expect(hall.member.node.slowWatcherCount == 0)
    }

    @Test func `nobody is passed over while events go on`() {
        let hall = Hall()
        var total = Array(repeating: 0, count: 100)
        var last = Array(repeating: 0, count: 100)
        for turn in 0..<200 {
            hall.put()
            _ = hall.turn()
            for (place, count) in hall.counts().enumerated() where count > 0 {
                total[place] += count
                last[place] = turn
            }
        }
        #expect(last.allSatisfy { $0 >= 180 }, "\(last)")
        hall.cluster.settle()
        for (place, count) in hall.counts().enumerated() { total[place] += count }
        #expect(total.allSatisfy { $0 == 200 }, "\(total)")
    }

    @Test func `large events spend the budget, too`() {
        let hall = Hall(burst: 1_000, bytes: 100)
        hall.put()
        _ = hall.turn()
        _ = hall.turn()
        let first = hall.counts().reduce(0, +)
        #expect(first > 0 && first < 10)
        hall.cluster.settle()
        #expect(hall.counts().reduce(first, +) == 100)
    }

    @Test func `what is beyond four kibibytes in a response counts three times`() {
        var budget = WatchPace(burst: 100, least: 100, bytes: 30_000).budget(of: 100)
        for _ in 0..<7 { budget.spend([UInt8](repeating: 0, count: 4_096)) }
        #expect(!budget.isSpent)
        budget.spend([UInt8](repeating: 0, count: 4_096))
        #expect(budget.isSpent)
        var large = WatchPace(burst: 100, least: 100, bytes: 30_000).budget(of: 100)
        large.spend([UInt8](repeating: 0, count: 10_000))
        #expect(large.bytes == 30_000 - 4_096 - 3 * 5_904)
        #expect(!large.isSpent)
        large.spend([UInt8](repeating: 0, count: 10_000))
        #expect(large.isSpent)
    }

    @Test func `history comes in pieces of which several watchers have room in a turn`() {
        let hall = Hall(burst: 1_000, bytes: 8_000)
        let first = hall.streams[0]
        hall.member.node.receive(
            .watchBlocked(first), now: hall.cluster.now, outputs: &hall.member.outputs)
        for _ in 0..<40 {
            _ = hall.cluster.begin(hall.member, .put("hot", String(repeating: "v", count: 400)))
        }
        hall.cluster.settle()
        _ = hall.counts()
        hall.member.node.receive(
            .watchDrained(first), now: hall.cluster.now, outputs: &hall.member.outputs)
        var sizes: [Int] = []
        while hall.turn() || sizes.isEmpty {
            sizes += hall.cluster.responses(hall.member, first).map { $0.encoded().count }
        }
        sizes += hall.cluster.responses(hall.member, first).map { $0.encoded().count }
        #expect(sizes.count >= 8, "\(sizes)")
        #expect(sizes.allSatisfy { $0 < 2_600 }, "\(sizes)")
    }

    @Test func `a burst goes out at once, and then so much as the time that passes allows`() {
        let hall = Hall(burst: 50, least: 5)
        hall.put()
        _ = hall.turn()
        _ = hall.turn()
        let begin = hall.counts().reduce(0, +)
        #expect(begin >= 50 && begin <= 60, "\(begin)")
        _ = hall.turn()
        #expect(hall.counts().reduce(0, +) == 5)
        hall.cluster.now = hall.cluster.now + WatchPace.interval * 12
        _ = hall.turn()
        #expect(hall.counts().reduce(0, +) == 12)
        hall.cluster.settle()
        #expect(hall.member.node.slowWatcherCount == 0)
    }

    @Test func `a turn that is ended again tells no more than was left`() {
        let hall = Hall()
        hall.put()
        _ = hall.turn()
        _ = hall.turn()
        _ = hall.counts()
        for _ in 0..<5 {
            #expect(hall.turn(again: true))
            #expect(hall.counts().reduce(0, +) == 0)
        }
        #expect(hall.turn())
        #expect(hall.counts().reduce(0, +) == 10)
    }
}
