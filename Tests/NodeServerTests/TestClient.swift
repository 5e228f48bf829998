// SPDX-License-Identifier: Apache-2.0
import Bytes
import EtcdAPI
import HTTP
import Posix
import TestKit

/// A socket that waits.
final class Wire {
    let socket: Socket
    private let poller: Poller
    private(set) var isOver = false

    init(port: UInt16) throws {
        poller = try Poller()
        let (made, _) = try Socket.connect(to: .loopback(port: port))
        socket = made
        try poller.add(socket.descriptor, [.read, .write], token: 1)
        _ = try poller.wait(.seconds(5))
        if let failure = socket.connectFailure("127.0.0.1:\(port)") { throw failure }
        try poller.change(socket.descriptor, .read, token: 1)
    }

    /// False when the other side does not take it any more.
    @discardableResult
    func send(_ bytes: [UInt8], within limit: Duration = .seconds(10)) -> Bool {
        var done = 0
        let deadline = MonotonicClock.now + limit
        while done < bytes.count {
            do {
                if let count = try socket.write([bytes][...], skipping: done) {
                    done += count
                } else {
                    if MonotonicClock.now > deadline { return false }
                    try poller.change(socket.descriptor, .write, token: 1)
                    _ = try poller.wait(.milliseconds(100))
                    try poller.change(socket.descriptor, .read, token: 1)
                }
            } catch {
                isOver = true
                return false
            }
        }
        return true
    }

    /// What came within the time; empty if nothing did or the other side ended.
    func receive(within limit: Duration) -> [UInt8] {
        guard !isOver, let events = try? poller.wait(limit), events > 0 else { return [] }
        var bytes = [UInt8](repeating: 0, count: 65_536)
        do {
            let count = try unsafe bytes.withUnsafeMutableBytes { buffer throws(PosixError) in
                try unsafe socket.read(into: buffer)
            }
            if count == 0 { isOver = true }
            return Array(bytes.prefix(count ?? 0))
        } catch {
            isOver = true
            return []
        }
    }

    /// Reads until the other side ends the connection. False if it does not in time.
    func waitForEnd(within limit: Duration = .seconds(10)) -> Bool {
        let deadline = MonotonicClock.now + limit
        while !isOver, MonotonicClock.now < deadline { _ = receive(within: .milliseconds(100)) }
        return isOver
    }
}

/// A gRPC client that does one thing at a time.
final class TestClient {
    struct Outcome {
        var status: GRPCStatus
        var messages: [[UInt8]]
    }

    private let wire: Wire
    private let client: GRPCClient
    private var events: [GRPCClient.Event] = []
    private(set) var isClosed = false

    init(port: UInt16) throws {
        wire = try Wire(port: port)
        client = GRPCClient(authority: "127.0.0.1:\(port)")
    }

    private func pump(_ limit: Duration = .milliseconds(50)) {
        while client.hasOutput, wire.send(client.takeOutput()) {}
        let bytes = wire.receive(within: limit)
        if !bytes.isEmpty { client.receive(bytes, now: MonotonicClock.now) }
        if wire.isOver { client.transportEnded() }
        for event in client.takeEvents() {
            if case .closed = event { isClosed = true }
            events.append(event)
        }
    }

    func call(
        _ path: String, _ message: [UInt8], metadata: [HeaderField] = [], timeout: Duration? = nil,
        within limit: Duration = .seconds(20)
    ) throws -> Outcome {
        guard let stream = start(path, metadata: metadata, timeout: timeout) else {
            throw TestFailure("the connection takes no call")
        }
        client.sendMessage(stream, message, halfClose: true)
        return try finish(stream, path, within: limit)
    }

    func start(
        _ path: String, metadata: [HeaderField] = [], timeout: Duration? = nil
    ) -> StreamID? {
        client.start(path: path, metadata: metadata, timeout: timeout)
    }

    func send(_ stream: StreamID, _ message: [UInt8], halfClose: Bool = false) {
        client.sendMessage(stream, message, halfClose: halfClose)
        pump(.zero)
    }

