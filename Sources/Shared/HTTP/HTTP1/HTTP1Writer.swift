// SPDX-License-Identifier: Apache-2.0
internal import Bytes

/// How the body of a message that we send is framed.
package enum BodyLength: Equatable, Sendable {
    case none
    case fixed(Int)
    /// In chunks, until `sendEnd`.
    case chunked
}

/// Writes HTTP/1.1 messages.
struct HTTP1Writer {
    private enum State {
        case idle
        case fixed(left: Int)
        case chunked
        case untilClose
        /// Body bytes are swallowed (answers to HEAD).
        case silent
    }

    private(set) var output: [UInt8] = []
    private var state = State.idle

    var isBusy: Bool {
        if case .idle = state { return false }
        return true
    }

    mutating func take() -> [UInt8] {
        let taken = output
        output = []
        return taken
    }

    mutating func append(text: String) {
        output.append(contentsOf: text.utf8)
    }

    /// `isSilent`: the head speaks of a body that does not follow.
    mutating func begin(
        firstLine: String, fields: [HeaderField], length: BodyLength, closes: Bool,
        isSilent: Bool, allowsChunks: Bool
    ) {
        append(text: firstLine)
        for field in fields where field.kind != .connectionSpecific || field.name == "upgrade" {
            if field.kind == .contentLength { continue }
            write(field.name, field.value)
        }
        switch length {
        case .none: state = .silent
        case .fixed(let count):
            write("content-length", "\(count)")
            state = isSilent ? .silent : .fixed(left: count)
        case .chunked:
            if allowsChunks { write("transfer-encoding", "chunked") }
            state = isSilent ? .silent : allowsChunks ? .chunked : .untilClose
        }
        if closes { write("connection", "close") }
        append(text: "\r\n")
    }

    /// The rest of a head without a body.
    mutating func writeHead(_ fields: [HeaderField]) {
        for field in fields { write(field.name, field.value) }
        append(text: "\r\n")
    }

    mutating func body(_ bytes: [UInt8]) {
        switch state {
        case .idle: invariant(bytes.isEmpty, "a body of \(bytes.count) without a head")
        case .silent: break
        case .fixed(let left):
            invariant(bytes.count <= left, "a body of \(bytes.count) where \(left) are left")
            state = .fixed(left: left - bytes.count)
            output.append(contentsOf: bytes)
        case .untilClose: output.append(contentsOf: bytes)
        case .chunked:
            // A chunk of no bytes would be the end.
            if bytes.isEmpty { return }
            append(text: String(bytes.count, radix: 16))
            append(text: "\r\n")
            output.append(contentsOf: bytes)
            append(text: "\r\n")
        }
    }

    /// True when the connection must close to mark the end.
    mutating func end() -> Bool {
        defer { state = .idle }
        switch state {
        case .idle, .silent: return false
        case .fixed(let left):
            invariant(left == 0, "a body ended \(left) bytes early")
            return false
        case .chunked:
            append(text: "0\r\n\r\n")
            return false
        case .untilClose: return true
        }
    }

    /// Names go out as `Content-Type`; no value can break its line.
    private mutating func write(_ name: String, _ value: String) {
        var isStart = true
        for byte in name.utf8 {
            output.append(isStart && 0x61...0x7a ~= byte ? byte & 0xdf : byte)
            isStart = byte == 0x2d
        }
        append(text: ": ")
        for byte in value.utf8 { output.append(byte < 0x20 && byte != 0x09 ? 0x20 : byte) }
        append(text: "\r\n")
    }
}
