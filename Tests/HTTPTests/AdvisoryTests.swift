// SPDX-License-Identifier: Apache-2.0
import Bytes
import Testing

@testable import HTTP

/// Faults that other implementations had, by the number of their advisory. Floods that have one
/// rule here stand in `AbuseTests`; these are the rest.
@Suite struct AdvisoryTests {
    private func begun() -> (GRPCServer, Speaker) {
        let server = GRPCServer()
        server.receive(Speaker.greeting, now: start)
        _ = server.takeOutput()
        return (server, Speaker())
    }

    /// Feeds rounds until the server ends the connection; how many it took, at most `limit`.
    private func rounds(
        _ limit: Int, _ server: GRPCServer, _ bytes: (UInt32) -> [UInt8]
    ) -> Int {
        for round in 0..<limit {
            server.receive(bytes(UInt32(round)), now: start)
            _ = server.takeEvents()
            if server.isClosed { return round }
        }
        return limit
    }

    @Test func `CVE-2023-44487, CVE-2023-39325: streams opened and reset, with requests in them`() {
        let (server, speaker) = begun()
        var client = speaker
        let count = rounds(5000, server) { round in
            let stream = round * 2 + 1
            return client.headers(stream) + frame(.data, 1, stream, Speaker.message([1]))
                + frame(.reset, 0, stream, number(8))
        }
        #expect(count <= AbuseGuard.resetMax)
        #expect(server.weight < 65_536)
    }

    @Test func `CVE-2025-8671: every way to make the server reset a stream is counted`() {
        let ways: [(UInt32) -> [UInt8]] = [
            { frame(.windowUpdate, 0, $0, number(0)) },
            { frame(.windowUpdate, 0, $0, number(0x7fff_ffff)) },
            { frame(.priority, 0, $0, [1]) },
            { frame(.headers, 4, $0, [0x84]) },
        ]
        for way in ways {
            let (server, speaker) = begun()
            var client = speaker
            let count = rounds(5000, server) { round in
                client.headers(round * 2 + 1) + way(round * 2 + 1)
            }
            #expect(count <= AbuseGuard.resetMax)
        }
    }

    @Test func `CVE-2024-27316, CVE-2023-45288: a header block is bounded in frames and bytes`() {
        for size in [0, 1, 100, 16_384] {
            let (server, _) = begun()
            let part = [UInt8](repeating: 0x83, count: size)
            server.receive(frame(.headers, 0, 1, part), now: start)
            let count = rounds(5000, server) { _ in frame(.continuation, 0, 1, part) }
            #expect(count <= HTTP2Engine.continuationCountMax)
            #expect(server.weight < 256 << 10)
        }
    }

    @Test func `CVE-2019-9511, CVE-2019-9517: answers wait for windows and are all accounted for`()
    {
        let (server, speaker) = begun()
        var client = speaker
        server.receive(frame(.settings, 0, 0, [0, 4] + number(1)), now: start)
        for stream: UInt32 in stride(from: 1, to: 41, by: 2) {
            server.receive(
                client.headers(stream) + frame(.data, 1, stream, Speaker.message([1])), now: start)
            server.reply(StreamID(stream), [UInt8](repeating: 1, count: 100_000))
        }
        #expect(server.weight > 1_900_000)
        #expect(server.takeOutput().count < 4096)
        // One byte of window draws one byte of answer, not a frame for each of the others.
        server.receive(frame(.windowUpdate, 0, 1, number(1)), now: start)
        #expect(describe(server.takeOutput()) == ["data 1 (1)"])
    }

    @Test func `CVE-2019-9514: frames that draw RST_STREAM end the connection`() {
        let (server, speaker) = begun()
        var client = speaker
        let count = rounds(5000, server) { round in
            client.headers(round * 2 + 1, [HeaderField("x", "y")], end: true)
        }
        #expect(count <= AbuseGuard.resetMax)
    }

    @Test func `CVE-2019-9516: header fields without a name end the stream`() {
        let (server, _) = begun()
        server.receive(frame(.headers, 5, 1, [0x83, 0x86, 0x84, 0x00, 0x00, 0x00]), now: start)
        #expect(describe(server.takeOutput()) == ["reset 1 PROTOCOL_ERROR"])
        #expect(server.openCallCount == 0)
    }

    @Test func `CVE-2022-27664: a client cannot keep a shutdown from ending`() {
        let (server, speaker) = begun()
        var client = speaker
        server.receive(client.headers(1), now: start)
        server.drain()
        server.receive(client.headers(3) + frame(.data, 0, 3, [0]), now: start)
        #expect(server.openCallCount == 1)
        server.reply(StreamID(1), [1])
        #expect(server.isClosed)
    }

    @Test func `CVE-2022-41717: the table of headers stays within what was announced`() {
        var decoder = HPACKDecoder()
        for round in 0..<3000 {
            let name = utf8("k\(round)")
            let value = [UInt8](repeating: 0x61, count: 100)
            let bytes = [0x40, UInt8(name.count)] + name + [100] + value
            bytes.withView { view in
                _ = try? decoder.decode(view, maxListSize: 65_536)
            }
        }
        #expect(decoder.tableByteCount <= 4096)
        #expect(decoder.tableCount <= 4096 / 32)
    }

    @Test func `CVE-2022-41723: a string in many pieces is not read anew for each`() {
        let engine = HTTP2Engine(role: .server, settings: HTTP2Settings())
        let server = GRPCServer()
        let value = [UInt8](repeating: 0x61, count: 15_000)
        let block = [0x83, 0x86, 0x84, 0x00, 1, 0x78, 0x7f, 0x99, 0x74] + value
        let bytes = Speaker.greeting + frame(.headers, 4, 1, block)
        // Byte by byte: the frame is decoded once, when it is whole.
        for byte in bytes { [byte].withView { engine.receive($0, now: start, to: server) } }
        #expect(engine.streams.count == 1)
    }

    @Test func `CVE-2023-32731: after a header list that was too large both tables still agree`() {
        let (server, speaker) = begun()
        var client = speaker
        let known = HeaderField("x-late", "value")
        let large = (0..<6).map { _ in HeaderField("x", String(repeating: "z", count: 12_000)) }
        let block = client.block(Speaker.call + large + [known])
        server.receive(frame(.headers, 0, 1, Array(block[..<16_000])), now: start)
        var at = 16_000
        while at < block.count {
            let end = min(block.count, at + 16_000)
            server.receive(
                frame(.continuation, end == block.count ? 4 : 0, 1, Array(block[at..<end])),
                now: start)
            at = end
        }
        #expect(describe(server.takeOutput()) == ["reset 1 ENHANCE_YOUR_CALM"])
        server.receive(client.headers(3, Speaker.call + [known]), now: start)
        guard case .call(_, let head)? = server.takeEvents().last else {
            Issue.record("no call")
            return
        }
        #expect(head.metadata == [known])
    }

    @Test func `fuzzing audit 2022: metadata that is not UTF-8 is refused or taken, never a trap`()
    {
        var random = Random(seed: 2022)
        for _ in 0..<2000 {
            let (server, speaker) = begun()
            var client = speaker
            var block = client.block(Speaker.call)
            let name = random.bytes(1 + random.below(8))
            let value = random.bytes(random.below(20))
            block += [0x00, UInt8(name.count)] + name + [UInt8(value.count)] + value
            server.receive(frame(.headers, 4, 1, block), now: start)
            _ = server.takeEvents()
            server.receive(client.headers(3), now: start)
            #expect(server.takeEvents().count == 1)
        }
    }
}
