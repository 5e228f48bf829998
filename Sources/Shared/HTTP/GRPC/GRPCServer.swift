// SPDX-License-Identifier: Apache-2.0
package import Bytes

/// What a client said when it began a call.
package struct GRPCCallHead: Equatable, Sendable {
    /// `/package.Service/Method`.
    package var path: String
    package var authority: String
    /// The caller's own fields, without those of HTTP and of gRPC itself.
    package var metadata: [HeaderField]
    /// How long the caller waits, from the arrival of the head on.
    package var timeout: Duration?
    package var contentType: String
    package var userAgent: String

    package init(
        path: String, authority: String = "", metadata: [HeaderField] = [],
        timeout: Duration? = nil, contentType: String = "application/grpc", userAgent: String = ""
    ) {
        self.path = path
        self.authority = authority
        self.metadata = metadata
        self.timeout = timeout
        self.contentType = contentType
        self.userAgent = userAgent
    }
}

package struct GRPCServerSettings: Sendable {
    package var http2 = HTTP2Settings()
    /// Larger messages end their call with RESOURCE_EXHAUSTED.
    package var maxMessageBytes = 4 << 20
    /// The body of a request that is no gRPC; larger ones are answered with 413.
    package var maxPlainBodyBytes = 4 << 20
    /// Unfinished messages and bodies of all calls together; who wants more ends its call with
    /// RESOURCE_EXHAUSTED.
    package var maxHeldBytes = 32 << 20

    package init() {}
}

