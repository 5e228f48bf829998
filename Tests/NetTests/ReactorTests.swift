// SPDX-License-Identifier: Apache-2.0
internal import Bytes
internal import Glibc
internal import Net
internal import Posix
internal import TestKit
internal import Testing

struct ReactorTests {
    @Test func `timers run in the order of their deadlines, then of their setting`() throws {
        let reactor = try Reactor()
        defer { reactor.shutDown() }
        var order: [Int] = []
        reactor.after(.milliseconds(20)) { order.append(3) }
        reactor.after(.milliseconds(5)) { order.append(1) }
        let cancelled = reactor.after(.milliseconds(6)) { order.append(99) }
        reactor.after(.milliseconds(10)) { order.append(2) }
        reactor.after(.zero) { order.append(0) }
        reactor.cancel(cancelled)
        reactor.cancel(cancelled)
        try reactor.turn(until: "all") { order.count == 4 }
        #expect(order == [0, 1, 2, 3])
    }

    @Test func `a timer never comes early`() throws {
        let reactor = try Reactor()
        defer { reactor.shutDown() }
        for delay in [1, 3, 7] {
            let start = MonotonicClock.now
            var hasRun = false
            reactor.after(.milliseconds(delay)) { hasRun = true }
            try reactor.turn(until: "run") { hasRun }
            #expect(MonotonicClock.now - start >= .milliseconds(delay))
        }
    }

    @Test func `a repeating timer repeats until it cancels itself`() throws {
        let reactor = try Reactor()
        defer { reactor.shutDown() }
        var count = 0
        var timer: TimerID?
        timer = reactor.every(.milliseconds(1)) {
            count += 1
            if count == 3, let timer { reactor.cancel(timer) }
        }
        try reactor.turn(until: "three") { count == 3 }
        var isOver = false
        reactor.after(.milliseconds(10)) { isOver = true }
        try reactor.turn(until: "over") { isOver }
        #expect(count == 3)
    }

    @Test func `hooks hear in the same turn of what a later hook or a flush has led to`() throws {
        let reactor = try Reactor()
        defer { reactor.shutDown() }
        var isWanted = false
        var seen = 0
        reactor.atTurnEnd { if isWanted { seen += 1 } }
        reactor.atTurnEnd {
            guard !isWanted else { return }
            isWanted = true
            reactor.roundAgain()
        }
        try reactor.runTurn(timeout: .zero)
        #expect(seen == 1)
        // Nothing has happened since: no more rounds.
        try reactor.runTurn(timeout: .zero)
        #expect(seen == 2)
    }

    @Test func `hooks that always want another round do not hold the turn, nor let it sleep`()
        throws
    {
        let reactor = try Reactor()
        defer { reactor.shutDown() }
        var rounds = 0
        reactor.atTurnEnd {
            rounds += 1
            if rounds < 100 { reactor.roundAgain() }
        }
        try reactor.runTurn(timeout: .zero)
        let first = rounds
        #expect((1..<100).contains(first))
        // Waits for ever where that is forgotten.
        try reactor.runTurn(timeout: nil)
        #expect(rounds > first)
    }

    @Test func `a timer that sets a timer at once does not hold the turn`() throws {
        let reactor = try Reactor()
        defer { reactor.shutDown() }
        var count = 0
        func again() {
            count += 1
            reactor.after(.zero) { again() }
        }
        again()
        try reactor.runTurn(timeout: .zero)
        try reactor.runTurn(timeout: .zero)
        #expect(count <= 3)
    }

    @Test func `soon runs in this turn, and hooks after it until nothing is new`() throws {
        let reactor = try Reactor()
        defer { reactor.shutDown() }
        var trace: [String] = []
        var asked = 0
        reactor.atTurnEnd {
            trace.append("hook")
            asked += 1
            if asked == 1 { reactor.soon { trace.append("soon 2") } }
        }
        reactor.soon { trace.append("soon 1") }
        try reactor.runTurn(timeout: .zero)
        #expect(trace == ["soon 1", "hook", "soon 2", "hook"])
    }

    @Test func `hooks that always cause work do not hold the turn for ever`() throws {
        let reactor = try Reactor()
        defer { reactor.shutDown() }
        var count = 0
        reactor.atTurnEnd { reactor.soon { count += 1 } }
        try reactor.runTurn(timeout: .zero)
        #expect(count > 1 && count < 100)
    }

