// SPDX-License-Identifier: Apache-2.0
internal import Bytes

/// The server's side of one HTTP/1.1 connection: one exchange at a time, whatever is pipelined.
///
/// A next request is read when the answer to the last one has ended (`sendEnd` or `respond`); its
/// bytes wait until then, so ask for events after answering too.
package final class HTTP1Server {
    package enum Event: Equatable, Sendable {
        case head(HTTPRequestHead)
        case body([UInt8])
        /// The request is all there.
        case end
        /// The peer's bytes are no HTTP. Where no answer had begun, one is in the output.
        case failed(HTTPError)
    }

    package struct Limits: Sendable {
        package var headBytes = 65_536
        /// Request bodies beyond this fail with 413.
        package var bodyBytes = Int.max
        /// Bytes that may wait behind an unfinished exchange.
        package var waitingBytes = 1 << 20
        /// While so much output waits no further request is read.
        package var outputBytes = 64 << 10

        package init() {}
    }

    private enum Reading {
        case head
        case body(HTTP1Body)
        /// The request is read, the answer is not finished.
        case waiting
        case closed
    }

    private let limits: Limits
    private var reading = Reading.head
    private var writer = HTTP1Writer()
    private var events: [Event] = []
    private var buffer: [UInt8] = []
    private var at = 0
    private var scanned = 0
    private var bodyCount = 0
    private var isHead = false
    private var isPersistent = true
    /// The client's HTTP version knows chunks.
    private var knowsChunks = true
    private var owesAnswer = false

    package init(limits: Limits = Limits()) {
        self.limits = limits
    }

    /// The connection must be closed once the output is written.
    package private(set) var closesAfterOutput = false
    /// False while so much waits that the transport should not be read.
    package var wantsInput: Bool { buffer.count - at < limits.waitingBytes / 2 }
    package var hasOutput: Bool { !writer.output.isEmpty }
    /// Bytes that wait for `takeOutput`.
    package var queuedBytes: Int { writer.output.count }
    /// Between exchanges, with nothing read of a next one.
    package var isIdle: Bool {
        if case .head = reading { return at == buffer.count && !owesAnswer }
        return false
    }

    /// Look for events afterwards: a request may have waited for the output to leave.
    package func takeOutput() -> [UInt8] {
        let taken = writer.take()
        if case .head = reading, at < buffer.count, !taken.isEmpty { advance() }
        return taken
    }

    package var hasEvents: Bool { !events.isEmpty }
    /// A request has begun and is not all there.
    package var isReadingRequest: Bool {
        switch reading {
        case .head: at < buffer.count && writer.output.count <= limits.outputBytes
        case .body: !writer.isBusy
        case .waiting, .closed: false
        }
    }
    package var isReadingHead: Bool {
        if case .head = reading { return true }
        return false
    }
    /// What the peer makes this connection hold in memory, about.
    package var weight: Int { buffer.count + writer.output.count }

    package func takeEvents() -> [Event] {
        let taken = events
        events = []
        return taken
    }

    package func receive(_ bytes: UnsafeRawBufferPointer) {
        if case .closed = reading { return }
        unsafe buffer.append(contentsOf: bytes)
        advance()
        if buffer.count - at > limits.waitingBytes { fail(.tooLarge("too much is pipelined")) }
    }

    package func receive(_ bytes: [UInt8]) {
        unsafe bytes.withUnsafeBytes { bytes in unsafe receive(bytes) }
    }

    /// The client will send no more.
    package func transportEnded() {
        if case .body = reading { events.append(.failed(.truncated)) }
        if !owesAnswer { reading = .closed }
        closesAfterOutput = true
    }

    // MARK: Answers

    package func respond(_ response: HTTPResponse) {
        sendHead(response.head, length: .fixed(response.body.count))
        sendBody(response.body)
        sendEnd()
    }

    /// Heads of 1xx answers are not sent this way; `100 Continue` goes out by itself.
    package func sendHead(_ head: HTTPResponseHead, length: BodyLength) {
        guard owesAnswer, !writer.isBusy else { return }
        if !knowsChunks, length == .chunked { isPersistent = false }
        let hasNoBody = head.status == 204 || head.status == 304
        writer.begin(
            firstLine: "HTTP/1.1 \(head.status) \(HTTPStatus.phrase(head.status))\r\n",
            fields: head.headers, length: hasNoBody ? .none : length,
            closes: !isPersistent || closesAfterOutput, isSilent: isHead,
            allowsChunks: knowsChunks)
    }

    package func sendBody(_ bytes: [UInt8]) {
        if owesAnswer { writer.body(bytes) }
    }

    package func sendEnd() {
        guard owesAnswer, writer.isBusy else { return }
        let mustClose = writer.end()
        owesAnswer = false
        if case .waiting = reading, isPersistent, !mustClose, !closesAfterOutput {
            reading = .head
            advance()
        } else {
            // What is left of the request cannot be told from a next one, or none is wanted.
            closesAfterOutput = true
            reading = .closed
        }
    }

    /// Answers 101: the connection speaks something else from now on. Gives the bytes that came
    /// behind the request; the machine has no more to do than to give its output.
    package func upgrade(to name: String, _ fields: [HeaderField]) -> [UInt8] {
        guard owesAnswer, !writer.isBusy else { return [] }
        writer.append(text: "HTTP/1.1 101 Switching Protocols\r\nConnection: Upgrade\r\n")
        writer.writeHead([HeaderField("upgrade", name)] + fields)
        owesAnswer = false
        reading = .closed
        defer {
            buffer = []
            at = 0
            scanned = 0
        }
        return Array(buffer[at...])
    }

    // MARK: Requests

    private func advance() {
        do throws(HTTPError) {
            while try step() {}
        } catch {
            fail(error)
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

    /// False when there is nothing more to do now.
    private func step() throws(HTTPError) -> Bool {
        switch reading {
        case .waiting, .closed: return false
        case .head where writer.output.count > limits.outputBytes: return false
        case .head: return try readHead()
        case .body(var body):
            let piece = try body.next(buffer, &at)
            reading = .body(body)
            switch piece {
            case .needsMore: return false
            case .ended:
                events.append(.end)
                reading = owesAnswer ? .waiting : .closed
            case .data(let range):
                bodyCount += range.count
                if bodyCount > limits.bodyBytes { throw .tooLarge("request body") }
                events.append(.body(Array(buffer[range])))
            }
            return true
        }
    }

    private func readHead() throws(HTTPError) -> Bool {
        // Section 2.2: empty lines before a request are passed over.
        while buffer.count - at >= 2, buffer[at] == 0x0d, buffer[at + 1] == 0x0a { at += 2 }
        guard let end = HTTP1Head.end(buffer, from: at, scanned: scanned) else {
            if buffer.count - at > limits.headBytes { throw .tooLarge("request head") }
            scanned = buffer.count
            return false
        }
        if end - at > limits.headBytes { throw .tooLarge("request head") }
        let lines = try HTTP1Head.lines(buffer[at..<end])
        at = end
        scanned = end
        try begin(lines)
        return true
    }

    private func begin(_ lines: HTTP1Head.Lines) throws(HTTPError) {
        let words = try HTTP1Head.words(lines.first, isStatus: false)
        let fields = lines.fields
        knowsChunks = try HTTP1Head.isPersistent(words[2])
        let keeps = HTTP1Head.lists("keep-alive", in: fields, under: "connection")
        let closes = HTTP1Head.lists("close", in: fields, under: "connection")
        isPersistent = knowsChunks ? !closes : keeps
        let hosts = fields.filter { $0.kind == .host }
        if hosts.count > 1 || knowsChunks && hosts.isEmpty { throw .malformed("host header") }
        var head = HTTPRequestHead(
            method: HTTP1Head.text(words[0]), target: HTTP1Head.text(words[1]),
            authority: hosts.first?.value ?? "", headers: fields)
        try Self.resolve(&head)
        isHead = head.method == "HEAD"
        let body = try HTTP1Body.framing(fields)
        owesAnswer = true
        bodyCount = 0
        events.append(.head(head))
        reading = .body(body ?? .fixed(0))
        if let body, !body.isEnded, knowsChunks,
            HTTP1Head.lists("100-continue", in: fields, under: "expect")
        {
            writer.append(text: "HTTP/1.1 100 Continue\r\n\r\n")
        }
    }

    /// An absolute target names the authority itself (section 3.2.2).
    private static func resolve(_ head: inout HTTPRequestHead) throws(HTTPError) {
        if head.target.utf8.first == 0x2f || head.target == "*" { return }
        for scheme in ["http://", "https://"] where head.target.hasPrefix(scheme) {
            let rest = head.target.utf8.dropFirst(scheme.utf8.count)
            let end = rest.firstIndex { $0 == 0x2f || $0 == 0x3f } ?? rest.endIndex
            let tail = String(head.target[end...])
            head.authority = String(head.target[rest.startIndex..<end])
            head.target = tail.utf8.first == 0x2f ? tail : "/" + tail
            return
        }
        throw .malformed("bad request target")
    }

    private func fail(_ error: HTTPError) {
        if case .closed = reading { return }
        reading = .closed
        closesAfterOutput = true
        isPersistent = false
        buffer = []
        at = 0
        scanned = 0
        events.append(.failed(error))
        if writer.isBusy { return }
        owesAnswer = true
        isHead = false
        let (status, text) = Self.answer(error)
        respond(HTTPResponse(status: status, contentType: "text/plain", text: text + "\n"))
        owesAnswer = false
    }

    private static func answer(_ error: HTTPError) -> (Int, String) {
        switch error {
        case .malformed(let text): (400, text)
        case .tooLarge(let text): (text == "request body" ? 413 : 431, text)
        case .unsupported(let text): (501, text)
        case .truncated, .compression, .connection: (400, "bad request")
        }
    }
}
