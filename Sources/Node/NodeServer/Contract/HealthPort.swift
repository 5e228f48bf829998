// SPDX-License-Identifier: Apache-2.0
internal import Bytes
internal import Formats
internal import HTTP
internal import Net
internal import Posix
internal import Program

/// --listen-metrics-urls: plain HTTP for probes, metrics and those who run the member. It answers
/// from the first moment of the process on, when there is no member yet and perhaps none for long.
final class HealthPort {
    private let reactor: Reactor
    private let logger: Logger
    private let answers: HealthAnswers
    private let refusals: RefusalLog
    private var listeners: [Listener] = []
    private var receptions: [TLSReception] = []
    private var connections: [ObjectIdentifier: HealthConnection] = [:]

    /// More at a time are closed at once: probes are few.
    private static let connectionsMax = 256

    init(reactor: Reactor, answers: HealthAnswers, logger: Logger) {
        self.reactor = reactor
        self.answers = answers
        self.logger = logger
        refusals = RefusalLog(logger, listener: "metrics")
    }

    /// With certificates the addresses speak TLS.
    func listen(
        on addresses: [SocketAddress], _ certificates: CertificateReload?
    ) throws(NetError) {
        let reception = certificates.map(makeReception)
        if let reception { receptions.append(reception) }
        listeners.append(
            try Listener(on: reactor, addresses: addresses) { [unowned self] socket in
                if let reception { reception.accept(socket) } else { self.accept(socket) }
            })
    }

    private func makeReception(_ certificates: CertificateReload) -> TLSReception {
        TLSReception(
            on: reactor, certificates, HandshakeLimits(),
            established: { [unowned self] in self.serve($0) },
            refused: { [unowned self] address, error in
                self.refusals.tell(address, "\(error)", now: self.reactor.now)
            })
    }

    private func accept(_ socket: Socket) {
        do throws(NetError) {
            serve(try Connection(on: reactor, socket: socket))
        } catch {
            logger.warn("could not take a connection", ["error": .string("\(error)")])
        }
    }

    private func serve(_ connection: Connection) {
        guard connections.count < Self.connectionsMax else { return connection.close() }
        let made = HealthConnection(connection, answers) { [weak self] gone in
            self?.connections[ObjectIdentifier(gone)] = nil
        }
        connections[ObjectIdentifier(made)] = made
        connection.delegate = made
    }
}

/// One connection: a request, its answer, and the next request.
final class HealthConnection: ConnectionDelegate {
    private enum Exchange {
        case none
        case collecting(HTTPRequest)
        case answering
    }

    private let connection: Connection
    private let answers: HealthAnswers
    private let onGone: (HealthConnection) -> Void
    private let server: HTTP1Server
    private var exchange = Exchange.none
    private var isHandling = false

    private static let idleTimeout = Duration.seconds(30)
    private static let bodyMax = 128 << 10

    init(
        _ connection: Connection, _ answers: HealthAnswers,
        onGone: @escaping (HealthConnection) -> Void
    ) {
        self.connection = connection
        self.answers = answers
        self.onGone = onGone
        var limits = HTTP1Server.Limits()
        limits.bodyBytes = Self.bodyMax
        server = HTTP1Server(limits: limits)
        connection.idleTimeout = Self.idleTimeout
    }

    func connection(_ connection: Connection, received bytes: UnsafeRawBufferPointer) {
        unsafe server.receive(bytes)
        handleEvents()
    }

    func connectionInputEnded(_ connection: Connection) {
        server.transportEnded()
        // The client may still read what it has asked for.
        if case .answering = exchange { return }
        connection.closeAfterFlush()
    }

    func connectionClosed(_ connection: Connection, _ reason: Net.CloseReason) {
        server.transportEnded()
        exchange = .answering
        onGone(self)
    }

    /// A pipelined request may have waited for the answer to the one before.
    private func handleEvents() {
        guard !isHandling else { return }
        isHandling = true
        while true {
            let events = server.takeEvents()
            if events.isEmpty { break }
            for event in events { handle(event) }
        }
        isHandling = false
        flush()
    }

    private func handle(_ event: HTTP1Server.Event) {
        switch event {
        case .head(let head): exchange = .collecting(HTTPRequest(head: head))
        case .body(let bytes):
            guard case .collecting(var request) = exchange else { return }
            exchange = .none
            request.body += bytes
            exchange = .collecting(request)
        case .end:
            guard case .collecting(let request) = exchange else { return }
            exchange = .answering
            answers.answer(request) { [weak self] response in self?.respond(response) }
        case .failed: exchange = .none
        }
    }

    private func respond(_ response: HTTPResponse) {
        guard connection.isOpen else { return }
        exchange = .none
        server.respond(response)
        if isHandling { return }
        handleEvents()
    }

    private func flush() {
        if server.hasOutput { connection.write(server.takeOutput()) }
        if server.closesAfterOutput, connection.isOpen { connection.closeAfterFlush() }
    }
}
