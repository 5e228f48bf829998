// SPDX-License-Identifier: Apache-2.0
import Bytes
import EtcdAPI
import MVCC
import Raft
import Replicated
import Testing

@testable import NodeCore

@Suite struct CorruptionTests {
    private static func filled(
        _ count: UInt64 = 3, _ adjust: @escaping (inout NodeSettings) -> Void = { _ in }
    )
        -> Cluster
    {
        let cluster = Cluster(count, adjust).ready()
        for number in 0..<40 { cluster.put("k\(number % 10)", "value \(number)") }
        cluster.tick(3)
        return cluster
    }

    private func compact(_ cluster: Cluster, _ revision: Int64) {
        var request = CompactionRequest()
        request.revision = revision
        #expect(cluster.ask(cluster.head, .compact(request))?.failure == nil)
        cluster.tick(3)
    }

    private func alarms(_ cluster: Cluster) -> [[UInt64]] {
        cluster.members.map { $0.node.ledger.alarms.list(of: .corrupt).map(\.memberID) }
    }

    private func agreed(_ cluster: Cluster) -> [Int64] {
        cluster.members.flatMap { $0.notes }.compactMap {
            if case .storesAgree(let revision, 3) = $0 { revision } else { nil }
        }
    }

    // MARK: Rounds

    @Test func `members that hold the same are compared after a compaction, once`() {
        let cluster = Self.filled()
        cluster.pass(.seconds(61))
        #expect(agreed(cluster) == [])
        compact(cluster, 20)
        cluster.pass(.seconds(61))
        #expect(agreed(cluster) == [20])
        cluster.pass(.seconds(61))
        #expect(agreed(cluster) == [20])
        compact(cluster, 30)
        cluster.pass(.seconds(61))
        #expect(agreed(cluster) == [20, 30])
        #expect(alarms(cluster) == [[], [], []])
    }

    @Test(arguments: [false, true])
    func `a value that has changed in one member's memory raises an alarm for that member alone`(
        isLeader: Bool
    ) {
        let cluster = Self.filled()
        let damaged = isLeader ? cluster.head : cluster.follower
        cluster.damage(damaged)
        compact(cluster, 20)
        #expect(alarms(cluster) == [[], [], []])
        cluster.pass(.seconds(61))
        cluster.tick(3)
        let id = damaged.id
        #expect(alarms(cluster) == [[id.number], [id.number], [id.number]])
        #expect(cluster.head.notes.contains(.storesDiffer(revision: 20, members: [id])))
        // Nothing is written any more; what is there can be read.
        #expect(cluster.put("more") == .corrupt)
        #expect(cluster.get("k1", at: cluster.head, serializable: true) != nil)
        // Told again and again, but raised once.
        let before = cluster.head.node.raft.lastIndex
        cluster.pass(.seconds(61))
        #expect(cluster.head.node.raft.lastIndex == before)
    }

    @Test func `of two members that differ the one that does not lead is named`() {
        let cluster = Self.filled(2)
        cluster.damage(cluster.head)
        compact(cluster, 20)
        cluster.pass(.seconds(61))
        cluster.tick(3)
        let other = cluster.follower.id.number
        #expect(alarms(cluster) == [[other], [other]])
    }

    @Test func `who cannot be asked is compared later`() {
        let cluster = Self.filled()
        compact(cluster, 20)
        let away = cluster.follower
        cluster.cut = [away.id]
        cluster.pass(.seconds(61))
        let told = Note.storesNotCompared(revision: 20, compared: 2, members: 3)
        #expect(cluster.head.notes.contains(told))
        #expect(agreed(cluster) == [])
        cluster.cut = []
        cluster.tick(20)
        cluster.pass(.seconds(61))
        #expect(agreed(cluster) == [20])
    }

    @Test func `a hash that not everybody has is passed over for an older one`() {
        let cluster = Self.filled()
        compact(cluster, 20)
        // This one's next hash would take more than its share of time.
        let slow = cluster.follower
        cluster.input(slow, .hashed(.comparison, nil, took: .seconds(1)))
        compact(cluster, 30)
        #expect(cluster.hash(of: slow, at: 30)?.compactRevision == 30)
        cluster.pass(.seconds(61))
        #expect(agreed(cluster) == [20])
        cluster.pass(.seconds(61))
        compact(cluster, 35)
        cluster.pass(.seconds(61))
        #expect(agreed(cluster) == [20, 35])
    }

    @Test func `hashing takes a hundredth of the time at most`() {
        let cluster = Self.filled()
        for member in cluster.members { member.hashTime = .seconds(1) }
        for revision in 5..<30 {
            compact(cluster, Int64(revision))
            cluster.pass(.seconds(10))
        }
        let hashes = cluster.head.node.corruption.compactions.map(\.revision)
        #expect(hashes.count == 3)
    }

    @Test func `the whole store is compared when that is asked for`() {
        let cluster = Self.filled { $0.corruptCheckInterval = .seconds(5) }
        cluster.pass(.seconds(6))
        cluster.pass(.seconds(6))
        #expect(agreed(cluster).count >= 1)
        cluster.damage(cluster.follower)
        cluster.pass(.seconds(6))
        cluster.tick(3)
        let id = cluster.follower.id.number
        #expect(alarms(cluster) == [[id], [id], [id]])
    }

