// SPDX-License-Identifier: Apache-2.0
internal import Bytes
internal import Posix
internal import TestKit
internal import Testing

@testable internal import Net

struct ConnectionTests {
    @Test func `a word is echoed, and both ends learn of the close once`() throws {
        let pair = try Pair()
        pair.farEnd.onReceived = { connection, bytes in connection.write(bytes) }
        pair.near.write(Array("hello".utf8))
        try pair.reactor.turn(until: "echo") { pair.nearEnd.received.count == 5 }
        #expect(pair.nearEnd.received == Array("hello".utf8))
        pair.near.closeAfterFlush()
        try pair.reactor.turn(until: "closed") {
            !pair.nearEnd.reasons.isEmpty && !pair.farEnd.reasons.isEmpty
        }
        #expect(pair.nearEnd.reasons == [.closedHere])
        #expect(pair.farEnd.reasons == [.peerEnded])
        #expect(pair.farEnd.inputEnds == 1)
        #expect(pair.near.isClosed && pair.far.isClosed)
        #expect(pair.near.peerAddress == pair.far.localAddress)
    }

    @Test func `a peer that takes nothing of what waits is given up`() throws {
        let pair = try Pair(smallBuffers: true)
        pair.near.stallTimeout = .milliseconds(50)
        pair.far.pauseReading()
        pair.near.write([UInt8](repeating: 1, count: 8 << 20))
        try pair.reactor.turn(until: "given up") { !pair.nearEnd.reasons.isEmpty }
        #expect(pair.nearEnd.reasons == [.flushTimeout])
    }

    @Test func `a peer that has taken everything is not given up`() throws {
        let pair = try Pair(smallBuffers: true)
        pair.near.stallTimeout = .milliseconds(200)
        pair.near.write([UInt8](repeating: 1, count: 8 << 20))
        try pair.reactor.turn(until: "all came") { pair.farEnd.receivedCount == 8 << 20 }
        var isLater = false
        pair.reactor.after(.milliseconds(400)) { isLater = true }
        try pair.reactor.turn(until: "later") { isLater }
        #expect(pair.nearEnd.reasons.isEmpty)
    }

    @Test func `a read limit shares the turns`() throws {
        let pair = try Pair()
        pair.far.readLimit = 1000
        var sizes: [Int] = []
        pair.farEnd.onReceived = { _, bytes in sizes.append(bytes.count) }
        pair.near.write([UInt8](repeating: 1, count: 10_500))
        try pair.reactor.turn(until: "all came") { pair.farEnd.receivedCount == 10_500 }
        #expect(sizes.allSatisfy { $0 <= 1000 })
        #expect(sizes.count >= 11)
    }

    @Test(arguments: [1, 2, 3])
    func `large transfers in odd pieces arrive whole in both directions`(seed: UInt64) throws {
        var random = Random(seed: seed)
        let pair = try Pair(smallBuffers: seed == 2)
        let there = random.bytes(900_000)
        let back = random.bytes(600_000)
        send(there, over: pair.near, &random)
        send(back, over: pair.far, &random)
        #expect(pair.near.pendingBytes == there.count)
        pair.near.endOutput()
        pair.far.closeAfterFlush(within: .seconds(60))
        try pair.reactor.turn(until: "all arrived", within: .seconds(60)) {
            pair.nearEnd.receivedCount == back.count && !pair.farEnd.reasons.isEmpty
        }
        #expect(pair.nearEnd.received == back)
        // The far end had closed for input before it all came.
        #expect(there.starts(with: pair.farEnd.received))
    }

    private func send(_ bytes: [UInt8], over connection: Connection, _ random: inout Random) {
        var rest = bytes[...]
        while !rest.isEmpty {
            let large = random.chance(percent: 20)
            let piece = rest.prefix(random.below(large ? 200_000 : 900) + 1)
            connection.write(Array(piece))
            rest = rest.dropFirst(piece.count)
        }
    }

