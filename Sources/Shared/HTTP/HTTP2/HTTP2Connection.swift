// SPDX-License-Identifier: Apache-2.0
package import Bytes

/// One HTTP/2 connection of either role, for those who want plain headers and data.
package final class HTTP2Connection {
    package enum Role: Sendable {
        case server
        case client
    }

    package enum Event: Equatable, Sendable {
        /// A request's head, a response's head, or trailers, with pseudo headers.
        case headers(StreamID, [HeaderField], endStream: Bool)
        case data(StreamID, [UInt8], endStream: Bool)
        /// By the peer, or by us because the peer broke the stream.
        case reset(StreamID, HTTP2ErrorCode)
        case goAway(lastStream: StreamID, HTTP2ErrorCode, String)
        case pingAcknowledged(UInt64)
        /// The stream's queue was above the high water mark and fell to the low one.
        case writable(StreamID)
        /// The last event.
        case closed(CloseReason)
    }

    private let engine: HTTP2Engine
    private var events: [Event] = []
    private var hasToldEnd = false

    package init(role: Role, settings: HTTP2Settings = HTTP2Settings()) {
        engine = HTTP2Engine(role: role == .server ? .server : .client, settings: settings)
    }

    package var openStreamCount: Int { engine.streams.count }
    package var hasOutput: Bool { engine.hasOutput }
    package var isClosed: Bool { engine.isOver }

    package func receive(_ bytes: UnsafeRawBufferPointer, now: Instant) {
        engine.receive(unsafe ByteView(bytes), now: now, to: self)
    }

    package func receive(_ bytes: [UInt8], now: Instant) {
        bytes.withView { view in engine.receive(view, now: now, to: self) }
    }

    package func transportEnded() {
        engine.close(.transportEnded)
    }

    package func takeEvents() -> [Event] {
        for stream in engine.drained { events.append(.writable(stream)) }
        engine.drained.removeAll(keepingCapacity: true)
        if let reason = engine.closeReason, !hasToldEnd {
            hasToldEnd = true
            events.append(.closed(reason))
        }
        let taken = events
        events = []
        return taken
    }

    package func takeOutput(limit: Int = 1 << 20) -> [UInt8] {
        engine.takeOutput(limit: limit)
    }

    /// Client role: opens a stream. Nil when the peer takes no more now.
    package func sendRequest(_ fields: [HeaderField], endStream: Bool) -> StreamID? {
        guard let stream = engine.makeStream() else { return nil }
        engine.sendHeaders(stream, fields, endStream: endStream)
        return stream.id
    }

    /// A response's head, or trailers. Ignored on ended streams, like all that follow.
    package func sendHeaders(_ id: StreamID, _ fields: [HeaderField], endStream: Bool) {
        guard let stream = engine.streams[id.number] else { return }
        engine.sendHeaders(stream, fields, endStream: endStream)
    }

    package func sendData(_ id: StreamID, _ bytes: [UInt8], endStream: Bool) {
        guard let stream = engine.streams[id.number] else { return }
        engine.sendData(stream, prefix: nil, bytes, endStream: endStream)
    }

    package func sendReset(_ id: StreamID, _ code: HTTP2ErrorCode) {
        guard let stream = engine.streams[id.number] else { return }
        engine.sendReset(stream, code)
    }

    package func sendPing(_ payload: UInt64) {
        if !engine.isOver { engine.writePing(payload, flags: 0) }
    }

    /// GOAWAY; open streams finish, then `.closed(.drained)`.
    package func drain() { engine.drain() }

    /// Bytes of the stream that wait for a window or for their turn.
    package func queuedBytes(_ id: StreamID) -> Int {
        engine.streams[id.number]?.queue.count ?? 0
    }

    /// Stops giving window back on the stream, so the peer stops after what it may still send.
    package func pause(_ id: StreamID) {
        engine.streams[id.number]?.isPaused = true
    }

    package func resume(_ id: StreamID) {
        guard let stream = engine.streams[id.number] else { return }
        stream.isPaused = false
        engine.giveBack(stream)
    }
}

extension HTTP2Connection: HTTP2Receiver {
    func received(_ block: HeaderBlock, on stream: HTTP2Stream, endStream: Bool) {
        events.append(.headers(stream.id, block.fields, endStream: endStream))
    }

    func received(_ data: ByteView, on stream: HTTP2Stream, endStream: Bool) {
        if data.isEmpty, !endStream { return }
        events.append(.data(stream.id, data.array, endStream: endStream))
    }

    func ended(_ stream: HTTP2Stream, code: HTTP2ErrorCode, byPeer: Bool) {
        events.append(.reset(stream.id, code))
    }

    func wentAway(lastStream: StreamID, code: HTTP2ErrorCode, text: String) {
        events.append(.goAway(lastStream: lastStream, code, text))
    }

    func pingAcknowledged(_ payload: UInt64) {
        events.append(.pingAcknowledged(payload))
    }
}
