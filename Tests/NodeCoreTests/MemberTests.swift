// SPDX-License-Identifier: Apache-2.0
import Bytes
import EtcdAPI
import Raft
import Replicated
import Testing

@testable import NodeCore

@Suite struct MemberTests {
    private func add(
        _ cluster: Cluster, _ id: UInt64, learner: Bool = false, url: String? = nil
    ) -> Answer? {
        let request = MemberAddRequest(
            peerURLs: [url ?? "http://10.0.0.\(id):2380"], isLearner: learner)
        return cluster.ask(cluster.head, .memberAdd(request, id: MemberID(id)))
    }

    @Test func `a member is added, starts empty and catches up`() {
        let cluster = Cluster().ready()
        for number in 0..<30 { cluster.put("k\(number)") }
        let response = add(cluster, 2)?.message(MemberAddResponse.self)
        #expect(response?.member?.id == 2)
        #expect(response?.members.map(\.id) == [1, 2])
        #expect(response?.header?.revision == 0)
        // The first member waits for the second now.
        let put = cluster.begin(cluster.first, .put("waits"))
        cluster.settle()
        #expect(cluster.first.answers[put] == nil)
        cluster.add(2)
        cluster.tick(10)
        #expect(cluster.first.answers[put] != nil)
        #expect(cluster[2].node.ledger.members.list.map(\.name) == ["m1", "m2"])
        #expect(cluster.get("k29", at: cluster[2]) == "v")
    }

    @Test(arguments: 1...20 as ClosedRange<UInt64>)
    func `a member alone leads at its first tick, whatever its timeout would be`(_ seed: UInt64) {
        let cluster = Cluster { $0.seed = seed }
        cluster.settle()
        cluster.tick()
        #expect(cluster.first.node.isLeader)
        cluster.first.restart(now: cluster.now)
        cluster.settle()
        #expect(!cluster.first.node.isLeader)
        cluster.tick()
        #expect(cluster.first.node.isLeader)
    }

    @Test func `a member alone that shall not be hasty waits for its timeout`() {
        let cluster = Cluster { $0.hastensFirstElection = false }
        cluster.settle()
        cluster.tick(9)
        #expect(!cluster.first.node.isLeader)
        cluster.tick(11)
        #expect(cluster.first.node.isLeader)
    }

    /// Known bug: 6420.
    @Test func `what strict reconfiguration refuses`() {
        let cluster = Cluster().ready()
        _ = add(cluster, 2)
        // The second has not started: a third would leave no quorum of started members.
        #expect(add(cluster, 3)?.failure == .memberNotEnoughStarted)
        cluster.add(2)
        cluster.tick(60)
        #expect(add(cluster, 3)?.failure == nil)
        let bare = Cluster { $0.strictReconfigCheck = false }.ready()
        _ = add(bare, 2)
        let call = bare.begin(
            bare.first,
            .memberAdd(MemberAddRequest(peerURLs: ["http://10.0.0.3:2380"]), id: MemberID(3)))
        bare.settle()
        #expect(bare.first.answers[call]?.failure == nil)
    }

    /// Known bug: 21667.
    @Test func `changes wait until the members have been together for five seconds`() {
        let cluster = Cluster(3).ready()
        cluster.tick(60)
        #expect(add(cluster, 4, learner: true)?.failure == nil)
        let leader = cluster.head
        for peer in cluster.members where peer !== leader {
            cluster.connect(leader, peer, false)
            cluster.connect(leader, peer, true)
        }
        let refused = add(cluster, 5)?.failure
        #expect(refused == .unhealthy)
        #expect(refused?.text == "etcdserver: unhealthy cluster")
        let other = cluster.follower.id
        #expect(cluster.ask(leader, .memberRemove(other))?.failure == .unhealthy)
        cluster.connect(leader, cluster[other.number], false)
        #expect(cluster.ask(leader, .memberRemove(other))?.failure == nil)
    }

    /// Known bug: 21667.
    @Test func `a voter more asks for a connected quorum of the cluster to be`() {
        let cluster = Cluster(3).ready()
        cluster.tick(60)
        let leader = cluster.head
        cluster.connect(leader, cluster.follower, false)
        // Two of three are a quorum of three, but not of four.
        #expect(add(cluster, 4)?.failure == .unhealthy)
    }

