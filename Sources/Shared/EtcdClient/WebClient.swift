// SPDX-License-Identifier: Apache-2.0
internal import Bytes
internal import HTTP
internal import Net
internal import Posix

/// See `WebMessages`.
package final class WebClient {
    private let reactor: Reactor
    private let dialer: Dialer
    private var signals: Signals?
    private var isInterrupted = false

    /// `tls` is for requests that are secure; nil trusts the system's authorities.
    package init(tls: ClientTLS? = nil) throws(ClientError) {
        Signals.ignoreBrokenPipes()
        do throws(NetError) {
            reactor = try Reactor()
            dialer = try Dialer(on: reactor)
            if let tls { dialer.certificates = try tls.open(["http/1.1"]) }
        } catch {
            throw .unreachable(endpoint: "", reason: "\(error)")
        }
    }

    deinit {
        reactor.shutDown()
    }

    /// From here on Ctrl-C ends the exchange under way, and all later ones, with `.interrupted`.
    package func stopsOnInterrupt() throws(ClientError) {
        guard signals == nil else { return }
        do throws(PosixError) {
            let made = try Signals([.interrupt])
            signals = made
            do throws(NetError) {
                try reactor.attach(made) { [weak self] _ in self?.isInterrupted = true }
            } catch {
                throw PosixError("signalfd")
            }
        } catch {
            throw .unreachable(endpoint: "", reason: "\(error)")
        }
    }

    /// Waits for the whole answer.
    package func exchange(_ request: WebRequest) throws(WebFailure) -> WebAnswer {
        let exchange = WebExchange(request, reactor, request.isSecure ? dialer.certificates : nil)
        exchange.start(dialer)
        defer { exchange.close() }
        while true {
            if let result = exchange.result { return try result.get() }
            if isInterrupted { throw .interrupted }
            let now = MonotonicClock.now
            if let deadline = request.deadline, now >= deadline { throw .deadline }
            if let limit = exchange.headDeadline, now >= limit { throw .headTimeout }
            try turn(until: exchange.headDeadline, request.deadline)
        }
    }

    /// Waits, unless interrupted before.
    package func pause(_ duration: Duration) throws(WebFailure) {
        let end = MonotonicClock.now + duration
        while MonotonicClock.now < end {
            if isInterrupted { throw .interrupted }
            try turn(until: end, nil)
        }
    }

    private func turn(until first: Instant?, _ second: Instant?) throws(WebFailure) {
        let next = [first, second].compactMap { $0 }.min()
        do throws(NetError) {
            try reactor.runTurn(timeout: next.map { max(.zero, $0 - MonotonicClock.now) })
        } catch {
            throw .broken("\(error)")
        }
    }
}

/// One request on a connection of its own, and what came of it.
private final class WebExchange: ConnectionDelegate {
    /// An answer larger than this is not etcd's.
    private static let bodyByteMax = 1 << 28

    private let request: WebRequest
    private let reactor: Reactor
    /// For a request that is secure.
    private let certificates: CertificateReload?
    private let http = HTTP1Client()
    private var dial: Dial?
    private var connection: Connection?
    private var head: HTTPResponseHead?
    private var body: [UInt8] = []
    private var sentAt: Instant?
    private(set) var result: Result<WebAnswer, WebFailure>?

    init(_ request: WebRequest, _ reactor: Reactor, _ certificates: CertificateReload?) {
        self.request = request
        self.reactor = reactor
        self.certificates = certificates
    }

    /// Nil while it does not run.
    var headDeadline: Instant? {
        guard head == nil, let sentAt, let limit = request.headTimeout else { return nil }
        return sentAt + limit
    }

    func start(_ dialer: Dialer) {
        dial = dialer.dial(
            host: request.host, port: request.port, timeout: request.dialTimeout
        ) { [weak self] result in self?.dialed(result) }
    }

    func close() {
        dial?.cancel()
        dial = nil
        connection?.close()
    }

    private func dialed(_ dialled: Result<Socket, NetError>) {
        dial = nil
        do throws(NetError) {
            let socket = try dialled.get()
            let session = try certificates?.clientSession(host: request.host, now: reactor.now)
            connection = try Connection(
                on: reactor, socket: socket, session: session, delegate: self)
        } catch {
            return result = .failure(.dial(Self.dialText(error, request)))
        }
        sentAt = MonotonicClock.now
        let fields = request.headers.map { HeaderField($0.name, $0.value) }
        http.send(
            HTTPRequest(
                head: HTTPRequestHead(
                    method: request.method, target: request.target,
                    authority: request.authority, headers: fields), body: request.body))
        connection?.write(http.takeOutput())
    }

    /// As Go's `net.OpError` has it.
    private static func dialText(_ error: NetError, _ request: WebRequest) -> String {
        switch error {
        case .system(let error): "dial tcp \(request.authority): connect: \(error.reason)"
        case .lookup(let error): "dial tcp: lookup \(error.host): \(error.reason)"
        case .dialTimeout: "dial tcp \(request.authority): i/o timeout"
        case .dialerFull, .session: "dial tcp \(request.authority): \(error)"
        }
    }

    func connection(_ connection: Connection, received bytes: UnsafeRawBufferPointer) {
        unsafe http.receive(bytes)
        takeEvents()
    }

    func connectionInputEnded(_ connection: Connection) {
        http.transportEnded()
        takeEvents()
        connection.close()
    }

    func connectionClosed(_ connection: Connection, _ reason: Net.CloseReason) {
        http.transportEnded()
        takeEvents()
        if result == nil {
            let text = if case .failed(let error) = reason { "\(error)" } else { "EOF" }
            result = .failure(.broken(text))
        }
        self.connection = nil
    }

    private func takeEvents() {
        for event in http.takeEvents() {
            if result != nil { return }
            switch event {
            case .head(let head): self.head = head
            case .body(let piece):
                body += piece
                if body.count > Self.bodyByteMax {
                    result = .failure(.broken("the answer does not end"))
                }
            case .end:
                guard let head else { return }
                result = .success(
                    WebAnswer(status: head.status, body: body, headers: head.headers))
            case .failed(let error):
                result = .failure(.broken(Self.brokenText(error, head)))
            }
        }
    }

    private static func brokenText(_ error: HTTPError, _ head: HTTPResponseHead?) -> String {
        switch error {
        case .truncated: head == nil ? "EOF" : "unexpected EOF"
        case .malformed(let text): "malformed HTTP response: \(text)"
        case .tooLarge, .unsupported, .compression, .connection: "\(error)"
        }
    }
}