    func finish(
        _ stream: StreamID, _ what: String, within limit: Duration = .seconds(20)
    ) throws -> Outcome {
        var messages: [[UInt8]] = []
        let deadline = MonotonicClock.now + limit
        while MonotonicClock.now < deadline {
            for event in take(stream) {
                switch event {
                case .message(_, let message): messages.append(message)
                case .finished(_, let status, _):
                    return Outcome(status: status, messages: messages)
                default: break
                }
            }
            pump()
        }
        throw TestFailure("\(what): no end within \(limit)")
    }

    /// The next message of an open call.
    func message(_ stream: StreamID, within limit: Duration = .seconds(10)) throws -> [UInt8] {
        let deadline = MonotonicClock.now + limit
        while MonotonicClock.now < deadline {
            if let place = events.firstIndex(where: {
                if case .message(stream, _) = $0 { true } else { false }
            }), case .message(_, let message) = events.remove(at: place) {
                return message
            }
            pump()
        }
        throw TestFailure("no message within \(limit)")
    }

    private func take(_ stream: StreamID) -> [GRPCClient.Event] {
        var taken: [GRPCClient.Event] = []
        events.removeAll { event in
            let isOurs =
                switch event {
                case .message(let id, _), .finished(let id, _, _), .head(let id, _): id == stream
                default: false
                }
            if isOurs { taken.append(event) }
            return isOurs
        }
        return taken
    }

    /// Calls that ended meanwhile.
    func poll(_ limit: Duration = .milliseconds(20)) -> [(StreamID, GRPCStatus)] {
        pump(limit)
        var ended: [(StreamID, GRPCStatus)] = []
        events.removeAll { event in
            guard case .finished(let stream, let status, _) = event else { return false }
            ended.append((stream, status))
            return true
        }
        return ended
    }

    /// Only hands it in.
    func begin(_ path: String, _ message: [UInt8]) -> StreamID? {
        guard let stream = start(path) else { return nil }
        client.sendMessage(stream, message, halfClose: true)
        return stream
    }

    // MARK: What tests say often

    @discardableResult
    func put(_ key: String, _ value: String = "v") throws -> GRPCStatus {
        let request = PutRequest(key: Array(key.utf8), value: Array(value.utf8))
        return try call("/etcdserverpb.KV/Put", request.encoded()).status
    }

    func get(_ key: String) throws -> String? {
        let request = RangeRequest(key: Array(key.utf8))
        let outcome = try call("/etcdserverpb.KV/Range", request.encoded())
        guard outcome.status.code == .ok, let message = outcome.messages.first else {
            throw TestFailure("get: \(outcome.status)")
        }
        let response = try RangeResponse(decoding: message)
        return response.kvs.first.map { String(decoding: $0.value, as: UTF8.self) }
    }
}

/// One request over HTTP/1.1.
func http(
    _ port: UInt16, _ target: String, method: String = "GET", headers: [HeaderField] = [],
    body text: String = ""
) throws -> (status: Int, headers: [HeaderField], body: String) {
    let wire = try Wire(port: port)
    let client = HTTP1Client()
    client.send(
        HTTPRequest(
            head: HTTPRequestHead(
                method: method, target: target, authority: "127.0.0.1:\(port)", headers: headers),
            body: Array(text.utf8)))
    wire.send(client.takeOutput())
    var head = HTTPResponseHead(status: 0)
    var body: [UInt8] = []
    let deadline = MonotonicClock.now + .seconds(10)
    while MonotonicClock.now < deadline {
        let bytes = wire.receive(within: .milliseconds(100))
        client.receive(bytes)
        if wire.isOver { client.transportEnded() }
        for event in client.takeEvents() {
            switch event {
            case .head(let found): head = found
            case .body(let bytes): body += bytes
            case .end: return (head.status, head.headers, String(decoding: body, as: UTF8.self))
            case .failed(let error): throw TestFailure("\(method) \(target): \(error)")
            }
        }
    }
    throw TestFailure("\(method) \(target): no answer")
}