    @Test func `both sides stream at once, each echoing what it gets`() throws {
        var random = Random(seed: 9)
        let pair = try Pair(smallBuffers: true)
        let bytes = random.bytes(500_000)
        pair.farEnd.keepsBytes = false
        pair.farEnd.onReceived = { connection, bytes in connection.write(bytes) }
        send(bytes, over: pair.near, &random)
        try pair.reactor.turn(until: "echo", within: .seconds(60)) {
            pair.nearEnd.receivedCount == bytes.count
        }
        #expect(pair.nearEnd.received == bytes)
    }

    @Test func `half a connection still serves the other direction`() throws {
        let pair = try Pair()
        pair.farEnd.answersInputEnd = false
        pair.near.write([1])
        pair.near.endOutput()
        pair.near.write([2])
        #expect(!pair.near.isOpen)
        try pair.reactor.turn(until: "end of input") { pair.farEnd.inputEnds == 1 }
        #expect(pair.farEnd.received == [1])
        pair.far.write([3, 4])
        try pair.reactor.turn(until: "answer") { pair.nearEnd.received == [3, 4] }
        pair.far.closeAfterFlush()
        try pair.reactor.turn(until: "closed") { !pair.nearEnd.reasons.isEmpty }
        #expect(pair.nearEnd.reasons == [.peerEnded])
        #expect(pair.farEnd.reasons == [.peerEnded])
    }

    @Test func `back-pressure holds bytes here, and their drain is told once`() throws {
        let pair = try Pair(smallBuffers: true)
        pair.far.pauseReading()
        pair.nearEnd.answersInputEnd = false
        pair.near.lowWaterMark = 1000
        for _ in 0..<2000 { pair.near.write([UInt8](repeating: 7, count: 1500)) }
        try pair.reactor.turnIdly(50)
        #expect(pair.near.pendingBytes > 1_000_000)
        #expect(pair.farEnd.receivedCount == 0)
        #expect(pair.nearEnd.drains == 0)
        pair.far.resumeReading()
        try pair.reactor.turn(until: "all arrived", within: .seconds(60)) {
            pair.farEnd.receivedCount == 3_000_000
        }
        #expect(pair.near.pendingBytes == 0)
        #expect(pair.nearEnd.drains == 1)
    }

    @Test func `much that was queued and went out at once is told as drained too`() throws {
        let pair = try Pair()
        pair.near.lowWaterMark = 1000
        pair.near.write([UInt8](repeating: 7, count: 1001))
        try pair.reactor.turn(until: "all arrived") { pair.farEnd.receivedCount == 1001 }
        #expect(pair.nearEnd.drains == 1)
        pair.near.write([UInt8](repeating: 7, count: 1000))
        try pair.reactor.turn(until: "all arrived") { pair.farEnd.receivedCount == 2001 }
        #expect(pair.nearEnd.drains == 1)
    }

    @Test func `a drained connection may be filled again from the callback`() throws {
        let pair = try Pair(smallBuffers: true)
        var left = 6
        pair.nearEnd.onDrained = { connection in
            if left == 0 { return connection.closeAfterFlush() }
            left -= 1
            connection.write([UInt8](repeating: 1, count: 1_000_000))
        }
        pair.near.write([UInt8](repeating: 1, count: 1_000_000))
        pair.farEnd.keepsBytes = false
        try pair.reactor.turn(until: "closed", within: .seconds(60)) {
            !pair.farEnd.reasons.isEmpty
        }
        #expect(left == 0)
        #expect(pair.farEnd.receivedCount == 7 * 1_000_000)
    }

    @Test func `who queues more than the limit is closed`() throws {
        let pair = try Pair()
        pair.near.pendingBytesLimit = 1000
        pair.near.write([UInt8](repeating: 1, count: 1001))
        #expect(pair.near.isClosed)
        #expect(pair.nearEnd.reasons.isEmpty, "told within the call")
        try pair.reactor.turn(until: "told") { !pair.nearEnd.reasons.isEmpty }
        #expect(pair.nearEnd.reasons == [.overflow])
    }

