// SPDX-License-Identifier: Apache-2.0
internal import Bytes
internal import HTTP
internal import Net
internal import Posix

/// One connection to the server: one exchange at a time.
final class KubeLine: ConnectionDelegate {
    /// No answer of ours is larger: lists come in pages.
    static let bodyByteMax = 1 << 28

    private let reactor: Reactor
    private let http = HTTP1Client()
    private var dial: Dial?
    private var connection: Connection?
    private var body: [UInt8] = []
    private(set) var head: HTTPResponseHead?
    private(set) var isEnded = false
    /// The line is of no use any more.
    private(set) var failure: KubeError?
    private(set) var isOpen = false
    private(set) var usedAt: Instant

    init(_ reactor: Reactor) {
        self.reactor = reactor
        usedAt = MonotonicClock.now
    }

    var isReusable: Bool { failure == nil && isOpen && connection != nil && http.isReusable }

    func dial(_ dialer: Dialer, _ server: ServerURL, _ session: TLSSession?, timeout: Duration) {
        dial = dialer.dial(host: server.host, port: server.port, timeout: timeout) {
            [weak self] result in
            self?.dialed(result, session, timeout)
        }
    }

    func close() {
        dial?.cancel()
        dial = nil
        if failure == nil { failure = .broken("closed") }
        connection?.close()
    }

    private func dialed(
        _ result: Result<Socket, NetError>, _ session: TLSSession?, _ timeout: Duration
    ) {
        dial = nil
        do throws(NetError) {
            let made = try Connection(
                on: reactor, socket: try result.get(), session: session, delegate: self)
            if session != nil { made.handshakeTimeout = timeout }
            connection = made
            isOpen = session == nil
        } catch {
            failure = .unreachable("\(error)")
        }
    }

    func begin(_ request: HTTPRequest) {
        head = nil
        isEnded = false
        body = []
        usedAt = MonotonicClock.now
        http.send(request)
        connection?.write(http.takeOutput())
    }

    func takeBody() -> [UInt8] {
        let taken = body
        body = []
        return taken
    }

    // MARK: Bytes

    func connectionEstablished(_ connection: Connection) {
        isOpen = true
    }

    func connection(_ connection: Connection, received bytes: UnsafeRawBufferPointer) {
        usedAt = reactor.now
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
        if failure == nil {
            let text = if case .failed(let error) = reason { "\(error)" } else { "it ended" }
            failure = isOpen ? .broken(text) : .unreachable(text)
        }
        self.connection = nil
    }

    private func takeEvents() {
        for event in http.takeEvents() {
            switch event {
            case .head(let head): self.head = head
            case .body(let piece): body += piece
            case .end: isEnded = true
            case .failed(let error):
                if failure == nil { failure = .broken("\(error)") }
            }
        }
    }
}
