// SPDX-License-Identifier: Apache-2.0
package import Bytes

/// The client's side of one gRPC connection.
///
/// Every call that `start` returned ends with exactly one `.finished`, unless it is given up by
/// `cancel`. Deadlines are the owner's: `timeout` only tells the server.
package final class GRPCClient {
    package enum Event: Equatable, Sendable {
        /// The head of the response (its metadata), before any message; absent when the server had
        /// nothing to say but a status.
        case head(StreamID, [HeaderField])
        case message(StreamID, [UInt8])
        case finished(StreamID, GRPCStatus, trailers: [HeaderField])
        /// The call's queue was above the high water mark and fell to the low one.
        case writable(StreamID)
        case pingAcknowledged(UInt64)
        /// The server takes no further calls; open ones up to `lastStream` may still finish.
        case goAway(lastStream: StreamID, HTTP2ErrorCode, String)
        /// The last event. Open calls were finished with UNAVAILABLE before it.
        case closed(CloseReason)
    }

    private let engine: HTTP2Engine
    private let authority: String
    private let scheme: String
    private let userAgent: String
    private let maxMessageBytes: Int
    private var events: [Event] = []
    private var hasToldEnd = false
    private var knownPath = ""
    private var knownFields: [HeaderField] = []

    package init(
        authority: String, scheme: String = "http", userAgent: String = "grpc-keelson",
        maxMessageBytes: Int = Int(Int32.max), settings: HTTP2Settings = HTTP2Settings()
    ) {
        self.authority = authority
        self.scheme = scheme
        self.userAgent = userAgent
        self.maxMessageBytes = maxMessageBytes
        engine = HTTP2Engine(role: .client, settings: settings)
    }

    // MARK: Bytes and events

    package var openCallCount: Int { engine.streams.count }
    package var hasOutput: Bool { engine.hasOutput }
    package var isClosed: Bool { engine.isOver }
    /// Whether `start` would give a call now.
    package var canStart: Bool { engine.canMakeStream }

    package func receive(_ bytes: UnsafeRawBufferPointer, now: Instant) {
        engine.receive(unsafe ByteView(bytes), now: now, to: self)
    }

    package func receive(_ bytes: [UInt8], now: Instant) {
        bytes.withView { view in engine.receive(view, now: now, to: self) }
    }

    /// The server is gone.
    package func transportEnded() {
        engine.close(.transportEnded)
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
            for stream in engine.streams.sorted {
                let status = GRPCStatus(.unavailable, "transport is closing")
                events.append(.finished(stream.id, status, trailers: []))
                engine.remove(stream)
            }
            events.append(.closed(reason))
        }
    }

    /// About `limit` bytes; ask again when they are written. Empty when there is nothing to send
    /// now.
    package func takeOutput(limit: Int = 1 << 20) -> [UInt8] {
        engine.takeOutput(limit: limit)
    }

    // MARK: Calls

    /// Nil when the connection takes no call now: it is closing, or too many are open.
    package func start(
        path: String, metadata: [HeaderField] = [], timeout: Duration? = nil
    ) -> StreamID? {
        guard let stream = engine.makeStream() else { return nil }
        stream.isGRPC = true
        if path != knownPath {
            knownFields = head(path)
            knownPath = path
        }
        if metadata.isEmpty, timeout == nil {
            engine.sendHeaders(stream, knownFields, endStream: false)
        } else {
            var fields = knownFields
            if let timeout {
                fields.append(HeaderField("grpc-timeout", GRPCTimeout.format(timeout)))
            }
            fields.append(contentsOf: metadata)
            engine.sendHeaders(stream, fields, endStream: false)
        }
        return stream.id
    }

    package func sendMessage(_ id: StreamID, _ message: [UInt8], halfClose: Bool = false) {
        guard let stream = engine.streams[id.number] else { return }
        engine.sendData(
            stream, prefix: UInt64(truncatingIfNeeded: message.count), message,
            endStream: halfClose)
    }

    /// No more messages from here.
    package func halfClose(_ id: StreamID) {
        guard let stream = engine.streams[id.number] else { return }
        engine.sendData(stream, prefix: nil, [], endStream: true)
    }

    /// Gives the call up; no event of it follows.
    package func cancel(_ id: StreamID) {
        guard let stream = engine.streams[id.number] else { return }
        engine.sendReset(stream, .cancel)
    }

    private func head(_ path: String) -> [HeaderField] {
        [
            HeaderField(":method", "POST"), HeaderField(":scheme", scheme),
            HeaderField(":path", path), HeaderField(":authority", authority),
            HeaderField("content-type", "application/grpc"),
            HeaderField("user-agent", userAgent), HeaderField("te", "trailers"),
        ]
    }

    // MARK: Connection

    /// Bytes of the call that wait for a window or for their turn.
    package func queuedBytes(_ id: StreamID) -> Int {
        engine.streams[id.number]?.queue.count ?? 0
    }

    package func sendPing(_ payload: UInt64) {
        if !engine.isOver { engine.writePing(payload, flags: 0) }
    }

    /// No new calls; the open ones may finish, then `.closed(.drained)`.
    package func drain() { engine.drain() }

    /// Stops giving window back on the call, so the server stops after what it may still send.
    package func pause(_ id: StreamID) {
        engine.streams[id.number]?.isPaused = true
    }

    package func resume(_ id: StreamID) {
        guard let stream = engine.streams[id.number] else { return }
        stream.isPaused = false
        engine.giveBack(stream)
    }
}

