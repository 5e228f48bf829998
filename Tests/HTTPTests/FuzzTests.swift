// SPDX-License-Identifier: Apache-2.0
import Bytes
import Testing

@testable import HTTP

/// Bytes that are nearly right: they must never trap, and where they are accepted the machines
/// must still agree with themselves.
@Suite struct FuzzTests {
    /// Changes a few bytes, cuts, or doubles a part.
    static func mutate(_ bytes: inout [UInt8], _ random: inout Random) {
        for _ in 0...random.below(3) where !bytes.isEmpty {
            let at = random.below(bytes.count)
            switch random.below(5) {
            case 0: bytes[at] = UInt8(truncatingIfNeeded: random.next())
            case 1: bytes[at] ^= 1 << UInt8(random.below(8))
            case 2: bytes.removeSubrange(at...)
            case 3: bytes.insert(contentsOf: bytes[at...].prefix(8), at: at)
            default: bytes.remove(at: at)
            }
        }
    }

    @Test func `HTTP 1 parsers`() {
        var random = Random(seed: 1)
        let requests = [
            "POST /a HTTP/1.1\r\nHost: h\r\nContent-Length: 3\r\n\r\nabcGET / HTTP/1.0\r\n\r\n",
            "POST /a HTTP/1.1\r\nHost: h\r\nTransfer-Encoding: chunked\r\n\r\n3\r\nabc\r\n0\r\n\r\n",
        ].map(utf8)
        let responses = [
            "HTTP/1.1 200 OK\r\nContent-Length: 3\r\n\r\nabc",
            "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n1f;a\r\nabc\r\n0\r\n\r\n",
        ].map(utf8)
        for round in 0..<25_000 {
            var bytes = requests[round & 1]
            Self.mutate(&bytes, &random)
            let server = HTTP1Server()
            let cut = random.below(bytes.count + 1)
            server.receive(Array(bytes[..<cut]))
            server.receive(Array(bytes[cut...]))
            for event in server.takeEvents() where event == .end {
                server.respond(HTTPResponse(status: 200))
            }
            _ = server.takeOutput()
        }
        for round in 0..<25_000 {
            var bytes = responses[round & 1]
            Self.mutate(&bytes, &random)
            let client = HTTP1Client()
            client.send(HTTPRequest(head: HTTPRequestHead(method: "GET", target: "/")))
            client.receive(bytes)
            client.transportEnded()
            _ = client.takeEvents()
        }
        for _ in 0..<50_000 {
            var body = HTTP1Body.chunked
            let digits = utf8("0123\r\n;aF\n")
            let bytes = (0..<random.below(12)).map { _ in digits[random.below(digits.count)] }
            var at = 0
            do throws(HTTPError) {
                reading: while true {
                    switch try body.next(bytes, &at) {
                    case .data(let range): #expect(range.upperBound <= bytes.count)
                    case .ended, .needsMore: break reading
                    }
                }
            } catch {
                #expect(at <= bytes.count)
            }
        }
    }

    /// Known bug: fuzz-2022-utf8.
    @Test func `HPACK blocks`() {
        var random = Random(seed: 2)
        var decoder = HPACKDecoder()
        var speaker = Speaker()
        let first = speaker.block(Speaker.call)
        let again = speaker.block(Speaker.call)
        for round in 0..<100_000 {
            var bytes: [UInt8]
            if round & 1 == 0 {
                bytes = random.bytes(random.below(16))
            } else {
                bytes = round & 2 == 0 ? first : again
                Self.mutate(&bytes, &random)
            }
            bytes.withView { view in
                do throws(HTTPError) {
                    _ = try decoder.decode(view, maxListSize: 2000)
                } catch {
                    decoder = HPACKDecoder()
                }
            }
            if decoder.tableByteCount > 4096 { Issue.record("round \(round)") }
        }
    }

    @Test func `HTTP 2 frames`() {
        var random = Random(seed: 3)
        var inputs = 0
        while inputs < 100_000 {
            let server = GRPCServer()
            let client = GRPCClient(authority: "a")
            _ = client.start(path: "/a/B")
            var speaker = Speaker()
            server.receive(Speaker.greeting + speaker.headers(1), now: start)
            client.receive(frame(.settings, 0, 0, []), now: start)
            for _ in 0..<40 {
                let bytes = Self.randomFrame(&speaker, &random)
                inputs += 2
                server.receive(bytes, now: start)
                client.receive(bytes, now: start)
                for case .message(let id, let message) in server.takeEvents() {
                    server.sendMessage(id, message)
                }
                _ = client.takeEvents()
                _ = server.takeOutput()
                if server.isClosed, client.isClosed { break }
            }
            _ = client.takeOutput()
        }
    }

    static func randomFrame(_ speaker: inout Speaker, _ random: inout Random) -> [UInt8] {
        let stream = UInt32(random.below(6))
        var bytes: [UInt8]
        switch random.below(8) {
        case 0: bytes = speaker.headers(stream | 1, end: random.chance(percent: 30))
        case 1: bytes = frame(.data, UInt8(random.below(2)), 1, Speaker.message([1, 2]))
        case 2: bytes = frame(.windowUpdate, 0, stream, number(UInt32(random.below(70_000))))
        case 3: bytes = frame(.settings, 0, 0, [0, UInt8(random.below(7))] + number(20_000))
        case 4: bytes = frame(.reset, 0, stream | 1, number(8))
        case 5: bytes = frame(.headers, 5, 1, [0x88])
        default:
            let kind = FrameType(rawValue: UInt8(random.below(10))) ?? .data
            bytes = frame(
                kind, UInt8(random.below(64)), stream, random.bytes(random.below(12)))
        }
        if random.chance(percent: 20) { mutate(&bytes, &random) }
        return bytes
    }

    /// Known bug: fuzz-2022-utf8.
    @Test func `gRPC messages`() {
        var random = Random(seed: 4)
        for round in 0..<100_000 {
            var framer = GRPCFramer()
            var bytes = Speaker.message([1, 2, 3]) + Speaker.message([])
            if round % 2 == 0 { Self.mutate(&bytes, &random) }
            let cut = random.below(bytes.count + 1)
            var messages = 0
            for part in [Array(bytes[..<cut]), Array(bytes[cut...])] {
                part.withView { view in
                    var at = 0
                    while case .message(let message) = framer.next(view, &at, limit: 1000) {
                        messages += 1
                        if message.count > bytes.count { Issue.record("round \(round)") }
                    }
                }
            }
            if round % 2 == 1, messages != 2 || framer.isInside { Issue.record("\(round)") }
        }
    }

    @Test func `the first bytes of connections`() {
        var random = Random(seed: 5)
        for _ in 0..<100_000 {
            var bytes = Array(HTTP2Engine.preface.prefix(random.below(30)))
            if random.chance(percent: 50) { Self.mutate(&bytes, &random) }
            let verdict = ProtocolSniffer.look(bytes)
            if verdict == .http2, bytes.count < 24 { Issue.record("\(bytes)") }
        }
    }
}
