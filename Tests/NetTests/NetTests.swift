// SPDX-License-Identifier: Apache-2.0
internal import Bytes
internal import Net
internal import Posix
internal import TestKit

extension Reactor {
    /// Turns until the condition holds.
    func turn(
        until what: String, within limit: Duration = .seconds(20), _ condition: () -> Bool
    ) throws {
        let deadline = MonotonicClock.now + limit
        while !condition() {
            if MonotonicClock.now > deadline { throw TestFailure("not within \(limit): \(what)") }
            try runTurn(timeout: .milliseconds(20))
        }
    }

    /// Turns a few times, for what should not happen to have its chance.
    func turnIdly(_ count: Int = 5) throws {
        for _ in 0..<count { try runTurn(timeout: .milliseconds(1)) }
    }
}

/// Remembers all it is told.
final class Recorder: ConnectionDelegate {
    var received: [UInt8] = []
    var receivedCount = 0
    var inputEnds = 0
    var drains = 0
    var reasons: [CloseReason] = []
    var keepsBytes = true
    var answersInputEnd = true
    var onReceived: ((Connection, [UInt8]) -> Void)?
    var onDrained: ((Connection) -> Void)?
    var onInputEnded: (() -> Void)?

    func connection(_ connection: Connection, received bytes: UnsafeRawBufferPointer) {
        receivedCount += bytes.count
        if keepsBytes { unsafe received.append(contentsOf: bytes) }
        if let onReceived { unsafe onReceived(connection, Array(bytes)) }
    }

    func connectionInputEnded(_ connection: Connection) {
        inputEnds += 1
        onInputEnded?()
        if answersInputEnd { connection.closeAfterFlush() }
    }

    func connectionDrained(_ connection: Connection) {
        drains += 1
        onDrained?(connection)
    }

    func connectionClosed(_ connection: Connection, _ reason: CloseReason) {
        reasons.append(reason)
    }
}

/// A reactor with a listener, and a pair of connected ends.
final class Pair {
    let reactor: Reactor
    let near: Connection
    let far: Connection
    let nearEnd = Recorder()
    let farEnd = Recorder()

    init(address: SocketAddress = .loopback(port: 0), smallBuffers: Bool = false) throws {
        let reactor = try Reactor()
        var taken: [Socket] = []
        let listener = try Listener(on: reactor, addresses: [address]) { taken.append($0) }
        var dialled: Socket?
        let dialer = try Dialer(on: reactor)
        dialer.dial(listener.addresses[0], timeout: .seconds(10)) { result in
            dialled = try? result.get()
        }
        try reactor.turn(until: "connected") { dialled != nil && taken.count == 1 }
        listener.close()
        guard let dialled else { throw TestFailure("no socket") }
        if smallBuffers {
            try dialled.setSendBuffer(128 * 1024)
            try taken[0].setSendBuffer(128 * 1024)
        }
        near = try Connection(on: reactor, socket: dialled, delegate: nearEnd)
        far = try Connection(on: reactor, socket: taken[0], delegate: farEnd)
        self.reactor = reactor
    }

    deinit {
        reactor.shutDown()
    }
}