extension GRPCClient: HTTP2Receiver {
    func received(_ block: HeaderBlock, on stream: HTTP2Stream, endStream: Bool) {
        if block.isTrailers { return finish(stream, block.fields) }
        let contentType = block.fields.value(of: "content-type") ?? ""
        guard GRPCServer.isGRPC(contentType) else {
            return end(
                stream, GRPCStatus(httpStatus: stream.httpStatus, contentType: contentType), [],
                byServer: endStream)
        }
        if endStream { return finish(stream, block.fields) }
        if let encoding = block.fields.value(of: "grpc-encoding"), encoding != "identity" {
            return end(
                stream,
                GRPCStatus(
                    .internalError,
                    "grpc: Decompressor is not installed for grpc-encoding \"\(encoding)\""), [],
                byServer: false)
        }
        events.append(.head(stream.id, Self.own(block.fields)))
    }

    func received(_ data: ByteView, on stream: HTTP2Stream, endStream: Bool) {
        var at = 0
        reading: while true {
            switch stream.framer.next(data, &at, limit: maxMessageBytes) {
            case .message(let message): events.append(.message(stream.id, message))
            case .needsMore: break reading
            case .refused(let status): return end(stream, status, [], byServer: endStream)
            }
        }
        if endStream {
            let text = "server closed the stream without sending trailers"
            end(stream, GRPCStatus(.internalError, text), [], byServer: true)
        }
    }

    func ended(_ stream: HTTP2Stream, code: HTTP2ErrorCode, byPeer: Bool) {
        events.append(.finished(stream.id, GRPCStatus(reset: code), trailers: []))
    }

    func wentAway(lastStream: StreamID, code: HTTP2ErrorCode, text: String) {
        events.append(.goAway(lastStream: lastStream, code, text))
    }

    func pingAcknowledged(_ payload: UInt64) {
        events.append(.pingAcknowledged(payload))
    }

    /// The server is done; `fields` hold the status.
    private func finish(_ stream: HTTP2Stream, _ fields: [HeaderField]) {
        guard let text = fields.value(of: "grpc-status"), let code = HTTP1Head.length(text) else {
            let contentType = fields.value(of: "content-type") ?? ""
            return end(
                stream, GRPCStatus(httpStatus: stream.httpStatus, contentType: contentType), [],
                byServer: true)
        }
        let message = GRPCStatus.percentDecoded(fields.value(of: "grpc-message") ?? "")
        end(stream, GRPCStatus(GRPCStatus.Code(code), message), Self.own(fields), byServer: true)
    }

    private func end(
        _ stream: HTTP2Stream, _ status: GRPCStatus, _ trailers: [HeaderField], byServer: Bool
    ) {
        events.append(.finished(stream.id, status, trailers: trailers))
        // A half that is still open would wait for nothing.
        if stream.isSending || !byServer { engine.sendReset(stream, .cancel) }
    }

    private static func own(_ fields: [HeaderField]) -> [HeaderField] {
        fields.filter { $0.kind == .other }
    }
}
