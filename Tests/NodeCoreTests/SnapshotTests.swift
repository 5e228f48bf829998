// SPDX-License-Identifier: Apache-2.0
import Bytes
import EtcdAPI
import Raft
import Replicated
import Testing

@testable import NodeCore

@Suite struct SnapshotTests {
    private func lagging() -> (Cluster, TestMember) {
        let cluster = Cluster(3) {
            $0.snapshotCount = 50
            $0.catchUpEntries = 10
        }.ready()
        return (cluster, cluster.follower)
    }

    @Test func `a member that lags far behind gets the store`() {
        let (cluster, laggard) = lagging()
        cluster.cut = [laggard.id]
        for number in 0..<200 { cluster.put("k\(number % 20)", "\(number)") }
        cluster.tick(3)
        cluster.cut = []
        cluster.tick(20)
        #expect(laggard.notes.contains { if case .snapshotRestored = $0 { true } else { false } })
        #expect(
            cluster.head.notes.contains { if case .snapshotNeeded = $0 { true } else { false } })
        #expect(cluster.get("k19", at: laggard) == "199")
        #expect(laggard.node.ledger.stateHash() == cluster.head.node.ledger.stateHash())
        #expect(cluster.put("after", at: laggard) == nil)
    }

    @Test func `entries that come while the store is loaded wait for it`() {
        let (cluster, laggard) = lagging()
        cluster.put("before")
        cluster.cut = [laggard.id]
        for number in 0..<200 { cluster.put("k\(number % 20)", "\(number)") }
        cluster.tick(3)
        laggard.holdsLoads = true
        cluster.cut = []
        cluster.tick(10)
        #expect(laggard.node.health.isLoading)
        for number in 0..<20 { cluster.put("held\(number)") }
        cluster.tick(3)
        #expect(cluster.get("held0", at: laggard, serializable: true) == nil)
        let read = cluster.begin(laggard, .get("held0"))
        cluster.settle()
        #expect(laggard.answers[read] == nil)
        cluster.load(laggard)
        laggard.holdsLoads = false
        cluster.settle()
        cluster.tick(6)
        #expect(cluster.get("held19", at: laggard, serializable: true) == "v")
        #expect(laggard.answers[read]?.message(RangeResponse.self)?.count == 1)
        #expect(laggard.node.ledger.stateHash() == cluster.head.node.ledger.stateHash())
    }

    /// Known bug: 15271.
    @Test func `watchers go on across a restore without loss or repetition`() {
        let (cluster, laggard) = lagging()
        let stream = cluster.open(laggard)
        cluster.watch(laggard, stream, WatchCreateRequest(key: [0], rangeEnd: [0]))
        cluster.watch(laggard, stream, WatchCreateRequest(key: bytes("quiet")))
        for number in 0..<10 { cluster.put("k\(number)") }
        cluster.tick(2)
        cluster.cut = [laggard.id]
        for number in 0..<200 { cluster.put("k\(number % 20)", "\(number)") }
        // What the idle watcher has seen is compacted; what it has not seen is not.
        cluster.compact(9)
        cluster.tick(3)
        cluster.cut = []
        cluster.tick(20)
        cluster.put("quiet")
        cluster.tick(2)
        let responses = cluster.responses(laggard, stream)
        let revisions = responses.filter { $0.watchID == 0 }.flatMap(\.events)
            .compactMap { $0.kv?.modRevision }
        #expect(revisions == Array(2...212))
        #expect(responses.allSatisfy { !$0.canceled })
        let quiet = responses.filter { $0.watchID == 1 }.flatMap(\.summary)
        #expect(quiet == ["PUT quiet@212"])
    }

    @Test func `watchers that a restored store has overtaken are told so`() {
        let (cluster, laggard) = lagging()
        let stream = cluster.open(laggard)
        cluster.watch(laggard, stream, WatchCreateRequest(key: [0], rangeEnd: [0]))
        cluster.put("a")
        cluster.tick(2)
        cluster.cut = [laggard.id]
        for number in 0..<200 { cluster.put("k\(number % 20)", "\(number)") }
        cluster.compact(150)
        cluster.tick(3)
        cluster.cut = []
        cluster.tick(20)
        let last = cluster.responses(laggard, stream).last
        #expect(last?.canceled == true)
        #expect(last?.compactRevision == 150)
    }

    @Test func `a snapshot that is overtaken by a newer one is not loaded twice`() {
        let (cluster, laggard) = lagging()
        cluster.cut = [laggard.id]
        for number in 0..<200 { cluster.put("k\(number % 20)", "\(number)") }
        cluster.tick(3)
        laggard.holdsLoads = true
        cluster.cut = []
        cluster.tick(10)
        cluster.cut = [laggard.id]
        for number in 0..<200 { cluster.put("k\(number % 20)", "\(number)") }
        cluster.tick(3)
        cluster.cut = []
        cluster.tick(30)
        laggard.holdsLoads = false
        cluster.load(laggard)
        cluster.settle()
        cluster.tick(10)
        #expect(laggard.node.ledger.stateHash() == cluster.head.node.ledger.stateHash())
        #expect(!laggard.node.health.isLoading)
    }
}
