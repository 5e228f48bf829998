// SPDX-License-Identifier: Apache-2.0
import Bytes
import EtcdAPI
import HTTP
import Posix
import TestKit
import Testing

/// A member's life: stops, power cuts, damaged files.
@Suite(.enabled(if: TestNode.program != nil)) struct LifeTests {
    @Test func `told to end it ends with 0 and keeps its data`() throws {
        let node = try TestNode()
        let client = try node.client()
        for number in 0..<20 { try client.put("k\(number)", "\(number)") }
        #expect(try node.process.terminate() == .exited(code: 0))
        #expect(node.process.output.contains("closed the member"))
        try node.restart()
        #expect(try node.client().get("k7") == "7")
        node.process.send(.interrupt)
        #expect(try node.process.waitForEnd() == .exited(code: 0))
    }

    @Test func `it ends also while clients watch and connections idle`() throws {
        let node = try TestNode()
        let client = try node.client()
        let stream = try #require(client.start("/etcdserverpb.Watch/Watch"))
        client.send(
            stream, WatchRequest.create(WatchCreateRequest(key: [0], rangeEnd: [0])).encoded())
        _ = try client.message(stream)
        let idle = try Wire(port: node.clientPort)
        let half = try Wire(port: node.clientPort)
        half.send(Array("GET /version HTTP/1.1\r\nhos".utf8))
        #expect(try node.process.terminate() == .exited(code: 0))
        #expect(idle.waitForEnd())
        #expect(half.waitForEnd())
    }

    @Test func `power cuts at random moments lose nothing that was acknowledged`() throws {
        let node = try TestNode(["--snapshot-count=60"])
        var random = Random(seed: 11)
        var acknowledged: [String: String] = [:]
        for life in 0..<5 {
            let client = try node.client()
            try hammer(client, node, life, after: 20 + random.below(200), &acknowledged)
            try node.restart()
            let reader = try node.client()
            for (key, value) in acknowledged.sorted(by: { $0.key < $1.key }) {
                #expect(try reader.get(key) == value, "life \(life), key \(key)")
            }
        }
        #expect(acknowledged.count > 100)
        #expect(try node.process.terminate() == .exited(code: 0))
    }

    /// Puts with many under way, and the cut after some are acknowledged.
    private func hammer(
        _ client: TestClient, _ node: TestNode, _ life: Int, after count: Int,
        _ acknowledged: inout [String: String]
    ) throws {
        var open: [StreamID: String] = [:]
        var number = 0
        var done = 0
        while done < count {
            while open.count < 32 {
                let key = "life\(life)-\(number)"
                number += 1
                let put = PutRequest(key: Array(key.utf8), value: Array("of \(key)".utf8))
                let path = "/etcdserverpb.KV/Put"
                guard let stream = client.begin(path, put.encoded()) else {
                    throw TestFailure("no call")
                }
                open[stream] = key
            }
            done += settle(client.poll(), &open, &acknowledged)
        }
        try node.process.kill()
        while !client.isClosed { _ = settle(client.poll(), &open, &acknowledged) }
    }

    private func settle(
        _ ended: [(StreamID, GRPCStatus)], _ open: inout [StreamID: String],
        _ acknowledged: inout [String: String]
    ) -> Int {
        var count = 0
        for (stream, status) in ended {
            guard let key = open.removeValue(forKey: stream), status.code == .ok else { continue }
            acknowledged[key] = "of \(key)"
            count += 1
        }
        return count
    }

    @Test func `a flipped byte in the checkpoint is named with file and offset`() throws {
        let node = try TestNode(["--snapshot-count=10"])
        let client = try node.client()
        for number in 0..<60 { try client.put("k\(number)", String(repeating: "x", count: 500)) }
        try node.process.waitForOutput(containing: "saved checkpoint")
        try node.process.terminate()
        let path = node.folder["data/member/snap/db"]
        try flip(path, at: try Directory.size(of: path) / 2)
        try node.launch()
        #expect(try node.process.waitForEnd() == .exited(code: 1))
        #expect(node.process.output.contains("member/snap/db"))
        #expect(node.process.output.contains("offset"))
    }

    @Test func `a flipped byte in the middle of the log is named with file and offset`() throws {
        let node = try TestNode()
        let client = try node.client()
        for number in 0..<100 { try client.put("k\(number)", String(repeating: "x", count: 1_000)) }
        try node.process.terminate()
        let log = try #require(try node.files("wal").first { $0.hasSuffix(".log") })
        try flip(log, at: 50_000)
        try node.launch()
        #expect(try node.process.waitForEnd() == .exited(code: 1))
        #expect(node.process.output.contains(log))
        #expect(node.process.output.contains("offset"))
    }

    @Test func `a member that lost its quorum says so to everybody who asks`() throws {
        let ports = try (0..<3).map { _ in try Ports.free(2) }
        let cluster = ports.enumerated().map { "m\($0)=http://127.0.0.1:\($1[1])" }
        let nodes = try ports.enumerated().map { index, pair in
            try TestNode(
                ["--name=m\(index)", "--initial-cluster=\(cluster.joined(separator: ","))"],
                ports: pair, waits: false)
        }
        for node in nodes { try node.waitUntilServing() }
        let client = try nodes[0].client()
        #expect(try client.put("a", "1").code == .ok)
        try nodes[1].process.kill()
        try nodes[2].process.kill()
        try eventually("no leader") {
            let health = try http(nodes[0].clientPort, "/health")
            return health.status == 503 && health.body.contains("RAFT NO LEADER")
        }
        let hasLeader = [HeaderField("hasleader", "true")]
        let put = PutRequest(key: [1], value: [1]).encoded()
        let refused = try client.call("/etcdserverpb.KV/Put", put, metadata: hasLeader)
        #expect(refused.status.code == .unavailable)
        #expect(refused.status.message == "etcdserver: no leader")
        let late = try client.call("/etcdserverpb.KV/Put", put, timeout: .milliseconds(200))
        #expect(late.status.code == .deadlineExceeded)
        let local = RangeRequest(key: Array("a".utf8), serializable: true).encoded()
        #expect(try client.call("/etcdserverpb.KV/Range", local).status.code == .ok)
        try nodes[1].launch()
        try eventually("a leader again") { try http(nodes[0].clientPort, "/health").status == 200 }
        #expect(try client.get("a") == "1")
    }
}
