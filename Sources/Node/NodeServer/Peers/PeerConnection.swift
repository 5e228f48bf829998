// SPDX-License-Identifier: Apache-2.0
internal import Bytes
internal import HTTP
internal import Net
internal import NodeCore
internal import Posix
internal import Raft
internal import Replicated

/// A connection that another member opened to us: requests one after the other, or one that ends
/// as a stream. The order of the checks is etcd's, for members tell by the answers what is wrong.
final class PeerConnection: ConnectionDelegate, ServedStreamBody {
    private enum Exchange {
        case none
        /// The body is collected for an answer at its end.
        case collecting(HTTPRequestHead, body: [UInt8])
        case snapshot(SnapshotReceiver)
        /// The answer is under way or will be; what still comes is passed over.
        case answering
        case stream(ServedStream)
    }

    let connection: Connection
    let serial: UInt64
    private unowned let port: PeerPort
    private let server = HTTP1Server()
    private var exchange = Exchange.none
    private var isHandling = false
    /// Since when a request has been coming in.
    private var requestSince: Instant?
    /// Bytes of a body that is not all there, as the port counts them.
    private var held = 0 {
        didSet { port.heldBytes += held - oldValue }
    }

    private static let idleLimit = Duration.seconds(5)
    private static let bodyLimit = 64 << 20
    private static let requestLimit = Duration.seconds(30)
    /// Of one connection.
    private static let requestsPerTurn = 8
    /// Bytes handed to the socket's queue before more is written.
    private static let outputAhead = 1 << 20

    init(_ connection: Connection, port: PeerPort, serial: UInt64) {
        self.connection = connection
        self.port = port
        self.serial = serial
        connection.idleTimeout = PeerConnection.idleLimit
    }

    func close() {
        connection.close()
    }

    func closeAfterFlush() {
        connection.closeAfterFlush(within: .seconds(1))
    }

    // MARK: Stream

    var isOpen: Bool { connection.isOpen }
    var pendingBytes: Int { connection.pendingBytes }

    func write(_ bytes: [UInt8]) {
        server.sendBody(bytes)
        flush()
    }

    // MARK: Connection

    func connection(_ connection: Connection, received bytes: UnsafeRawBufferPointer) {
        unsafe server.receive(bytes)
        handleEvents()
        if !server.isReadingRequest {
            requestSince = nil
        } else if requestSince == nil {
            requestSince = port.member.reactor.now
        }
    }

    /// A head or a message that has begun must come to its end in time; a snapshot takes its own.
    func isOverdue(at now: Instant) -> Bool {
        guard let requestSince else { return false }
        if case .snapshot = exchange { return false }
        return now - requestSince > PeerConnection.requestLimit
    }

    func connectionInputEnded(_ connection: Connection) {
        server.transportEnded()
        switch exchange {
        case .answering: break
        case .none, .collecting, .snapshot, .stream: connection.close()
        }
    }

    func connectionClosed(_ connection: Connection, _ reason: Net.CloseReason) {
        switch exchange {
        case .stream(let stream): port.link(to: stream.peer)?.detach(stream)
        case .snapshot(let receiver): receiver.abandon()
        case .none, .collecting, .answering: break
        }
        exchange = .none
        held = 0
        port.forget(self)
    }

    private func flush() {
        // A stream looks after its own backlog, by what the connection has queued.
        let isStream = if case .stream = exchange { true } else { false }
        if server.hasOutput, isStream || connection.pendingBytes < PeerConnection.outputAhead {
            connection.write(server.takeOutput())
        }
        if server.closesAfterOutput, connection.isOpen { connection.closeAfterFlush() }
    }

    // MARK: Requests

    private func handleEvents() {
        // An answer may come at once, and the next request with it.
        if isHandling { return }
        isHandling = true
        defer { isHandling = false }
        var left = PeerConnection.requestsPerTurn
        repeat {
            if left == 0 { return goOnLater() }
            left -= 1
            for event in server.takeEvents() {
                switch event {
                case .head(let head): begin(head)
                case .body(let bytes): take(bytes)
                case .end: end()
                case .failed: exchange = .answering
                }
            }
            flush()
        } while server.hasEvents
    }

    /// Requests may come behind one another without end; members send each when the one before was
    /// answered. Others have their turn, and no more is read meanwhile.
    private func goOnLater() {
        connection.pauseReading()
        port.member.reactor.after(.zero) { [weak self] in
            guard let self, self.connection.isOpen else { return }
            self.connection.resumeReading()
            self.handleEvents()
        }
    }

    func connectionDrained(_ connection: Connection) {
        handleEvents()
    }

    private func begin(_ head: HTTPRequestHead) {
        switch head.path {
        case "/raft": beginMessage(head)
        case "/raft/snapshot": beginSnapshot(head)
        case "/raft/stream":
            refuse(301, "Moved Permanently", [HeaderField("location", "/raft/stream/")])
        case let path where path.hasPrefix("/raft/stream/"): beginStream(head)
        default: exchange = .collecting(head, body: [])
        }
    }

