// SPDX-License-Identifier: Apache-2.0
import Bytes
import EtcdAPI
import Testing

@testable import NodeCore

@Suite struct WatchTests {
    /// A member with one open stream.
    private struct Room {
        let cluster: Cluster
        let member: TestMember
        let stream: StreamNumber

        init(_ adjust: @escaping (inout NodeSettings) -> Void = { _ in }) {
            cluster = Cluster(1, adjust).ready()
            member = cluster.first
            stream = cluster.open(member)
        }

        func watch(_ create: WatchCreateRequest) { cluster.watch(member, stream, create) }
        func ask(_ request: WatchRequest) {
            cluster.input(member, .watchRequested(stream, request))
            cluster.settle()
        }
        var responses: [WatchResponse] { cluster.responses(member, stream) }
    }

    private static let all = WatchCreateRequest(key: [0], rangeEnd: [0])

    @Test func `created comes first, then events, then canceled`() {
        let room = Room()
        room.watch(WatchCreateRequest(key: bytes("a")))
        room.cluster.put("a")
        room.cluster.put("b")
        room.cluster.delete("a")
        room.ask(.cancel(WatchCancelRequest(watchID: 0)))
        room.cluster.put("a")
        let responses = room.responses
        #expect(responses.map(\.created) == [true, false, false, false])
        #expect(responses.map(\.canceled) == [false, false, false, true])
        #expect(responses.flatMap(\.summary) == ["PUT a@2", "DELETE a@4"])
        #expect(responses.map { $0.header?.revision ?? 0 } == [1, 2, 4, 4])
    }

    @Test func `events of one turn come joined, in revision order`() {
        let room = Room()
        room.watch(Self.all)
        _ = room.responses
        for key in ["a", "b", "c"] {
            _ = room.cluster.begin(room.member, .put(key))
        }
        room.cluster.settle()
        let responses = room.responses
        #expect(responses.count == 1)
        #expect(responses[0].summary == ["PUT a@2", "PUT b@3", "PUT c@4"])
        #expect(responses[0].header?.revision == 4)
    }

    @Test func `a transaction's events are never apart`() {
        let room = Room()
        room.watch(Self.all)
        let txn = TxnRequest(
            compare: [],
            success: [
                .put(PutRequest(key: bytes("x"), value: [])),
                .put(PutRequest(key: bytes("y"), value: [])),
            ], failure: [])
        _ = room.cluster.ask(room.member, .txn(txn))
        #expect(room.responses.map(\.summary) == [[], ["PUT x@2", "PUT y@2"]])
    }

    @Test func `filters drop their kind of event`() {
        let room = Room()
        room.watch(WatchCreateRequest(key: bytes("a"), filters: [.noPut]))
        room.watch(WatchCreateRequest(key: bytes("a"), filters: [.noDelete]))
        room.cluster.put("a")
        room.cluster.delete("a")
        let responses = room.responses
        #expect(responses.filter { $0.watchID == 0 }.flatMap(\.summary) == ["DELETE a@3"])
        #expect(responses.filter { $0.watchID == 1 }.flatMap(\.summary) == ["PUT a@2"])
    }

    @Test func `previous pairs come with events, live and from history`() {
        let room = Room()
        room.cluster.put("a", "1")
        room.cluster.put("a", "2")
        room.watch(WatchCreateRequest(key: bytes("a"), startRevision: 2, prevKV: true))
        room.cluster.put("a", "3")
        room.cluster.delete("a")
        let events = room.responses.flatMap(\.events)
        #expect(events.map { $0.prevKV.map { text($0.value) } ?? "-" } == ["-", "1", "2", "3"])
        room.watch(WatchCreateRequest(key: bytes("a")))
        room.cluster.put("a", "4")
        #expect(room.responses.filter { $0.watchID == 1 }.flatMap(\.events)[0].prevKV == nil)
    }

