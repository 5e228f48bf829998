// SPDX-License-Identifier: Apache-2.0
import Bytes
import EtcdAPI
import HTTP
import Posix
import TestKit
import Testing

/// /v2 on one member: what stays open, and what the rest of the member sees of it.
@Suite(.enabled(if: TestNode.program != nil)) struct V2HTTPTests {
    /// A wait whose head and events are read as they come.
    private final class Wait {
        private var wire: Wire?
        private let client = HTTP1Client()
        private(set) var head: HTTPResponseHead?
        private(set) var text = ""
        private(set) var isOver = false

        init(_ port: UInt16, _ target: String) throws {
            let wire = try Wire(port: port)
            self.wire = wire
            client.send(
                HTTPRequest(
                    head: HTTPRequestHead(
                        method: "GET", target: target, authority: "127.0.0.1:\(port)")))
            wire.send(client.takeOutput())
        }

        func read() {
            guard let wire else { return }
            client.receive(wire.receive(within: .milliseconds(20)))
            if wire.isOver { client.transportEnded() }
            for event in client.takeEvents() {
                switch event {
                case .head(let found): head = found
                case .body(let bytes): text += String(decoding: bytes, as: UTF8.self)
                case .end, .failed: isOver = true
                }
            }
        }

        func close() { wire = nil }
        func endOutput() throws { try wire?.socket.endOutput() }
    }

    private func watchers(_ node: TestNode) throws -> String? {
        let body = try http(node.clientPort, "/v2/stats/store").body
        return body.split(separator: ":").last.map { String($0.dropLast()) }
    }

    private func put(_ node: TestNode, _ path: String) throws -> Int {
        try http(node.clientPort, "/v2/keys" + path, method: "PUT").status
    }

    @Test func `a wait has its head at once, one event, and then ends`() throws {
        let node = try TestNode()
        let wait = try Wait(node.clientPort, "/v2/keys/a?wait=true")
        try eventually("the head") {
            wait.read()
            return wait.head?.status == 200
        }
        #expect(wait.text.isEmpty && !wait.isOver)
        #expect(try put(node, "/a?value=1") == 201)
        try eventually("the end") {
            wait.read()
            return wait.isOver
        }
        #expect(wait.text.hasPrefix(#"{"action":"set","node":{"key":"/a","value":"1""#))
        try eventually("no watcher left") { try watchers(node) == "0" }
    }

    @Test func `a stream goes on until the client leaves, and then costs nothing`() throws {
        let node = try TestNode()
        let wait = try Wait(node.clientPort, "/v2/keys/?wait=true&stream=true&recursive=true")
        try eventually("the head") {
            wait.read()
            return wait.head != nil
        }
        for number in 1...3 { #expect(try put(node, "/d/\(number)?value=1") == 201) }
        try eventually("three events") {
            wait.read()
            return wait.text.split(separator: "\n").count == 3
        }
        #expect(try watchers(node) == "1")
        wait.close()
        try eventually("no watcher left") { try watchers(node) == "0" }
    }

    @Test func `a client that ends its side gets its answer, and its wait ends`() throws {
        let node = try TestNode()
        let read = try Wait(node.clientPort, "/v2/keys/?quorum=true")
        try read.endOutput()
        try eventually("the answer") {
            read.read()
            return read.isOver
        }
        #expect(read.head?.status == 200)
        let wait = try Wait(node.clientPort, "/v2/keys/a?wait=true")
        try eventually("the head") {
            wait.read()
            return wait.head != nil
        }
        try wait.endOutput()
        try eventually("the end") {
            wait.read()
            return wait.isOver
        }
        try eventually("no watcher left") { try watchers(node) == "0" }
    }

    /// The answer waits for the disk, and the connection has nothing more to read by then.
    @Test func `a write and the end of the input in one piece get an answer`() throws {
        let node = try TestNode()
        for number in 0..<20 {
            let wire = try Wire(port: node.clientPort)
            let line = "PUT /v2/keys/\(number)?value=1 HTTP/1.1\r\n"
            wire.send(Array((line + "Host: a\r\nContent-Length: 0\r\n\r\n").utf8))
            try wire.socket.endOutput()
            var answer = ""
            try eventually("the end") {
                answer += String(decoding: wire.receive(within: .milliseconds(20)), as: UTF8.self)
                return wire.isOver
            }
            #expect(answer.hasPrefix("HTTP/1.1 201 "))
        }
    }

    @Test func `a member that stops ends its waits`() throws {
        let node = try TestNode()
        let wait = try Wait(node.clientPort, "/v2/keys/a?wait=true")
        try eventually("the head") {
            wait.read()
            return wait.head != nil
        }
        node.process.send(.terminate)
        try eventually("the end") {
            wait.read()
            return wait.isOver
        }
        _ = try node.process.waitForEnd()
    }

    @Test func `nodes outlive the process, and v3 sees them as keys`() throws {
        let node = try TestNode()
        #expect(try put(node, "/a/b?value=1") == 201)
        // Only a read of the quorum promises to be new right after a start.
        let everything = "/v2/keys/?recursive=true&quorum=true"
        let before = try http(node.clientPort, everything).body
        node.process.send(.kill)
        _ = try node.process.waitForEnd()
        try node.restart()
        #expect(try http(node.clientPort, everything).body == before)
        let request = RangeRequest(
            key: Array("_keelson/v2/".utf8), rangeEnd: Array("_keelson/v20".utf8))
        let answer = try node.client().call("/etcdserverpb.KV/Range", request.encoded())
        let message = try #require(answer.messages.first)
        #expect(try RangeResponse(decoding: message).kvs.count == 2)
    }

    @Test func `a compacted history is refused with the old code`() throws {
        let node = try TestNode()
        for number in 1...3 { #expect(try put(node, "/a?value=\(number)") < 202) }
        let compaction = CompactionRequest(revision: 3)
        let done = try node.client().call("/etcdserverpb.KV/Compact", compaction.encoded())
        #expect(done.status.code == .ok)
        let refused = try http(node.clientPort, "/v2/keys/a?wait=true&waitIndex=2")
        #expect(refused.status == 400)
        #expect(refused.body.contains("\"errorCode\":401"))
        #expect(refused.body.contains("[4/2]"))
    }

    @Test func `a node with a TTL is gone after it, and the wait hears of it`() throws {
        let node = try TestNode()
        let wait = try Wait(node.clientPort, "/v2/keys/t?wait=true&stream=true")
        try eventually("the head") {
            wait.read()
            return wait.head != nil
        }
        #expect(try put(node, "/t?value=1&ttl=1") == 201)
        try eventually("the expiry", within: .seconds(15)) {
            wait.read()
            return wait.text.contains(#"{"action":"expire","node":{"key":"/t""#)
        }
        #expect(try http(node.clientPort, "/v2/keys/t").status == 404)
    }

    @Test func `without the second API its paths are not there`() throws {
        let node = try TestNode(["--enable-v2=false"])
        #expect(try http(node.clientPort, "/v2/keys/a").body == "404 page not found\n")
        #expect(try http(node.clientPort, "/version").status == 200)
    }
}
