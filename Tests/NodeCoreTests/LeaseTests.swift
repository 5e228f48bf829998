// SPDX-License-Identifier: Apache-2.0
import Bytes
import EtcdAPI
import Raft
import Replicated
import Testing

@testable import NodeCore

@Suite struct LeaseTests {
    private func grant(_ cluster: Cluster, _ id: Int64, ttl: Int64) -> LeaseGrantResponse? {
        cluster.ask(cluster.head, .leaseGrant(LeaseGrantRequest(ttl: ttl, id: id)))?
            .message(LeaseGrantResponse.self)
    }

    private func renew(
        _ cluster: Cluster, _ id: Int64, at member: TestMember? = nil
    ) -> LeaseKeepAliveResponse? {
        cluster.ask(member ?? cluster.head, .leaseKeepAlive(id))?
            .message(LeaseKeepAliveResponse.self)
    }

    private func timeToLive(_ cluster: Cluster, _ id: Int64) -> LeaseTimeToLiveResponse? {
        var request = LeaseTimeToLiveRequest()
        request.id = id
        request.keys = true
        return cluster.ask(cluster.head, .leaseTimeToLive(request))?
            .message(LeaseTimeToLiveResponse.self)
    }

    @Test func `a lease ends by the leader's word and takes its keys along`() {
        let cluster = Cluster(3).ready()
        #expect(grant(cluster, 5, ttl: 3)?.ttl == 3)
        cluster.put("b", lease: 5)
        cluster.put("a", lease: 5)
        let stream = cluster.open(cluster.follower)
        cluster.watch(
            cluster.follower, stream, WatchCreateRequest(key: [0], rangeEnd: [0]))
        cluster.tick(28)
        #expect(cluster.get("a") == "v")
        cluster.tick(10)
        #expect(cluster.get("a") == nil)
        #expect(cluster.members.allSatisfy { !$0.node.ledger.lessor.contains(5) })
        let events = cluster.responses(cluster.follower, stream).flatMap(\.summary)
        #expect(events == ["DELETE a@4", "DELETE b@4"])
        #expect(cluster.head.notes.contains(.leasesExpired(count: 1)))
        #expect(!cluster.follower.notes.contains(.leasesExpired(count: 1)))
    }

    /// Known bug: 15247.
    @Test func `a renewed lease lives, also when renewed through a follower`() {
        let cluster = Cluster(3).ready()
        _ = grant(cluster, 5, ttl: 3)
        for _ in 0..<5 {
            cluster.tick(20)
            #expect(renew(cluster, 5, at: cluster.follower)?.ttl == 3)
        }
        #expect(timeToLive(cluster, 5)?.grantedTTL == 3)
        cluster.tick(40)
        #expect(renew(cluster, 5)?.ttl == 0)
        #expect(timeToLive(cluster, 5)?.ttl == -1)
    }

    @Test func `the id zero is replaced by a positive one and short leases are prolonged`() {
        let cluster = Cluster().ready()
        let response = grant(cluster, 0, ttl: 1)
        #expect((response?.id ?? 0) > 0)
        #expect(response?.ttl == 2)
        #expect(grant(cluster, response?.id ?? 0, ttl: 5) == nil)
        let tooLong = LeaseGrantRequest(ttl: 9_000_000_001, id: 8)
        #expect(cluster.ask(cluster.first, .leaseGrant(tooLong))?.failure == .leaseTTLTooLarge)
    }

    @Test func `revoke, leases and time to live`() {
        let cluster = Cluster().ready()
        _ = grant(cluster, 7, ttl: 100)
        _ = grant(cluster, 8, ttl: 50)
        cluster.put("b", lease: 7)
        cluster.put("a", lease: 7)
        let left = timeToLive(cluster, 7)
        #expect(left?.keys.map(text) == ["a", "b"])
        #expect(left?.grantedTTL == 100)
        let leases = cluster.ask(cluster.first, .leaseLeases)?.message(LeaseLeasesResponse.self)
        #expect(leases?.leases.map(\.id) == [8, 7])
        let revoke = Request.leaseRevoke(LeaseRevokeRequest(id: 7))
        #expect(cluster.ask(cluster.first, revoke)?.failure == nil)
        #expect(cluster.get("a") == nil)
        #expect(cluster.ask(cluster.first, revoke)?.failure == .leaseNotFound)
    }

    @Test func `a long lease is recorded, and its renewal is told when the reset is applied`() {
        let cluster = Cluster().ready()
        _ = grant(cluster, 5, ttl: 1_000)
        cluster.pass(.seconds(301))
        cluster.tick(10)
        cluster.first.holdsDisk = true
        let call = cluster.begin(cluster.first, .leaseKeepAlive(5))
        cluster.settle()
        #expect(cluster.first.answers[call] == nil)
        cluster.release(cluster.first)
        let answer = cluster.first.answers[call]?.message(LeaseKeepAliveResponse.self)
        #expect(answer?.ttl == 1_000)
        // Nothing is recorded now: the next renewal needs no entry.
        let before = cluster.first.node.raft.lastIndex
        #expect(renew(cluster, 5)?.ttl == 1_000)
        #expect(cluster.first.node.raft.lastIndex == before)
    }

    @Test func `a new leader gives leases their time again`() {
        let cluster = Cluster(3).ready()
        _ = grant(cluster, 5, ttl: 5)
        cluster.tick(30)
        let old = cluster.head
        cluster.cut = [old.id]
        cluster.tick(30)
        #expect(cluster.head !== old)
        #expect(cluster.head.node.ledger.lessor.contains(5))
        #expect(renew(cluster, 5)?.ttl == 5)
        cluster.tick(70)
        #expect(!cluster.head.node.ledger.lessor.contains(5))
    }

    /// Known bugs: 12528, 15247.
    @Test func `a deposed leader's revocation does not outlive its leadership`() {
        let cluster = Cluster(3).ready()
        let old = cluster.head
        _ = grant(cluster, 5, ttl: 3)
        cluster.tick(27)
        // It asks for the revocation, and before it can say so it hears of a newer term.
        cluster.now = cluster.now + .milliseconds(900)
        old.node.receive(.ticked, now: cluster.now, outputs: &old.outputs)
        #expect(old.node.proposals.hasUnsent)
        let other = cluster.follower
        old.node.step(.received(newer(than: old, from: other)), &old.outputs)
        #expect(!old.node.isLeader)
        cluster.settle()
        for _ in 0..<6 {
            cluster.tick(10)
            if cluster.leader != nil { _ = renew(cluster, 5) }
        }
        #expect(cluster.head.node.ledger.lessor.contains(5))
    }

    private func newer(than old: TestMember, from other: TestMember) -> Message {
        var message = Message(kind: .appendResponse, to: old.id, from: other.id)
        message.term = old.node.raft.term.next
        return message
    }

    @Test func `a lease granted anew under an id that expired can be renewed at once`() {
        let cluster = Cluster().ready()
        _ = grant(cluster, 5, ttl: 2)
        for _ in 0..<60 where cluster.first.node.ledger.lessor.contains(5) { cluster.tick() }
        #expect(grant(cluster, 5, ttl: 10)?.ttl == 10)
        #expect(renew(cluster, 5)?.ttl == 10)
    }

    @Test func `without a leader a renewal fails at once`() {
        let cluster = Cluster(3)
        #expect(cluster.ask(cluster.first, .leaseKeepAlive(1))?.failure == .noLeader)
        _ = cluster.ready()
        let answer = cluster.ask(cluster.follower, .peerLeaseKeepAlive(1))
        #expect(answer?.failure == .notPrimaryLessor)
    }
}