    @Test func `ids are the next free ones, or those asked for`() {
        let room = Room()
        room.watch(WatchCreateRequest(key: bytes("a")))
        room.watch(WatchCreateRequest(key: bytes("a"), watchID: 1))
        room.watch(WatchCreateRequest(key: bytes("a")))
        room.watch(WatchCreateRequest(key: bytes("a"), watchID: 2))
        room.ask(.cancel(WatchCancelRequest(watchID: 99)))
        let responses = room.responses
        #expect(responses.map(\.watchID) == [0, 1, 2, -1])
        #expect(responses.map(\.canceled) == [false, false, false, true])
        #expect(
            responses[3].cancelReason == "mvcc: duplicate watch ID provided on the WatchStream")
        #expect(responses[3].created)
    }

    /// Known bug: 20707.
    @Test func `negative revisions and empty ranges are refused, the stream goes on`() {
        let room = Room()
        room.watch(WatchCreateRequest(key: bytes("a"), startRevision: -1))
        room.watch(WatchCreateRequest(key: bytes("b"), rangeEnd: bytes("a")))
        room.watch(WatchCreateRequest(key: bytes("b"), rangeEnd: bytes("b")))
        room.watch(WatchCreateRequest(key: [], rangeEnd: [0]))
        let responses = room.responses
        #expect(responses.map(\.watchID) == [-1, -1, -1, 0])
        #expect(
            responses.map(\.cancelReason) == [
                "etcdserver: mvcc: required revision has been compacted",
                "mvcc: watcher range is empty", "mvcc: watcher range is empty", "",
            ])
        room.cluster.put("z")
        #expect(room.responses.flatMap(\.summary) == ["PUT z@2"])
    }

    /// Known bug: 20221.
    @Test func `a watcher of the future is silent until its revision`() {
        let room = Room()
        room.watch(WatchCreateRequest(key: bytes("a"), startRevision: 4))
        room.cluster.put("a")
        room.cluster.put("a")
        room.ask(.progress(WatchProgressRequest()))
        #expect(room.responses.map(\.created) == [true])
        room.cluster.put("a")
        #expect(room.responses.flatMap(\.summary) == ["PUT a@4"])
    }

    @Test func `a watcher of the past reads history in bounded pieces and then follows`() {
        let room = Room()
        for number in 0..<2_500 { _ = room.cluster.begin(room.member, .put("k\(number % 7)")) }
        room.cluster.settle()
        room.watch(WatchCreateRequest(key: bytes("k3"), startRevision: 1))
        room.cluster.put("k3")
        let responses = room.responses
        #expect(responses.count >= 4)
        let revisions = responses.flatMap(\.events).compactMap { $0.kv?.modRevision }
        #expect(revisions.count == 358)
        #expect(revisions == revisions.sorted())
        #expect(Set(revisions).count == revisions.count)
        #expect(room.member.node.slowWatcherCount == 0)
    }

    /// Known bug: 19179.
    @Test func `a start below the compacted revision is cancelled, one at it is not`() {
        let room = Room()
        for _ in 0..<5 { room.cluster.put("a") }
        room.cluster.compact(4)
        room.watch(WatchCreateRequest(key: bytes("a"), startRevision: 3))
        room.watch(WatchCreateRequest(key: bytes("a"), startRevision: 4))
        let responses = room.responses
        let cancelled = responses.filter(\.canceled)
        #expect(cancelled.map(\.watchID) == [0])
        #expect(cancelled[0].compactRevision == 4)
        #expect(cancelled[0].header?.revision == 0)
        #expect(cancelled[0].cancelReason.isEmpty)
        #expect(responses.flatMap(\.summary) == ["PUT a@4", "PUT a@5", "PUT a@6"])
        room.cluster.put("a")
        #expect(room.responses.flatMap(\.summary) == ["PUT a@7"])
    }

    /// Known bug: 17529.
    @Test func `a shut stream falls behind and loses nothing`() {
        let room = Room()
        room.watch(Self.all)
        room.cluster.put("a")
        room.cluster.input(room.member, .watchBlocked(room.stream))
        for _ in 0..<20 { room.cluster.put("b") }
        #expect(room.responses.flatMap(\.summary) == ["PUT a@2"])
        #expect(room.member.node.slowWatcherCount == 1)
        room.cluster.input(room.member, .watchDrained(room.stream))
        room.cluster.settle()
        #expect(room.responses.flatMap(\.summary) == (3...22).map { "PUT b@\($0)" })
        #expect(room.member.node.slowWatcherCount == 0)
    }

    @Test func `watchers of a shut stream cost a turn nothing, and may be cancelled or closed`() {
        let room = Room()
        let open = room.cluster.open(room.member)
        room.cluster.watch(room.member, open, Self.all)
        for _ in 0..<3 { room.watch(Self.all) }
        room.cluster.input(room.member, .watchBlocked(room.stream))
        _ = room.responses
        room.cluster.put("a")
        room.watch(WatchCreateRequest(key: [0], rangeEnd: [0], startRevision: 1))
        room.ask(.cancel(WatchCancelRequest(watchID: 1)))
        let watches = { room.member.node.watches }
        #expect(room.member.node.slowWatcherCount == 3)
        #expect(watches().inLineCount == 0)
        #expect(room.cluster.responses(room.member, open).flatMap(\.summary) == ["PUT a@2"])
        room.cluster.input(room.member, .watchDrained(room.stream))
        room.cluster.settle()
        let events = room.responses.filter { !$0.events.isEmpty }
        #expect(events.map(\.watchID).sorted() == [0, 2, 3])
        #expect(events.flatMap(\.summary) == Array(repeating: "PUT a@2", count: 3))
        #expect(room.member.node.slowWatcherCount == 0)
        room.cluster.input(room.member, .watchBlocked(room.stream))
        room.cluster.put("b")
        #expect(room.member.node.slowWatcherCount == 3)
        room.cluster.input(room.member, .watchClosed(room.stream))
        #expect(room.member.node.slowWatcherCount == 0)
        #expect(room.member.node.watcherCount == 1)
        room.cluster.put("c")
        #expect(
            room.cluster.responses(room.member, open).flatMap(\.summary) == ["PUT b@3", "PUT c@4"])
    }

    /// Watchers that fell behind before their stream was shut wait apart, too, from the next turn on.
    @Test func `who is in line when the stream is shut leaves the line`() {
        let room = Room { $0.watchPace = WatchPace(burst: 1, least: 1) }
        for _ in 0..<5 { room.watch(Self.all) }
        _ = room.responses
        _ = room.cluster.begin(room.member, .put("a", "1"))
        room.cluster.input(room.member, .watchBlocked(room.stream))
        room.cluster.settle()
        #expect(room.member.node.watches.inLineCount == 0)
        let slow = room.member.node.slowWatcherCount
        #expect(slow > 0)
        let before = room.responses.flatMap(\.summary)
        room.cluster.input(room.member, .watchDrained(room.stream))
        room.cluster.settle()
        #expect(before + room.responses.flatMap(\.summary) == Array(repeating: "PUT a@2", count: 5))
        #expect(room.member.node.slowWatcherCount == 0)
    }

    @Test func `each watcher hears under its own id, whoever else hears the same`() {
        let room = Room()
        let other = room.cluster.open(room.member)
        for id: Int64 in [7, 8] {
            room.watch(WatchCreateRequest(key: [0], rangeEnd: [0], watchID: id))
        }
        for id: Int64 in [8, 7, 9] {
            let create = WatchCreateRequest(key: [0], rangeEnd: [0], watchID: id)
            room.cluster.watch(room.member, other, create)
        }
        _ = room.responses
        _ = room.cluster.responses(room.member, other)
        room.cluster.put("a")
        #expect(room.responses.map(\.watchID) == [7, 8])
        #expect(room.cluster.responses(room.member, other).map(\.watchID) == [8, 7, 9])
    }

    @Test func `a shut stream that compaction overtakes is told so`() {
        let room = Room()
        room.watch(Self.all)
        room.cluster.input(room.member, .watchBlocked(room.stream))
        for _ in 0..<5 { room.cluster.put("a") }
        room.cluster.compact(5)
        room.cluster.input(room.member, .watchDrained(room.stream))
        room.cluster.settle()
        let last = room.responses.last
        #expect(last?.canceled == true)
        #expect(last?.compactRevision == 5)
        #expect(room.member.node.watcherCount == 0)
    }

    /// Known bug: 15220.
    @Test func `progress is told only when every watcher is level, after their events`() {
        let room = Room()
        room.ask(.progress(WatchProgressRequest()))
        #expect(room.responses.isEmpty)
        room.watch(Self.all)
        _ = room.responses
        let put = room.cluster.begin(room.member, .put("a"))
        room.cluster.settle()
        room.ask(.progress(WatchProgressRequest()))
        #expect(room.member.answers[put] != nil)
        let responses = room.responses
        #expect(responses.map(\.watchID) == [0, -1])
        #expect(responses[1].header?.revision == 2)
        room.cluster.input(room.member, .watchBlocked(room.stream))
        room.cluster.put("b")
        room.ask(.progress(WatchProgressRequest()))
        #expect(room.responses.isEmpty)
    }

    /// Known bug: 15220.
    @Test func `a progress request in the middle of a turn does not overtake the turn's events`() {
        let room = Room()
        room.watch(Self.all)
        _ = room.responses
        room.member.holdsDisk = true
        _ = room.cluster.begin(room.member, .put("a"))
        room.cluster.settle()
        room.member.holdsDisk = false
        room.cluster.writeAll(room.member)
        room.cluster.input(
            room.member, .watchRequested(room.stream, .progress(WatchProgressRequest())))
        room.cluster.settle()
        let responses = room.responses
        #expect(responses.map(\.watchID) == [0, -1])
        #expect(responses[0].summary == ["PUT a@2"])
    }

    @Test func `idle watchers that ask for it are told the revision now and then`() {
        let room = Room { $0.progressNotifyInterval = .seconds(10) }
        room.watch(WatchCreateRequest(key: bytes("a"), progressNotify: true))
        room.watch(WatchCreateRequest(key: bytes("a")))
        _ = room.responses
        room.cluster.put("b")
        room.cluster.tick(250)
        let responses = room.responses
        #expect(responses.count >= 2)
        #expect(responses.allSatisfy { $0.watchID == 0 && $0.events.isEmpty })
        #expect(responses.allSatisfy { $0.header?.revision == 2 })
        room.cluster.put("a")
        _ = room.responses
        room.cluster.tick(99)
        #expect(room.responses.count <= 1)
    }

    @Test func `a response above the limit is cut only for watchers that take fragments`() {
        let room = Room {
            $0.maxRequestBytes = 200_000
            // Both are told of everything in the turn.
            $0.watchPace = WatchPace(bytes: 64 << 20)
        }
        let big = String(repeating: "x", count: 150_000)
        let plain = WatchCreateRequest(key: [0], rangeEnd: [0])
        let cut = WatchCreateRequest(key: [0], rangeEnd: [0], fragment: true)
        let txn = TxnRequest(
            compare: [],
            success: (0..<3).map {
                .put(PutRequest(key: bytes("t\($0)"), value: Array(repeating: 7, count: 60_000)))
            }, failure: [])
        room.watch(plain)
        room.watch(cut)
        _ = room.responses
        for key in ["a", "b", "c", "d", "e", "f"] {
            _ = room.cluster.begin(room.member, .put(key, big))
        }
        _ = room.cluster.begin(room.member, .txn(txn))
        room.cluster.settle()
        let responses = room.responses
        let whole = responses.filter { $0.watchID == 0 }
        let parts = responses.filter { $0.watchID == 1 }
        #expect(whole.flatMap(\.summary) == parts.flatMap(\.summary))
        #expect(whole.allSatisfy { !$0.fragment })
        #expect(parts.contains { $0.fragment })
        #expect(parts.last?.fragment == false)
        #expect(parts.allSatisfy { $0.encoded().count < 800_000 })
    }

    @Test func `streams that want a leader end when there is none for three election timeouts`() {
        let cluster = Cluster(3).ready()
        let member = cluster.follower
        let wanting = cluster.open(member, requiresLeader: true)
        let patient = cluster.open(member)
        cluster.cut = Set(cluster.members.map(\.id))
        cluster.tick(25)
        #expect(member.ended[wanting] == nil)
        cluster.tick(40)
        #expect(member.ended[wanting] == .noLeader)
        #expect(member.ended[patient] == nil)
        let late = cluster.open(member, requiresLeader: true)
        #expect(member.ended[late] == .noLeader)
    }

    @Test func `a closed stream gets nothing more and its number of watchers is given back`() {
        let room = Room()
        for _ in 0..<10 { room.watch(Self.all) }
        #expect(room.member.node.watcherCount == 10)
        room.cluster.input(room.member, .watchClosed(room.stream))
        #expect(room.member.node.watcherCount == 0)
        _ = room.responses
        room.cluster.put("a")
        #expect(room.responses.isEmpty)
    }
}