    @Test func `writing and closing after the close do nothing`() throws {
        let pair = try Pair()
        pair.near.close()
        pair.near.write([1])
        pair.near.close()
        pair.near.closeAfterFlush()
        pair.near.endOutput()
        pair.near.resumeReading()
        try pair.reactor.turn(until: "told") { !pair.farEnd.reasons.isEmpty }
        try pair.reactor.turnIdly()
        #expect(pair.nearEnd.reasons == [.closedHere])
        #expect(pair.farEnd.received == [])
        #expect(pair.near.delegate == nil)
    }

    @Test func `closing from within a callback is safe`() throws {
        let pair = try Pair()
        pair.farEnd.onReceived = { connection, _ in
            connection.write([1])
            connection.close()
            connection.write([2])
        }
        pair.near.write([0])
        try pair.reactor.turn(until: "both closed") {
            !pair.nearEnd.reasons.isEmpty && !pair.farEnd.reasons.isEmpty
        }
        #expect(pair.farEnd.reasons == [.closedHere])
    }

    @Test func `a reset by the peer is told once with its reason`() throws {
        let reactor = try Reactor()
        defer { reactor.shutDown() }
        let (near, far) = try rawPair()
        let recorder = Recorder()
        let connection = try Connection(on: reactor, socket: near, delegate: recorder)
        try far.setResetOnClose()
        far.close()
        try reactor.turn(until: "closed") { !recorder.reasons.isEmpty }
        guard case .failed(.system(let error)) = recorder.reasons[0] else {
            throw TestFailure("\(recorder.reasons)")
        }
        #expect(error.isReset)
        connection.write([1])
        try reactor.turnIdly()
        #expect(recorder.reasons.count == 1)
    }

    @Test func `a reset is noticed while reading is paused`() throws {
        let reactor = try Reactor()
        defer { reactor.shutDown() }
        let (near, far) = try rawPair()
        let recorder = Recorder()
        let connection = try Connection(on: reactor, socket: near, delegate: recorder)
        connection.pauseReading()
        try far.setResetOnClose()
        far.close()
        try reactor.turn(until: "closed") { !recorder.reasons.isEmpty }
    }

    @Test func `a unix peer that hangs up while we do not read costs no turns`() throws {
        let folder = try TemporaryFolder()
        let pair = try Pair(address: .unix(path: folder["s"]))
        pair.near.pauseReading()
        pair.far.write([1, 2, 3])
        pair.far.close()
        try pair.reactor.turnIdly()
        let spent = ThisProcess.processorTime
        let start = MonotonicClock.now
        try pair.reactor.runTurn(timeout: .milliseconds(30))
        #expect(MonotonicClock.now - start >= .milliseconds(25), "\(spent)")
        #expect(pair.nearEnd.reasons.isEmpty)
        pair.near.resumeReading()
        try pair.reactor.turn(until: "closed") { !pair.nearEnd.reasons.isEmpty }
    }

    @Test func `bytes flow over a unix socket, whose file goes with the listener`() throws {
        let folder = try TemporaryFolder()
        let pair = try Pair(address: .unix(path: folder["s"]))
        pair.near.write(Array("over the file system".utf8))
        try pair.reactor.turn(until: "arrived") { pair.farEnd.received.count == 20 }
        #expect(pair.near.peerAddress?.isUnix == true)
        #expect(!Directory.exists(folder["s"]))
    }

