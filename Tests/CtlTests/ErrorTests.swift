// SPDX-License-Identifier: Apache-2.0
import EtcdAPI
import FakeEtcd
import HTTP
import TestKit
import Testing

@testable import Ctl

/// A failure says whom it is about and what to do next, each kind with real sockets. Under an
/// upstream name it says what that tool says, and nothing else.
struct ErrorTests {
    private func failing(_ code: Int, _ text: String) throws -> FakeServer {
        try FakeServer { event, connection in
            guard case .message(let id, _) = event else { return }
            connection.server.finish(id, code: code, message: text)
        }
    }

    private func check(
        _ endpoint: String, _ code: Int32, _ text: String, _ advice: String,
        _ words: [String] = ["get", "a"], sourceLocation: SourceLocation = #_sourceLocation
    ) {
        let words = ["--endpoints", endpoint, "--command-timeout", "5s"] + words
        let ours = CtlRun(words)
        #expect(ours.code == code, sourceLocation: sourceLocation)
        #expect(ours.output.isEmpty, sourceLocation: sourceLocation)
        #expect(ours.errors.hasPrefix("Error: \(text)\n"), sourceLocation: sourceLocation)
        #expect(ours.errors.contains(endpoint), sourceLocation: sourceLocation)
        #expect(
            ours.errors.contains(advice), "\(ours.errors)", sourceLocation: sourceLocation)
        let theirs = CtlRun(words, as: .etcdctl)
        #expect(theirs.code == code, sourceLocation: sourceLocation)
        #expect(theirs.errors == "Error: \(text)\n", sourceLocation: sourceLocation)
    }

    private let late = "context deadline exceeded"

    @Test
    func `nobody listens`() throws {
        check(try FakeServer.refusing(), 1, late, "is the server running")
    }

    @Test
    func `the peer port, which speaks HTTP 1 only`() throws {
        let answer = "HTTP/1.1 404 Not Found\r\nContent-Length: 0\r\n\r\n"
        let server = try RudeServer(saying: Array(answer.utf8))
        check(server.endpoint, 1, late, "not that of --listen-peer-urls")
        check(server.endpoint, 1, late, "not that of --listen-peer-urls", ["watch", "a"])
        check(server.endpoint, 1, late, "not that of --listen-peer-urls", ["put", "a", "b"])
    }

    @Test
    func `a port that wants TLS`() throws {
        let server = try RudeServer(saying: [0x15, 3, 1, 0, 2, 2, 70])
        check(server.endpoint, 1, late, "It serves TLS")
    }

    @Test
    func `something that is no etcd`() throws {
        let server = try RudeServer(saying: Array("SSH-2.0-OpenSSH_9.2\r\n".utf8))
        check(server.endpoint, 1, late, "does not speak HTTP/2")
        let mute = try RudeServer(saying: [])
        check(mute.endpoint, 1, late, "without a word")
    }

    @Test
    func `a name that nobody knows`() {
        check("no-such-host.invalid:2379", 1, late, "spelling of the name")
    }

    @Test
    func `no space left`() throws {
        let server = try failing(8, EtcdError.noSpace.text)
        check(server.endpoint, 1, EtcdError.noSpace.text, "alarm disarm", ["put", "a", "b"])
    }

    @Test
    func `no leader`() throws {
        let server = try failing(14, EtcdError.noLeader.text)
        check(server.endpoint, 1, EtcdError.noLeader.text, "has no leader", ["put", "a", "b"])
    }

    @Test
    func `no answer in time`() throws {
        let server = try FakeServer { _, _ in }
        check(
            server.endpoint, 1, late, "--command-timeout",
            ["put", "a", "b", "--command-timeout=50ms"])
    }

    @Test
    func `a wrong password is told before anything is done`() throws {
        let server = try failing(3, EtcdError.authFailed.text)
        check(
            server.endpoint, 2, EtcdError.authFailed.text, "this user and password",
            ["get", "a", "--user=ann:x"])
    }

    @Test
    func `requests and answers beyond the limits`() throws {
        let answer = RangeResponse.with { $0.kvs = [KeyValue(key: [1], value: [0, 1, 2, 3])] }
        let server = try FakeServer { event, connection in
            guard case .message(let id, _) = event else { return }
            connection.server.reply(id, answer.encoded())
        }
        let words = ["--endpoints", server.endpoint]
        let large = CtlRun(words + ["put", "a", "a value", "--max-request-bytes=8"])
        #expect(large.code == 1 && large.errors.contains("larger than max (12 vs. 8)"))
        let answered = CtlRun(words + ["get", "a", "--max-recv-bytes=4"])
        #expect(answered.code == 1 && answered.errors.contains("ResourceExhausted"))
        #expect(CtlRun(words + ["get", "a"]).code == 0)
    }

    @Test
    func `half of a certificate and its key is told as in etcdctl`() {
        let run = CtlRun(["get", "a", "--endpoints=https://127.0.0.1:1", "--key=k"])
        #expect(run.code == 128)
        #expect(
            run.errors.hasPrefix(
                "Error: KeyFile and CertFile must both be present[key: k, cert: ]"))
    }
}
