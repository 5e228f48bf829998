// SPDX-License-Identifier: Apache-2.0
import Bytes
import EtcdAPI
import Raft
import Replicated
import Testing

@testable import NodeCore

@Suite struct ProposalTests {
    /// Known bug: 14370.
    @Test func `a put is answered only when its own disk has it`() {
        let cluster = Cluster().ready()
        cluster.first.holdsDisk = true
        let call = cluster.begin(cluster.first, .put("a"))
        cluster.settle()
        #expect(cluster.first.answers[call] == nil)
        #expect(cluster.get("a", serializable: true) == nil)
        cluster.release(cluster.first)
        let response = cluster.first.answers[call]?.message(PutResponse.self)
        #expect(response?.header?.revision == 2)
        #expect(cluster.get("a") == "v")
    }

    /// Known bug: 14370.
    @Test func `what was not acknowledged before a power cut may be lost, the rest is not`() {
        let cluster = Cluster().ready()
        cluster.put("kept")
        cluster.first.holdsDisk = true
        let call = cluster.begin(cluster.first, .put("lost"))
        cluster.settle()
        #expect(cluster.first.answers[call] == nil)
        cluster.first.holdsDisk = false
        cluster.first.restart(now: cluster.now)
        _ = cluster.ready()
        #expect(cluster.get("kept") == "v")
        #expect(cluster.get("lost") == nil)
    }

    /// Known bug: 7970.
    @Test func `a majority of disks is enough and a minority is not`() {
        let cluster = Cluster(3).ready()
        let leader = cluster.head
        let others = cluster.members.filter { $0 !== leader }
        for other in others { other.holdsDisk = true }
        let call = cluster.begin(leader, .put("a"))
        cluster.settle()
        #expect(leader.answers[call] == nil)
        cluster.release(others[0])
        #expect(leader.answers[call]?.failure == nil)
        #expect(leader.answers[call] != nil)
        cluster.release(others[1])
    }

    @Test func `proposals wait while nobody leads and go out when somebody does`() {
        let cluster = Cluster(3)
        let call = cluster.begin(cluster.first, .put("early"))
        cluster.settle()
        #expect(cluster.first.answers[call] == nil)
        _ = cluster.ready()
        #expect(cluster.first.answers[call]?.message(PutResponse.self) != nil)
        #expect(cluster.get("early", at: cluster[2]) == "v")
    }

    @Test func `all proposals of a turn travel in one append`() {
        let cluster = Cluster().ready()
        let before = cluster.first.appends
        cluster.first.holdsDisk = true
        for number in 0..<50 { _ = cluster.begin(cluster.first, .put("k\(number)")) }
        cluster.settle()
        #expect(cluster.first.appends == before + 1)
        cluster.release(cluster.first)
        #expect(cluster.revision == 51)
    }

    @Test func `a follower's put is answered by the follower`() {
        let cluster = Cluster(3).ready()
        let follower = cluster.follower
        #expect(cluster.put("a", "from a follower", at: follower) == nil)
        #expect(cluster.get("a") == "from a follower")
    }

    @Test func `a put without a leader ends after seven seconds and is not made later`() {
        let cluster = Cluster(3)
        cluster.cut = [MemberID(1), MemberID(2), MemberID(3)]
        let call = cluster.begin(cluster.first, .put("late"))
        cluster.tick(69)
        #expect(cluster.first.answers[call] == nil)
        cluster.tick(2)
        #expect(cluster.first.answers[call]?.failure?.text == "context deadline exceeded")
        cluster.cut = []
        _ = cluster.ready()
        #expect(cluster.get("late") == nil)
    }

