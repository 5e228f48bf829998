// SPDX-License-Identifier: Apache-2.0
import Bytes
import EtcdAPI
import Formats
import HTTP
import Posix
import TestKit
import Testing

/// The gateway where gRPC is: on an HTTP/2 connection.
@Suite(.enabled(if: TestNode.program != nil)) struct GatewayHTTP2Tests {
    /// Requests of one connection, and what has come for each.
    final class Browser {
        private let wire: Wire
        private let connection = HTTP2Connection(role: .client)
        private(set) var heads: [StreamID: [HeaderField]] = [:]
        private(set) var bodies: [StreamID: String] = [:]
        private(set) var ended: Set<StreamID> = []

        init(port: UInt16) throws {
            wire = try Wire(port: port)
        }

        func post(_ path: String, _ body: String) throws -> StreamID {
            let fields = [
                HeaderField(":method", "POST"), HeaderField(":scheme", "http"),
                HeaderField(":path", path), HeaderField(":authority", "127.0.0.1"),
                HeaderField("content-type", "application/json"),
            ]
            guard let stream = connection.sendRequest(fields, endStream: false) else {
                throw TestFailure("no stream")
            }
            connection.sendData(stream, Array(body.utf8), endStream: true)
            return stream
        }

        func reset(_ stream: StreamID) {
            connection.sendReset(stream, .cancel)
            pump(.zero)
        }

        private func pump(_ limit: Duration) {
            while connection.hasOutput, wire.send(connection.takeOutput()) {}
            let bytes = wire.receive(within: limit)
            if !bytes.isEmpty { connection.receive(bytes, now: MonotonicClock.now) }
            for event in connection.takeEvents() {
                switch event {
                case .headers(let stream, let fields, let isEnd):
                    heads[stream] = fields
                    if isEnd { ended.insert(stream) }
                case .data(let stream, let bytes, let isEnd):
                    bodies[stream, default: ""] += String(decoding: bytes, as: UTF8.self)
                    if isEnd { ended.insert(stream) }
                default: break
                }
            }
        }

        func wait(_ stream: StreamID, for text: String) -> Bool {
            let deadline = MonotonicClock.now + .seconds(20)
            while MonotonicClock.now < deadline {
                if bodies[stream]?.contains(text) == true { return true }
                pump(.milliseconds(50))
            }
            return false
        }

        func waitForEnd(_ stream: StreamID) -> Bool {
            let deadline = MonotonicClock.now + .seconds(20)
            while MonotonicClock.now < deadline, !ended.contains(stream) {
                pump(.milliseconds(50))
            }
            return ended.contains(stream)
        }
    }

    @Test func `unary calls and errors`() throws {
        let node = try TestNode()
        let browser = try Browser(port: node.clientPort)
        let put = try browser.post("/v3/kv/put", "{\"key\":\"YQ==\",\"value\":\"MQ==\"}")
        #expect(browser.waitForEnd(put))
        #expect(browser.heads[put]?.value(of: ":status") == "200")
        #expect(browser.heads[put]?.value(of: "grpc-metadata-content-type") == "application/grpc")
        #expect(browser.heads[put]?.value(of: "access-control-allow-origin") == "*")
        let range = try browser.post("/v3/kv/range", "{\"key\":\"YQ==\"}")
        #expect(browser.wait(range, for: "\"value\":\"MQ==\""))
        let bad = try browser.post("/v3/kv/range", "{")
        #expect(browser.waitForEnd(bad))
        #expect(browser.heads[bad]?.value(of: ":status") == "400")
        #expect(browser.bodies[bad]?.contains("unexpected EOF") == true)
    }

    @Test func `a watch goes on beside gRPC's own calls, until it is reset`() throws {
        let node = try TestNode()
        let browser = try Browser(port: node.clientPort)
        let watch = try browser.post("/v3/watch", "{\"create_request\":{\"key\":\"YQ==\"}}")
        #expect(browser.wait(watch, for: "\"created\":true"))
        try node.client().put("a", "1")
        #expect(browser.wait(watch, for: "\"value\":\"MQ==\""))
        browser.reset(watch)
        try eventually("the watcher is gone") {
            try http(node.clientPort, "/metrics").body
                .contains("etcd_debugging_mvcc_watcher_total 0")
        }
    }

    /// Known bug: KEP-6178.
    @Test func `the parts of a streamed range are the range`() throws {
        let node = try TestNode()
        let client = try node.client()
        for number in 100..<400 {
            try client.put("k\(number)", String(repeating: "v", count: 4_000))
        }
        let request = RangeRequest(
            key: Array("k".utf8), rangeEnd: Array("l".utf8), limit: 290)
        let whole = try RangeResponse(
            decoding: try client.call("/etcdserverpb.KV/Range", request.encoded()).messages[0])
        let outcome = try client.call("/etcdserverpb.KV/RangeStream", request.encoded())
        #expect(outcome.status.code == .ok)
        #expect(outcome.messages.count > 3)
        var merged = RangeResponse()
        for message in outcome.messages {
            let part = try RangeStreamResponse(decoding: message).rangeResponse ?? RangeResponse()
            merged.header = part.header
            merged.kvs += part.kvs
            merged.more = part.more
            merged.count = part.count
        }
        #expect(merged == whole)
        #expect(merged.more && merged.count == 300)
        let bad = try client.call("/etcdserverpb.KV/RangeStream", RangeRequest().encoded())
        #expect(bad.status.message == "etcdserver: key is not provided")
    }

    @Test func `a snapshot over JSON is the file that gRPC gives`() throws {
        let node = try TestNode()
        let client = try node.client()
        for number in 0..<60 { try client.put("k\(number)", String(repeating: "v", count: 9_000)) }
        func digest(_ blobs: [[UInt8]]) -> [UInt8] {
            let digest = Digest(.sha256)
            for blob in blobs.dropLast() { digest.update(blob) }
            return digest.finish()
        }
        let direct = try client.call("/etcdserverpb.Maintenance/Snapshot", []).messages
            .map { try SnapshotResponse(decoding: $0).blob }
        let browser = try Browser(port: node.clientPort)
        let stream = try browser.post("/v3/maintenance/snapshot", "{}")
        #expect(browser.waitForEnd(stream))
        let lines = (browser.bodies[stream] ?? "").split(separator: "\n")
        let blobs = try lines.map { line in
            let text = try JSON.parse(String(line))["result"]?["blob"]?.string ?? ""
            return Base64.decode(text) ?? []
        }
        #expect(blobs.count == direct.count && blobs.count > 10)
        #expect(digest(blobs) == blobs.last)
        #expect(digest(direct) == direct.last)
    }
}
