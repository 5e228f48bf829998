// SPDX-License-Identifier: Apache-2.0
import Bytes
import EtcdAPI
import HTTP
import Posix
import TestKit
import Testing

/// Bytes that no client sends. Whatever they are, the member lives and others are served.
@Suite(.enabled(if: TestNode.program != nil)) struct HostileTests {
    private static let preface = Array("PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n".utf8)

    private static func frame(
        _ type: UInt8, flags: UInt8 = 0, stream: UInt32 = 0, length: Int? = nil, _ body: [UInt8]
    ) -> [UInt8] {
        let count = length ?? body.count
        var bytes = [UInt8(count >> 16 & 0xff), UInt8(count >> 8 & 0xff), UInt8(count & 0xff)]
        bytes += [type, flags]
        for shift in [24, 16, 8, 0] { bytes.append(UInt8(stream >> UInt32(shift) & 0xff)) }
        return bytes + body
    }

    private static func attack(_ random: inout Random) -> [UInt8] {
        let settings = frame(4, [])
        switch random.below(8) {
        case 0: return random.bytes(1 + random.below(400))
        case 1: return preface + random.bytes(random.below(400))
        case 2: return preface + settings + badFrames(&random)
        case 3: return preface + settings + giantMessage(&random)
        case 4: return Array("GET /\(random.below(99)) HTTP/1.1\r\nx: ".utf8) + random.bytes(200)
        case 5:
            return Array(
                "POST / HTTP/1.1\r\nhost: a\r\ncontent-length: 99999999999999\r\n\r\n".utf8)
        case 6: return preface + settings + frame(0, stream: 1, length: 0xff_ffff, [1, 2, 3])
        default:
            // Headers without an end, over and over.
            return preface + settings
                + (0..<200).flatMap { _ in frame(9, stream: 1, random.bytes(16)) }
        }
    }

    private static func badFrames(_ random: inout Random) -> [UInt8] {
        (0..<20).flatMap { _ in
            frame(
                UInt8(random.below(12)), flags: UInt8(random.below(256)),
                stream: UInt32(random.below(6)), random.bytes(random.below(40)))
        }
    }

    /// A well-formed call whose message claims four gigabytes.
    private static func giantMessage(_ random: inout Random) -> [UInt8] {
        let client = GRPCClient(authority: "a")
        guard let stream = client.start(path: "/etcdserverpb.KV/Put") else { return [] }
        var head = client.takeOutput()
        if head.starts(with: preface) { head.removeFirst(preface.count) }
        return head
            + frame(
                0, stream: UInt32(stream.number), [0, 0xff, 0xff, 0xff, 0xff] + random.bytes(100))
    }

    @Test func `garbage does not disturb the others`() throws {
        let node = try TestNode()
        let honest = try node.client()
        var random = Random(seed: 2_026)
        var open: [Wire] = []
        for round in 0..<240 {
            let wire = try Wire(port: node.clientPort)
            wire.send(HostileTests.attack(&random), within: .milliseconds(200))
            if random.chance(percent: 30) { open.append(wire) }
            if round % 20 == 0 { #expect(try honest.put("k\(round)").code == .ok) }
        }
        for wire in open { _ = wire.receive(within: .milliseconds(1)) }
        #expect(try honest.get("k220") == "v")
        open = []
        #expect(node.process.isRunning)
        #expect(try node.client().put("after").code == .ok)
        #expect(!node.process.output.contains("Fatal error"))
        #expect(try node.process.terminate() == .exited(code: 0))
    }

    @Test func `a client that reads nothing costs the others nothing`() throws {
        let node = try TestNode()
        let honest = try node.client()
        try honest.put("big", String(repeating: "x", count: 1_000_000))
        let greedy = try node.client()
        for _ in 0..<100 {
            _ = greedy.begin(
                "/etcdserverpb.KV/Range", RangeRequest(key: Array("big".utf8)).encoded())
        }
        _ = greedy.poll(.zero)
        for number in 0..<50 { #expect(try honest.put("k\(number)").code == .ok) }
    }

    /// Known bug: 3.7.1-header-timeout.
    @Test func `a request that never ends is cut off, a first byte that never comes too`() throws {
        let node = try TestNode()
        let wire = try Wire(port: node.clientPort)
        wire.send(Array("GET /version HTTP/1.1\r\nx: ".utf8))
        for _ in 0..<200 {
            if !wire.send(Array(repeating: 0x61, count: 1_000)) { break }
            if !wire.receive(within: .milliseconds(1)).isEmpty || wire.isOver { break }
        }
        #expect(wire.waitForEnd())
        #expect(try http(node.clientPort, "/version").status == 200)
    }

    @Test func `a TLS hello on the plain port is refused with a line in the log`() throws {
        let node = try TestNode()
        let wire = try Wire(port: node.clientPort)
        wire.send([0x16, 3, 1, 2, 0, 1, 0, 1, 0xfc, 3, 3] + [UInt8](repeating: 7, count: 505))
        #expect(wire.waitForEnd())
        try node.process.waitForOutput(containing: "the client speaks TLS, this listener does not")
        #expect(try node.client().put("k").code == .ok)
    }

    @Test func `pings without calls are answered with enhance your calm`() throws {
        let node = try TestNode()
        let wire = try Wire(port: node.clientPort)
        wire.send(HostileTests.preface + HostileTests.frame(4, []))
        var got: [UInt8] = []
        for number in 0..<50 where !wire.isOver {
            wire.send(HostileTests.frame(6, [UInt8](repeating: UInt8(number), count: 8)))
            got += wire.receive(within: .milliseconds(20))
        }
        #expect(wire.waitForEnd())
        #expect(String(decoding: got, as: UTF8.self).contains("too_many_pings"))
    }
}
