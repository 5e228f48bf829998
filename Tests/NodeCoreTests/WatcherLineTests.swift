// SPDX-License-Identifier: Apache-2.0
import Bytes
import MVCC
import Testing

@testable import NodeCore

/// Lines of watchers that read history, beside a plain list.
@Suite struct WatcherLineTests {
    private static let current: Int64 = 10

    private static func room(_ count: Int64) -> Watches {
        var watches = Watches(fragmentLimit: 1 << 20)
        watches.open(1, requiresLeader: false)
        for id in 0..<count { add(id, &watches) }
        return watches
    }

    private static func add(_ id: Int64, _ watches: inout Watches) {
        let wish = WatchWish(
            range: KeyRange(key: bytes("a")), wantsPrevious: false, dropsPuts: false,
            dropsDeletes: false)
        let watcher = Watcher(
            stream: 1, id: id, fragments: false, notifiesProgress: false, start: 1, next: 1)
        watches.add(watcher, wanting: wish, current: current)
    }

    private static func line(_ watches: Watches) -> [Int64] {
        var ids: [Int64] = []
        var place = 0
        while let next = watches.nextBehind(after: place) {
            if let id = watches.slots[next.slot]?.id { ids.append(id) }
            place = next.place + 1
        }
        return ids
    }

    @Test func `who leaves takes no place from the others, and may come again`() {
        var watches = Self.room(400)
        var expected = Array(0..<Int64(400))
        var random = Random(seed: 4)
        for round in 0..<2_000 {
            if random.chance(percent: 60), !expected.isEmpty {
                let id = expected.remove(at: random.below(expected.count))
                watches.remove(1, id)
            } else {
                let id = Int64(400 + round)
                Self.add(id, &watches)
                expected.append(id)
            }
            if round % 100 == 0 { #expect(Self.line(watches) == expected) }
            #expect(watches.inLineCount == expected.count)
        }
        #expect(Self.line(watches) == expected)
    }

    @Test func `those who were served stand at the end, or are level`() {
        var watches = Self.room(6)
        watches.remove(1, 1)
        guard let first = watches.nextBehind(after: 0),
            let second = watches.nextBehind(after: first.place + 1)
        else {
            Issue.record("nobody is in line")
            return
        }
        watches.advance(first.slot, next: Self.current + 1)
        watches.advance(second.slot, next: 5)
        watches.joinLevel(current: Self.current, served: second.place + 1)
        #expect(Self.line(watches) == [3, 4, 5, 2])
        #expect(watches.behindCount == 4)
    }

    @Test func `a stream that is shut keeps its own in order`() {
        var watches = Self.room(5)
        watches.setBlocked(1, true)
        watches.joinLevel(current: Self.current, served: .max)
        #expect(watches.inLineCount == 0)
        #expect(watches.behindCount == 5)
        watches.remove(1, 2)
        #expect(watches.behindCount == 4)
        watches.setBlocked(1, false)
        #expect(Self.line(watches) == [0, 1, 3, 4])
        watches.setBlocked(1, true)
        watches.joinLevel(current: Self.current, served: .max)
        watches.close(1)
        #expect(watches.behindCount == 0)
        #expect(watches.watcherCount == 0)
    }
}