/// The server's side of one gRPC connection. Requests that are no gRPC come out as `.plain`.
///
/// Every call ends with exactly one `finish` or `reply` of ours, or with `.cancelled`; what is sent
/// on a call that is over goes nowhere.
package final class GRPCServer {
    package enum Event: Equatable, Sendable {
        case call(StreamID, GRPCCallHead)
        case message(StreamID, [UInt8])
        /// The caller sends no more messages.
        case halfClosed(StreamID)
        /// The call is over without `finish`: the caller gave it up or broke its rules.
        case cancelled(StreamID)
        /// A whole request that is no gRPC; answer with `respond`, or `sendHead` and on.
        case plain(StreamID, HTTPRequest)
        /// The call's queue was above the high water mark and fell to the low one.
        case writable(StreamID)
        case pingAcknowledged(UInt64)
        /// The last event; all calls are over.
        case closed(CloseReason)
    }

    private let engine: HTTP2Engine
    private let settings: GRPCServerSettings
    private var events: [Event] = []
    private var hasToldEnd = false
    /// The last head, and the fields it was made of.
    private var knownFields: [HeaderField] = []
    private var knownHead = GRPCCallHead(path: "")

    private let usualHead = [
        HeaderField(":status", "200"), HeaderField("content-type", "application/grpc"),
    ]
    private let usualTrailers = [HeaderField("grpc-status", "0")]

    package init(settings: GRPCServerSettings = GRPCServerSettings()) {
        self.settings = settings
        engine = HTTP2Engine(role: .server, settings: settings.http2)
    }

    // MARK: Bytes and events

    package var openCallCount: Int { engine.streams.count }
    package var hasOutput: Bool { engine.hasOutput }
    package var isClosed: Bool { engine.isOver }
    /// What the client makes this connection hold in memory, about.
    package var weight: Int { engine.weight }
    /// Written frames that `takeOutput` did not give yet, without what waits for windows.
    package var outputBytes: Int { engine.output.count }
    /// Since when the client owes the rest of its greeting, of a header block or of a frame.
    package var owedSince: Instant? { engine.owedSince }

    package func receive(_ bytes: UnsafeRawBufferPointer, now: Instant) {
        engine.receive(unsafe ByteView(bytes), now: now, to: self)
    }

    package func receive(_ bytes: [UInt8], now: Instant) {
        bytes.withView { view in engine.receive(view, now: now, to: self) }
    }

    /// The client is gone; `.closed` follows.
    package func transportEnded() {
        engine.close(.transportEnded)
    }

    /// The client is given up: everything that was held for it is let go. `.closed` follows.
    package func abandon() {
        engine.abandon()
    }

    /// The client is gone; what the connection held goes to the caller.
    package func takeRemains() -> HTTP2Remains {
        engine.takeRemains()
    }

    /// Ends calls and requests whose bytes began to come longer ago than that and are not all there;
    /// how many. Calls that wait for their next message are no such calls.
    package func cutUnfinished(olderThan limit: Duration, at now: Instant) -> Int {
        var count = 0
        let late = engine.streams.sorted(where: {
            $0.isReceiving && now - $0.inputSince > limit
        })
        for stream in late where stream.isOpen {
            if stream.isGRPC, stream.framer.isInside {
                refuse(stream, GRPCStatus(.deadlineExceeded, "the message did not end in time"))
                count += 1
            } else if !stream.isGRPC, stream.plainRequest != nil {
                respond(
                    stream.id,
                    HTTPResponse(
                        status: 408, contentType: "text/plain", text: "the request did not end\n"))
                count += 1
            }
        }
        return count
    }

    /// Swaps the events into `taken`, which is emptied first and may be used again and again.
    package func takeEvents(into taken: inout [Event]) {
        collect()
        taken.removeAll(keepingCapacity: true)
        swap(&taken, &events)
    }

    package func takeEvents() -> [Event] {
        collect()
        let taken = events
        events = []
        return taken
    }

    private func collect() {
        if !engine.drained.isEmpty {
            for stream in engine.drained { events.append(.writable(stream)) }
            engine.drained.removeAll(keepingCapacity: true)
        }
        if let reason = engine.closeReason, !hasToldEnd {
            hasToldEnd = true
            events.append(.closed(reason))
        }
    }

    /// About `limit` bytes; ask again when they are written. Empty when there is nothing to send
    /// now.
    package func takeOutput(limit: Int = 1 << 20) -> [UInt8] {
        engine.takeOutput(limit: limit)
    }

    // MARK: Calls

    package func sendMessage(_ id: StreamID, _ message: [UInt8]) {
        guard let stream = engine.streams[id.number], stream.isGRPC else { return }
        sendUsualHead(stream)
        engine.sendData(
            stream, prefix: UInt64(truncatingIfNeeded: message.count), message, endStream: false)
    }

    /// Begins a message of `byteCount` bytes, of which these are the first; the others must follow,
    /// no more and no less, by `sendMessagePart`.
    package func sendMessage(_ id: StreamID, byteCount: Int, beginning piece: [UInt8]) {
        guard let stream = engine.streams[id.number], stream.isGRPC else { return }
        sendUsualHead(stream)
        engine.sendData(
            stream, prefix: UInt64(truncatingIfNeeded: byteCount), piece, endStream: false)
    }

    package func sendMessagePart(_ id: StreamID, _ piece: [UInt8]) {
        guard let stream = engine.streams[id.number], stream.isGRPC else { return }
        engine.sendData(stream, prefix: nil, piece, endStream: false)
    }

    /// Sends the response's head now, as a server stream does before its first message.
    package func sendHead(_ id: StreamID) {
        guard let stream = engine.streams[id.number], stream.isGRPC else { return }
        sendUsualHead(stream)
    }

    /// The answer of a unary call: one message and status OK.
    package func reply(_ id: StreamID, _ message: [UInt8]) {
        guard let stream = engine.streams[id.number], stream.isGRPC else { return }
        sendUsualHead(stream)
        engine.sendData(
            stream, prefix: UInt64(truncatingIfNeeded: message.count), message, endStream: false)
        engine.sendHeaders(stream, usualTrailers, endStream: true)
    }

    package func finish(_ id: StreamID, _ status: GRPCStatus, trailers: [HeaderField] = []) {
        guard let stream = engine.streams[id.number], stream.isGRPC else { return }
        finish(stream, status, trailers)
    }

    package func finish(_ id: StreamID, code: Int, message: String) {
        finish(id, GRPCStatus(GRPCStatus.Code(code), message))
    }

    private func finish(_ stream: HTTP2Stream, _ status: GRPCStatus, _ extra: [HeaderField]) {
        if status.code == .ok, status.message.isEmpty, extra.isEmpty {
            sendUsualHead(stream)
            return engine.sendHeaders(stream, usualTrailers, endStream: true)
        }
        var fields = stream.hasSentHeaders ? [] : head(of: stream)
        fields.append(HeaderField("grpc-status", "\(status.code.number)"))
        if !status.message.isEmpty {
            fields.append(
                HeaderField("grpc-message", GRPCStatus.percentEncoded(status.message)))
        }
        fields.append(contentsOf: extra)
        engine.sendHeaders(stream, fields, endStream: true)
    }

    /// Ends a call without a status.
    package func reset(_ id: StreamID, _ code: HTTP2ErrorCode) {
        guard let stream = engine.streams[id.number] else { return }
        engine.sendReset(stream, code)
    }

    @inline(__always)
    private func sendUsualHead(_ stream: HTTP2Stream) {
        if !stream.hasSentHeaders { engine.sendHeaders(stream, head(of: stream), endStream: false) }
    }

    @inline(__always)
    private func head(of stream: HTTP2Stream) -> [HeaderField] {
        guard let type = stream.contentType else { return usualHead }
        return [usualHead[0], HeaderField("content-type", type)]
    }

    // MARK: Plain requests

    package func respond(_ id: StreamID, _ response: HTTPResponse) {
        var head = response.head
        head.headers.removeAll { $0.kind == .contentLength }
        head.headers.append(HeaderField("content-length", "\(response.body.count)"))
        guard let stream = engine.streams[id.number], !stream.isGRPC else { return }
        if stream.plainRequest?.head.method == "HEAD" || response.body.isEmpty {
            return sendHead(stream, head, endStream: true)
        }
        sendHead(stream, head, endStream: false)
        engine.sendData(stream, prefix: nil, response.body, endStream: true)
    }

    /// Begins an answer that `sendBody` and `sendEnd` go on with.
    package func sendHead(_ id: StreamID, _ head: HTTPResponseHead) {
        guard let stream = engine.streams[id.number], !stream.isGRPC else { return }
        sendHead(stream, head, endStream: false)
    }

    package func sendBody(_ id: StreamID, _ bytes: [UInt8]) {
        guard let stream = engine.streams[id.number], !stream.isGRPC else { return }
        if !bytes.isEmpty { engine.sendData(stream, prefix: nil, bytes, endStream: false) }
    }

    package func sendEnd(_ id: StreamID) {
        guard let stream = engine.streams[id.number], !stream.isGRPC else { return }
        engine.sendData(stream, prefix: nil, [], endStream: true)
    }

    private func sendHead(_ stream: HTTP2Stream, _ head: HTTPResponseHead, endStream: Bool) {
        var fields = [HeaderField(":status", "\(head.status)")]
        fields.append(contentsOf: head.headers.filter { $0.kind != .connectionSpecific })
        engine.sendHeaders(stream, fields, endStream: endStream)
    }

    // MARK: Connection

    /// Bytes of the call that wait for a window or for their turn.
    package func queuedBytes(_ id: StreamID) -> Int {
        engine.streams[id.number]?.queue.count ?? 0
    }

    /// No new calls; the open ones may finish, then `.closed(.drained)`.
    package func drain() { engine.drain() }

    package func sendPing(_ payload: UInt64) {
        if !engine.isOver { engine.writePing(payload, flags: 0) }
    }

    /// Stops giving window back on the call, so its caller stops after what it may still send.
    package func pause(_ id: StreamID) {
        engine.streams[id.number]?.isPaused = true
    }

    package func resume(_ id: StreamID) {
        guard let stream = engine.streams[id.number] else { return }
        stream.isPaused = false
        engine.giveBack(stream)
    }
}