    /// Known bug: 3505.
    @Test func `duplicates, unknown members and a second learner are refused by all alike`() {
        let cluster = Cluster(3).ready()
        cluster.tick(60)
        #expect(add(cluster, 1, url: "http://x:1")?.failure == .memberExist)
        #expect(add(cluster, 9, url: "http://10.0.0.1:2380")?.failure == .peerURLExist)
        #expect(cluster.ask(cluster.head, .memberRemove(MemberID(99)))?.failure == .memberNotFound)
        let update = MemberUpdateRequest(id: 99, peerURLs: ["http://x:1"])
        #expect(cluster.ask(cluster.head, .memberUpdate(update))?.failure == .memberNotFound)
        #expect(add(cluster, 4, learner: true)?.failure == nil)
        #expect(add(cluster, 5, learner: true)?.failure == .tooManyLearners)
        #expect(
            cluster.ask(cluster.head, .memberPromote(MemberID(99)))?.failure == .memberNotFound)
        #expect(
            cluster.ask(cluster.head, .memberPromote(MemberID(1)))?.failure == .memberNotLearner)
        let moved = MemberUpdateRequest(id: 1, peerURLs: ["http://10.0.0.1:9999"])
        let response = cluster.ask(cluster.head, .memberUpdate(moved))?
            .message(MemberUpdateResponse.self)
        #expect(response?.members.first?.peerURLs == ["http://10.0.0.1:9999"])
    }

    @Test func `a learner is promoted when it has caught up, and serves little before`() {
        let cluster = Cluster(3).ready()
        cluster.tick(60)
        for number in 0..<50 { cluster.put("k\(number)") }
        _ = add(cluster, 4, learner: true)
        let promote = Request.memberPromote(MemberID(4))
        #expect(cluster.ask(cluster.head, promote)?.failure == .learnerNotReady)
        let learner = cluster.add(4)
        cluster.tick(60)
        #expect(learner.node.isLearner)
        #expect(cluster.ask(learner, .put("a"))?.failure == .notSupportedForLearner)
        #expect(cluster.ask(learner, .get("k1"))?.failure == .notSupportedForLearner)
        #expect(cluster.get("k1", at: learner, serializable: true) == "v")
        #expect(cluster.ask(learner, .status)?.message(StatusResponse.self)?.isLearner == true)
        let stream = cluster.open(learner)
        #expect(learner.ended[stream] == .notSupportedForLearner)
        if case .done = cluster.ask(learner, .linearizableProbe) {
        } else {
            Issue.record("a learner's health is no answer")
        }
        // Asked of a follower, the promotion goes through the leader.
        let answer = cluster.ask(cluster.follower, promote)
        if case .members(let list) = answer {
            #expect(list.count == 4)
        } else {
            Issue.record("\(String(describing: answer))")
        }
        #expect(!learner.node.isLearner)
        #expect(cluster.head.node.raft.configuration.voters.count == 4)
        #expect(cluster.put("a", at: learner) == nil)
    }

    @Test func `a removed member stops, the others go on`() {
        let cluster = Cluster(3).ready()
        cluster.tick(60)
        let gone = cluster.follower
        let response = cluster.ask(cluster.head, .memberRemove(gone.id))?
            .message(MemberRemoveResponse.self)
        #expect(response?.members.count == 2)
        cluster.tick(3)
        #expect(gone.isRemoved)
        #expect(cluster.ask(gone, .get("a"))?.failure == .stopped)
        #expect(cluster.put("a") == nil)
        // Its id never comes back.
        #expect(add(cluster, gone.id.number, url: "http://new:1")?.failure == .memberNotFound)
    }

    @Test func `leadership moves to whom it is told, and etcd's errors otherwise`() {
        let cluster = Cluster(3).ready()
        let old = cluster.head
        let target = cluster.follower
        #expect(cluster.ask(target, .moveLeader(to: target.id))?.failure == .notLeader)
        #expect(
            cluster.ask(old, .moveLeader(to: MemberID(77)))?.failure == .badLeaderTransferee)
        #expect(
            cluster.ask(old, .moveLeader(to: old.id))?.message(MoveLeaderResponse.self) != nil)
        let call = cluster.begin(old, .moveLeader(to: target.id))
        cluster.settle()
        cluster.tick(3)
        #expect(old.answers[call]?.message(MoveLeaderResponse.self) != nil)
        #expect(cluster.head === target)
    }

    @Test func `a transfer that nobody takes up ends in time`() {
        let cluster = Cluster(3).ready()
        let old = cluster.head
        let target = cluster.follower
        cluster.drops = { $0.kind == .timeoutNow }
        let call = cluster.begin(old, .moveLeader(to: target.id))
        cluster.settle()
        #expect(
            cluster.ask(old, .moveLeader(to: target.id))?.failure == .timeoutLeaderTransfer)
        cluster.tick(25)
        #expect(
            old.answers[call]?.failure?.text
                == "etcdserver: request timed out, leader transfer took too long")
        #expect(cluster.put("a") == nil)
    }

    @Test func `a leader that stops hands over, a member alone just stops`() {
        let cluster = Cluster(3).ready()
        let old = cluster.head
        cluster.input(old, .stopping)
        cluster.settle()
        cluster.tick(3)
        #expect(old.isHandedOver)
        #expect(cluster.head !== old)
        let alone = Cluster().ready()
        alone.input(alone.first, .stopping)
        alone.settle()
        #expect(alone.first.isHandedOver)
    }

    /// Once in an election timeout (ten ticks) raft begins to count anew who is active.
    @Test func `at whatever moment a leader stops, it hands over`() {
        for ticks in 0..<12 {
            let cluster = Cluster(3).ready()
            let old = cluster.head
            cluster.tick(ticks)
            cluster.now = cluster.now + .milliseconds(100)
            cluster.input(old, .ticked)
            cluster.input(old, .stopping)
            cluster.settle()
            cluster.tick()
            #expect(old.isHandedOver, "\(ticks)")
            #expect(cluster.leader != nil && cluster.head !== old, "\(ticks)")
        }
    }

    @Test func `a leader that stops does not wait for long for members that are silent or gone`() {
        for areConnected in [true, false] {
            let cluster = Cluster(3).ready()
            let old = cluster.head
            cluster.drops = { _ in true }
            cluster.tick(10)
            if !areConnected {
                for other in cluster.members where other !== old {
                    cluster.connect(old, other, false)
                }
            }
            cluster.input(old, .stopping)
            cluster.settle()
            #expect(old.isHandedOver != areConnected)
            cluster.tick(10)
            #expect(old.isHandedOver)
        }
    }

    @Test func `a leader that stops while it hands over goes on with that`() {
        let cluster = Cluster(3).ready()
        let old = cluster.head
        let target = cluster.follower
        let call = cluster.begin(old, .moveLeader(to: target.id))
        cluster.input(old, .stopping)
        cluster.settle()
        #expect(old.answers[call]?.message(MoveLeaderResponse.self) != nil)
        #expect(old.isHandedOver)
        #expect(cluster.head === target)
    }

    @Test func `members publish their names and client URLs`() {
        let cluster = Cluster(3).ready()
        cluster.tick(3)
        for member in cluster.members {
            let list = member.node.ledger.members.list
            #expect(list.map(\.name) == ["m1", "m2", "m3"])
            #expect(list.map(\.clientURLs) == (1...3).map { ["http://10.0.0.\($0):2379"] })
            #expect(member.notes.contains(.published(name: member.settings.name)))
        }
        let listed = cluster.ask(cluster.follower, .memberList(linearizable: true))?
            .message(MemberListResponse.self)
        #expect(listed?.members.map(\.id) == [1, 2, 3])
    }

    @Test func `the cluster's version is the lowest, never falls, and waits for all`() {
        let cluster = Cluster(3).ready()
        let leader = cluster.head
        let others = cluster.members.filter { $0 !== leader }
        func tell(_ versions: [String?]) {
            var seen: [MemberID: String?] = [:]
            for (member, version) in zip(others, versions) { seen[member.id] = .some(version) }
            cluster.input(leader, .versionsSeen(seen))
            cluster.settle()
        }
        tell(["3.5.1", nil])
        #expect(leader.node.ledger.clusterVersion == "3.0.0")
        tell(["3.5.1", "3.6.2"])
        #expect(leader.node.ledger.clusterVersion == "3.5.0")
        tell(["3.4.9", "3.6.2"])
        #expect(leader.node.ledger.clusterVersion == "3.5.0")
        tell(["3.6.0-rc1", "3.6.2"])
        #expect(others[0].node.ledger.clusterVersion == "3.6.0")
        tell(["nonsense", "3.9.2"])
        #expect(leader.node.ledger.clusterVersion == "3.6.0")
        cluster.input(others[0], .versionsSeen([leader.id: "3.6.5"]))
        #expect(others[0].node.proposals.count == 0)
    }
}