    @Test func `a put whose quorum is unreachable says so`() {
        let cluster = Cluster(3).ready()
        let leader = cluster.head
        let others = cluster.members.filter { $0 !== leader }
        // The disks of the others stop: they are there but do not answer for appends.
        for other in others { other.holdsDisk = true }
        let call = cluster.begin(leader, .put("a"))
        cluster.settle()
        for other in others { cluster.connect(leader, other, false) }
        cluster.tick(72)
        #expect(
            leader.answers[call]?.failure?.text
                == "etcdserver: request timed out, possibly due to connection lost")
    }

    @Test func `a put that went to a leader which was lost says so`() {
        let cluster = Cluster(3).ready()
        let asked = cluster.follower
        cluster.cut = [cluster.head.id]
        let call = cluster.begin(asked, .put("a"))
        cluster.tick(72)
        #expect(
            asked.answers[call]?.failure?.text
                == "etcdserver: request timed out, possibly due to previous leader failure")
    }

    @Test func `a request is refused for its size, its number of operations, its arguments`() {
        let cluster = Cluster { $0.maxTxnOps = 2 }.ready()
        let big = String(repeating: "x", count: 1_600_000)
        #expect(cluster.put("big", big) == .requestTooLarge)
        let puts = (0..<3).map {
            RequestOp.put(PutRequest(key: bytes("k\($0)"), value: []))
        }
        let txn = TxnRequest(compare: [], success: puts, failure: [])
        #expect(cluster.ask(cluster.first, .txn(txn))?.failure == .tooManyOps)
        #expect(cluster.put("") == .emptyKey)
        #expect(cluster.put("k", lease: 77) == .leaseNotFound)
        #expect(cluster.revision == 1)
    }

    @Test func `metadata hasleader is honoured`() {
        let cluster = Cluster(3)
        #expect(cluster.ask(cluster.first, .put("a"), requiresLeader: true)?.failure == .noLeader)
        #expect(cluster.ask(cluster.first, .get("a"), requiresLeader: true)?.failure == .noLeader)
        _ = cluster.ready()
        #expect(cluster.ask(cluster.first, .put("a"), requiresLeader: true)?.failure == nil)
    }

    @Test func `request ids of two lives differ`() {
        var old = RequestNumbers(memberID: MemberID(0xabcd), startedAt: 1_000)
        var new = RequestNumbers(memberID: MemberID(0xabcd), startedAt: 1_001)
        var other = RequestNumbers(memberID: MemberID(0xabce), startedAt: 1_000)
        let ids = [old.next(), old.next(), new.next(), other.next()]
        #expect(Set(ids).count == 4)
        #expect(ids[0] >> 48 == 0xabcd)
    }

    @Test func `a leader that lost its place answers what the next one commits`() {
        let cluster = Cluster(3).ready()
        let old = cluster.head
        cluster.cut = [old.id]
        let call = cluster.begin(old, .put("orphan"))
        cluster.settle()
        cluster.tick(30)
        #expect(cluster.leader != nil)
        #expect(cluster.head !== old)
        cluster.cut = []
        cluster.tick(80)
        // The entry was never on a quorum: it is gone, and its caller is told that nobody knows.
        #expect(old.answers[call]?.failure != nil)
        #expect(cluster.get("orphan") == nil)
        #expect(cluster.put("next", at: old) == nil)
    }

    /// Streams of two kinds lead from one member to another, so what a member proposed as a follower
    /// may reach the former leader after the word that this very member leads now.
    @Test func `what the next leader proposed before it led is made all the same`() {
        let cluster = Cluster(3).ready()
        let old = cluster.head
        let next = cluster.follower
        let call = cluster.begin(next, .put("late"))
        var late: [Message] = []
        cluster.drops = { message in
            guard message.kind == .propose else { return false }
            late.append(message)
            return true
        }
        cluster.settle()
        cluster.drops = { _ in false }
        #expect(late.count == 1)
        let transfer = cluster.begin(old, .moveLeader(to: next.id))
        cluster.settle()
        #expect(old.answers[transfer]?.failure == nil)
        #expect(cluster.head === next)
        #expect(next.answers[call] == nil)
        for message in late { cluster.input(old, .received(message)) }
        cluster.settle()
        #expect(next.answers[call]?.message(PutResponse.self) != nil)
    }

    @Test func `what reaches a leader that hands over waits for the next`() {
        let cluster = Cluster(3).ready()
        let old = cluster.head
        let others = cluster.members.filter { $0 !== old }
        cluster.drops = { $0.kind == .timeoutNow }
        cluster.input(old, .stopping)
        cluster.settle()
        let calls = others.map { cluster.begin($0, .put("from \($0.id)")) }
        cluster.settle()
        #expect(!old.isHandedOver)
        for (member, call) in zip(others, calls) { #expect(member.answers[call] == nil) }
        cluster.drops = { _ in false }
        // The leader gives up and is one again, or another is elected: nothing is lost either way.
        cluster.tick(40)
        for (member, call) in zip(others, calls) {
            #expect(member.answers[call]?.message(PutResponse.self) != nil)
        }
    }

    @Test func `applying a removal that commits more applies it afterwards`() {
        let cluster = Cluster(2).ready()
        let leader = cluster.head
        let other = cluster.follower
        cluster.tick(60)
        // The other holds its disk after the change: what follows is committed by its removal.
        let removal = cluster.begin(leader, .memberRemove(other.id))
        _ = leader.node.endTurn(now: cluster.now, outputs: &leader.outputs)
        let put = cluster.begin(leader, .put("after"))
        _ = leader.node.endTurn(now: cluster.now, outputs: &leader.outputs)
        cluster.drops = { message in
            message.kind == .append && message.entries.contains { $0.kind == .normal }
        }
        cluster.settle()
        cluster.tick(3)
        cluster.drops = { _ in false }
        cluster.tick(5)
        #expect(leader.answers[removal]?.message(MemberRemoveResponse.self)?.members.count == 1)
        #expect(leader.answers[put]?.message(PutResponse.self) != nil)
    }
}
