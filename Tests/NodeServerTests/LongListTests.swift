// SPDX-License-Identifier: Apache-2.0
import Bytes
import EtcdAPI
import HTTP
import Posix
import TestKit
import Testing

/// Lists that are too long to be encoded at once.
@Suite(.enabled(if: TestNode.program != nil)) struct LongListTests {
    private static let range = "/etcdserverpb.KV/Range"
    private static let keyCount = 1_200

    private func filled() throws -> TestNode {
        let node = try TestNode()
        let client = try node.client()
        let value = Array(String(repeating: "v", count: 2_000).utf8)
        var open = Set<StreamID>()
        for number in 0..<Self.keyCount {
            let put = PutRequest(key: Array("key-\(number)".utf8), value: value)
            open.insert(try #require(client.begin("/etcdserverpb.KV/Put", put.encoded())))
            while open.count >= 64 { for (stream, _) in client.poll() { open.remove(stream) } }
        }
        while !open.isEmpty { for (stream, _) in client.poll() { open.remove(stream) } }
        return node
    }

    /// Known bug: 12342.
    @Test func `puts are answered while more lists stand still than may go on, and all end well`()
        throws
    {
        let node = try filled()
        let list = RangeRequest(key: [0], rangeEnd: [0]).encoded()
        var lists: [(client: TestClient, stream: StreamID)] = []
        for _ in 0..<12 {
            let client = try node.client()
            let stream = try #require(client.start(Self.range))
            // Sent, and then nothing is read: windows and buffers fill up, and the list stands.
            client.send(stream, list, halfClose: true)
            lists.append((client, stream))
        }
        let other = try node.client()
        let old = String(repeating: "v", count: 2_000)
        for number in 0..<20 {
            #expect(try other.put("key-\(number)", "changed").code == .ok)
        }
        #expect(try other.get("key-3") == "changed")
        for (place, list) in lists.enumerated() {
            let outcome = try list.client.finish(list.stream, "list \(place)")
            #expect(outcome.status.code == .ok, "list \(place)")
            let response = try RangeResponse(decoding: try #require(outcome.messages.first))
            #expect(response.kvs.count == Self.keyCount, "list \(place)")
            #expect(response.count == Int64(Self.keyCount), "list \(place)")
            // One revision: what the header says, and nothing after it.
            let newest = try #require(response.header?.revision)
            for kv in response.kvs {
                #expect(kv.modRevision <= newest, "list \(place)")
                let isNew = kv.modRevision > Int64(Self.keyCount) + 1
                #expect(kv.value == Array((isNew ? "changed" : old).utf8), "list \(place)")
            }
            let news = response.kvs.count { $0.value.count == 7 }
            #expect(Int64(news) == newest - Int64(Self.keyCount) - 1, "list \(place)")
        }
        #expect(try node.process.terminate() == .exited(code: 0))
    }

    /// Known bug: kubernetes#107325.
    @Test func `clients that go away in the middle of their lists leave room for others`() throws {
        let node = try filled()
        let list = RangeRequest(key: [0], rangeEnd: [0]).encoded()
        for _ in 0..<20 {
            let client = try node.client()
            let stream = try #require(client.start(Self.range))
            client.send(stream, list, halfClose: true)
        }
        let outcome = try node.client().call(Self.range, list)
        let response = try RangeResponse(decoding: try #require(outcome.messages.first))
        #expect(response.kvs.count == Self.keyCount)
        #expect(try node.process.terminate() == .exited(code: 0))
    }
}
