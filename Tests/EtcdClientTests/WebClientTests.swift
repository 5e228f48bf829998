// SPDX-License-Identifier: Apache-2.0
import Bytes
import FakeEtcd
import Net
import Posix
import TestKit
import Testing

@testable import EtcdClient

struct WebClientTests {
    private func request(_ port: UInt16) -> WebRequest {
        WebRequest(
            "GET", host: "127.0.0.1", port: port, target: "/x", dialTimeout: .seconds(5))
    }

    private func failure(_ request: WebRequest) throws -> WebFailure? {
        let client = try WebClient()
        do throws(WebFailure) {
            _ = try client.exchange(request)
            return nil
        } catch {
            return error
        }
    }

    @Test func `an answer comes with status, fields and its whole body`() throws {
        let text =
            "HTTP/1.1 201 Created\r\nX-Etcd-Index: 7\r\nTransfer-Encoding: chunked\r\n\r\n"
            + "3\r\nabc\r\n2\r\nde\r\n0\r\n\r\n"
        let server = try RudeServer(saying: Array(text.utf8), ends: false)
        let client = try WebClient()
        for _ in 0..<2 {
            let answer = try client.exchange(request(server.port))
            #expect(answer.status == 201)
            #expect(answer.body == Array("abcde".utf8))
            #expect(answer.header("x-etcd-index") == "7")
            #expect(answer.header("x-other") == nil)
        }
    }

    @Test func `nobody there is told as Go tells it`() throws {
        let port = try Ports.free(1)[0]
        #expect(
            try failure(request(port))
                == .dial("dial tcp 127.0.0.1:\(port): connect: connection refused"))
    }

    @Test(arguments: [
        ("", "EOF"), ("HTTP/1.1 200 OK\r\nContent-Length: 9\r\n\r\nabc", "unexpected EOF"),
    ])
    func `a connection that breaks is told`(_ text: String, _ expected: String) throws {
        let server = try RudeServer(saying: Array(text.utf8))
        #expect(try failure(request(server.port)) == .broken(expected))
    }

    @Test func `what is no HTTP is refused`() throws {
        let server = try RudeServer(
            saying: Array("SSH-2.0-OpenSSH_9.2\r\n\r\n".utf8), ends: false)
        guard case .broken(let text) = try failure(request(server.port)) else {
            Issue.record("it was taken for HTTP")
            return
        }
        #expect(text.hasPrefix("malformed HTTP response"))
    }

    @Test func `a silent server is given up, by the head's time or by the deadline`() throws {
        let server = try RudeServer(saying: [], ends: false)
        var slow = request(server.port)
        slow.headTimeout = .milliseconds(30)
        #expect(try failure(slow) == .headTimeout)
        slow.headTimeout = nil
        slow.deadline = MonotonicClock.now + .milliseconds(30)
        #expect(try failure(slow) == .deadline)
    }
}