    private func take(_ bytes: [UInt8]) {
        switch exchange {
        case .collecting(let head, var body):
            exchange = .none
            if body.count + bytes.count > PeerConnection.bodyLimit {
                refuse(400, "error reading raft message")
                return
            }
            if port.heldBytes + bytes.count > PeerPort.heldLimit {
                refuse(503, "too many messages at once")
                return
            }
            body += bytes
            held = body.count
            exchange = .collecting(head, body: body)
        case .snapshot(let receiver):
            if let refusal = receiver.take(bytes) { refuse(refusal.status, refusal.text) }
        case .none, .answering, .stream: break
        }
    }

    private func end() {
        switch exchange {
        case .collecting(let head, let body):
            exchange = .answering
            held = 0
            requestSince = nil
            connection.idleTimeout = nil
            if head.path == "/raft" { receiveMessage(body) } else { answer(head, body) }
        case .snapshot(let receiver):
            // The check of a large file takes its time.
            connection.idleTimeout = nil
            receiver.finish { [weak self] refusal in
                guard let self else { return }
                if let refusal {
                    self.refuse(refusal.status, refusal.text)
                } else {
                    self.respond(HTTPResponse(status: 204, headers: [self.clusterHeader]))
                }
            }
        case .none, .answering, .stream: break
        }
    }

    private func answer(_ head: HTTPRequestHead, _ body: [UInt8]) {
        port.endpoints.answer(HTTPRequest(head: head, body: body)) { [weak self] response in
            self?.respond(response)
        }
    }

    private func respond(_ response: HTTPResponse) {
        guard connection.isOpen else { return }
        exchange = .none
        connection.idleTimeout = PeerConnection.idleLimit
        server.respond(response)
        // A pipelined request may have waited for this answer.
        handleEvents()
    }

    /// As Go's `http.Error` answers. The request's rest is of no interest.
    private func refuse(_ status: Int, _ text: String, _ headers: [HeaderField] = []) {
        if case .snapshot(let receiver) = exchange { receiver.abandon() }
        held = 0
        exchange = .answering
        var response = HTTPEndpoints.error(status, text)
        response.head.headers += headers + [clusterHeader]
        server.respond(response)
        exchange = .none
        flush()
    }

    private var clusterHeader: HeaderField { port.identity.clusterHeader }

    // MARK: /raft

    /// False when the request was refused.
    private func admit(_ head: HTTPRequestHead, _ method: String) -> PeerHeaders? {
        guard head.method == method else {
            refuse(405, "Method Not Allowed", [HeaderField("allow", method)])
            return nil
        }
        let headers = PeerHeaders(head.headers)
        if let refusal = headers.refusal(by: port.identity) {
            let isStream = method == "GET"
            refuse(412, refusal, isStream ? [port.identity.versionHeader] : [])
            return nil
        }
        return headers
    }

    private func beginMessage(_ head: HTTPRequestHead) {
        guard let headers = admit(head, "POST") else { return }
        if let from = headers.from { port.addRemote(from, urls: headers.peerURLs) }
        exchange = .collecting(head, body: [])
    }

    private func receiveMessage(_ body: [UInt8]) {
        do throws(PeerError) {
            let message = try MessageFrameReader.decode(body)
            port.member.metrics.peers.received(body.count, from: message.from)
            if port.receive(message) {
                respond(HTTPResponse(status: 204, headers: [clusterHeader]))
            } else {
                refuse(500, "error processing raft message")
                connection.closeAfterFlush()
            }
        } catch {
            refuse(400, "error unmarshalling raft message")
        }
    }

    private func beginSnapshot(_ head: HTTPRequestHead) {
        guard let headers = admit(head, "POST") else { return }
        if let from = headers.from { port.addRemote(from, urls: headers.peerURLs) }
        exchange = .snapshot(SnapshotReceiver(port: port))
    }

    private func beginStream(_ head: HTTPRequestHead) {
        guard let headers = admit(head, "GET") else { return }
        let version = port.identity.versionHeader
        let words = head.path.dropFirst("/raft/stream/".count).split(
            separator: "/", omittingEmptySubsequences: false)
        guard words.count == 2, let kind = StreamKind(rawValue: String(words[0])) else {
            refuse(404, "invalid path", [version])
            return
        }
        guard let id = PeerHeaders.memberID(String(words[1])) else {
            refuse(404, "invalid from", [version])
            return
        }
        if port.member.node.ledger.members.isRemoved(id) {
            refuse(410, "removed member", [version])
            return
        }
        guard let link = port.link(to: id) else {
            port.addRemote(id, urls: headers.peerURLs)
            refuse(404, "error sender not found", [version])
            return
        }
        guard headers.isMeant(for: port.identity) else {
            refuse(412, "to field mismatch", [version])
            return
        }
        open(kind, for: link)
    }

    private func open(_ kind: StreamKind, for link: PeerLink) {
        connection.idleTimeout = nil
        server.sendHead(
            HTTPResponseHead(status: 200, headers: [port.identity.versionHeader, clusterHeader]),
            length: .chunked)
        let stream = ServedStream(kind, to: link.id, body: self)
        exchange = .stream(stream)
        flush()
        link.attach(stream)
    }
}
