// SPDX-License-Identifier: Apache-2.0
import Bytes
import Testing

@testable import Controllers

@Suite struct WorkQueueTests {
    private func queue() -> WorkQueue<String> {
        WorkQueue(backoff: Backoff(first: .milliseconds(100), longest: .seconds(60)), seed: 3)
    }

    @Test func `a key waits once, and comes in its turn`() {
        var queue = queue()
        for key in ["a", "b", "a", "c", "b"] { queue.add(key) }
        #expect(queue.depth == 3)
        #expect((0..<4).map { _ in queue.next(now: at(0)) } == ["a", "b", "c", nil])
    }

    @Test func `a key is with one worker at a time`() {
        var queue = queue()
        queue.add("a")
        #expect(queue.next(now: at(0)) == "a")
        queue.add("a")
        queue.add("a")
        #expect(queue.next(now: at(0)) == nil)
        queue.add("b")
        queue.done("a")
        // What was there before goes first.
        #expect(queue.next(now: at(0)) == "b")
        #expect(queue.next(now: at(0)) == "a")
        queue.done("a")
        #expect(queue.next(now: at(0)) == nil)
    }

    @Test func `one busy key does not starve the others`() {
        var queue = queue()
        for key in ["a", "b", "c"] { queue.add(key) }
        var served: [String] = []
        for _ in 0..<9 {
            guard let key = queue.next(now: at(0)) else { break }
            served.append(key)
            queue.add(key)
            queue.done(key)
        }
        #expect(served == ["a", "b", "c", "a", "b", "c", "a", "b", "c"])
    }

    @Test func `of two appointments the earlier counts`() {
        var queue = queue()
        queue.add("a", at: at(10))
        queue.add("a", at: at(5))
        queue.add("a", at: at(20))
        #expect(queue.nextAppointment == at(5))
        #expect(queue.next(now: at(4)) == nil)
        #expect(queue.next(now: at(5)) == "a")
        queue.done("a")
        #expect(queue.next(now: at(100)) == nil)
        #expect(queue.delayedCount == 0)
    }

    @Test func `failures of a key wait longer until it is forgotten`() {
        var queue = queue()
        let waits = (0..<12).map { _ in queue.retry("a", now: at(0)) }
        #expect(waits[0] >= .milliseconds(100) && waits[0] <= .milliseconds(120))
        #expect(waits[5] > waits[2] && waits[11] == .seconds(60))
        #expect(queue.retry("b", now: at(0)) <= .milliseconds(120))
        queue.forget("a")
        #expect(queue.retry("a", now: at(0)) <= .milliseconds(120))
    }

    @Test func `any order of calls serves every key and none twice at a time`() {
        for seed in UInt64(1)...50 {
            var random = Random(seed: seed)
            var held: Set<Int> = []
            var wanted: Set<Int> = []
            var now = 0.0
            var queue = WorkQueue<Int>(
                backoff: Backoff(first: .milliseconds(10), longest: .seconds(1)), seed: seed)
            for _ in 0..<500 {
                now += Double(random.below(100)) / 1000
                let key = random.below(8)
                switch random.below(4) {
                case 0:
                    queue.add(key)
                    wanted.insert(key)
                case 1:
                    queue.retry(key, now: at(now))
                    wanted.insert(key)
                case 2:
                    if let key = queue.next(now: at(now)) {
                        #expect(held.insert(key).inserted, "seed \(seed)")
                        wanted.remove(key)
                    }
                default:
                    if let key = held.min() {
                        held.remove(key)
                        queue.done(key)
                    }
                }
            }
            for key in held.sorted() { queue.done(key) }
            while let key = queue.next(now: at(now + 10)) {
                wanted.remove(key)
                queue.done(key)
            }
            #expect(wanted.isEmpty, "seed \(seed)")
        }
    }
}