extension GRPCServer: HTTP2Receiver {
    func received(_ block: HeaderBlock, on stream: HTTP2Stream, endStream: Bool) {
        if block.isTrailers { return endRequest(stream) }
        if isKnown(block.fields) {
            beginCall(stream)
            events.append(.call(stream.id, knownHead))
        } else if isCall(block.fields) {
            stream.isGRPC = true
            if let refusal = readHead(block.fields) { return finish(stream, refusal, []) }
            beginCall(stream)
            events.append(.call(stream.id, knownHead))
        } else {
            stream.plainRequest = HTTPRequest(head: Self.plainHead(block.fields))
        }
        if endStream { endRequest(stream) }
    }

    private func beginCall(_ stream: HTTP2Stream) {
        stream.isGRPC = true
        let type = knownHead.contentType
        if type.utf8.count <= 64, type.hasPrefix("application/grpc+") { stream.contentType = type }
    }

    func received(_ data: ByteView, on stream: HTTP2Stream, endStream: Bool) {
        if !stream.isGRPC { return receivedPlain(data, stream, endStream) }
        let wasInside = stream.framer.isInside
        var at = 0
        reading: while true {
            switch stream.framer.next(data, &at, limit: settings.maxMessageBytes) {
            case .message(let message):
                stream.inputSince = engine.time
                events.append(.message(stream.id, message))
            case .needsMore:
                if !wasInside, stream.framer.isInside { stream.inputSince = engine.time }
                break reading
            case .refused(let status): return refuse(stream, status)
            }
        }
        engine.hold(stream, stream.framer.heldCount)
        if engine.heldBytes > settings.maxHeldBytes { return refuse(stream, .tooMuchHeld) }
        if endStream { endRequest(stream) }
    }