    @Test func `letters from several threads arrive, each thread's in order`() throws {
        let reactor = try Reactor()
        defer { reactor.shutDown() }
        let mailbox = try Mailbox<(Int, Int)>()
        var last = [0, 0, 0, 0]
        var count = 0
        try reactor.attach(mailbox) { letters in
            for (thread, number) in letters {
                #expect(number == last[thread] + 1)
                last[thread] = number
                count += 1
            }
        }
        for thread in 0..<4 {
            try Thread.start(name: "poster") {
                for number in 1...5000 { mailbox.post((thread, number)) }
            }
        }
        try reactor.turn(until: "all letters") { count == 20_000 }
        #expect(last == [5000, 5000, 5000, 5000])
    }

    @Test func `letters wait for a late owner and are dropped after the end`() throws {
        let mailbox = try Mailbox<Int>()
        mailbox.post(1)
        mailbox.post(2)
        let reactor = try Reactor()
        var seen: [Int] = []
        try reactor.attach(mailbox) { seen += $0 }
        try reactor.turn(until: "two") { seen == [1, 2] }
        mailbox.post(3)
        try reactor.turn(until: "three") { seen == [1, 2, 3] }
        reactor.shutDown()
        mailbox.post(4)
        #expect(mailbox.takeAll() == [])
    }

    @Test func `another thread submits work and stops the loop`() throws {
        let reactor = try Reactor()
        let handle = reactor.handle
        let mailbox = try Mailbox<String>()
        try Thread.start(name: "remote") {
            handle.submit { mailbox.post("on the reactor") }
            handle.stop()
        }
        try reactor.run()
        #expect(mailbox.takeAll() == ["on the reactor"])
    }

    @Test func `a reactor lives on its own thread`() throws {
        let mailbox = try Mailbox<ReactorHandle>()
        let thread = try Thread(name: "reactor") {
            guard let reactor = try? Reactor() else { return }
            mailbox.post(reactor.handle)
            try? reactor.run()
        }
        var handles: [ReactorHandle] = []
        try eventually("a handle") {
            handles += mailbox.takeAll()
            return !handles.isEmpty
        }
        handles[0].stop()
        thread.join()
    }

    @Test func `signals reach their handler`() throws {
        let mailbox = try Mailbox<Signal>()
        let thread = try Thread(name: "signals") {
            guard let reactor = try? Reactor(),
                let signals = try? Signals([.terminate, .user2])
            else { return }
            try? reactor.attach(signals) { signal in
                mailbox.post(signal)
                if signal == .terminate { reactor.stop() }
            }
            raise(SIGUSR2)
            reactor.after(.milliseconds(1)) { raise(SIGTERM) }
            try? reactor.run()
        }
        thread.join()
        #expect(mailbox.takeAll() == [.user2, .terminate])
    }
}

struct TimerHeapTests {
    /// Against a plain list, sorted anew for each question.
    @Test(arguments: 1...20)
    func `the heap agrees with a sorted list`(seed: UInt64) {
        var random = Random(seed: seed)
        var heap = TimerHeap<Int>()
        var list: [(deadline: Int64, number: Int, id: TimerID)] = []
        var now: Int64 = 0
        for number in 0..<2000 {
            switch random.below(10) {
            case 0..<5:
                let deadline = now + Int64(random.below(50))
                let id = heap.add(number, at: Instant(nanoseconds: deadline))
                list.append((deadline, number, id))
            case 5..<7 where !list.isEmpty:
                let gone = list.remove(at: random.below(list.count))
                let wasKnown = heap.remove(gone.id)
                let isKnown = heap.remove(gone.id)
                #expect(wasKnown && !isKnown)
            default:
                now += Int64(random.below(10))
                let due = popDue(&heap, now)
                let wanted =
                    list.filter { $0.deadline <= now }
                    .sorted { ($0.deadline, $0.number) < ($1.deadline, $1.number) }
                #expect(due == wanted.map(\.number))
                list.removeAll { $0.deadline <= now }
            }
            #expect(heap.count == list.count)
            #expect(heap.nextDeadline?.nanoseconds == list.map(\.deadline).min())
        }
    }

    private func popDue(_ heap: inout TimerHeap<Int>, _ now: Int64) -> [Int] {
        var due: [Int] = []
        let mark = heap.orderMark
        while let (_, number) = heap.popDue(
            at: Instant(nanoseconds: now), before: mark, keeping: { _ in false })
        {
            due.append(number)
        }
        return due
    }

    @Test func `a hundred thousand timers come and go`() {
        var heap = TimerHeap<Int>()
        var random = Random(seed: 5)
        let ids = (0..<100_000).map { number in
            heap.add(number, at: Instant(nanoseconds: Int64(random.below(1_000_000))))
        }
        for index in stride(from: 0, to: ids.count, by: 2) { heap.remove(ids[index]) }
        #expect(heap.count == 50_000)
        #expect(popDue(&heap, 1_000_000).count == 50_000)
        #expect(heap.count == 0 && heap.nextDeadline == nil)
    }
}
