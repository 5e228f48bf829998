// SPDX-License-Identifier: Apache-2.0
import Bytes
import EtcdAPI
import EtcdClient
import FakeEtcd
import HTTP
import Testing

struct StreamTests {
    /// A watch server: answers each creation, sends one event at the revision asked for (or 5),
    /// and hangs up after the event if told to.
    private func watchServer(
        hangsUp: Bool, _ requests: Seen<WatchCreateRequest>, _ heads: Seen<GRPCCallHead>
    ) throws -> FakeServer {
        try FakeServer { event, connection in
            if case .call(_, let head) = event { heads.add(head) }
            guard case .message(let id, let bytes) = event,
                case .create(let request)? = try? WatchRequest(decoding: bytes)
            else { return }
            let watchID = Int64(requests.count(request)) - 1
            let revision = max(5, request.startRevision)
            var created = WatchResponse()
            created.header = ResponseHeader(revision: revision - 1)
            created.watchID = watchID
            created.created = true
            connection.server.sendMessage(id, created.encoded())
            var news = WatchResponse()
            news.header = ResponseHeader(revision: revision)
            news.watchID = watchID
            news.events = [
                .with { event in
                    event.kv = KeyValue(key: request.key, modRevision: revision)
                }
            ]
            connection.server.sendMessage(id, news.encoded())
            if hangsUp { connection.hangUp() }
        }
    }

    private func client(_ endpoints: [String]) throws -> Client {
        var settings = ClientSettings(endpoints: endpoints)
        settings.resumeDelay = .milliseconds(10)
        return try Client(settings)
    }

    @Test
    func `a watch goes on at another endpoint behind the last event`() throws {
        let (first, second) = (Seen<WatchCreateRequest>(), Seen<WatchCreateRequest>())
        let heads = Seen<GRPCCallHead>()
        let failing = try watchServer(hangsUp: true, first, heads)
        let standing = try watchServer(hangsUp: false, second, heads)
        let client = try client([failing.endpoint, standing.endpoint])
        var revisions: [Int64] = []
        var creations = 0
        try client.watch(
            WatchCreateRequest.with { $0.key = [1] }, requiresLeader: true
        ) { response in
            creations += response.created ? 1 : 0
            revisions += response.events.compactMap { $0.kv?.modRevision }
            return revisions.count < 2
        }
        #expect(revisions == [5, 6])
        #expect(creations == 1, "the second creation is nobody's business")
        #expect(second.all.first?.startRevision == 6)
        #expect(heads.all.allSatisfy { $0.metadata == [HeaderField("hasleader", "true")] })
    }

    @Test
    func `many watchers share a stream and are told apart`() throws {
        let (requests, heads) = (Seen<WatchCreateRequest>(), Seen<GRPCCallHead>())
        let server = try watchServer(hangsUp: false, requests, heads)
        let stream = WatchStream(try client([server.endpoint]))
        let ids = (0..<10).map { key in
            stream.add(WatchCreateRequest.with { $0.key = [UInt8(key)] })
        }
        var keys: [Int: [UInt8]] = [:]
        while keys.count < ids.count, let item = try stream.next(timeout: .seconds(10)) {
            for event in item.response.events {
                if let id = item.watcher { keys[id] = event.kv?.key }
            }
        }
        #expect(ids.allSatisfy { keys[$0] == [UInt8($0)] })
        #expect(heads.all.count == 1)
        stream.close()
        #expect(try stream.next() == nil)
    }

    @Test
    func `a watch without a first connection fails`() throws {
        let stream = WatchStream(try client([FakeServer.refusing()]))
        stream.add(WatchCreateRequest())
        #expect(throws: ClientError.self) { try stream.next() }
    }

    @Test
    func `a watch goes on at another endpoint when the first one dies before its greeting`() throws
    {
        let dying = try RudeServer(saying: [])
        let (requests, heads) = (Seen<WatchCreateRequest>(), Seen<GRPCCallHead>())
        let standing = try watchServer(hangsUp: false, requests, heads)
        let stream = WatchStream(try client([dying.endpoint, standing.endpoint]))
        stream.add(WatchCreateRequest.with { $0.key = [1] })
        let first = try stream.next(timeout: .seconds(10))
        #expect(first?.response.created == true)
        stream.close()
    }

    @Test
    func `a watch of endpoints that say nothing fails`() throws {
        let mute = try (0..<2).map { _ in try RudeServer(saying: []) }
        let stream = WatchStream(try client(mute.map(\.endpoint)))
        stream.add(WatchCreateRequest())
        let expected = ClientError.notEtcd(endpoint: mute[1].endpoint, .silent)
        #expect(throws: expected) { try stream.next(timeout: .seconds(10)) }
    }

    @Test
    func `a stream without a leader ends with the server's word`() throws {
        let server = try FakeServer { event, connection in
            guard case .message(let id, _) = event else { return }
            connection.server.finish(id, code: 14, message: EtcdError.noLeader.text)
        }
        let stream = WatchStream(try client([server.endpoint]), requiresLeader: true)
        stream.add(WatchCreateRequest())
        #expect(throws: ClientError.self) { try stream.next(timeout: .seconds(10)) }
    }

    @Test
    func `a lease is renewed until it is gone`() throws {
        let seen = Seen<Int64>()
        let server = try FakeServer { event, connection in
            guard case .message(let id, let bytes) = event,
                let request = try? LeaseKeepAliveRequest(decoding: bytes)
            else { return }
            var answer = LeaseKeepAliveResponse()
            answer.id = request.id
            answer.ttl = seen.count(request.id) < 3 ? 1 : 0
            connection.server.sendMessage(id, answer.encoded())
        }
        let client = try client([server.endpoint])
        var lives: [Int64] = []
        try client.keepAlive(lease: 9) { response in
            lives.append(response.ttl)
            return true
        }
        #expect(lives == [1, 1, 0])
        #expect(seen.all == [9, 9, 9])
        #expect(throws: ClientError.self) { try client.keepAliveOnce(lease: 9) }
    }

    @Test
    func `a snapshot comes in chunks, and its failure is told`() throws {
        let server = try FakeServer { event, connection in
            guard case .halfClosed(let id) = event else { return }
            for part in 0..<3 {
                let chunk = SnapshotResponse.with { $0.blob = [UInt8(part)] }
                connection.server.sendMessage(id, chunk.encoded())
            }
            connection.server.finish(id, .ok)
        }
        let client = try client([server.endpoint])
        var bytes: [UInt8] = []
        try client.snapshot { chunk in
            bytes += chunk.blob
            return true
        }
        #expect(bytes == [0, 1, 2])
        #expect(throws: ClientError.stopped) { try client.snapshot { _ in false } }

        let broken = try FakeServer { event, connection in
            guard case .halfClosed(let id) = event else { return }
            connection.server.sendMessage(id, SnapshotResponse().encoded())
            connection.hangUp()
        }
        let second = try self.client([broken.endpoint])
        #expect(throws: ClientError.connectionLost(endpoint: broken.endpoint)) {
            try second.snapshot { _ in true }
        }
    }
}
