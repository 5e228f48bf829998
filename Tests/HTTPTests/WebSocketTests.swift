// SPDX-License-Identifier: Apache-2.0
import Bytes
import Testing

@testable import HTTP

@Suite struct WebSocketTests {
    private let mask: [UInt8] = [0x37, 0xfa, 0x21, 0x3d]

    /// A frame as a client sends it.
    static func frame(
        _ opcode: UInt8, _ payload: [UInt8], isFinal: Bool = true, mask: [UInt8]? = [1, 2, 3, 4]
    ) -> [UInt8] {
        var bytes: [UInt8] = [(isFinal ? 0x80 : 0) | opcode]
        let bit: UInt8 = mask == nil ? 0 : 0x80
        switch payload.count {
        case ...125: bytes.append(bit | UInt8(payload.count))
        case ...65_535:
            bytes += [bit | 126, UInt8(payload.count >> 8), UInt8(payload.count & 255)]
        default:
            bytes.append(bit | 127)
            bytes += (0..<8).map { UInt8(truncatingIfNeeded: payload.count >> (56 - 8 * $0)) }
        }
        guard let mask else { return bytes + payload }
        return bytes + mask + payload.enumerated().map { $1 ^ mask[$0 & 3] }
    }

    private func server(_ limit: Int = 1 << 20) -> WebSocketServer {
        WebSocketServer(maxMessageBytes: limit)
    }

    /// The example of RFC 6455, section 5.7.
    @Test func `reads a masked text`() {
        let bytes: [UInt8] = [
            0x81, 0x85, 0x37, 0xfa, 0x21, 0x3d, 0x7f, 0x9f, 0x4d, 0x51, 0x58,
        ]
        #expect(server().receive(bytes) == [.message(Array("Hello".utf8))])
    }

    @Test func `writes lengths in their three forms`() {
        for (count, head) in [(5, [0x81, 5]), (126, [0x81, 126, 0, 126])] as [(Int, [UInt8])] {
            let server = server()
            server.send(text: [UInt8](repeating: 0x61, count: count))
            #expect(server.takeOutput() == head + [UInt8](repeating: 0x61, count: count))
        }
        let server = server()
        server.send(text: [UInt8](repeating: 0x61, count: 65_536))
        #expect(server.takeOutput().prefix(10) == [0x81, 127, 0, 0, 0, 0, 0, 1, 0, 0])
    }

    @Test func `joins the pieces of a message, with a ping between them`() {
        let server = server()
        let bytes =
            Self.frame(1, Array("Hel".utf8), isFinal: false) + Self.frame(9, [7])
            + Self.frame(0, [], isFinal: false) + Self.frame(0, Array("lo".utf8))
        #expect(server.receive(bytes) == [.message(Array("Hello".utf8))])
        #expect(server.takeOutput() == [0x8a, 1, 7])
    }

    @Test func `takes frames in any pieces`() {
        let long = [UInt8](repeating: 0x62, count: 70_000)
        let bytes = Self.frame(1, Array("a".utf8)) + Self.frame(2, long) + Self.frame(8, [3, 232])
        for size in [1, 2, 3, 7, 1000] {
            let server = server()
            var events: [WebSocketServer.Event] = []
            for start in stride(from: 0, to: bytes.count, by: size) {
                events += server.receive(Array(bytes[start..<min(start + size, bytes.count)]))
            }
            #expect(events == [.message([0x61]), .message(long), .closed(code: 1000)])
            #expect(server.takeOutput() == [0x88, 2, 3, 232])
            #expect(server.isOver)
        }
    }

