// SPDX-License-Identifier: Apache-2.0
internal import Bytes
internal import HTTP
internal import Net
internal import Posix

/// One call under way. Messages wait here until its owner takes them, after each turn.
final class Call {
    fileprivate(set) var messages: [[UInt8]] = []
    /// Nil until it is over.
    fileprivate(set) var status: GRPCStatus?
    /// It is over because the connection is.
    fileprivate(set) var isLost = false
    /// The server has certainly not seen it.
    fileprivate(set) var isUnseen = false

    func takeMessages() -> [[UInt8]] {
        let taken = messages
        messages = []
        return taken
    }
}

/// One connection to one endpoint, and the calls on it.
final class Channel: ConnectionDelegate {
    enum State: Equatable {
        case dialing
        case open
        case closed(reason: String)
    }

    /// More than this is not taken from HTTP/2 before the kernel took some.
    private static let pendingMax = 1 << 20

    let endpoint: Endpoint
    private let reactor: Reactor
    private let http: GRPCClient
    private let keepAlive: (time: Duration, timeout: Duration)
    private(set) var state = State.dialing
    private var dial: Dial?
    private var connection: Connection?
    private var calls: [(id: StreamID, call: Call)] = []
    private var events: [GRPCClient.Event] = []
    private var isPumping = false
    /// The first bytes of the other side, to tell who it is.
    private var greeting: [UInt8] = []
    private var wasConnected = false
    private static let greetingMax = 16
    private var lastReceived: Instant
    private var probeTimer: TimerID?
    private var probeSent: Instant?
    private var greetingTimer: TimerID?

    init(
        _ endpoint: Endpoint, on reactor: Reactor, dialer: Dialer, settings: ClientSettings,
        keepAlive: (time: Duration, timeout: Duration), maxAnswerBytes: Int
    ) {
        self.endpoint = endpoint
        self.reactor = reactor
        self.keepAlive = keepAlive
        http = GRPCClient(authority: endpoint.authority, maxMessageBytes: maxAnswerBytes)
        lastReceived = MonotonicClock.now
        let timeout = settings.dialTimeout
        let serverName =
            endpoint.usesTLS(settings.tls != nil) ? endpoint.serverName(settings) : nil
        // It must not keep the dialer, which keeps the dial, beyond its own life.
        let completion: Dialer.Completion = { [weak self, unowned dialer] result in
            self?.dialed(result, serverName, dialer, timeout)
        }
        switch endpoint.target {
        case .host(let host):
            dial = dialer.dial(
                host: host.host, port: host.port, timeout: timeout, completion: completion)
        case .unix(let address):
            dial = dialer.dial(address, timeout: timeout, completion: completion)
        }
    }

    var isOpen: Bool { state == .open && http.canStart }

    /// Of a connection that is over: who it was, if it was no etcd.
    var stranger: Stranger? {
        wasConnected && state != .open ? Stranger(firstBytes: greeting) : nil
    }

    /// With a server's name the connection is for TLS.
    private func dialed(
        _ result: Result<Socket, NetError>, _ serverName: String?, _ dialer: Dialer,
        _ timeout: Duration
    ) {
        dial = nil
        do throws(NetError) {
            let socket = try result.get()
            var session: TLSSession?
            if let serverName {
                session = try dialer.certificates?.clientSession(
                    host: serverName, now: reactor.now)
            }
            connection = try Connection(
                on: reactor, socket: socket, session: session, delegate: self)
            if session == nil {
                state = .open
                wasConnected = true
            } else {
                limitGreeting(timeout)
            }
            pump()
        } catch {
            state = .closed(reason: Self.reason(error))
        }
    }

    /// A server may find our certificate wanting after we were content with its own, so it must
    /// have said something before the connection is one.
    private func limitGreeting(_ timeout: Duration) {
        greetingTimer = reactor.after(timeout) { [weak self] in
            guard let self, self.state == .dialing else { return }
            self.state = .closed(reason: "it does not answer in time")
            self.connection?.close()
        }
    }

    private func noteGreeting() {
        if let greetingTimer { reactor.cancel(greetingTimer) }
        greetingTimer = nil
        guard state == .dialing else { return }
        state = .open
        wasConnected = true
    }

    private static func reason(_ error: NetError) -> String {
        switch error {
        case .system(let error): error.reason
        case .lookup(let error):
            error.isUnknownName
                ? "no such host \"\(error.host)\"" : "looking up the name: \(error.reason)"
        case .dialTimeout: "it does not answer in time"
        case .dialerFull, .session: "\(error)"
        }
    }

