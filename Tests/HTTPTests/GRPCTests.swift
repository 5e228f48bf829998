// SPDX-License-Identifier: Apache-2.0
import Bytes
import Testing

@testable import HTTP

@Suite struct GRPCTests {
    func serving() -> GRPCServer {
        let server = GRPCServer()
        server.receive(Speaker.greeting, now: start)
        _ = server.takeOutput()
        return server
    }

    @Test func `a unary call`() {
        let pair = Pair()
        let metadata = [HeaderField("token", "secret")]
        let id = pair.client.start(path: "/a.B/C", metadata: metadata, timeout: .seconds(5))
        guard let id else {
            Issue.record("no stream")
            return
        }
        pair.client.sendMessage(id, utf8("question"), halfClose: true)
        pair.run { event in
            if case .halfClosed(let id) = event { pair.server.reply(id, utf8("answer")) }
        }
        let head = GRPCCallHead(
            path: "/a.B/C", authority: "test", metadata: metadata, timeout: .seconds(5),
            userAgent: "grpc-keelson")
        #expect(
            pair.serverEvents == [
                .call(id, head), .message(id, utf8("question")), .halfClosed(id),
            ])
        #expect(
            pair.clientEvents == [
                .head(id, []), .message(id, utf8("answer")),
                .finished(id, .ok, trailers: []),
            ])
        #expect(pair.client.openCallCount == 0)
        #expect(pair.server.openCallCount == 0)
    }

    @Test func `an answer repeats the name of the encoding`() throws {
        let server = serving()
        var speaker = Speaker()
        var fields = Speaker.call
        fields[4] = HeaderField("content-type", "application/grpc+proto")
        server.receive(speaker.headers(1, fields), now: start)
        server.reply(StreamID(1), utf8("xy"))
        server.receive(speaker.headers(3), now: start)
        server.reply(StreamID(3), utf8("xy"))
        let types = try answeredTypes(server.takeOutput())
        #expect(types == ["application/grpc+proto", "application/grpc"])
    }

    private func answeredTypes(_ output: [UInt8]) throws -> [String] {
        var decoder = HPACKDecoder()
        var types: [String] = []
        var at = 0
        while output.count - at >= 9 {
            let count = Int(output[at + 1]) << 8 | Int(output[at + 2])
            if output[at + 3] == FrameType.headers.rawValue {
                let block = Array(output[at + 9..<at + 9 + count])
                let fields = try block.withView { view in
                    Result { () throws(HTTPError) in
                        try decoder.decode(view, maxListSize: 65_536).fields
                    }
                }.get()
                types += fields.filter { $0.name == "content-type" }.map(\.value)
            }
            at += 9 + count
        }
        return types
    }

    @Test func `heads and trailers shrink to a few bytes`() {
        let server = serving()
        var speaker = Speaker()
        for stream in [UInt32(1), 3, 5] {
            server.receive(
                speaker.headers(stream) + frame(.data, 1, stream, Speaker.message([9])),
                now: start)
            server.reply(StreamID(stream), utf8("xy"))
        }
        let first = server.takeOutput()
        #expect(describe(first).count == 9)
        server.receive(
            speaker.headers(7) + frame(.data, 1, 7, Speaker.message([9])), now: start)
        server.reply(StreamID(7), utf8("xy"))
        let output = server.takeOutput()
        #expect(describe(output) == ["headers 7", "data 7 (7)", "headers 7 end"])
        #expect(output.count == 3 * 9 + 2 + 7 + 1)
    }

    @Test func `errors travel as trailers only, with their text encoded`() {
        let pair = Pair()
        let id = pair.client.start(path: "/a.B/C")
        pair.run { event in
            if case .call(let id, _) = event {
                pair.server.finish(id, code: 9, message: "100% größer\n")
            }
        }
        #expect(
            pair.clientEvents == [
                .finished(
                    id ?? StreamID(0), GRPCStatus(.failedPrecondition, "100% größer\n"),
                    trailers: [])
            ])
        #expect(GRPCStatus.percentEncoded("a%\u{e9}\n") == "a%25%C3%A9%0A")
        #expect(GRPCStatus.percentDecoded("%zz%4") == "%zz%4")
    }

    @Test func `streams of messages both ways`() {
        let pair = Pair()
        guard let id = pair.client.start(path: "/w/Watch") else { return }
        pair.client.sendMessage(id, [1])
        pair.run { event in
            if case .message(let id, let bytes) = event { pair.server.sendMessage(id, bytes) }
        }
        pair.client.sendMessage(id, [])
        pair.client.sendMessage(id, [2, 2])
        pair.client.halfClose(id)
        pair.run { event in
            if case .message(let id, let bytes) = event { pair.server.sendMessage(id, bytes) }
            if case .halfClosed(let id) = event { pair.server.finish(id, .ok) }
        }
        #expect(
            pair.clientEvents == [
                .head(id, []), .message(id, [1]), .message(id, []), .message(id, [2, 2]),
                .finished(id, .ok, trailers: []),
            ])
    }

    @Test func `a cancelled call is told once`() {
        let pair = Pair()
        guard let id = pair.client.start(path: "/w/Watch") else { return }
        pair.run()
        pair.client.cancel(id)
        pair.run()
        #expect(pair.serverEvents.last == .cancelled(id))
        #expect(pair.clientEvents.isEmpty)
        pair.server.sendMessage(id, [1])
        pair.server.finish(id, .ok)
        #expect(!pair.server.hasOutput)
    }

    @Test func `a message beyond the limit is refused in grpc's words`() {
        var settings = GRPCServerSettings()
        settings.maxMessageBytes = 100
        let pair = Pair(server: settings)
        guard let id = pair.client.start(path: "/a/B") else { return }
        pair.client.sendMessage(id, [UInt8](repeating: 0, count: 101), halfClose: true)
        pair.run()
        #expect(pair.serverEvents.last == .cancelled(id))
        let text = "grpc: received message larger than max (101 vs. 100)"
        #expect(
            pair.clientEvents == [
                .finished(id, GRPCStatus(.resourceExhausted, text), trailers: [])
            ])
    }

    @Test func `compressed messages are refused`() {
        let server = serving()
        var speaker = Speaker()
        server.receive(
            speaker.headers(1) + frame(.data, 1, 1, [1, 0, 0, 0, 1, 7]), now: start)
        let client = HTTP2Connection(role: .client)
        _ = client.takeOutput()
        #expect(describe(server.takeOutput()) == ["headers 1 end", "reset 1 NO_ERROR"])
        #expect(server.takeEvents().last == .cancelled(StreamID(1)))
        let fields = Speaker.call + [HeaderField("grpc-encoding", "gzip")]
        server.receive(speaker.headers(3, fields), now: start)
        #expect(server.takeEvents().isEmpty)
        #expect(describe(server.takeOutput()) == ["headers 3 end", "reset 3 NO_ERROR"])
    }

    @Test func `requests that are no grpc come out whole`() {
        let server = serving()
        var speaker = Speaker()
        let fields = [
            HeaderField(":method", "POST"), HeaderField(":scheme", "http"),
            HeaderField(":path", "/v3/kv/range"), HeaderField(":authority", "a"),
            HeaderField("accept", "*/*"),
        ]
        server.receive(
            speaker.headers(1, fields) + frame(.data, 0, 1, utf8("{"))
                + frame(.data, 1, 1, utf8("}")), now: start)
        let head = HTTPRequestHead(
            method: "POST", target: "/v3/kv/range", authority: "a",
            headers: [HeaderField("accept", "*/*")])
        let request = HTTPRequest(head: head, body: utf8("{}"))
        #expect(server.takeEvents() == [.plain(StreamID(1), request)])
        server.respond(
            StreamID(1), HTTPResponse(status: 200, contentType: "text/plain", text: "ok"))
        #expect(describe(server.takeOutput()) == ["headers 1", "data 1 (2) end"])
        server.receive(speaker.headers(3, fields, end: true), now: start)
        server.sendHead(StreamID(3), HTTPResponseHead(status: 200))
        server.sendBody(StreamID(3), utf8("a"))
        server.sendBody(StreamID(3), utf8("b"))
        server.sendEnd(StreamID(3))
        #expect(
            describe(server.takeOutput()) == [
                "headers 3", "data 3 (1)", "data 3 (1)", "data 3 (0) end",
            ])
        #expect(server.openCallCount == 0)
    }

    @Test func `a client understands answers that are no grpc`() {
        let client = GRPCClient(authority: "a")
        let server = HTTP2Connection(role: .server)
        guard let id = client.start(path: "/x/Y") else { return }
        client.halfClose(id)
        server.receive(client.takeOutput(), now: start)
        server.sendHeaders(
            id, [HeaderField(":status", "404"), HeaderField("content-type", "text/html")],
            endStream: true)
        client.receive(server.takeOutput(), now: start)
        let events = client.takeEvents()
        guard case .finished(_, let status, _)? = events.first else {
            Issue.record("\(events)")
            return
        }
        #expect(status.code == .unimplemented)
    }

    @Test func `a reset and a lost transport finish calls`() {
        let client = GRPCClient(authority: "a")
        let server = HTTP2Connection(role: .server)
        let first = client.start(path: "/x/Y") ?? StreamID(0)
        let second = client.start(path: "/x/Z") ?? StreamID(0)
        server.receive(client.takeOutput(), now: start)
        server.sendReset(first, .refusedStream)
        client.receive(server.takeOutput(), now: start)
        client.transportEnded()
        let codes = client.takeEvents().map { event in
            if case .finished(let id, let status, _) = event {
                return "\(id) \(status.code.number)"
            }
            return "\(event)"
        }
        #expect(codes == ["1 14", "\(second) 14", "closed(HTTP.CloseReason.transportEnded)"])
        #expect(client.start(path: "/") == nil)
    }

    @Test func `a draining server finishes what it has`() {
        let pair = Pair()
        guard let id = pair.client.start(path: "/x/Y") else { return }
        pair.run()
        pair.server.drain()
        pair.run()
        #expect(pair.client.start(path: "/x/Y") == nil)
        pair.server.reply(id, [1])
        pair.run()
        #expect(pair.clientEvents.suffix(2).first == .finished(id, .ok, trailers: []))
        #expect(pair.clientEvents.last == .closed(.drained))
    }

    @Test(arguments: [
        ("1H", 3_600_000), ("2M", 120_000), ("3S", 3000), ("4m", 4), ("5000u", 5),
        ("6000000n", 6),
    ])
    func `timeouts are read`(text: String, milliseconds: Int64) {
        #expect(GRPCTimeout.parse(text)?.milliseconds == milliseconds)
    }

    @Test func `timeouts are written rounded up`() {
        #expect(GRPCTimeout.format(.nanoseconds(99_999_999)) == "99999999n")
        #expect(GRPCTimeout.format(.nanoseconds(100_000_001)) == "100001u")
        #expect(GRPCTimeout.format(.seconds(5)) == "5000000u")
        #expect(GRPCTimeout.format(.seconds(100_000_000)) == "1666667M")
        #expect(GRPCTimeout.format(.seconds(-1)) == "0n")
        for bad in ["", "5", "S", "123456789S", "-1S", "1x", "1 S"] {
            #expect(GRPCTimeout.parse(bad) == nil, "\(bad)")
        }
        #expect(GRPCTimeout.parse("99999999H") != nil)
    }

    @Test func `pieces give the same events as the whole`() {
        var random = Random(seed: 77)
        var speaker = Speaker()
        var bytes = Speaker.greeting
        var body: [UInt8] = []
        for size in [0, 1, 5, 300, 40_000, 0, 7] { body += Speaker.message(random.bytes(size)) }
        bytes += speaker.headers(1)
        for piece in body.pieces(&random, max: 9000) { bytes += frame(.data, 0, 1, piece) }
        bytes += frame(.data, 1, 1, [])
        let whole = GRPCServer()
        whole.receive(bytes, now: start)
        let expected = whole.takeEvents()
        #expect(expected.count == 9)
        for size in [1, 7, 100, 5000] {
            let server = GRPCServer()
            for piece in bytes.pieces(&random, max: size) { server.receive(piece, now: start) }
            #expect(server.takeEvents() == expected)
        }
    }
}
