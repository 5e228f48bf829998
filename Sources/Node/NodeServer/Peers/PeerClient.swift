// SPDX-License-Identifier: Apache-2.0
internal import Bytes
internal import HTTP
internal import Net
internal import Posix

/// Asks another member something over HTTP/1.1: one exchange at a time, on a connection that is
/// kept for the next one if the caller wants that. Lives as long as an exchange is under way.
final class PeerClient: ConnectionDelegate {
    typealias Completion = (Result<HTTPResponse, PeerError>) -> Void

    private struct Exchange {
        var request: HTTPRequest
        var url: DialTarget
        var head: HTTPResponseHead?
        var body: [UInt8] = []
        var mayRedial = true
        var deadline: Instant
        var completion: Completion
    }

    private let reactor: Reactor
    private let dialer: Dialer
    private let keepsConnection: Bool
    private let bodyLimit: Int
    private var http = HTTP1Client()
    private var connection: Connection?
    private var connectedTo: DialTarget?
    private var dial: Dial?
    private var exchange: Exchange?
    private var timer: TimerID?

    init(
        reactor: Reactor, dialer: Dialer, keepsConnection: Bool = false, bodyLimit: Int = 4 << 20
    ) {
        self.reactor = reactor
        self.dialer = dialer
        self.keepsConnection = keepsConnection
        self.bodyLimit = bodyLimit
    }

    var isBusy: Bool { exchange != nil }

    /// `completion` is called once, never within this call, unless `close` comes first.
    func send(
        _ method: String, _ path: String, to url: String, headers: [HeaderField] = [],
        body: [UInt8] = [], timeout: Duration, completion: @escaping Completion
    ) {
        invariant(exchange == nil, "a second request to \(url) before the first has ended")
        guard let target = DialTarget(url) else {
            reactor.soon { completion(.failure(.unusableURL(url))) }
            return
        }
        let head = HTTPRequestHead(
            method: method, target: path, authority: target.authority, headers: headers)
        exchange = Exchange(
            request: HTTPRequest(head: head, body: body), url: target,
            deadline: MonotonicClock.now + timeout, completion: completion)
        timer = reactor.after(timeout) { [weak self] in self?.finish(.failure(.timedOut)) }
        if connection?.isOpen == true, connectedTo == target, http.isReusable {
            transmit()
        } else {
            connect(to: target)
        }
    }

    /// No completion is called any more.
    func close() {
        exchange = nil
        cancelTimer()
        dropConnection()
    }

    // MARK: Connection

    private func connect(to url: DialTarget) {
        dropConnection()
        exchange?.mayRedial = false
        let now = MonotonicClock.now
        let left = (exchange?.deadline ?? now) - now
        dial = url.dial(with: dialer, timeout: left) { [self] result in
            dial = nil
            switch result {
            case .success(let socket): connected(socket, to: url)
            case .failure(let error): finish(.failure(.net(error)))
            }
        }
    }

    private func connected(_ socket: Socket, to url: DialTarget) {
        do throws(NetError) {
            connection = try url.connect(socket, on: reactor, with: dialer, delegate: self)
        } catch {
            finish(.failure(.net(error)))
            return
        }
        connectedTo = url
        http = HTTP1Client()
        transmit()
    }

    private func transmit() {
        guard let request = exchange?.request else { return }
        http.send(request)
        connection?.write(http.takeOutput())
    }

    private func dropConnection() {
        dial?.cancel()
        dial = nil
        let old = connection
        connection = nil
        connectedTo = nil
        old?.close()
    }

    func connection(_ connection: Connection, received bytes: UnsafeRawBufferPointer) {
        guard connection === self.connection else { return }
        unsafe http.receive(bytes)
        handleEvents()
    }

    func connectionInputEnded(_ connection: Connection) {
        guard connection === self.connection else { return }
        http.transportEnded()
        handleEvents()
        // The exchange may have ended, and the next one begun on another connection.
        if connection === self.connection { lost() }
    }

    func connectionClosed(_ connection: Connection, _ reason: Net.CloseReason) {
        guard connection === self.connection else { return }
        self.connection = nil
        if case .failed(let error) = reason {
            lost(.net(error))
        } else {
            lost()
        }
    }

    /// A kept connection that the other side has closed meanwhile is no failure yet.
    private func lost(_ error: PeerError = .closed) {
        dropConnection()
        guard let exchange else { return }
        if exchange.mayRedial, exchange.head == nil {
            connect(to: exchange.url)
        } else {
            finish(.failure(error))
        }
    }

    // MARK: Answers

    private func handleEvents() {
        for event in http.takeEvents() {
            switch event {
            case .head(let head): exchange?.head = head
            case .body(let bytes): take(bytes)
            case .end: answered()
            case .failed(let error):
                if exchange?.mayRedial != true || exchange?.head != nil {
                    finish(.failure(.http(error)))
                }
            }
        }
    }

    private func take(_ bytes: [UInt8]) {
        guard let count = exchange?.body.count else { return }
        if count + bytes.count > bodyLimit {
            finish(.failure(.http(.tooLarge("response body"))))
        } else {
            exchange?.body += bytes
        }
    }

    private func answered() {
        guard let exchange, let head = exchange.head else { return }
        if !keepsConnection || !http.isReusable { dropConnection() }
        finish(
            .success(
                HTTPResponse(status: head.status, headers: head.headers, body: exchange.body)))
    }

    private func finish(_ result: Result<HTTPResponse, PeerError>) {
        guard let ended = exchange else { return }
        exchange = nil
        cancelTimer()
        if case .failure = result { dropConnection() }
        ended.completion(result)
    }

    private func cancelTimer() {
        if let timer { reactor.cancel(timer) }
        timer = nil
    }
}

extension HTTPResponse {
    /// What the body says, for a log line.
    var bodyText: String {
        var text = String(decoding: body.prefix(512), as: UTF8.self)
        while text.last?.isWhitespace == true { text.removeLast() }
        return text
    }
}
