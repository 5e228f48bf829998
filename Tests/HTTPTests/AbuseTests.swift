// SPDX-License-Identifier: Apache-2.0
import Bytes
import Testing

@testable import HTTP

@Suite struct AbuseTests {
    /// Feeds `bytes(round)` until the server ends the connection; the number of rounds and the code.
    func flood(
        rounds: Int = 5000, answers: Bool = false, _ bytes: (inout Speaker, UInt32) -> [UInt8]
    ) -> (Int, String) {
        let server = GRPCServer()
        server.receive(Speaker.greeting, now: start)
        var speaker = Speaker()
        for round in 0..<rounds {
            server.receive(bytes(&speaker, UInt32(round)), now: start)
            let output = server.takeOutput()
            for event in server.takeEvents() {
                if case .halfClosed(let id) = event, answers { server.reply(id, [1]) }
                if case .closed = event {
                    return (round, describe(output).last ?? "")
                }
            }
        }
        return (rounds, "")
    }

    let calm = "goAway 0 ENHANCE_YOUR_CALM"

    @Test func `CVE-2023-44487: rapid reset`() {
        let (rounds, end) = flood { speaker, round in
            speaker.headers(round * 2 + 1) + frame(.reset, 0, round * 2 + 1, number(8))
        }
        #expect(end == calm)
        #expect(rounds <= AbuseGuard.resetMax)
    }

    @Test func `CVE-2025-8671: resets that we are made to send`() {
        let (rounds, end) = flood { speaker, round in
            speaker.headers(round * 2 + 1) + frame(.windowUpdate, 0, round * 2 + 1, number(0))
        }
        #expect(end == calm)
        #expect(rounds <= AbuseGuard.resetMax)
    }

    @Test func `CVE-2024-27316: CONTINUATION flood`() {
        let (rounds, end) = flood { _, round in
            round == 0 ? frame(.headers, 0, 1, []) : frame(.continuation, 0, 1, [])
        }
        #expect(end == calm)
        #expect(rounds <= HTTP2Engine.continuationCountMax + 1)
        let (long, text) = flood { _, round in
            let part = [UInt8](repeating: 0, count: 16_000)
            return frame(round == 0 ? .headers : .continuation, 0, 1, part)
        }
        #expect(text == calm)
        #expect(long < 10)
    }

    @Test(arguments: [
        frame(.settings, 0, 0, []), frame(.ping, 0, 0, [UInt8](repeating: 0, count: 8)),
        frame(.ping, 1, 0, [UInt8](repeating: 0, count: 8)), frame(.data, 0, 1, []),
        frame(.priority, 0, 1, [0, 0, 0, 0, 0]), frame(.windowUpdate, 0, 1, number(1)),
    ])
    func `CVE-2019-9512, 9513, 9515, 9518: floods of frames that do nothing`(bytes: [UInt8]) {
        let (rounds, end) = flood { speaker, round in
            round == 0 ? speaker.headers(1) : bytes
        }
        #expect(end == calm)
        #expect(rounds <= AbuseGuard.controlMax + 1)
    }

    @Test func `honest calls with pings and resets now and then go on`() {
        let (rounds, end) = flood(answers: true) { speaker, round in
            let stream = round * 4 + 1
            var bytes =
                speaker.headers(stream) + frame(.data, 1, stream, Speaker.message([1]))
                + frame(.ping, 0, 0, [UInt8](repeating: 0, count: 8))
                + frame(.windowUpdate, 0, 0, number(5))
            if round % 10 == 0 {
                bytes += speaker.headers(stream + 2) + frame(.reset, 0, stream + 2, number(8))
            }
            return bytes
        }
        #expect((rounds, end) == (5000, ""))
    }

    @Test func `time forgives resets`() {
        let server = GRPCServer()
        server.receive(Speaker.greeting, now: start)
        var speaker = Speaker()
        for round in 0..<5000 {
            let stream = UInt32(round * 2 + 1)
            server.receive(
                speaker.headers(stream) + frame(.reset, 0, stream, number(8)),
                now: start + .milliseconds(round * 20))
        }
        #expect(!server.isClosed)
    }

    @Test func `a header list that is too large ends its stream only`() {
        let server = GRPCServer()
        server.receive(Speaker.greeting, now: start)
        _ = server.takeOutput()
        var speaker = Speaker()
        let big = (0..<50).map { HeaderField("x-\($0)", String(repeating: "z", count: 1800)) }
        let block = speaker.block(Speaker.call + big)
        server.receive(
            frame(.headers, 0, 1, Array(block[..<16_000])), now: start)
        var at = 16_000
        while at < block.count {
            let count = min(16_000, block.count - at)
            let flags: UInt8 = at + count == block.count ? 4 : 0
            server.receive(
                frame(.continuation, flags, 1, Array(block[at..<at + count])), now: start)
            at += count
        }
        #expect(describe(server.takeOutput()) == ["reset 1 ENHANCE_YOUR_CALM"])
        // The table is still in step.
        server.receive(speaker.headers(3), now: start)
        #expect(server.takeEvents().count == 1)
    }

    @Test func `too many pings end the connection with grpc's words`() {
        var settings = GRPCServerSettings()
        settings.http2.pingPolicy = PingPolicy(
            minInterval: .seconds(5), permitsWithoutStreams: true)
        let server = GRPCServer(settings: settings)
        server.receive(Speaker.greeting, now: start)
        let ping = frame(.ping, 0, 0, [UInt8](repeating: 0, count: 8))
        for round in 0..<20 { server.receive(ping, now: start + .seconds(round * 5)) }
        #expect(!server.isClosed)
        for round in 0..<3 { server.receive(ping, now: start + .seconds(96 + round)) }
        #expect(server.isClosed)
        let output = server.takeOutput()
        #expect(output.suffix(14) == utf8("too_many_pings")[...])
    }

    @Test func `what the server sends forgives early pings`() {
        var settings = GRPCServerSettings()
        settings.http2.pingPolicy = PingPolicy(
            minInterval: .seconds(5), permitsWithoutStreams: false)
        let server = GRPCServer(settings: settings)
        server.receive(Speaker.greeting, now: start)
        var speaker = Speaker()
        server.receive(speaker.headers(1), now: start)
        for _ in 0..<100 {
            server.receive(frame(.ping, 0, 0, [UInt8](repeating: 0, count: 8)), now: start)
            server.sendMessage(StreamID(1), [1])
        }
        #expect(!server.isClosed)
    }

    @Test func `a message that is only announced takes no memory`() {
        var framer = GRPCFramer()
        var at = 0
        let step = ([0] + number(2_000_000_000)).withView { view in
            framer.next(view, &at, limit: Int.max)
        }
        #expect(step == .needsMore)
    }
}
