// SPDX-License-Identifier: Apache-2.0
import Bytes
import EtcdAPI
import Interchange
import MVCC
import Raft
import Recovery
import Replicated
import SimulatedDisk
import Storage
import Testing

struct RestoreTests {
    private let disk = SimulatedDisk(seed: 2)
    private let cluster = "a=http://h:1,b=http://h:2,c=http://h:3"

    private func plan(
        _ name: String = "a", _ cluster: String? = nil, token: String = "t",
        urls: String = "http://h:1"
    ) throws(InterchangeError) -> BootstrapPlan {
        try BootstrapPlan(
            name: name, initialCluster: cluster ?? self.cluster, token: token, peerURLs: urls,
            digests: .real)
    }

    private func restart(_ folder: MemberFolder) throws -> Restart {
        let settings = LedgerSettings(clusterID: ClusterID(1), memberID: MemberID(1))
        var (log, found) = try Log.open(
            on: disk, directory: folder.logDirectory,
            settings: LogSettings(segmentByteCount: 65_536))
        try log.close()
        let store = StoreFolder(
            on: disk, directory: folder.snapDirectory, settings: settings)
        return try Restart.begin(found, store, settings: settings)
    }

    @Test func `ids are etcd's`() throws {
        let plan = try plan(
            "default", "default=http://localhost:2380", token: "etcd-cluster",
            urls: "http://localhost:2380")
        #expect("\(plan.memberID)" == "8e9e05c52164694d")
        #expect("\(plan.clusterID)" == "cdf818194e3a8c32")
    }

    @Test(arguments: [
        ("x", "a=http://h:1", "http://h:1", "couldn't find local name \"x\""),
        ("a", "a=http:/x", "http://h:1", "does not have the form \"host:port\": http:/x"),
        ("a", "a", "http://h:1", "URL scheme must be http, https, unix, or unixs: "),
        ("a", "a=http://h:1", "foo", "URL scheme must be http, https, unix, or unixs: foo"),
        ("a", "a=http://h:1/p", "http://h:1", "must not contain a path: http://h:1/p"),
        ("a", "a=http://h:1,b=http://h:1", "http://h:1", "has duplicate url"),
        ("a", "a=http://h:1", "http://h:2", "--initial-cluster has a=http://h:1 but missing"),
        (
            "a", "a=http://h:1", "http://h:1,http://h:2",
            "--initial-advertise-peer-urls has http://h:2 but missing"
        ),
    ])
    func `wrong plans are refused in etcd's words`(
        name: String, cluster: String, urls: String, text: String
    ) {
        do throws(InterchangeError) {
            _ = try plan(name, cluster, urls: urls)
            Issue.record("\(cluster) was taken")
        } catch {
            #expect("\(error)".contains(text))
        }
    }

    @Test func `a name and an address may be the same place`() throws {
        let plan = try plan(
            "a", "a=http://localhost:2380", urls: "http://127.0.0.1:2380")
        #expect(plan.peerURLs(of: plan.memberID) == ["http://localhost:2380"])
        #expect(throws: InterchangeError.self) {
            try self.plan("a", "a=http://localhost:2380", urls: "http://127.0.0.1:2381")
        }
        #expect(throws: InterchangeError.self) {
            try self.plan("a", "a=http://127.0.0.2:2380", urls: "http://127.0.0.1:2380")
        }
    }

    @Test(arguments: 1...6)
    func `three restores make one cluster with everything in it`(seed: UInt64) throws {
        let ledger = Story(seed: seed, count: 150).ledger(through: 150)
        try ledger.view().write(to: "/s.db", on: disk, withSum: true)
        let snapshot = try SnapshotFile.open("/s.db", on: disk)
        let expected = try ledger.keyspace.view().hashKV()
        var clusters: Set<UInt64> = []
        for (name, port) in [("a", 1), ("b", 2), ("c", 3)] {
            let plan = try plan(name, urls: "http://h:\(port)")
            clusters.insert(plan.clusterID.number)
            let folder = MemberFolder(root: "/\(name)")
            try Restore(plan: plan, log: LogSettings(segmentByteCount: 65_536, salt: 4)).write(
                snapshot, to: folder, on: disk)
            let restart = try restart(folder)
            let found = try restart.ledger.keyspace.view().hashKV()
            #expect(found == expected, "seed \(seed)")
            #expect(restart.ledger.members.list.map(\.name).sorted() == ["a", "b", "c"])
            #expect(restart.ledger.members.removed.isEmpty)
            #expect(restart.ledger.appliedIndex == LogIndex(3))
            #expect(restart.ledger.configuration.voters == plan.memberIDs)
            #expect(restart.restored.hardState.commit == LogIndex(3))
            #expect(restart.ledger.clusterVersion == ledger.clusterVersion)
            #expect(
                restart.ledger.view().rowCount(in: "lease")
                    == ledger.view().rowCount(in: "lease"))
        }
        #expect(clusters.count == 1)
    }

    /// Known bug: restore-revision.
    @Test func `a lifted revision leaves the keys and compacts what came before`() throws {
        let ledger = Story(seed: 9, count: 120).ledger(through: 120)
        try ledger.view().write(to: "/s.db", on: disk)
        let snapshot = try SnapshotFile.open("/s.db", on: disk)
        let folder = MemberFolder(root: "/bumped")
        let restore = Restore(
            plan: try plan(), bumpRevision: 1_000, marksCompacted: true,
            log: LogSettings(segmentByteCount: 65_536, salt: 4))
        try restore.write(snapshot, to: folder, on: disk)
        let restart = try restart(folder)
        #expect(restart.ledger.keyspace.revision == ledger.keyspace.revision + 1_000)
        #expect(restart.ledger.keyspace.compactRevision == restart.ledger.keyspace.revision)
        let all = KeyRange(key: [0], end: [0])
        let before = try ledger.keyspace.range(all, at: 0, limit: 0, countOnly: false)
        let after = try restart.ledger.keyspace.range(all, at: 0, limit: 0, countOnly: false)
        #expect(before.records.map(\.key) == after.records.map(\.key))
    }

    @Test func `a revision cannot be lifted beyond all bounds`() throws {
        let ledger = Story(seed: 9, count: 30).ledger(through: 30)
        try ledger.view().write(to: "/s.db", on: disk)
        let snapshot = try SnapshotFile.open("/s.db", on: disk)
        let restore = Restore(
            plan: try plan(), bumpRevision: .max,
            log: LogSettings(segmentByteCount: 65_536, salt: 4))
        #expect(throws: InterchangeError.self) {
            try restore.write(snapshot, to: MemberFolder(root: "/far"), on: disk)
        }
    }

    @Test func `a checkpoint written anew holds the same`() throws {
        let ledger = Story(seed: 10, count: 120).ledger(through: 120)
        try ledger.view().write(to: "/s.db", on: disk)
        let folder = MemberFolder(root: "/d")
        try Restore(plan: try plan(), log: LogSettings(segmentByteCount: 65_536, salt: 1)).write(
            try SnapshotFile.open("/s.db", on: disk), to: folder, on: disk)
        let before = try restart(folder).ledger.view().hash()
        try DatabaseCopy.renew(Checkpoints(on: disk, directory: folder.snapDirectory)) { _ in
            { _ in }
        }
        #expect(try restart(folder).ledger.view().hash() == before)
    }
}
