// SPDX-License-Identifier: Apache-2.0
internal import Bytes
internal import HTTP
internal import Net

/// Plain HTTP/1.1 on a client's connection: one request at a time.
final class HTTPChannel {
    private enum Exchange {
        case none
        /// Answered by this when the request is all there.
        case decided(HTTPResponse)
        case collecting(HTTPRequest)
        case gateway(GatewayCall)
        case answering(HTTPExchange)
        /// What comes is passed over until the end.
        case waiting
    }

    private unowned let client: ClientConnection
    private let server: HTTP1Server
    private var exchange = Exchange.none
    private var webSocket: WebSocketChannel?
    /// Goes out with each head of the exchange at hand.
    private var extraHeaders: [HeaderField] = []
    private var isHandling = false
    /// Of a pipelined request.
    private let place: AnswerTurns.Place
    /// Since when a request has been coming in.
    private var requestSince: Instant?
    private var isDraining = false

    /// An answer of no more bytes takes as long as encoding so many.
    private static let leastPrice = 8 << 10
    /// Time without a byte until a connection between two requests is closed.
    static let idleTimeout = Duration.seconds(300)

    init(_ client: ClientConnection) {
        self.client = client
        server = HTTP1Server()
        place = AnswerTurns.Place(client.port.member.answerTurns)
    }

    var isOver: Bool {
        if let webSocket { return webSocket.isOver && !server.hasOutput }
        if isAnswering { return false }
        return server.closesAfterOutput || (isDraining && server.isIdle)
    }

    /// An answer is still to come.
    var isAnswering: Bool {
        if case .answering = exchange { return true }
        return false
    }

    // MARK: Limits

    /// No request is being read or answered.
    var isIdle: Bool {
        if case .none = exchange { return webSocket == nil && server.isIdle }
        return false
    }

    /// What the client makes this channel hold in memory, about.
    var weight: Int {
        let held =
            switch exchange {
            case .none, .decided, .answering, .waiting: 0
            case .collecting(let request): request.body.count
            case .gateway(let call): call.heldBytes
            }
        return server.weight + held + (webSocket?.weight ?? 0)
    }

    /// Answers that wait, and requests that wait for them.
    var unreadBytes: Int { server.weight + (webSocket?.unreadBytes ?? 0) }

    /// Why the client has taken too long, if it has.
    func overdue(at now: Instant) -> String? {
        guard let requestSince else { return nil }
        // A stream of requests goes on for as long as it likes.
        if case .gateway(let call) = exchange, call.isServing { return nil }
        let settings = client.port.settings
        let limit = server.isReadingHead ? settings.headTimeout : settings.requestTimeout
        return now - requestSince > limit ? "a request did not end in time" : nil
    }

    // MARK: In

    func receive(_ bytes: UnsafeRawBufferPointer) {
        if let webSocket {
            webSocket.receive(unsafe Array(bytes))
            client.needsFlush()
            return
        }
        unsafe server.receive(bytes)
        handleEvents()
        noteRequest()
    }

    private func noteRequest() {
        if !server.isReadingRequest {
            requestSince = nil
        } else if requestSince == nil {
            requestSince = client.port.member.reactor.now
        }
    }

    /// The client sends no more, but may still read.
    func inputEnded() {
        // Who waits in pieces says by this that it has enough.
        if case .answering(let made) = exchange { made.end() }
        server.transportEnded()
        cancel()
    }

    func connectionClosed() {
        if case .answering(let made) = exchange {
            exchange = .waiting
            made.abandon()
        }
        server.transportEnded()
        cancel()
    }

    private func cancel() {
        webSocket?.cancelled()
        if case .gateway(let call) = exchange {
            exchange = .waiting
            call.cancelled()
        }
    }

    func drain() {
        isDraining = true
        webSocket?.draining()
        switch exchange {
        case .gateway(let call): call.draining()
        case .answering(let made): made.end()
        case .none, .decided, .collecting, .waiting: break
        }
    }

    /// A pipelined request may wait for the answer to the one before: until there is none.
    private func handleEvents() {
        client.needsFlush()
        guard !isHandling else { return }
        isHandling = true
        defer { isHandling = false }
        while true {
            let events = server.takeEvents()
            if events.isEmpty { break }
            for event in events { handle(event) }
        }
    }

