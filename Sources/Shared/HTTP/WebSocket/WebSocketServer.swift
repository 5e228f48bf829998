// SPDX-License-Identifier: Apache-2.0
internal import Bytes

/// The server's side of one WebSocket connection after its handshake (RFC 6455): messages in and
/// out, pings answered, the closing handshake, and an end to whoever breaks the rules.
///
///     byte 0   FIN, three reserved bits, opcode (1 text, 2 binary, 0 the message goes on,
///              8 close, 9 ping, 10 pong)
///     byte 1   MASK (1 from clients), length; 126: two bytes of length follow, 127: eight
///     then     four bytes of mask, from clients; the payload
package final class WebSocketServer {
    package enum Event: Equatable, Sendable {
        /// A whole message, text or binary.
        case message([UInt8])
        /// The peer closed, or broke the rules: nothing follows. The answer is in the output.
        case closed(code: UInt16)
    }

    package enum CloseCode {
        package static let normal: UInt16 = 1000
        package static let goingAway: UInt16 = 1001
        package static let protocolError: UInt16 = 1002
        package static let notUTF8: UInt16 = 1007
        package static let tooBig: UInt16 = 1009
        /// Never sent: a close frame without a code.
        package static let none: UInt16 = 1005
    }

    private struct Frame {
        var isFinal: Bool
        var opcode: UInt8
        var payload: ArraySlice<UInt8>
    }

    private struct Violation: Error {
        let code: UInt16
    }

    private let maxMessageBytes: Int
    private var buffer: [UInt8] = []
    private var at = 0
    /// The message whose pieces are coming, and its opcode; nil between messages.
    private var message: [UInt8] = []
    private var messageOpcode: UInt8?
    private var output: [UInt8] = []
    private var isClosed = false
    private var hasSentClose = false
    /// Answers to pings that have not been taken; more wait for nobody.
    private var queuedPongs = 0

    private static let pongsMax = 16

    package init(maxMessageBytes: Int) {
        self.maxMessageBytes = maxMessageBytes
    }

    package var queuedBytes: Int { output.count }
    /// What the peer makes this connection hold in memory, about.
    package var weight: Int { buffer.count + message.count + output.count }
    /// Nothing more will be sent or is wanted: close once the output is written.
    package var isOver: Bool { isClosed || hasSentClose }

    package func takeOutput() -> [UInt8] {
        let taken = output
        output = []
        queuedPongs = 0
        return taken
    }

    // MARK: In

    package func receive(_ bytes: [UInt8]) -> [Event] {
        if isClosed { return [] }
        buffer.append(contentsOf: bytes)
        var events: [Event] = []
        do throws(Violation) {
            while !isClosed, let frame = try nextFrame() { try take(frame, &events) }
        } catch {
            fail(error.code, &events)
        }
        buffer.removeFirst(at)
        at = 0
        return events
    }

    private func nextFrame() throws(Violation) -> Frame? {
        let available = buffer.count - at
        guard available >= 2 else { return nil }
        let (first, second) = (buffer[at], buffer[at + 1])
        guard first & 0x70 == 0, second & 0x80 != 0 else {
            throw Violation(code: CloseCode.protocolError)
        }
        let opcode = first & 0x0f
        let isControl = opcode >= 8
        guard [0, 1, 2, 8, 9, 10].contains(opcode),
            !isControl || (first & 0x80 != 0 && second & 0x7f <= 125)
        else { throw Violation(code: CloseCode.protocolError) }
        let lengthBytes = second & 0x7f == 126 ? 2 : second & 0x7f == 127 ? 8 : 0
        guard available >= 2 + lengthBytes else { return nil }
        var length = UInt64(second & 0x7f)
        if lengthBytes > 0 {
            length = buffer[at + 2..<at + 2 + lengthBytes].reduce(0) { $0 << 8 | UInt64($1) }
            // The shortest form, and no sign bit (section 5.2).
            guard length >= (lengthBytes == 2 ? 126 : 65_536), length <= UInt64(Int64.max) else {
                throw Violation(code: CloseCode.protocolError)
            }
        }
        guard length <= UInt64(maxMessageBytes - message.count) else {
            throw Violation(code: CloseCode.tooBig)
        }
        let start = at + 2 + lengthBytes + 4
        let end = start + Int(length)
        guard buffer.count >= end else { return nil }
        for index in start..<end { buffer[index] ^= buffer[start - 4 + (index - start) & 3] }
        at = end
        return Frame(isFinal: first & 0x80 != 0, opcode: opcode, payload: buffer[start..<end])
    }

    private func take(_ frame: Frame, _ events: inout [Event]) throws(Violation) {
        switch frame.opcode {
        case 8: try peerCloses(frame.payload, &events)
        case 9:
            guard !hasSentClose, queuedPongs < WebSocketServer.pongsMax else { return }
            queuedPongs += 1
            appendFrame(opcode: 10, frame.payload)
        case 10: break
        case 0:
            guard messageOpcode != nil else { throw Violation(code: CloseCode.protocolError) }
            try add(frame, &events)
        default:
            guard messageOpcode == nil else { throw Violation(code: CloseCode.protocolError) }
            messageOpcode = frame.opcode
            try add(frame, &events)
        }
    }

    private func add(_ frame: Frame, _ events: inout [Event]) throws(Violation) {
        message.append(contentsOf: frame.payload)
        guard frame.isFinal else { return }
        let whole = message
        if messageOpcode == 1, String(validating: whole, as: UTF8.self) == nil {
            throw Violation(code: CloseCode.notUTF8)
        }
        message = []
        messageOpcode = nil
        events.append(.message(whole))
    }

    private func peerCloses(
        _ payload: ArraySlice<UInt8>, _ events: inout [Event]
    ) throws(Violation) {
        var code = CloseCode.none
        if payload.count >= 2 {
            code =
                UInt16(payload[payload.startIndex]) << 8 | UInt16(payload[payload.startIndex + 1])
            guard WebSocketServer.mayBeSent(code) else {
                throw Violation(code: CloseCode.protocolError)
            }
            if String(validating: payload.dropFirst(2), as: UTF8.self) == nil {
                throw Violation(code: CloseCode.notUTF8)
            }
        } else if payload.count == 1 {
            throw Violation(code: CloseCode.protocolError)
        }
        close(code == CloseCode.none ? CloseCode.normal : code)
        isClosed = true
        events.append(.closed(code: code))
    }

    /// Section 7.4: what is defined or free for applications.
    private static func mayBeSent(_ code: UInt16) -> Bool {
        switch code {
        case 1000...1003, 1007...1014, 3000...4999: true
        default: false
        }
    }

    private func fail(_ code: UInt16, _ events: inout [Event]) {
        close(code)
        isClosed = true
        message = []
        at = buffer.count
        events.append(.closed(code: code))
    }

    // MARK: Out

    package func send(text: [UInt8]) {
        if isOver { return }
        appendFrame(opcode: 1, text[...])
    }

    package func close(_ code: UInt16) {
        if isOver { return }
        hasSentClose = true
        appendFrame(opcode: 8, [UInt8(code >> 8), UInt8(code & 0xff)])
    }

    private func appendFrame(opcode: UInt8, _ payload: ArraySlice<UInt8>) {
        output.append(0x80 | opcode)
        switch payload.count {
        case ...125: output.append(UInt8(payload.count))
        case ...65_535:
            output.append(126)
            output.append(UInt8(payload.count >> 8))
            output.append(UInt8(payload.count & 0xff))
        default:
            output.append(127)
            for shift in stride(from: 56, through: 0, by: -8) {
                output.append(UInt8(truncatingIfNeeded: payload.count >> shift))
            }
        }
        output.append(contentsOf: payload)
    }
}