    @Test func `breaks of the rules end the connection with their code`() {
        let cases: [(String, [UInt8], UInt16)] = [
            ("no mask", Self.frame(1, [0x61], mask: nil), 1002),
            ("reserved bits", [0xc1, 0x80, 0, 0, 0, 0], 1002),
            ("unknown opcode", [0x83, 0x80, 0, 0, 0, 0], 1002),
            ("a ping in pieces", [0x09, 0x80, 0, 0, 0, 0], 1002),
            ("a long ping", Self.frame(9, [UInt8](repeating: 0, count: 126)), 1002),
            ("a piece of nothing", Self.frame(0, [0x61]), 1002),
            ("a message in a message", Self.frame(1, [], isFinal: false) + Self.frame(1, []), 1002),
            ("a length longer than it must be", [0x81, 0xfe, 0, 5, 0, 0, 0, 0], 1002),
            ("a negative length", [0x81, 0xff] + [UInt8](repeating: 0xff, count: 8), 1002),
            ("a huge message", [0x81, 0xff, 0, 0, 0, 0, 0xff, 0xff, 0xff, 0xff], 1009),
            ("no UTF-8", Self.frame(1, [0xff]), 1007),
            ("a close of one byte", Self.frame(8, [3]), 1002),
            ("a close with a reserved code", Self.frame(8, [3, 0xed]), 1002),
            ("a close whose text is no UTF-8", Self.frame(8, [3, 232, 0xff]), 1007),
        ]
        for (name, bytes, code) in cases {
            let server = server(1000)
            #expect(server.receive(bytes) == [.closed(code: code)], "\(name)")
            #expect(
                server.takeOutput() == [0x88, 2, UInt8(code >> 8), UInt8(code & 255)], "\(name)")
            #expect(server.receive(Self.frame(1, [0x61])) == [], "\(name)")
        }
    }

    @Test func `pieces together have the limit of one message`() {
        let server = server(10)
        let piece = [UInt8](repeating: 0x61, count: 6)
        #expect(server.receive(Self.frame(1, piece, isFinal: false)) == [])
        #expect(server.receive(Self.frame(0, piece)) == [.closed(code: 1009)])
    }

    @Test func `pongs that nobody takes are not piled up`() {
        let server = server()
        for _ in 0..<1000 { _ = server.receive(Self.frame(9, [1, 2, 3])) }
        #expect(server.queuedBytes == 16 * 5)
        _ = server.takeOutput()
        _ = server.receive(Self.frame(9, []))
        #expect(server.takeOutput() == [0x8a, 0])
    }

    @Test func `nothing is sent after a close`() {
        let server = server()
        server.close(1001)
        server.send(text: [0x61])
        server.close(1000)
        #expect(server.takeOutput() == [0x88, 2, 3, 233])
        #expect(server.isOver)
    }

    @Test func `a handshake needs its version and its key`() {
        var head = HTTPRequestHead(
            method: "GET", target: "/v3/watch",
            headers: [
                HeaderField("connection", "keep-alive, Upgrade"),
                HeaderField("upgrade", "WebSocket"),
                HeaderField("sec-websocket-version", "13"),
                HeaderField("sec-websocket-key", "dGhlIHNhbXBsZSBub25jZQ=="),
                HeaderField("sec-websocket-protocol", "bearer, abc.12"),
            ])
        #expect(WebSocketHandshake.isAsked(head))
        #expect(WebSocketHandshake.check(head) == .key("dGhlIHNhbXBsZSBub25jZQ=="))
        #expect(WebSocketHandshake.subprotocols(head) == ["bearer", "abc.12"])
        head.headers[2] = HeaderField("sec-websocket-version", "8")
        guard case .refused(let response) = WebSocketHandshake.check(head) else {
            Issue.record("version 8 was taken")
            return
        }
        #expect(response.head.status == 400)
        #expect(response.head.headers.value(of: "sec-websocket-version") == "13")
    }

    @Test func `damaged frames never crash, and memory has a bound`() {
        var random = Random(seed: 31)
        var (messages, closes) = (0, 0)
        for _ in 0..<110_000 {
            let server = server(200)
            var bytes: [UInt8] = []
            for _ in 0..<1 + random.below(3) {
                bytes += Self.frame(
                    [0, 1, 2, 8, 9, 10][random.below(6)], random.bytes(random.below(20)),
                    isFinal: random.chance(percent: 70), mask: random.bytes(4))
            }
            if random.chance(percent: 60) {
                bytes[random.below(bytes.count)] = UInt8(truncatingIfNeeded: random.next())
            }
            let cut = random.below(bytes.count + 1)
            for piece in [Array(bytes[..<cut]), Array(bytes[cut...])] {
                for event in server.receive(piece) {
                    if case .message(let message) = event {
                        messages += 1
                        #expect(message.count <= 200)
                    } else {
                        closes += 1
                    }
                }
            }
            #expect(server.queuedBytes <= 300)
        }
        print("seed 31: 110000 damaged inputs, \(messages) messages, \(closes) closes")
        #expect(messages > 10_000 && closes > 10_000)
    }
}
