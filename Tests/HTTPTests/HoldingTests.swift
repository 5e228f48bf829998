// SPDX-License-Identifier: Apache-2.0
import Bytes
import Testing

@testable import HTTP

/// What a peer can make a connection hold, and for how long.
@Suite struct HoldingTests {
    private func begun(_ settings: GRPCServerSettings = GRPCServerSettings()) -> GRPCServer {
        let server = GRPCServer(settings: settings)
        server.receive(Speaker.greeting, now: start)
        _ = server.takeOutput()
        return server
    }

    private func codes(_ server: GRPCServer) -> [String] { describe(server.takeOutput()) }

    @Test func `CVE-2016-6581: an HPACK bomb ends the connection before it has gone off`() {
        let server = begun()
        var speaker = Speaker()
        let big = HeaderField("x", String(repeating: "y", count: 3900))
        server.receive(speaker.headers(1, Speaker.call + [big]), now: start)
        #expect(!server.isClosed)
        // The newest field of the table, sixteen thousand times: 62 MB of headers.
        let bomb = [UInt8](repeating: 0xbe, count: 16_000)
        server.receive(frame(.headers, 4, 3, bomb), now: start)
        #expect(server.isClosed)
        #expect(codes(server).last == "goAway 0 ENHANCE_YOUR_CALM")
    }

    @Test func `unfinished messages share a budget, and who exceeds it loses that call only`() {
        var settings = GRPCServerSettings()
        settings.maxHeldBytes = 100_000
        let server = begun(settings)
        var speaker = Speaker()
        let part = [0] + number(60_000) + [UInt8](repeating: 7, count: 15_000)
        for stream: UInt32 in [1, 3, 5, 7, 9, 11] {
            server.receive(
                speaker.headers(stream) + frame(.data, 0, stream, part), now: start)
        }
        #expect(server.openCallCount == 6)
        #expect(server.weight > 90_000)
        server.receive(speaker.headers(13) + frame(.data, 0, 13, part), now: start)
        #expect(codes(server) == ["headers 13 end", "reset 13 NO_ERROR"])
        #expect(server.takeEvents().last == .cancelled(StreamID(13)))
        // What ends gives its share back.
        server.receive(
            frame(.data, 1, 1, [UInt8](repeating: 7, count: 45_000).prefix(16_000).map { $0 }),
            now: start)
        server.receive(frame(.reset, 0, 3, number(8)), now: start)
        server.receive(speaker.headers(15) + frame(.data, 0, 15, part), now: start)
        #expect(server.takeEvents().last == .call(StreamID(15), head(server)))
    }

    private func head(_ server: GRPCServer) -> GRPCCallHead {
        GRPCCallHead(path: "/etcdserverpb.KV/Put", authority: "a:2379")
    }

    @Test func `a message that has begun must end in time, a stream that waits need not`() {
        let server = begun()
        var speaker = Speaker()
        server.receive(
            speaker.headers(1) + frame(.data, 0, 1, Speaker.message([1])) + speaker.headers(3)
                + frame(.data, 0, 3, [0] + number(100)), now: start)
        // One byte now and then is no excuse.
        for second in 1...20 {
            server.receive(frame(.data, 0, 3, [1]), now: start + .seconds(second))
        }
        #expect(server.cutUnfinished(olderThan: .seconds(30), at: start + .seconds(20)) == 0)
        #expect(server.cutUnfinished(olderThan: .seconds(30), at: start + .seconds(31)) == 1)
        #expect(codes(server).contains("headers 3 end"))
        #expect(server.openCallCount == 1)
    }

    @Test func `a plain request over HTTP/2 must end in time too`() {
        let server = begun()
        var speaker = Speaker()
        let post = [
            HeaderField(":method", "POST"), HeaderField(":scheme", "http"),
            HeaderField(":path", "/x"), HeaderField(":authority", "a"),
        ]
        server.receive(speaker.headers(1, post) + frame(.data, 0, 1, [1, 2]), now: start)
        #expect(server.cutUnfinished(olderThan: .seconds(30), at: start + .seconds(31)) == 1)
        #expect(server.openCallCount == 0)
    }

