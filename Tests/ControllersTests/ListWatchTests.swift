// SPDX-License-Identifier: Apache-2.0
import Bytes
import Kube
import Testing

@testable import Controllers

@Suite struct ListWatchTests {
    private func listed(_ pods: [KubeObject] = [], _ version: String = "5") -> ListWatch {
        var machine = ListWatch(.pod, namespace: "ns", seed: 1)
        _ = machine.listed(KubeList(items: pods, resourceVersion: version), now: at(0))
        return machine
    }

    private func request(_ step: ListWatch.Step) -> KubeRequest? {
        switch step {
        case .list(let request), .watch(let request): request
        case .wait: nil
        }
    }

    private func isList(_ step: ListWatch.Step) -> Bool {
        if case .list = step { true } else { false }
    }

    @Test func `a list comes in pages and is told at its end`() {
        var machine = ListWatch(.pod, namespace: "ns", pageSize: 1, seed: 1)
        #expect(request(machine.step(now: at(0)))?.query("limit") == "1")
        let first = KubeList(items: [pod("a", 1)], resourceVersion: "5", continueToken: "t")
        #expect(machine.listed(first, now: at(0)).isEmpty)
        #expect(!machine.isSynced)
        #expect(request(machine.step(now: at(0)))?.query("continue") == "t")
        let last = KubeList(items: [pod("b", 2)], resourceVersion: "6")
        #expect(machine.listed(last, now: at(0)).map(\.key.name) == ["a", "b"])
        #expect(machine.isSynced)
        // The version of the first page: what changed since is watched.
        #expect(request(machine.step(now: at(0)))?.query("resourceVersion") == "5")
    }

    @Test func `events change the cache and where the next watch begins`() {
        var machine = listed([pod("a", 1)])
        machine.watchStarted(now: at(0))
        #expect(machine.received(.modified(pod("a", 7)), now: at(1))?.old == pod("a", 1))
        #expect(machine.received(.added(pod("b", 8)), now: at(1))?.old == nil)
        #expect(machine.received(.deleted(pod("b", 9)), now: at(1))?.new == nil)
        let mark = WatchEvent.bookmark(resourceVersion: "20", initialEventsEnd: false)
        #expect(machine.received(mark, now: at(2)) == nil)
        machine.watchEnded(now: at(300))
        let step = machine.step(now: at(300))
        #expect(request(step)?.query("watch") == "true")
        #expect(request(step)?.query("resourceVersion") == "20")
    }

    @Test func `after 410 a new list tells what was missed`() {
        var machine = listed([pod("a", 1), pod("b", 2)])
        machine.watchStarted(now: at(0))
        #expect(machine.received(.error(.tooOld(5, current: 90)), now: at(10)) == nil)
        #expect(machine.received(.added(pod("late", 91)), now: at(10)) == nil)
        machine.watchEnded(now: at(10))
        guard case .wait(let time) = machine.step(now: at(10)) else {
            Issue.record("no wait")
            return
        }
        #expect(isList(machine.step(now: time)))
        let list = KubeList(items: [pod("b", 50), pod("c", 60)], resourceVersion: "90")
        let changes = machine.listed(list, now: time)
        #expect(changes.map(\.key.name) == ["a", "b", "c"])
        #expect(changes.map { $0.new == nil } == [true, false, false])
        #expect(machine.listCount == 2)
        #expect(request(machine.step(now: time))?.query("resourceVersion") == "90")
    }

    @Test func `pages that expire under way are asked for at once`() {
        var machine = ListWatch(.pod, pageSize: 1, seed: 1)
        let first = KubeList(items: [pod("a", 1)], resourceVersion: "5", continueToken: "t")
        _ = machine.listed(first, now: at(0))
        machine.failed(.refused(.expired()), now: at(0))
        let again = request(machine.step(now: at(60)))
        #expect(again?.query("limit") == nil && again?.query("continue") == nil)
        let all = KubeList(items: [pod("b", 2)], resourceVersion: "8")
        #expect(machine.listed(all, now: at(60)).map(\.key.name) == ["b"])
    }

    @Test func `failures wait longer and longer, and as long as the server says`() {
        var machine = listed()
        var waits: [Duration] = []
        var now = at(0)
        for _ in 0..<10 {
            machine.failed(.unreachable("no route"), now: now)
            guard case .wait(let time) = machine.step(now: now) else { break }
            waits.append(time - now)
            now = time
        }
        #expect(waits.count == 10)
        #expect(waits[0] < .seconds(1) && waits[3] > waits[1] && waits[9] <= .seconds(30))
        #expect(waits[9] > .seconds(20))
        machine.failed(.refused(.tooManyRequests("busy", retryAfter: 120)), now: now)
        #expect(machine.step(now: now) == .wait(until: now + .seconds(120)))
    }

    @Test func `a watch that ends at once is not asked for in a loop`() {
        var machine = listed()
        machine.watchStarted(now: at(1))
        machine.watchEnded(now: at(1.1))
        guard case .wait = machine.step(now: at(1.1)) else {
            Issue.record("no wait")
            return
        }
    }
}