    private func handle(_ event: HTTP1Server.Event) {
        if webSocket != nil { return }
        switch event {
        case .head(let head): begin(head)
        case .body(let bytes): receiveBody(bytes)
        case .end: end()
        case .failed(let error):
            client.port.note(client, "\(error)")
            let failed = exchange
            exchange = .waiting
            if case .gateway(let call) = failed { call.cancelled() }
            if case .answering(let made) = failed { made.abandon() }
        }
    }

    private func begin(_ given: HTTPRequestHead) {
        client.connection.chargeRequest()
        var head = given
        let settings = client.port.settings
        extraHeaders = []
        if let access = settings.access {
            head.target = AccessControl.present(head.target)
            let (fields, refusal) = access.admit(
                head, isSecure: client.isSecure, commonName: client.userOfCertificate)
            extraHeaders = fields
            if let refusal {
                exchange = .decided(refusal)
                return
            }
        }
        switch settings.gateway?.route(head) {
        case .answer(let response)?: exchange = .decided(response)
        case .call(let rpc)?:
            exchange = .gateway(GatewayCall(rpc, head, client: client, sink: self))
        case .webSocket(let rpc)?: upgrade(head, rpc)
        case .elsewhere?, nil: exchange = .collecting(HTTPRequest(head: head))
        }
    }

    private func receiveBody(_ bytes: [UInt8]) {
        switch exchange {
        case .none, .decided, .answering, .waiting: break
        case .gateway(let call):
            call.receive(bytes)
            if call.isServing { client.connection.idleTimeout = nil }
        case .collecting(var request):
            exchange = .waiting
            request.body += bytes
            if request.body.count > client.port.settings.maxBodyBytes {
                respond(
                    HTTPResponse(status: 413, contentType: "text/plain", text: "request body\n"))
            } else {
                exchange = .collecting(request)
            }
        }
    }

    private func end() {
        requestSince = nil
        switch exchange {
        case .none, .answering, .waiting: break
        case .decided(let response):
            exchange = .waiting
            respond(response)
        case .collecting(let request):
            let made = HTTPExchange(self, commonName: client.verifiedCommonName)
            exchange = .answering(made)
            client.port.answer(request, made)
        case .gateway(let call):
            call.inputEnded()
            if call.isServing { client.connection.idleTimeout = nil }
        }
    }

    private func upgrade(_ head: HTTPRequestHead, _ rpc: Gateway.Target) {
        switch WebSocketHandshake.check(head) {
        case .refused(let response): exchange = .decided(response)
        case .key(let key):
            exchange = .waiting
            client.connection.idleTimeout = nil
            let early = server.upgrade(
                to: "websocket", WebSocketChannel.answer(to: key, head) + extraHeaders)
            let channel = WebSocketChannel(client, head, rpc)
            webSocket = channel
            if !early.isEmpty { channel.receive(early) }
        }
    }

    // MARK: Out

    func takeOutput() -> [UInt8] {
        let bytes = server.takeOutput()
        // A pipelined request may have waited for room. It has its turn when the others had theirs.
        if server.hasEvents { place.wait { [weak self] in self?.handleEvents() } }
        if let webSocket { return bytes + webSocket.takeOutput() }
        return bytes
    }

    /// What was written is on its way.
    func drained() {
        webSocket?.drained()
        if case .gateway(let call) = exchange { call.drained() }
    }
}

extension HTTPChannel: GatewaySink {
    var queuedBytes: Int { server.queuedBytes + client.connection.pendingBytes }

    func respond(_ response: HTTPResponse) {
        var whole = response
        whole.head.headers += extraHeaders
        server.respond(whole)
        client.port.member.answerTurns.took(max(whole.body.count, HTTPChannel.leastPrice))
        client.connection.charge(byteCount: whole.body.count)
        client.hasBeenServed = true
        over()
    }

    func begin(_ response: HTTPResponseHead) {
        var head = response
        head.headers += extraHeaders
        // The client may be silent for as long as the answer goes on.
        client.connection.idleTimeout = nil
        server.sendHead(head, length: .chunked)
        client.needsFlush()
    }

    func write(_ bytes: [UInt8]) {
        server.sendBody(bytes)
        client.needsFlush()
    }

    func finish() {
        server.sendEnd()
        over()
    }

    private func over() {
        switch exchange {
        case .gateway, .answering: client.connection.idleTimeout = HTTPChannel.idleTimeout
        case .none, .decided, .collecting, .waiting: break
        }
        exchange = .none
        // A pipelined request may have waited for this answer.
        handleEvents()
    }
}