    @Test func `what a peer owes is known: greeting, frame, header block`() {
        let server = GRPCServer()
        #expect(server.owedSince == nil)
        server.receive(Array(HTTP2Engine.preface[..<9]), now: start)
        #expect(server.owedSince == start)
        server.receive(Array(HTTP2Engine.preface[9...]), now: start + .seconds(1))
        #expect(server.owedSince == start)
        server.receive(frame(.settings, 0, 0, []), now: start + .seconds(2))
        #expect(server.owedSince == nil)
        let ping = frame(.ping, 0, 0, [UInt8](repeating: 0, count: 8))
        server.receive(Array(ping[..<5]), now: start + .seconds(3))
        server.receive([ping[5]], now: start + .seconds(4))
        #expect(server.owedSince == start + .seconds(3))
        server.receive(Array(ping[6...]) + ping[..<2], now: start + .seconds(5))
        #expect(server.owedSince == start + .seconds(5))
        server.receive(Array(ping[2...]), now: start + .seconds(6))
        #expect(server.owedSince == nil)
        server.receive(frame(.headers, 0, 1, [0x83]), now: start + .seconds(7))
        server.receive(frame(.continuation, 0, 1, [0x86]), now: start + .seconds(8))
        #expect(server.owedSince == start + .seconds(7))
    }

    @Test func `the weight of a connection is what waits, and nothing once it has gone`() {
        let pair = Pair()
        guard let id = pair.client.start(path: "/a/b") else {
            Issue.record("no stream")
            return
        }
        pair.client.sendMessage(id, [1])
        pair.run()
        let idle = pair.server.weight
        for _ in 0..<40 { pair.server.sendMessage(id, [UInt8](repeating: 1, count: 100_000)) }
        #expect(pair.server.weight >= idle + 4_000_000)
        pair.run()
        #expect(pair.server.weight <= idle + 4_000_000)
        pair.client.cancel(id)
        pair.run()
        #expect(pair.server.weight == 0)
    }

    @Test func `a connection that is given up holds nothing`() {
        let server = begun()
        var speaker = Speaker()
        for stream: UInt32 in [1, 3, 5] {
            server.receive(
                speaker.headers(stream) + frame(.data, 0, stream, [0] + number(900) + [1]),
                now: start)
            for _ in 0..<5 {
                server.sendMessage(StreamID(stream), [UInt8](repeating: 1, count: 90_000))
            }
        }
        #expect(server.weight > 1_000_000)
        server.abandon()
        #expect(server.weight == 0)
        server.sendMessage(StreamID(1), [1])
        #expect(server.takeOutput().isEmpty)
        #expect(server.takeEvents().last == .closed(.transportEnded))
    }

    @Test func `a connection that rests keeps small buffers`() {
        let engine = HTTP2Engine(role: .server, settings: HTTP2Settings())
        let server = GRPCServer()
        let message = frame(.data, 0, 1, [UInt8](repeating: 0, count: 16_000))
        var speaker = Speaker()
        var bytes = Speaker.greeting + speaker.headers(1)
        for _ in 0..<14 { bytes += message }
        let cut = bytes.count - 10
        bytes[..<cut].map { $0 }.withView { engine.receive($0, now: start, to: server) }
        bytes[cut...].map { $0 }.withView { engine.receive($0, now: start, to: server) }
        #expect(engine.pending.isEmpty)
        #expect(engine.pending.capacity <= HTTP2Engine.keptCapacity)
    }

    @Test func `pipelined requests wait while nobody reads the answers`() {
        let server = HTTP1Server()
        for _ in 0..<100 {
            server.receive(utf8("GET /metrics HTTP/1.1\r\nhost: a\r\n\r\n"))
        }
        let body = [UInt8](repeating: 0x61, count: 100_000)
        var answered = 0
        func answerAll() {
            while server.hasEvents {
                for event in server.takeEvents() where event == .end {
                    answered += 1
                    server.respond(HTTPResponse(status: 200, headers: [], body: body))
                }
            }
        }
        answerAll()
        #expect(answered == 1)
        #expect(server.weight < 200_000)
        while answered < 100, !server.takeOutput().isEmpty { answerAll() }
        #expect(answered == 100)
    }

    @Test func `a request that has begun is known, one that is being answered is none`() {
        let server = HTTP1Server()
        #expect(!server.isReadingRequest)
        server.receive(utf8("POST / HTTP/1.1\r\nhost: a\r\n"))
        #expect(server.isReadingRequest && server.isReadingHead)
        server.receive(utf8("content-length: 3\r\n\r\nab"))
        #expect(server.isReadingRequest && !server.isReadingHead)
        server.receive(utf8("c"))
        #expect(!server.isReadingRequest)
    }
}
