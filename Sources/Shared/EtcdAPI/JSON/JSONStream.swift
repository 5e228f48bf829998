// SPDX-License-Identifier: Apache-2.0

/// JSON values one after another, as the body of a streamed request holds them. Bytes may come in
/// pieces of any size. After a failure it gives nothing any more.
package struct JSONStream {
    /// One value may be this long; a longer one fails.
    private let maxBytes: Int
    private var buffer: [UInt8] = []
    /// Where the value at hand begins, and how far the scanner has come.
    private var start = 0
    private var scanned = 0
    private var scanner = JSONScanner()
    private var isEnded = false
    private var isFailed = false

    package init(maxBytes: Int) {
        self.maxBytes = maxBytes
    }

    /// Bytes of a value that is not all there.
    package var heldBytes: Int { buffer.count }

    package mutating func append(_ bytes: [UInt8]) {
        if isFailed || isEnded { return }
        buffer.append(contentsOf: bytes)
    }

    /// No more bytes follow.
    package mutating func end() {
        isEnded = true
    }

    /// The next value; nil when more bytes are needed for it, or there is none.
    package mutating func next() throws(JSONFailure) -> JSONNode? {
        if isFailed { return nil }
        do throws(JSONFailure) {
            return try scan()
        } catch {
            isFailed = true
            buffer = []
            throw error
        }
    }

    private mutating func scan() throws(JSONFailure) -> JSONNode? {
        while scanned < buffer.count {
            switch try scanner.step(buffer[scanned]) {
            case .goesOn:
                scanned = scanner.endOfPlain(buffer, from: scanned + 1, to: buffer.count)
            case .endsHere:
                scanned += 1
                return take()
            case .endedBefore: return take()
            }
            // Space between values need not be kept.
            if scanner.isUntouched { start = scanned }
            if scanned - start > maxBytes { throw JSONStream.tooLarge }
        }
        if start == buffer.count { compact() }
        if isEnded, try scanner.finish() { return take() }
        return nil
    }

    private mutating func take() -> JSONNode {
        var builder = JSONNode.Builder(Array(buffer[start..<scanned]))
        start = scanned
        scanner = JSONScanner()
        if start == buffer.count || start > 65_536 { compact() }
        return builder.value()
    }

    private mutating func compact() {
        // Each byte moves a few times at most: what is dropped is as long as a block of reading.
        if start < buffer.count, start < buffer.count / 2 { return }
        buffer.removeFirst(start)
        scanned -= start
        start = 0
    }

    package static let tooLarge = JSONFailure("the JSON value is too large")

    /// A text that is one value and nothing else, as Go's `json.Unmarshal` takes it.
    static func whole(_ text: [UInt8]) throws(JSONFailure) -> JSONNode {
        var stream = JSONStream(maxBytes: text.count)
        stream.append(text)
        stream.end()
        let node: JSONNode?
        do throws(JSONFailure) {
            node = try stream.next()
        } catch {
            throw error.text == "unexpected EOF"
                ? JSONFailure("unexpected end of JSON input") : error
        }
        guard let node else { throw JSONFailure("unexpected end of JSON input") }
        if let rest = stream.buffer[stream.start...].first(where: { !JSONScanner.isSpace($0) }) {
            throw JSONScanner.invalid(rest, "after top-level value")
        }
        return node
    }
}
