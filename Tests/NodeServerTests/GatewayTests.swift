// SPDX-License-Identifier: Apache-2.0
import Bytes
import EtcdAPI
import Formats
import HTTP
import Posix
import TestKit
import Testing

/// The gateway of a running member, where timing and load matter; what it answers is compared
/// with etcd's answers by the parity suite.
@Suite(.enabled(if: TestNode.program != nil)) struct GatewayTests {
    private static func post(_ path: String, _ body: String, more: String = "") -> [UInt8] {
        Array(
            """
            POST \(path) HTTP/1.1\r
            Host: 127.0.0.1\r
            Content-Length: \(body.utf8.count)\r
            \(more)\r
            \(body)
            """.utf8)
    }

    private static func base64(_ text: String) -> String { Base64.encode(Array(text.utf8)) }

    private static func watch(_ key: String, from revision: Int = 0) -> String {
        "{\"create_request\":{\"key\":\"\(base64(key))\",\"start_revision\":\"\(revision)\"}}"
    }

    /// Until the text is there, or the time is over.
    private static func read(
        _ wire: Wire, until text: String, _ got: inout String, within limit: Duration = .seconds(20)
    ) -> Bool {
        let deadline = MonotonicClock.now + limit
        while !got.contains(text), !wire.isOver, MonotonicClock.now < deadline {
            got += String(decoding: wire.receive(within: .milliseconds(100)), as: UTF8.self)
        }
        return got.contains(text)
    }

    @Test func `many requests in one piece are answered in their order`() throws {
        let node = try TestNode()
        let wire = try Wire(port: node.clientPort)
        let one = Array("GET /version HTTP/1.1\r\nHost: a\r\n\r\n".utf8)
        let count = 20_000
        var bytes: [UInt8] = []
        for _ in 0..<count { bytes += one }
        bytes += Self.post("/v3/kv/range", "{\"key\":\"YQ==\"}")
        #expect(wire.send(bytes, within: .seconds(30)))
        var tail = ""
        var seen = 0
        let deadline = MonotonicClock.now + .seconds(60)
        while MonotonicClock.now < deadline, !wire.isOver {
            tail += String(decoding: wire.receive(within: .milliseconds(200)), as: UTF8.self)
            while let range = tail.range(of: "etcdserver\"") {
                seen += 1
                tail.removeSubrange(..<range.upperBound)
            }
            if tail.contains("cluster_id") { break }
        }
        #expect(seen == count)
        #expect(tail.contains("cluster_id"))
        #expect(node.process.isRunning)
    }

    /// Known bug: 17529.
    @Test func `a watcher that reads nothing falls behind and misses nothing`() throws {
        let node = try TestNode()
        let client = try node.client()
        let slow = try Wire(port: node.clientPort)
        var got = ""
        slow.send(Self.post("/v3/watch", Self.watch("big")))
        #expect(Self.read(slow, until: "\"created\":true", &got))
        // Twelve megabytes, sixteen in base64; the queue and the socket hold a few.
        let value = String(repeating: "x", count: 30_000)
        let count = 400
        for _ in 0..<count { try client.put("big", value) }
        try eventually("the watcher is behind") {
            try http(node.clientPort, "/metrics").body
                .contains("etcd_debugging_mvcc_slow_watcher_total 1")
        }
        var finder = VersionFinder()
        let deadline = MonotonicClock.now + .seconds(60)
        while finder.versions.count < count, MonotonicClock.now < deadline, !slow.isOver {
            finder.read(slow.receive(within: .milliseconds(100)))
        }
        #expect(finder.versions == Array(1...count))
    }

    /// Collects the numbers behind `"version":"`.
    private struct VersionFinder {
        private(set) var versions: [Int] = []
        private let pattern = Array("\"version\":\"".utf8)
        private var matched = 0
        private var number: Int?

        mutating func read(_ bytes: [UInt8]) {
            for byte in bytes {
                if let held = number {
                    if byte == 0x22 {
                        versions.append(held)
                        number = nil
                    } else {
                        number = held * 10 + Int(byte) - 0x30
                    }
                } else if byte == pattern[matched] {
                    matched += 1
                    if matched == pattern.count { (matched, number) = (0, 0) }
                } else {
                    matched = byte == pattern[0] ? 1 : 0
                }
            }
        }
    }

    @Test func `a request in pieces makes watchers as its messages come`() throws {
        let node = try TestNode()
        let wire = try Wire(port: node.clientPort)
        var got = ""
        wire.send(
            Array(
                "POST /v3/watch HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n".utf8))
        func send(_ text: String) {
            wire.send(Array("\(String(text.utf8.count, radix: 16))\r\n\(text)\r\n".utf8))
        }
        send(Self.watch("a"))
        #expect(Self.read(wire, until: "\"created\":true", &got))
        got = ""
        let second = Self.watch("b")
        send(String(second.prefix(20)))
        send(String(second.dropFirst(20)))
        #expect(Self.read(wire, until: "\"watch_id\":\"1\"", &got))
        try node.client().put("b", "1")
        #expect(Self.read(wire, until: "\"key\":\"\(Self.base64("b"))\"", &got))
    }

    @Test func `streams are told when the member ends`() throws {
        let node = try TestNode()
        let wire = try Wire(port: node.clientPort)
        var got = ""
        wire.send(Self.post("/v3/watch", Self.watch("a")))
        #expect(Self.read(wire, until: "\"created\":true", &got))
        node.process.send(.terminate)
        #expect(Self.read(wire, until: "\"message\":\"etcdserver: server stopped\"", &got))
        #expect(got.contains("\"grpc_code\":14"))
        #expect(try node.process.waitForEnd() == .exited(code: 0))
    }

    @Test func `a lock whose caller hangs up is given to the next`() throws {
        let node = try TestNode()
        let name = "{\"name\":\"\(Self.base64("l"))\"}"
        let wires = try (0..<3).map { _ in try Wire(port: node.clientPort) }
        var texts = ["", "", ""]
        wires[0].send(Self.post("/v3/lock/lock", name))
        #expect(Self.read(wires[0], until: "\"key\":\"", &texts[0]))
        let client = try node.client()
        for number in 1...2 {
            wires[number].send(Self.post("/v3/lock/lock", name))
            try eventually("\(number + 1) keys") {
                try Self.keys(client, "l/") == number + 1
            }
        }
        wires[1].socket.close()
        try eventually("two keys") { try Self.keys(client, "l/") == 2 }
        let key = texts[0].components("\"key\":\"")
        let other = try Wire(port: node.clientPort)
        other.send(Self.post("/v3/lock/unlock", "{\"key\":\"\(key)\"}"))
        #expect(Self.read(wires[2], until: "\"key\":\"", &texts[2]))
    }

    private static func keys(_ client: TestClient, _ prefix: String) throws -> Int {
        let request = RangeRequest(
            key: Array(prefix.utf8), rangeEnd: Array(prefix.dropLast().utf8) + [0x30],
            countOnly: true)
        let outcome = try client.call("/etcdserverpb.KV/Range", request.encoded())
        return Int(try RangeResponse(decoding: outcome.messages.first ?? []).count)
    }

    @Test func `a body without an end is refused before it fills the memory`() throws {
        let node = try TestNode(["--max-request-bytes=1000"])
        let wire = try Wire(port: node.clientPort)
        wire.send(
            Array("PUT /version HTTP/1.1\r\nHost: a\r\nContent-Length: 99000000\r\n\r\n".utf8))
        for _ in 0..<40 where wire.send([UInt8](repeating: 0x20, count: 100_000)) {}
        #expect(wire.waitForEnd())
        let gateway = try Wire(port: node.clientPort)
        var got = ""
        gateway.send(
            Array(
                "POST /v3/kv/range HTTP/1.1\r\nHost: a\r\nContent-Length: 99000000\r\n\r\n\"".utf8))
        for _ in 0..<40 where gateway.send([UInt8](repeating: 0x61, count: 100_000)) {}
        #expect(Self.read(gateway, until: "the JSON value is too large", &got))
        #expect(got.hasPrefix("HTTP/1.1 429 "))
        #expect(try node.client().put("k").code == .ok)
    }

    @Test func `the level of the log can be changed while it runs`() throws {
        let node = try TestNode(["--log-level=warn"], waits: false)
        try node.process.waitForPort(node.clientPort)
        func put(_ body: String) throws -> Int {
            let wire = try Wire(port: node.clientPort)
            var got = ""
            wire.send(
                Array(
                    "PUT /config/local/log HTTP/1.1\r\nHost: a\r\nContent-Length: "
                        .utf8) + Array("\(body.utf8.count)\r\n\r\n\(body)".utf8))
            #expect(Self.read(wire, until: "\r\n\r\n", &got))
            return Int(got.dropFirst(9).prefix(3)) ?? 0
        }
        #expect(try put("{\"Level\":\"INFO\"}") == 204)
        try node.process.waitForOutput(containing: "the log level was changed")
        #expect(try put("{\"Level\":\"LOUD\"}") == 400)
        #expect(try put("nothing") == 400)
        #expect(try http(node.clientPort, "/config/local/log").status == 405)
    }

    @Test func `debug variables and extensive metrics are there when asked for`() throws {
        let node = try TestNode(["--metrics=extensive"])
        try node.client().put("k")
        let vars = try http(node.clientPort, "/debug/vars")
        let value = try JSON.parse(Array(vars.body.utf8))
        #expect(value["raft.status"]?["raftState"]?.string == "StateLeader")
        #expect((value["file_descriptor_limit"]?.int64 ?? 0) > 0)
        let metrics = try http(node.clientPort, "/metrics")
        let line =
            "grpc_server_handling_seconds_count{grpc_type=\"unary\",grpc_service=\"etcdserverpb.KV\""
            + ",grpc_method=\"Put\"} 1"
        #expect(metrics.body.contains(line))
    }
}

extension String {
    /// What stands between `start` and the next quote.
    fileprivate func components(_ start: String) -> String {
        guard let range = range(of: start) else { return "" }
        return String(self[range.upperBound...].prefix { $0 != "\"" })
    }

    fileprivate func range(of other: String) -> Range<String.Index>? {
        firstRange(of: other)
    }
}
