// SPDX-License-Identifier: Apache-2.0
internal import Bytes

/// The client's side of one HTTP/1.1 connection: one exchange at a time.
package final class HTTP1Client {
    package enum Event: Equatable, Sendable {
        case head(HTTPResponseHead)
        case body([UInt8])
        case end
        /// The exchange is lost; the connection is of no use any more.
        case failed(HTTPError)
    }

    private enum Reading {
        case idle
        case head
        case body(HTTP1Body)
        case closed
    }

    private let headBytesMax: Int
    private var reading = Reading.idle
    private var writer = HTTP1Writer()
    private var events: [Event] = []
    private var buffer: [UInt8] = []
    private var at = 0
    private var scanned = 0
    private var method = ""
    private var keeps = true

    package init(headBytesMax: Int = 65_536) {
        self.headBytesMax = headBytesMax
    }

    /// A further request may be sent on this connection.
    package var isReusable: Bool {
        if case .idle = reading { return keeps && !writer.isBusy }
        return false
    }

    package var hasOutput: Bool { !writer.output.isEmpty }
    package func takeOutput() -> [UInt8] { writer.take() }

    package func takeEvents() -> [Event] {
        let taken = events
        events = []
        return taken
    }

    // MARK: Requests

    package func send(_ request: HTTPRequest) {
        let isBare = request.body.isEmpty && ["GET", "HEAD"].contains(request.head.method)
        sendHead(request.head, length: isBare ? .none : .fixed(request.body.count))
        sendBody(request.body)
        sendEnd()
    }

    /// `host` is written from the head's authority. Ask `isReusable` first.
    package func sendHead(_ head: HTTPRequestHead, length: BodyLength) {
        invariant(isReusable, "a request on a connection that is busy or lost")
        reading = .head
        method = head.method
        var fields = [HeaderField("host", head.authority)]
        fields.append(contentsOf: head.headers.filter { $0.kind != .host })
        writer.begin(
            firstLine: "\(head.method) \(head.target) HTTP/1.1\r\n", fields: fields,
            length: length, closes: false, isSilent: false, allowsChunks: true)
    }

    package func sendBody(_ bytes: [UInt8]) {
        if case .closed = reading { return }
        writer.body(bytes)
    }

    package func sendEnd() {
        if case .closed = reading { return }
        _ = writer.end()
    }

    // MARK: Responses

    package func receive(_ bytes: UnsafeRawBufferPointer) {
        if case .closed = reading { return }
        unsafe buffer.append(contentsOf: bytes)
        advance()
    }

    package func receive(_ bytes: [UInt8]) {
        unsafe bytes.withUnsafeBytes { bytes in unsafe receive(bytes) }
    }

    /// The server will send no more.
    package func transportEnded() {
        switch reading {
        case .idle, .closed: break
        case .body(let body) where body.isUntilClose: events.append(.end)
        case .head, .body: events.append(.failed(.truncated))
        }
        reading = .closed
    }

    private func advance() {
        do throws(HTTPError) {
            while try step() {}
        } catch {
            events.append(.failed(error))
            reading = .closed
            buffer = []
            at = 0
        }
        if at == buffer.count {
            buffer.removeAll(keepingCapacity: buffer.capacity <= 65_536)
            scanned = 0
            at = 0
        } else if at > 65_536 {
            buffer.removeFirst(at)
            scanned = max(0, scanned - at)
            at = 0
        }
    }

    private func step() throws(HTTPError) -> Bool {
        switch reading {
        case .closed: return false
        case .idle:
            if at < buffer.count { throw .malformed("an answer to no request") }
            return false
        case .head: return try readHead()
        case .body(var body):
            let piece = try body.next(buffer, &at)
            reading = .body(body)
            switch piece {
            case .needsMore: return false
            case .data(let range): events.append(.body(Array(buffer[range])))
            case .ended:
                events.append(.end)
                // An answer before the end of its request leaves the connection in the middle.
                if writer.isBusy { keeps = false }
                reading = .idle
            }
            return true
        }
    }

    private func readHead() throws(HTTPError) -> Bool {
        guard let end = HTTP1Head.end(buffer, from: at, scanned: scanned) else {
            if buffer.count - at > headBytesMax { throw .tooLarge("response head") }
            scanned = buffer.count
            return false
        }
        if end - at > headBytesMax { throw .tooLarge("response head") }
        let lines = try HTTP1Head.lines(buffer[at..<end])
        at = end
        scanned = end
        let words = try HTTP1Head.words(lines.first, isStatus: true)
        let isPersistent = try HTTP1Head.isPersistent(words[0])
        guard words[1].count == 3, let status = HTTP1Head.length(HTTP1Head.text(words[1])),
            status >= 100
        else { throw .malformed("bad status") }
        if status < 200, status != 101 { return true }
        let closes = HTTP1Head.lists("close", in: lines.fields, under: "connection")
        keeps =
            isPersistent
            ? !closes : HTTP1Head.lists("keep-alive", in: lines.fields, under: "connection")
        var body = try HTTP1Body.framing(lines.fields) ?? .untilClose
        if method == "HEAD" || status == 204 || status == 304 { body = .fixed(0) }
        if body.isUntilClose { keeps = false }
        events.append(.head(HTTPResponseHead(status: status, headers: lines.fields)))
        reading = .body(body)
        return true
    }
}
