// SPDX-License-Identifier: Apache-2.0
internal import Bytes
internal import Posix
internal import TestKit
internal import Testing

@testable internal import Net

/// Connections to one reactor whose receivers say who was served, in order.
private final class Crowd {
    let reactor: Reactor
    private var near: [Connection] = []
    private(set) var far: [Connection] = []
    private let ends = Recorder()
    /// Who was served, by number, in order.
    private(set) var served: [Int] = []
    private(set) var ended = 0
    /// How long each service, and each end, takes.
    var workTime = Duration.zero
    /// How many requests each brings.
    var requestCount = 0

    /// `session` gives what stands between a connection's bytes and the wire.
    init(
        _ count: Int, session: (Crowd, Int) -> (any TransportSession)? = { _, _ in nil }
    ) throws {
        reactor = try Reactor()
        var taken: [Socket] = []
        let listener = try Listener(on: reactor, addresses: [.loopback(port: 0)]) {
            taken.append($0)
        }
        let dialer = try Dialer(on: reactor)
        for number in 0..<count {
            var dialled: Socket?
            dialer.dial(listener.addresses[0], timeout: .seconds(10)) { result in
                dialled = try? result.get()
            }
            try reactor.turn(until: "connected") { dialled != nil && taken.count == number + 1 }
            guard let dialled else { throw TestFailure("no socket") }
            near.append(try Connection(on: reactor, socket: dialled, delegate: ends))
            far.append(try server(taken[number], number, session(self, number)))
        }
        listener.close()
    }

    deinit {
        reactor.shutDown()
    }

    private func server(
        _ socket: Socket, _ number: Int, _ session: (any TransportSession)?
    ) throws -> Connection {
        let end = Recorder()
        end.onReceived = { [unowned self] _, _ in
            for _ in 0..<self.requestCount { self.far[number].chargeRequest() }
            self.note(number)
        }
        end.onInputEnded = { [unowned self] in
            self.ended += 1
            self.work()
        }
        let connection = try Connection(
            on: reactor, socket: socket, session: session, delegate: end)
        // What is charged stays charged, however long the test takes.
        connection.share = ReadShare(10...10, time: .seconds(1), lightPart: 1_000_000_000)
        return connection
    }

    func note(_ number: Int) {
        served.append(number)
        work()
    }

    func work() {
        let end = MonotonicClock.now + workTime
        while MonotonicClock.now < end {}
    }

    /// They leave, all at once.
    func leave(_ numbers: Range<Int>) {
        for number in numbers { near[number].close() }
    }

    func makeHeavy(_ numbers: Range<Int>, requests: Int = 1_000) {
        for number in numbers {
            for _ in 0..<requests { far[number].chargeRequest() }
        }
    }

    /// Each of them has `count` bytes to read from now on.
    func send(_ numbers: [Int], count: Int) throws {
        for number in numbers { near[number].write([UInt8](repeating: 1, count: count)) }
        // They leave at the end of a turn in which nobody listens.
        for connection in far { connection.pauseReading() }
        try reactor.turn(until: "sent") { near.allSatisfy { $0.pendingBytes == 0 } }
        for connection in far { connection.resumeReading() }
        served = []
    }

    /// Ten bytes more, in the turn that comes.
    func sendMore(_ number: Int) throws {
        near[number].write([UInt8](repeating: 1, count: 10))
    }

    func turn() throws -> [Int] {
        served = []
        try reactor.runTurn(timeout: .milliseconds(100))
        return served
    }
}

/// A handshake that never ends, and whose every message is a millisecond of arithmetic.
private final class EndlessHandshake: TransportSession {
    let heard: () -> Void
    let answered: () -> Void
    private var answers: [[UInt8]] = []

    init(_ heard: @escaping () -> Void, answered: @escaping () -> Void) {
        (self.heard, self.answered) = (heard, answered)
    }

    func receive(_ wire: UnsafeRawBufferPointer) {
        answers.append([1])
        heard()
    }

    func read(into buffer: UnsafeMutableRawBufferPointer) -> Int { 0 }
    func write(_ plain: [UInt8]) {}
    var pendingBytes: Int { 0 }
    func endOutput() {}
    var hasOutput: Bool { !answers.isEmpty }
    func takeOutput() -> [[UInt8]] {
        if answers.isEmpty { return [] }
        answered()
        defer { answers = [] }
        return answers
    }
    var isHandshaking: Bool { true }
    var isInputOver: Bool { false }
}

struct HeavyTurnsTests {
    @Test func `who had much time of late waits behind the others`() throws {
        let crowd = try Crowd(4)
        crowd.makeHeavy(0..<3)
        try crowd.send([0, 1, 2, 3], count: 10)
        #expect(try crowd.turn().first == 3)
    }

    @Test func `heavy ones take turns, however much each has to say`() throws {
        let crowd = try Crowd(4)
        crowd.makeHeavy(0..<3)
        // Longer than any budget: one of them in each turn.
        crowd.workTime = .milliseconds(3)
        try crowd.send([0, 1, 2], count: 40)
        var order: [Int] = []
        for _ in 0..<12 {
            let served = try crowd.turn()
            #expect(served.count == 1)
            order += served
        }
        #expect(order.count == 12)
        for begin in stride(from: 0, to: 12, by: 3) {
            #expect(Set(order[begin..<begin + 3]) == [0, 1, 2], "\(order)")
        }
        #expect(try crowd.turn().isEmpty)
    }

