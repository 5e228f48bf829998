// SPDX-License-Identifier: Apache-2.0
import Bytes
import EtcdAPI
import EtcdClient
import FakeEtcd
import HTTP
import Posix
import Testing

struct CallTests {
    private func client(_ endpoints: [String], timeout: Duration = .seconds(10)) throws -> Client {
        var settings = ClientSettings(endpoints: endpoints)
        settings.callTimeout = timeout
        return try Client(settings)
    }

    private func answering(count: Int64) throws -> FakeServer {
        try FakeServer { event, connection in
            guard case .message(let id, _) = event else { return }
            connection.server.reply(id, RangeResponse.with { $0.count = count }.encoded())
        }
    }

    private func failing(_ code: Int, _ text: String, _ seen: Seen<Bool>) throws -> FakeServer {
        try FakeServer { event, connection in
            guard case .message(let id, _) = event else { return }
            seen.add(true)
            connection.server.finish(id, code: code, message: text)
        }
    }

    private func error(_ body: () throws(ClientError) -> Void) -> ClientError? {
        do throws(ClientError) {
            try body()
            return nil
        } catch {
            return error
        }
    }

    @Test
    func `a call is answered, and the next one takes the same connection`() throws {
        let server = try answering(count: 7)
        let client = try client([server.endpoint])
        #expect(try client.range(RangeRequest(key: [1])).count == 7)
        #expect(try client.range(RangeRequest(key: [1])).count == 7)
    }

    @Test
    func `an endpoint that refuses is left for the next, also by writes`() throws {
        let server = try FakeServer { event, connection in
            guard case .message(let id, _) = event else { return }
            connection.server.reply(id, PutResponse().encoded())
        }
        let client = try client([FakeServer.refusing(), server.endpoint])
        #expect(try client.put(PutRequest(key: [1], value: [2])).prevKV == nil)
        #expect(client.endpointInUse == server.endpoint)
    }

    @Test
    func `a read that meets UNAVAILABLE is asked elsewhere`() throws {
        let seen = Seen<Bool>()
        let ill = try failing(14, "etcdserver: no leader", seen)
        let well = try answering(count: 3)
        let client = try client([ill.endpoint, well.endpoint])
        #expect(try client.range(RangeRequest(key: [1])).count == 3)
        #expect(seen.all.count == 1)
    }

    /// Known bug: jetcd-retries.
    @Test
    func `a write that meets UNAVAILABLE is not sent again`() throws {
        let (seen, other) = (Seen<Bool>(), Seen<Bool>())
        let ill = try failing(14, "etcdserver: no leader", seen)
        let well = try failing(0, "", other)
        let client = try client([ill.endpoint, well.endpoint])
        let failure = error { () throws(ClientError) in
            _ = try client.put(PutRequest(key: [1], value: [2]))
        }
        #expect(
            failure
                == .status(code: 14, message: "etcdserver: no leader", endpoint: ill.endpoint))
        #expect(failure?.description == "etcdserver: no leader")
        #expect(seen.all.count == 1 && other.all.isEmpty)
    }

    /// Known bug: jetcd-retries.
    @Test
    func `a write whose connection is lost is not sent again, and says so`() throws {
        let seen = Seen<Bool>()
        let server = try FakeServer { event, connection in
            guard case .message = event else { return }
            seen.add(true)
            connection.hangUp()
        }
        let client = try client([server.endpoint, server.endpoint])
        let failure = error { () throws(ClientError) in
            _ = try client.put(PutRequest(key: [1], value: [2]))
        }
        #expect(failure == .connectionLost(endpoint: server.endpoint))
        #expect(seen.all.count == 1)
        _ = error { () throws(ClientError) in _ = try client.range(RangeRequest(key: [1])) }
        #expect(seen.all.count > 2, "a read is tried again")
    }

    @Test
    func `a deadline is told to the server and kept here`() throws {
        let seen = Seen<Duration?>()
        let server = try FakeServer { event, _ in
            if case .call(_, let head) = event { seen.add(head.timeout) }
        }
        let client = try client([server.endpoint], timeout: .milliseconds(200))
        let failure = error { () throws(ClientError) in
            _ = try client.range(RangeRequest(key: [1]))
        }
        #expect(failure == .timedOut(endpoint: server.endpoint, after: .milliseconds(200)))
        #expect(failure?.description.hasPrefix("context deadline exceeded") == true)
        let told = try #require(seen.all.first.flatMap { $0 })
        #expect(told > .zero && told <= .milliseconds(200))
    }

    @Test
    func `nobody at any endpoint is told with the first of them`() throws {
        let dead = try FakeServer.refusing()
        let client = try client([dead, FakeServer.refusing()])
        let failure = error { () throws(ClientError) in _ = try client.status() }
        #expect(failure == .unreachable(endpoint: dead, reason: "connection refused"))
        #expect(failure?.description.contains("check that the address is right") == true)
        #expect(failure?.code == 14)
    }

    @Test
    func `an answer that is no message of the call is named as such`() throws {
        let server = try FakeServer { event, connection in
            if case .message(let id, _) = event { connection.server.reply(id, [0xff]) }
        }
        let client = try client([server.endpoint])
        let failure = error { () throws(ClientError) in _ = try client.status() }
        guard case .malformedAnswer = failure else {
            Issue.record("\(String(describing: failure))")
            return
        }
    }

    @Test(arguments: ["https://h", "unixs:", "h", "h:x", "", ":1", "http://h:1/path", "unix:"])
    func `an endpoint that cannot be is refused before any call`(_ text: String) {
        let failure = error { () throws(ClientError) in
            _ = try Client(ClientSettings(endpoints: [text]))
        }
        guard case .badEndpoint(text, _) = failure else {
            Issue.record("\(text): \(String(describing: failure))")
            return
        }
    }

    @Test
    func `the end of a prefix is the first key behind it`() {
        #expect(RangeEnd.prefix([1, 2]) == [1, 3])
        #expect(RangeEnd.prefix([1, 0xff, 0xff]) == [2])
        #expect(RangeEnd.prefix([0xff]) == [0])
        #expect(RangeEnd.prefix([]) == [0])
    }

    @Test
    func `errors that are not etcd's are given with their code`() {
        let error = ClientError.status(code: 12, message: "unknown service x", endpoint: "e")
        #expect(error.description == "rpc error: code = Unimplemented desc = unknown service x")
    }
}
