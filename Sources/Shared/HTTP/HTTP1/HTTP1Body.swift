// SPDX-License-Identifier: Apache-2.0

/// Cuts a message body out of the bytes that follow a head (RFC 9112, sections 6 and 7).
struct HTTP1Body {
    private enum State {
        case fixed(left: Int)
        case chunkSize
        case chunkData(left: Int)
        case chunkEnd
        case trailers(taken: Int)
        case untilClose
        case ended
    }

    enum Piece {
        case data(Range<Int>)
        case ended
        case needsMore
    }

    /// A chunk's size line with its extensions, and all trailers together.
    private static let lineBytesMax = 4096
    private static let trailerBytesMax = 16_384
    private var state: State

    static func fixed(_ count: Int) -> HTTP1Body {
        HTTP1Body(state: count == 0 ? .ended : .fixed(left: count))
    }
    static var chunked: HTTP1Body { HTTP1Body(state: .chunkSize) }
    static var untilClose: HTTP1Body { HTTP1Body(state: .untilClose) }

    var isUntilClose: Bool {
        if case .untilClose = state { return true }
        return false
    }

    var isEnded: Bool {
        if case .ended = state { return true }
        return false
    }

    /// How the body of a message with these fields is framed; nil when they do not say.
    static func framing(_ fields: [HeaderField]) throws(HTTPError) -> HTTP1Body? {
        var length: Int?
        var isChunked = false
        for field in fields {
            if field.kind == .contentLength {
                guard let value = HTTP1Head.length(field.value), length ?? value == value else {
                    throw .malformed("bad content-length")
                }
                length = value
            } else if field.name == "transfer-encoding" {
                guard !isChunked, field.value.lowercased() == "chunked" else {
                    throw .unsupported("unknown transfer-encoding")
                }
                isChunked = true
            }
        }
        // Both together are how requests are smuggled past a proxy (section 6.1).
        if isChunked, length != nil { throw .malformed("two framings of one body") }
        if isChunked { return .chunked }
        return length.map { .fixed($0) }
    }

    /// The next piece of `bytes` from `at` on, which moves past it.
    mutating func next(_ bytes: [UInt8], _ at: inout Int) throws(HTTPError) -> Piece {
        while true {
            switch state {
            case .ended: return .ended
            case .untilClose:
                if at == bytes.count { return .needsMore }
                defer { at = bytes.count }
                return .data(at..<bytes.count)
            case .fixed(let left):
                let count = min(left, bytes.count - at)
                if count == 0 { return .needsMore }
                state = count == left ? .ended : .fixed(left: left - count)
                defer { at += count }
                return .data(at..<at + count)
            case .chunkData(let left):
                let count = min(left, bytes.count - at)
                if count == 0 { return .needsMore }
                state = count == left ? .chunkEnd : .chunkData(left: left - count)
                defer { at += count }
                return .data(at..<at + count)
            case .chunkEnd:
                guard bytes.count - at >= 2 else { return .needsMore }
                guard bytes[at] == 0x0d, bytes[at + 1] == 0x0a else {
                    throw .malformed("a chunk does not end where it said")
                }
                at += 2
                state = .chunkSize
            case .chunkSize:
                guard let line = try line(bytes, &at, limit: Self.lineBytesMax) else {
                    return .needsMore
                }
                let size = try Self.size(bytes[line])
                state = size == 0 ? .trailers(taken: 0) : .chunkData(left: size)
            case .trailers(let taken):
                let limit = Self.trailerBytesMax - taken
                guard let line = try line(bytes, &at, limit: limit) else { return .needsMore }
                state = line.isEmpty ? .ended : .trailers(taken: taken + line.count + 2)
            }
        }
    }

    /// A line without its CR LF; nil when it is not all there.
    private func line(
        _ bytes: [UInt8], _ at: inout Int, limit: Int
    ) throws(HTTPError) -> Range<Int>? {
        var end = at
        while end < bytes.count, end - at <= limit {
            if bytes[end] == 0x0a {
                guard end > at, bytes[end - 1] == 0x0d else {
                    throw .malformed("a line does not end in CR LF")
                }
                defer { at = end + 1 }
                return at..<end - 1
            }
            end += 1
        }
        if end - at > limit { throw .tooLarge("a line of a chunked body") }
        return nil
    }

    private static func size(_ line: ArraySlice<UInt8>) throws(HTTPError) -> Int {
        var value = 0
        var digitCount = 0
        for byte in line {
            let digit: Int
            switch byte {
            case 0x30...0x39: digit = Int(byte) - 0x30
            case 0x41...0x46: digit = Int(byte) - 0x41 + 10
            case 0x61...0x66: digit = Int(byte) - 0x61 + 10
            case 0x3b, 0x20, 0x09:
                if digitCount == 0 { throw .malformed("a chunk without a size") }
                return value
            default: throw .malformed("a bad chunk size")
            }
            value = value << 4 | digit
            digitCount += 1
            if digitCount > 15 { throw .malformed("a bad chunk size") }
        }
        if digitCount == 0 { throw .malformed("a chunk without a size") }
        return value
    }
}
