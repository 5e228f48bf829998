// SPDX-License-Identifier: Apache-2.0
internal import Bytes
package import HTTP
package import Net
internal import Posix
internal import TestKit

// Servers on loopback for tests of clients; real sockets, answers of the test's choice.
//
//   FakeServer      speaks gRPC; a closure gives the answers
//   FakeConnection  one of its connections
//   RudeServer      says the same few bytes to whoever says something
//   Seen            what a server saw, for the test to look at

/// A gRPC server on loopback whose answers are a closure. It runs on a thread of its own and ends
/// with this value.
package final class FakeServer: Sendable {
    package typealias Handler = @Sendable (GRPCServer.Event, FakeConnection) -> Void

    private struct Start {
        var port: UInt16
        var handle: ReactorHandle
    }

    private final class Box: @unchecked Sendable {
        let lock = Lock()
        var start: Start?
        var failure: NetError?
    }

    package let port: UInt16
    private let handle: ReactorHandle

    package var endpoint: String { "127.0.0.1:\(port)" }

    package convenience init(_ handler: @escaping Handler) throws {
        try self.init(taking: { FakeConnection.take($0, on: $1, handler) })
    }

    fileprivate convenience init(raw bytes: [UInt8], ends: Bool) throws {
        try self.init(taking: { RudeConnection.take($0, on: $1, bytes, ends: ends) })
    }

    private init(taking take: @escaping @Sendable (consuming Socket, Reactor) -> Void) throws {
        let box = Box()
        try Thread.start(name: "server") {
            do throws(NetError) {
                let reactor = try Reactor()
                let listener = try Listener(on: reactor, addresses: [.loopback(port: 0)]) {
                    take($0, reactor)
                }
                box.lock.withLock {
                    box.start = Start(port: listener.port, handle: reactor.handle)
                    box.lock.signalAll()
                }
                try reactor.run()
            } catch {
                box.lock.withLock {
                    box.failure = error
                    box.lock.signalAll()
                }
            }
        }
        let start = try box.lock.withLock {
            while true {
                if let start = box.start { return start }
                if let failure = box.failure { throw failure }
                box.lock.wait()
            }
        }
        port = start.port
        handle = start.handle
    }

    deinit {
        handle.stop()
    }

    /// A port that refuses connections.
    package static func refusing() throws -> String { "127.0.0.1:\(try Ports.free())" }
}

/// One connection of the server.
package final class FakeConnection: ConnectionDelegate {
    package let server = GRPCServer()
    private let reactor: Reactor
    private let handler: FakeServer.Handler
    private var connection: Connection?

    static func take(_ socket: Socket, on reactor: Reactor, _ handler: @escaping FakeServer.Handler)
    {
        let made = FakeConnection(reactor, handler)
        made.connection = try? Connection(on: reactor, socket: socket, delegate: made)
    }

    private init(_ reactor: Reactor, _ handler: @escaping FakeServer.Handler) {
        self.reactor = reactor
        self.handler = handler
    }

    package func connection(_ connection: Connection, received bytes: UnsafeRawBufferPointer) {
        unsafe server.receive(bytes, now: reactor.now)
        pump()
    }

    package func connectionClosed(_ connection: Connection, _ reason: Net.CloseReason) {
        self.connection = nil
    }

    private func pump() {
        while true {
            let events = server.takeEvents()
            for event in events { handler(event, self) }
            let output = server.takeOutput()
            connection?.write(output)
            if events.isEmpty, output.isEmpty { return }
        }
    }

    /// What was sent still goes out.
    package func hangUp() {
        connection?.write(server.takeOutput())
        connection?.closeAfterFlush()
    }
}

/// Says a few bytes to whoever says something, and ends the connection then unless told otherwise.
package final class RudeServer: Sendable {
    private let server: FakeServer

    package init(saying bytes: [UInt8], ends: Bool = true) throws {
        server = try FakeServer(raw: bytes, ends: ends)
    }

    package var endpoint: String { server.endpoint }
    package var port: UInt16 { server.port }
}

private final class RudeConnection: ConnectionDelegate {
    private let bytes: [UInt8]
    private let ends: Bool
    private var connection: Connection?

    static func take(_ socket: Socket, on reactor: Reactor, _ bytes: [UInt8], ends: Bool) {
        let made = RudeConnection(bytes, ends: ends)
        made.connection = try? Connection(on: reactor, socket: socket, delegate: made)
    }

    private init(_ bytes: [UInt8], ends: Bool) {
        self.bytes = bytes
        self.ends = ends
    }

    func connection(_ connection: Connection, received bytes: UnsafeRawBufferPointer) {
        if !self.bytes.isEmpty { connection.write(self.bytes) }
        if ends { connection.closeAfterFlush() }
    }

    func connectionClosed(_ connection: Connection, _ reason: Net.CloseReason) {
        self.connection = nil
    }
}

/// What the server saw, for the test to look at.
package final class Seen<Value: Sendable>: @unchecked Sendable {
    private let lock = Lock()
    private var values: [Value] = []

    package init() {}

    package var all: [Value] { lock.withLock { values } }

    package func add(_ value: Value) { lock.withLock { values.append(value) } }
    /// How many there are, this one included.
    @discardableResult
    package func count(_ value: Value) -> Int {
        lock.withLock {
            values.append(value)
            return values.count
        }
    }
}
