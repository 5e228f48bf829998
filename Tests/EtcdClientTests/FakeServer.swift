// SPDX-License-Identifier: Apache-2.0
import Bytes
import EtcdAPI
import HTTP
import Net
import Posix
import TestKit

/// A gRPC server on loopback whose answers are a closure. It runs on a thread of its own and ends
/// with this value.
final class FakeServer: Sendable {
    typealias Handler = @Sendable (GRPCServer.Event, FakeConnection) -> Void

    private struct Start {
        var port: UInt16
        var handle: ReactorHandle
    }

    private final class Box: @unchecked Sendable {
        let lock = Lock()
        var start: Start?
        var failure: NetError?
    }

    let port: UInt16
    private let handle: ReactorHandle

    var endpoint: String { "127.0.0.1:\(port)" }

    init(_ handler: @escaping Handler) throws {
        let box = Box()
        try Thread.start(name: "server") {
            do throws(NetError) {
                let reactor = try Reactor()
                let listener = try Listener(on: reactor, addresses: [.loopback(port: 0)]) {
                    FakeConnection.take($0, on: reactor, handler)
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
    static func refusing() throws -> String { "127.0.0.1:\(try Ports.free())" }
}

/// One connection of the server.
final class FakeConnection: ConnectionDelegate {
    let server = GRPCServer()
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

    func connection(_ connection: Connection, received bytes: UnsafeRawBufferPointer) {
        unsafe server.receive(bytes, now: reactor.now)
        pump()
    }

    func connectionClosed(_ connection: Connection, _ reason: Net.CloseReason) {
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
    func hangUp() {
        connection?.write(server.takeOutput())
        connection?.closeAfterFlush()
    }
}

/// What the server saw, for the test to look at.
final class Seen<Value: Sendable>: @unchecked Sendable {
    private let lock = Lock()
    private var values: [Value] = []

    var all: [Value] { lock.withLock { values } }

    func add(_ value: Value) { lock.withLock { values.append(value) } }
    /// How many there are, this one included.
    @discardableResult
    func count(_ value: Value) -> Int {
        lock.withLock {
            values.append(value)
            return values.count
        }
    }
}
