// SPDX-License-Identifier: Apache-2.0
import Bytes
import EtcdAPI
import Raft
import Testing

@testable import NodeCore

@Suite struct ReadTests {
    @Test func `a linearizable read waits for a quorum round`() {
        let cluster = Cluster(3).ready()
        cluster.put("a")
        let leader = cluster.head
        cluster.drops = { $0.kind == .heartbeatResponse || $0.kind == .appendResponse }
        let call = cluster.begin(leader, .get("a"))
        cluster.settle()
        #expect(leader.answers[call] == nil)
        let local = RangeRequest(key: bytes("a"), serializable: true)
        #expect(cluster.ask(leader, .range(local))?.message(RangeResponse.self)?.count == 1)
        cluster.drops = { _ in false }
        cluster.tick(6)
        #expect(leader.answers[call]?.message(RangeResponse.self)?.count == 1)
    }

    /// Known bug: 20418.
    @Test func `a round without an answer is asked again under another context`() {
        let cluster = Cluster(3).ready()
        let follower = cluster.follower
        var contexts: Set<[UInt8]> = []
        cluster.drops = { message in
            if message.kind == .readIndex { contexts.insert(message.entries.first?.data ?? []) }
            return message.kind == .readIndex
        }
        let call = cluster.begin(follower, .get("a"))
        cluster.settle()
        cluster.tick(12)
        #expect(contexts.count >= 2)
        #expect(follower.answers[call] == nil)
        cluster.drops = { _ in false }
        cluster.tick(6)
        #expect(follower.answers[call]?.message(RangeResponse.self) != nil)
    }

    /// Known bug: 20418.
    @Test func `an answer to an older question is not taken for one to the newer`() {
        var reads = Reads()
        reads.add(
            Reads.Waiting(
                call: 1, request: .get("a"), deadline: Instant(nanoseconds: 7_000_000_000)))
        reads.beginRound(context: 10, at: Instant(nanoseconds: 0))
        reads.retry(at: Instant(nanoseconds: 499_000_000))
        #expect(!reads.wantsRound)
        reads.retry(at: Instant(nanoseconds: 500_000_000))
        #expect(reads.wantsRound)
        reads.beginRound(context: 11, at: Instant(nanoseconds: 500_000_000))
        let isTaken = reads.roundConfirmed(10, index: LogIndex(5))
        #expect(!isTaken)
        #expect(reads.ready(applied: LogIndex(9)).isEmpty)
        let isNewTaken = reads.roundConfirmed(11, index: LogIndex(6))
        #expect(isNewTaken)
        #expect(reads.ready(applied: LogIndex(5)).isEmpty)
        #expect(reads.ready(applied: LogIndex(6)).map(\.call) == [1])
        #expect(reads.count == 0)
    }

    @Test func `what comes in during a round is served by the next`() {
        let cluster = Cluster(3).ready()
        let leader = cluster.head
        cluster.drops = { $0.kind == .heartbeatResponse }
        let first = cluster.begin(leader, .get("a"))
        cluster.settle()
        let second = cluster.begin(leader, .get("a"))
        cluster.settle()
        #expect(leader.answers[first] == nil)
        cluster.drops = { _ in false }
        cluster.tick(6)
        #expect(leader.answers[first] != nil)
        #expect(leader.answers[second] != nil)
    }

    /// Known bug: 21378.
    @Test func `a deposed leader answers no read from its old state`() {
        let cluster = Cluster(3).ready()
        let old = cluster.head
        cluster.put("a", "1")
        cluster.cut = [old.id]
        cluster.tick(30)
        #expect(cluster.put("a", "2") == nil)
        let call = cluster.begin(old, .get("a"))
        cluster.settle()
        cluster.tick(3)
        #expect(old.answers[call] == nil)
        cluster.cut = []
        cluster.tick(15)
        let found = old.answers[call]?.message(RangeResponse.self)?.kvs.first
        #expect(found.map { text($0.value) } == "2")
    }

    @Test func `a read without a leader ends with etcd's text`() {
        let cluster = Cluster(3).ready()
        let member = cluster.follower
        cluster.cut = Set(cluster.members.map(\.id))
        cluster.tick(30)
        let call = cluster.begin(member, .get("a"))
        cluster.tick(69)
        #expect(member.answers[call] == nil)
        cluster.tick(2)
        #expect(member.answers[call]?.failure?.text == "etcdserver: request timed out")
    }

    @Test func `an abandoned read is not answered`() {
        let cluster = Cluster(3)
        let call = cluster.begin(cluster.first, .get("a"))
        cluster.input(cluster.first, .abandoned(call))
        _ = cluster.ready()
        #expect(cluster.first.answers[call] == nil)
    }

    @Test func `a read-only transaction is a read and leaves no entry`() {
        let cluster = Cluster().ready()
        cluster.put("a")
        let before = cluster.first.node.raft.lastIndex
        let txn = TxnRequest(
            compare: [], success: [.range(RangeRequest(key: bytes("a")))], failure: [])
        let response = cluster.ask(cluster.first, .txn(txn))?.message(TxnResponse.self)
        #expect(response?.succeeded == true)
        #expect(response?.responses.count == 1)
        #expect(cluster.first.node.raft.lastIndex == before)
    }

    @Test func `status, member list, hash and defragment need no quorum`() {
        let cluster = Cluster(3)
        let status = cluster.ask(cluster.first, .status)?.message(StatusResponse.self)
        #expect(status?.errors == ["etcdserver: no leader"])
        #expect(status?.leader == 0)
        #expect(status?.version == "3.6.5")
        #expect(cluster.ask(cluster.first, .memberList(linearizable: false)) != nil)
        #expect(cluster.ask(cluster.first, .hash) != nil)
        #expect(
            cluster.ask(cluster.first, .defragment)?.message(DefragmentResponse.self) != nil)
        #expect(cluster.ask(cluster.first, .hashKV(revision: 9))?.failure == .futureRevision)
    }
}