    func ended(_ stream: HTTP2Stream, code: HTTP2ErrorCode, byPeer: Bool) {
        if stream.isGRPC || stream.plainRequest == nil || !stream.isReceiving {
            events.append(.cancelled(stream.id))
        }
    }

    func wentAway(lastStream: StreamID, code: HTTP2ErrorCode, text: String) {}

    func pingAcknowledged(_ payload: UInt64) {
        events.append(.pingAcknowledged(payload))
    }

    private func endRequest(_ stream: HTTP2Stream) {
        if !stream.isGRPC {
            if let request = stream.plainRequest { events.append(.plain(stream.id, request)) }
        } else if stream.framer.isInside {
            refuse(stream, GRPCStatus(.internalError, "unexpected EOF"))
        } else {
            events.append(.halfClosed(stream.id))
        }
    }

    private func refuse(_ stream: HTTP2Stream, _ status: GRPCStatus) {
        events.append(.cancelled(stream.id))
        finish(stream, status, [])
    }

    private func receivedPlain(_ data: ByteView, _ stream: HTTP2Stream, _ endStream: Bool) {
        guard let count = stream.plainRequest?.body.count else { return }
        if count + data.count > settings.maxPlainBodyBytes {
            respond(
                stream.id,
                HTTPResponse(status: 413, contentType: "text/plain", text: "request body\n"))
            return
        }
        if engine.heldBytes + data.count > settings.maxHeldBytes {
            return respond(
                stream.id,
                HTTPResponse(status: 503, contentType: "text/plain", text: "too much at once\n"))
        }
        if !data.isEmpty { stream.plainRequest?.body.append(contentsOf: data.array) }
        engine.hold(stream, count + data.count)
        if endStream { endRequest(stream) }
    }

    // MARK: Heads

    /// The same storage as the last head's, which cannot have changed since it is shared.
    private func isKnown(_ fields: [HeaderField]) -> Bool {
        unsafe fields.count == knownFields.count
            && fields.withUnsafeBufferPointer { left in
                unsafe knownFields.withUnsafeBufferPointer { right in
                    unsafe left.baseAddress == right.baseAddress
                }
            }
    }

    private func isCall(_ fields: [HeaderField]) -> Bool {
        var isPost = false
        var isGRPC = false
        for field in fields {
            if field.kind == .method { isPost = field.value == "POST" }
            if field.kind == .contentType { isGRPC = GRPCServer.isGRPC(field.value) }
        }
        return isPost && isGRPC
    }

    static func isGRPC(_ contentType: String) -> Bool {
        let name = "application/grpc"
        if contentType == name { return true }
        guard contentType.hasPrefix(name) else { return false }
        let next = contentType.utf8.dropFirst(name.utf8.count).first
        return next == 0x2b || next == 0x3b  // + ;
    }

    /// Makes `knownHead`; the answer is why the call cannot be taken.
    private func readHead(_ fields: [HeaderField]) -> GRPCStatus? {
        var head = GRPCCallHead(path: "")
        for field in fields {
            switch field.kind {
            case .path: head.path = field.value
            case .authority: head.authority = field.value
            case .contentType: head.contentType = field.value
            case .userAgent: head.userAgent = field.value
            case .timeout:
                guard let timeout = GRPCTimeout.parse(field.value) else {
                    return GRPCStatus(
                        .internalError, "malformed grpc-timeout: \"\(field.value)\"")
                }
                head.timeout = timeout
            case .encoding where field.value != "identity":
                return GRPCStatus(
                    .unimplemented,
                    "grpc: Decompressor is not installed for grpc-encoding \"\(field.value)\"")
            case .host where head.authority.isEmpty: head.authority = field.value
            case .other: head.metadata.append(field)
            case .method, .scheme, .status, .unknownPseudo, .contentLength, .trailersAccepted,
                .host, .encoding, .acceptEncoding, .grpcStatus, .grpcMessage,
                .connectionSpecific:
                break
            }
        }
        knownFields = fields
        knownHead = head
        return nil
    }

    private static func plainHead(_ fields: [HeaderField]) -> HTTPRequestHead {
        var head = HTTPRequestHead(method: "", target: "")
        for field in fields {
            switch field.kind {
            case .method: head.method = field.value
            case .path: head.target = field.value
            case .authority: head.authority = field.value
            default: if !field.kind.isPseudo { head.headers.append(field) }
            }
        }
        return head
    }
}