    func close() {
        dial?.cancel()
        dial = nil
        stopProbing()
        if case .dialing = state { state = .closed(reason: "given up") }
        connection?.close()
    }

    // MARK: Calls

    /// Nil when the connection takes no call now.
    func start(
        _ path: String, metadata: [HeaderField] = [], timeout: Duration? = nil
    ) -> (id: StreamID, call: Call)? {
        guard isOpen, let id = http.start(path: path, metadata: metadata, timeout: timeout) else {
            return nil
        }
        let call = Call()
        calls.append((id, call))
        return (id, call)
    }

    func send(_ id: StreamID, _ message: [UInt8], halfClose: Bool) {
        http.sendMessage(id, message, halfClose: halfClose)
        pump()
    }

    func cancel(_ id: StreamID) {
        http.cancel(id)
        calls.removeAll { $0.id == id }
        pump()
    }

    // MARK: Bytes

    func connection(_ connection: Connection, received bytes: UnsafeRawBufferPointer) {
        lastReceived = reactor.now
        noteGreeting()
        if greeting.count < Self.greetingMax {
            unsafe greeting += bytes.prefix(Self.greetingMax - greeting.count)
        }
        unsafe http.receive(bytes, now: reactor.now)
        pump()
    }

    func connectionInputEnded(_ connection: Connection) {
        http.transportEnded()
        pump()
        connection.close()
    }

    func connectionDrained(_ connection: Connection) {
        pump()
    }

    func connectionClosed(_ connection: Connection, _ reason: Net.CloseReason) {
        stopProbing()
        let text =
            switch reason {
            case .failed(let error): Self.reason(error)
            case .closedHere, .peerEnded, .idle, .overflow, .flushTimeout, .reactorEnded:
                "the connection ended"
            }
        if case .closed = state {} else { state = .closed(reason: text) }
        noteGreeting()
        http.transportEnded()
        pump()
        self.connection = nil
    }

    private func pump() {
        if isPumping { return }
        isPumping = true
        defer { isPumping = false }
        while true {
            http.takeEvents(into: &events)
            if events.isEmpty, !moveOutput() { return }
            for event in events { handle(event) }
        }
    }

    /// False if there was nothing to move.
    private func moveOutput() -> Bool {
        guard let connection, connection.isOpen else { return false }
        var moved = false
        while connection.pendingBytes < Self.pendingMax {
            let output = http.takeOutput()
            if output.isEmpty { break }
            connection.write(output)
            moved = true
        }
        return moved
    }

    private func handle(_ event: GRPCClient.Event) {
        switch event {
        case .head, .writable: break
        case .pingAcknowledged: probeSent = nil
        case .message(let id, let message): call(id)?.messages.append(message)
        case .finished(let id, let status, _):
            if let call = call(id) {
                call.status = status
                call.isLost = http.isClosed && status.message == "transport is closing"
                call.isUnseen = call.isUnseen || status.message.hasSuffix("refusedStream")
            }
            calls.removeAll { $0.id == id }
        case .goAway(let last, _, _):
            for (id, call) in calls where id > last { call.isUnseen = true }
        case .closed:
            if case .closed = state { return }
            state = .closed(reason: "it does not speak HTTP/2, or ended the connection")
            connection?.closeAfterFlush()
        }
    }

    private func call(_ id: StreamID) -> Call? {
        calls.first { $0.id == id }?.call
    }

    // MARK: Probing

    /// Notices a server that vanished without a word, as long as there are calls.
    func startProbing() {
        if probeTimer != nil { return }
        let interval = max(Duration.seconds(1), min(keepAlive.time, keepAlive.timeout) / 2)
        probeTimer = reactor.every(interval) { [weak self] in self?.probe() }
    }

    private func probe() {
        if calls.isEmpty { return }
        if let probeSent {
            if reactor.now - probeSent >= keepAlive.timeout { connection?.close() }
        } else if reactor.now - lastReceived >= keepAlive.time {
            probeSent = reactor.now
            http.sendPing(UInt64(bitPattern: reactor.now.nanoseconds))
            pump()
        }
    }

    private func stopProbing() {
        if let probeTimer { reactor.cancel(probeTimer) }
        probeTimer = nil
    }
}