    @Test func `without intervals nothing is hashed or asked`() {
        let cluster = Self.filled { $0.compactHashCheckInterval = nil }
        cluster.damage(cluster.follower)
        compact(cluster, 20)
        cluster.pass(.seconds(500))
        #expect(cluster.head.node.corruption.compactions == [])
        #expect(alarms(cluster) == [[], [], []])
    }

    @Test func `a member alone does not hash`() {
        let cluster = Self.filled(1)
        compact(cluster, 20)
        #expect(cluster.head.node.corruption.compactions == [])
    }

    @Test(arguments: [false, true])
    func `answers to a question before a compaction count for nothing after it`(isLate: Bool) {
        let cluster = Self.filled()
        compact(cluster, 10)
        let head = cluster.head
        guard let own = head.node.wholeStoreHash().run() else {
            Issue.record("no hash")
            return
        }
        let round = head.node.corruption.begin(own, older: [], .comparison)
        if isLate { compact(cluster, 20) }
        var other = own
        other.hash ^= 1
        let answer = [cluster.follower.id: other]
        cluster.input(head, .hashesSeen(round: round.number, answer))
        // Told twice: the round is over.
        cluster.input(head, .hashesSeen(round: round.number, answer))
        cluster.tick(3)
        let id = cluster.follower.id.number
        #expect(alarms(cluster) == (isLate ? [[], [], []] : [[id], [id], [id]]))
    }

    // MARK: Hashes

    @Test func `the hash of a compaction is that of the rows before it`() {
        let cluster = Self.filled { $0.compactionBatch = 1 }
        let member = cluster.follower
        var earlier: Int64 = -1
        for revision: Int64 in [10, 11, 20, 30] {
            let before = try? member.node.ledger.keyspace.view().hashKV(at: revision)
            #expect(before?.compactRevision == earlier)
            compact(cluster, revision)
            #expect(cluster.hash(of: member, at: revision) == before)
            // Clients still hear of what is there now.
            let asked = cluster.ask(member, .hashKV(revision: revision))
            if case .compute(.hashKV(let view, _, _))? = asked {
                #expect(view.keyspace.compactRevision == revision)
            } else {
                Issue.record("\(String(describing: asked))")
            }
            earlier = revision
        }
    }

    @Test func `the hash of a compaction after which nothing lives`() {
        let cluster = Self.filled()
        for number in 0..<10 {
            _ = cluster.ask(
                cluster.head, .deleteRange(DeleteRangeRequest(key: bytes("k\(number)"))))
        }
        cluster.tick(3)
        let member = cluster.follower
        let revision = member.node.ledger.keyspace.revision
        compact(cluster, 20)
        let before = try? member.node.ledger.keyspace.view().hashKV(at: revision)
        compact(cluster, revision)
        #expect(cluster.hash(of: member, at: revision) == before)
    }

    @Test func `ten hashes are kept`() {
        let cluster = Self.filled()
        for revision in 2..<17 { compact(cluster, Int64(revision)) }
        let kept = cluster.head.node.corruption.compactions.map(\.revision)
        #expect(kept == Array(7...16))
    }

    // MARK: Verdicts

    private func hash(_ value: UInt32, _ revision: Int64 = 9, _ compacted: Int64 = 3)
        -> KeyspaceHash
    {
        KeyspaceHash(hash: value, revision: revision, compactRevision: compacted)
    }

    private func verdict(_ others: [UInt64: KeyspaceHash], of count: Int) -> HashVerdict {
        let named = others.map { (MemberID($0.key), $0.value) }
        return HashVerdict(
            own: MemberID(1), hash(7), others: Dictionary(uniqueKeysWithValues: named),
            memberCount: count)
    }

    @Test func `the majority of all members is right`() {
        let lonely = verdict([2: hash(8), 3: hash(8)], of: 3)
        #expect(lonely.wrong == [MemberID(1)])
        #expect(lonely.hasMajority)
        #expect(verdict([2: hash(7), 3: hash(8)], of: 3).wrong == [MemberID(3)])
        #expect(
            verdict([2: hash(8), 3: hash(9), 4: hash(7), 5: hash(7)], of: 5).wrong
                == [MemberID(2), MemberID(3)])
        #expect(verdict([2: hash(7), 3: hash(7)], of: 3).wrong == [])
    }

    @Test func `without a majority those are wrong that differ from the leader`() {
        let few = verdict([2: hash(8), 3: hash(8)], of: 5)
        #expect(few.wrong == [MemberID(2), MemberID(3)])
        #expect(!few.hasMajority)
        #expect(verdict([2: hash(8)], of: 2).wrong == [MemberID(2)])
    }

    @Test func `hashes of other rows are not compared`() {
        let none = verdict([2: hash(8, 10), 3: hash(8, 9, 2)], of: 3)
        #expect(none.wrong == [])
        #expect(none.compared == [MemberID(1)])
    }
}

extension Cluster {
    /// One bit of one value in that member's memory is another one now.
    func damage(_ member: TestMember) {
        let configuration = member.node.ledger.configuration
        var isDone = false
        let copy = self.copy(member.node.ledger.view(), member.settings.ledger) { bucket, value in
            guard bucket == "key", !isDone, let last = value.lastIndex(of: UInt8(ascii: "9")) else {
                return
            }
            value[last] ^= 1
            isDone = true
        }
        if !isDone { fatalError("nothing to damage") }
        member.node.ledger = copy
        member.node.ledger.configuration = configuration
    }
}