    @Test func `a light one waits for one heavy one at most`() throws {
        let crowd = try Crowd(6)
        crowd.makeHeavy(0..<5)
        crowd.workTime = .milliseconds(3)
        try crowd.send([0, 1, 2, 3, 4], count: 100)
        _ = try crowd.turn()
        for _ in 0..<5 {
            try crowd.sendMore(5)
            // Sent at the end of this turn, served in the next, before the heavy one of that.
            let during = try crowd.turn()
            let after = try crowd.turn()
            #expect(during.filter { $0 == 5 }.count + after.filter { $0 == 5 }.count == 1)
            if !during.contains(5) { #expect(after.first == 5, "\(during) \(after)") }
            #expect(during.count <= 2 && after.count <= 2)
        }
    }

    /// Many that come at once, as new ones do: none of them is heavy yet.
    @Test func `those who are nearly heavy do not make a turn long for one who is not`() throws {
        let crowd = try Crowd(21)
        crowd.makeHeavy(0..<20, requests: 150)
        crowd.requestCount = 10
        try crowd.send(Array(0..<21), count: 10)
        let first = try crowd.turn()
        #expect(first.contains(20))
        #expect(first.count < 10, "\(first)")
        var all = first
        for _ in 0..<20 { all += try crowd.turn() }
        #expect(all.sorted() == Array(0..<21))
    }

    @Test func `those who leave together take turns`() throws {
        let crowd = try Crowd(21)
        crowd.workTime = .milliseconds(1)
        crowd.leave(0..<20)
        var turns = 0
        while crowd.ended < 20, turns < 100 {
            let before = crowd.ended
            try crowd.sendMore(20)
            _ = try crowd.turn()
            #expect(crowd.ended - before <= 2)
            turns += 1
        }
        #expect(crowd.ended == 20)
    }

    @Test func `a door waits behind who is there, and opens at once where nobody is`() throws {
        for isShared in [true, false] {
            let crowd = try Crowd(1)
            var taken = 0
            crowd.workTime = .milliseconds(1)
            let listener = try Listener(on: crowd.reactor, addresses: [.loopback(port: 0)]) {
                taken += 1
                $0.close()
                crowd.work()
            }
            if isShared {
                try crowd.sendMore(0)
                while try crowd.turn().isEmpty {}
            }
            // The kernel connects them without a word of the reactor.
            let address = listener.addresses[0]
            let sockets = try (0..<5).map { _ in try Socket.connect(to: address).socket }
            var largest = 0
            for _ in 0..<100 where taken < 5 {
                let before = taken
                if isShared { try crowd.sendMore(0) }
                _ = try crowd.turn()
                largest = max(largest, taken - before)
            }
            #expect(taken == 5)
            #expect(isShared ? largest == 1 : largest > 1)
            for socket in sockets { socket.close() }
            listener.close()
        }
    }

    @Test func `handshakes and their answers come one by one behind who is there`() throws {
        let crowd = try Crowd(6) { crowd, number in
            number == 5
                ? nil
                : EndlessHandshake {
                    [unowned crowd] in
                    crowd.note(number)
                } answered: {
                    [unowned crowd] in
                    crowd.note(10 + number)
                }
        }
        crowd.workTime = .milliseconds(1)
        try crowd.sendMore(5)
        while try !crowd.turn().contains(5) {}
        for number in 0..<5 { try crowd.sendMore(number) }
        var done: [Int] = []
        for _ in 0..<40 where done.count < 10 {
            try crowd.sendMore(5)
            let served = try crowd.turn().filter { $0 != 5 }
            #expect(served.count <= 1)
            done += served
        }
        #expect(done.sorted() == Array(0..<5) + Array(10..<15))
    }

    /// Each of them costs next to nothing.
    @Test func `pieces of hundreds of requests do not make a turn long for one who is served`()
        throws
    {
        let crowd = try Crowd(41)
        crowd.workTime = .microseconds(100)
        for _ in 0..<20 {
            // Its own requests come to their end.
            try crowd.send(Array(0..<41), count: 10)
            crowd.far[40].chargeRequest()
            while try !crowd.turn().isEmpty {}
        }
        try crowd.send(Array(0..<40), count: 10)
        try crowd.sendMore(40)
        var served: [Int] = []
        while served.count < 41 {
            let turn = try crowd.turn()
            #expect(turn.count <= 5)
            if turn.isEmpty { break }
            served += turn
        }
        #expect(served.sorted() == Array(0..<41))
        #expect(served.firstIndex(of: 40).map { $0 < 10 } == true, "\(served)")
    }

    @Test func `what comes after the end is thrown away, and reading it has its price`() throws {
        let crowd = try Crowd(1)
        let connection = crowd.far[0]
        connection.closeAfterFlush()
        try crowd.send([0], count: 5_000)
        for _ in 0..<520 where connection.share?.isHeavy(at: crowd.reactor.now) == false {
            #expect(try crowd.turn().isEmpty)
        }
        #expect(connection.share?.isHeavy(at: crowd.reactor.now) == true)
    }

    @Test func `two who are served in turns are a crowd, one is none`() {
        let (one, other) = (ObjectIdentifier(Recorder.self), ObjectIdentifier(Crowd.self))
        let start = Instant(nanoseconds: 1_000_000_000)
        var turns = HeavyTurns()
        turns.noteLight(one, at: start)
        turns.noteLight(one, at: start + .milliseconds(1))
        #expect(!turns.hasLightCrowd(at: start + .milliseconds(1)))
        turns.noteLight(other, at: start + .milliseconds(2))
        #expect(turns.hasLightCrowd(at: start + .milliseconds(3)))
        for at in 3..<200 { turns.noteLight(other, at: start + .milliseconds(Int64(at))) }
        #expect(!turns.hasLightCrowd(at: start + .milliseconds(200)))
    }

    @Test func `a turn is long by prices or by the clock`() {
        let start = Instant(nanoseconds: 1_000_000_000)
        var turns = HeavyTurns()
        turns.beginLight(at: start)
        #expect(!turns.lightIsLong(at: start + .microseconds(100)))
        #expect(turns.lightIsLong(at: start + .microseconds(200)))
        turns.chargeLight(.microseconds(200))
        #expect(turns.lightIsLong(at: start))
        turns.beginLight(at: start)
        #expect(!turns.lightIsLong(at: start))
    }

    @Test func `a turn without them may be as long as it takes`() throws {
        let crowd = try Crowd(21)
        crowd.requestCount = 10
        try crowd.send(Array(0..<21), count: 10)
        #expect(try crowd.turn().count == 21)
    }

    @Test func `who has just come has no burst saved, and saves one as time passes`() {
        let start = Instant(nanoseconds: 1_000_000_000)
        var share = ReadShare(1_000...64_000, time: .milliseconds(1), newAt: start)
        #expect(!share.isHeavy(at: start))
        share.chargeRequest(at: start)
        #expect(share.isHeavy(at: start))
        #expect(!share.isHeavy(at: start + .microseconds(129)), "one request a sixteenth")
        let later = start + .milliseconds(40)
        for _ in 0..<200 { share.chargeRequest(at: later) }
        #expect(!share.isHeavy(at: later))
    }

    @Test func `an account is settled in time`() {
        var share = ReadShare(1_000...64_000, time: .milliseconds(1))
        let start = Instant(nanoseconds: 1_000_000_000)
        #expect(!share.isHeavy(at: start))
        share.charge(1_900_000, at: start)
        #expect(!share.isHeavy(at: start), "a burst is nothing")
        for _ in 0..<100 { share.charge(400_000, at: start) }
        #expect(share.isHeavy(at: start + .milliseconds(287)))
        #expect(!share.isHeavy(at: start + .milliseconds(289)), "who stops is light again")
        // A sixteenth of the time, for ever.
        var now = start + .seconds(1)
        for _ in 0..<1_000 {
            now = now + .milliseconds(8)
            share.charge(500_000, at: now)
            #expect(!share.isHeavy(at: now))
        }
        for _ in 0..<1_000 {
            now = now + .milliseconds(4)
            share.charge(500_000, at: now)
        }
        #expect(share.isHeavy(at: now))
    }

    @Test func `requests cost more than bytes`() {
        var (small, large) = (
            ReadShare(1_000...64_000, time: .milliseconds(1)),
            ReadShare(1_000...64_000, time: .milliseconds(1))
        )
        let now = Instant(nanoseconds: 1_000_000_000)
        for _ in 0..<250 {
            small.chargeRequest(at: now)
            large.chargeRead(4_000, at: now)
        }
        small.chargeRead(64_000, at: now)
        #expect(small.isHeavy(at: now) && !large.isHeavy(at: now))
    }

    @Test func `reading gets less where much comes of it, and more again`() {
        var turns = HeavyTurns()
        let start = Instant(nanoseconds: 1_000_000_000)
        let alone = turns.beginTurn(at: start).all
        turns.endTurn(.seconds(1))
        #expect(turns.beginTurn(at: start).all == alone, "there is nobody to wait")
        turns.noteLight(ObjectIdentifier(Recorder.self), at: start)
        let first = turns.beginTurn(at: start).all
        #expect(first < alone)
        turns.endTurn(.milliseconds(1))
        let second = turns.beginTurn(at: start).all
        #expect(second < first)
        for _ in 0..<100 {
            _ = turns.beginTurn(at: start)
            turns.endTurn(.milliseconds(1))
        }
        #expect(turns.beginTurn(at: start).all > .zero)
        for _ in 0..<100 {
            _ = turns.beginTurn(at: start)
            turns.endTurn(.microseconds(1))
        }
        #expect(turns.beginTurn(at: start).all == first)
        #expect(turns.beginTurn(at: start + .seconds(2)).all == alone)
    }
}