    @Test func `an idle connection is closed, a busy one is not`() throws {
        let pair = try Pair()
        pair.near.idleTimeout = .milliseconds(40)
        let start = MonotonicClock.now
        for _ in 0..<6 {
            let count = pair.nearEnd.receivedCount
            pair.far.write([1])
            try pair.reactor.turn(until: "arrived") { pair.nearEnd.receivedCount > count }
        }
        try pair.reactor.turn(until: "closed") { !pair.nearEnd.reasons.isEmpty }
        #expect(pair.nearEnd.reasons == [.idle])
        #expect(MonotonicClock.now - start >= .milliseconds(40))
    }

    @Test func `a peer that takes nothing cannot hold the close for ever`() throws {
        let pair = try Pair(smallBuffers: true)
        pair.far.pauseReading()
        pair.near.write([UInt8](repeating: 1, count: 3_000_000))
        pair.near.closeAfterFlush(within: .milliseconds(30))
        try pair.reactor.turn(until: "closed") { !pair.nearEnd.reasons.isEmpty }
        #expect(pair.nearEnd.reasons == [.flushTimeout])
    }

    @Test func `the last words arrive although the peer keeps sending`() throws {
        let pair = try Pair()
        pair.far.write([UInt8](repeating: 1, count: 2_000_000))
        pair.near.write(Array("too much".utf8))
        pair.near.closeAfterFlush()
        try pair.reactor.turn(until: "closed", within: .seconds(30)) {
            !pair.farEnd.reasons.isEmpty
        }
        #expect(pair.farEnd.received == Array("too much".utf8))
        #expect(pair.farEnd.reasons == [.peerEnded])
    }

    @Test func `two hundred connections at once, none mixed up with another`() throws {
        let reactor = try Reactor()
        defer { reactor.shutDown() }
        let echo = Recorder()
        echo.keepsBytes = false
        echo.onReceived = { connection, bytes in connection.write(bytes) }
        let listener = try Listener(on: reactor, addresses: [.loopback(port: 0)]) { socket in
            _ = try? Connection(on: reactor, socket: socket, delegate: echo)
        }
        let dialer = try Dialer(on: reactor)
        var ends: [Recorder] = []
        for number in 0..<200 {
            let end = Recorder()
            ends.append(end)
            dialer.dial(host: "127.0.0.1", port: listener.port, timeout: .seconds(20)) { result in
                guard let socket = try? result.get(),
                    let connection = try? Connection(on: reactor, socket: socket, delegate: end)
                else { return }
                connection.write([UInt8](repeating: UInt8(number), count: 5000))
            }
        }
        try reactor.turn(until: "all echoed") { ends.allSatisfy { $0.receivedCount == 5000 } }
        for (number, end) in ends.enumerated() {
            #expect(end.received == [UInt8](repeating: UInt8(number), count: 5000))
        }
        listener.close()
    }

    @Test func `closed connections are freed with their descriptors`() throws {
        let reactor = try Reactor()
        let (near, far) = try rawPair()
        weak var kept: Connection?
        weak var keptEnd: Recorder?
        do {
            let end = Recorder()
            let connection = try Connection(on: reactor, socket: near, delegate: end)
            end.onReceived = { _, _ in _ = connection.isOpen }
            kept = connection
            keptEnd = end
            end.onReceived = nil
        }
        try reactor.turnIdly()
        #expect(kept != nil, "the reactor keeps what is open")
        far.close()
        try reactor.turn(until: "freed") { kept == nil && keptEnd == nil }
        reactor.shutDown()
    }

    @Test func `shutting down closes all and tells each`() throws {
        let pair = try Pair()
        pair.reactor.shutDown()
        #expect(pair.nearEnd.reasons == [.reactorEnded])
        #expect(pair.farEnd.reasons == [.reactorEnded])
    }

    private func rawPair() throws -> (Socket, Socket) {
        let listener = try Socket.listen(.loopback(port: 0))
        let address = try #require(listener.localAddress)
        let (near, _) = try Socket.connect(to: address)
        var far: Socket?
        try eventually("accepted") {
            far = try listener.accept()
            return far != nil
        }
        return (near, try #require(far))
    }
}
