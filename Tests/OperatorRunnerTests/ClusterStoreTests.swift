// SPDX-License-Identifier: Apache-2.0
import Bytes
import Controllers
import Formats
import Kube
import Posix
import Program
import Reconcile
import Testing

@testable import OperatorRunner

@Suite struct ClusterStoreTests {
    private let key = ClusterKey(namespace: "ns", name: "demo")

    private func object(_ kind: ResourceKind, _ name: String, _ version: Int = 1) -> KubeObject {
        var object = KubeObject(kind, namespace: "ns", name: name)
        object.resourceVersion = "\(version)"
        object.labels[Names.clusterLabel] = "demo"
        return object
    }

    /// A store whose kinds are listed, with these objects.
    private func store(
        _ objects: [KubeObject], without missing: [ResourceKind] = []
    ) -> ClusterStore {
        let store = ClusterStore(namespaces: ["ns"], seed: 1)
        for (index, watched) in WatchedKind.all.enumerated()
        where !missing.contains(watched.kind) {
            let items = objects.filter { $0.kind == watched.kind.kind }
            store.tell(index) {
                $0.listed(
                    KubeList(items: items, resourceVersion: "10"),
                    now: Instant(nanoseconds: 0))
            }
        }
        return store
    }

    private func index(_ kind: ResourceKind) -> Int {
        WatchedKind.all.firstIndex { $0.kind == kind } ?? 0
    }

    @Test func `who leads works on every cluster, and again on what changes`() {
        let store = store([object(.etcdCluster, "demo"), object(.pod, "demo-0")])
        store.setLeads(true)
        #expect(store.takeWork() == key)
        store.done(key)
        #expect(store.queueDepth == 0)
        func changed(_ kind: ResourceKind, _ name: String, _ version: Int) -> Int {
            store.tell(index(kind)) { watch in
                watch.received(.modified(object(kind, name, version)), now: MonotonicClock.now)
                    .map { [$0] } ?? []
            }
            let depth = store.queueDepth
            if depth > 0, let key = store.takeWork() { store.done(key) }
            return depth
        }
        #expect(changed(.pod, "demo-0", 20) == 1)
        // The same again is no news.
        #expect(changed(.pod, "demo-0", 20) == 0)
        #expect(changed(.persistentVolumeClaim, "data-demo-3", 21) == 1)
        #expect(changed(.secret, "demo-ca", 22) == 1)
        #expect(changed(.storageClass, "fast", 23) == 0)
    }

    @Test func `what may be forbidden is unknown, and hinders nothing`() throws {
        let store = store([object(.etcdCluster, "demo")], without: [.node])
        // It was not asked for yet: nobody knows what the answer will be.
        #expect(!store.isSynced)
        store.tell(index(.node)) {
            $0.failed(.unreachable("forbidden"), now: Instant(nanoseconds: 0))
            return []
        }
        #expect(store.isSynced)
        let view = try #require(store.view(key))
        #expect(view.optional[.node]?.isKnown == false)
        #expect(view.optional[.persistentVolume]?.isKnown == true)
        #expect(!self.store([], without: [.pod]).isSynced)
    }

    @Test func `a pass waits until the cache has what we wrote`() {
        let store = store([object(.etcdCluster, "demo"), object(.pod, "demo-0", 9)])
        #expect(!store.isBehind(key))
        store.wrote(object(.pod, "demo-0", 12), as: .pod)
        #expect(store.isBehind(key))
        store.tell(index(.pod)) { watch in
            watch.received(.modified(object(.pod, "demo-0", 12)), now: MonotonicClock.now)
                .map { [$0] } ?? []
        }
        #expect(!store.isBehind(key))
    }

    @Test func `of two namespaces only the cluster's own tells what came back`() throws {
        let store = ClusterStore(namespaces: ["ns", "quiet"], seed: 1)
        for index in 0..<store.watchCount {
            store.tell(index) {
                $0.listed(
                    KubeList(items: [], resourceVersion: "10"), now: Instant(nanoseconds: 0))
            }
        }
        let name = ResourceKind.pod.qualifiedName
        // One watch after the other, in the order of the namespaces.
        let own = try #require((0..<store.watchCount).first { store.label($0) == name })
        func advance(_ index: Int, to version: String) {
            store.tell(index) { watch in
                let bookmark = WatchEvent.bookmark(
                    resourceVersion: version, initialEventsEnd: false)
                return watch.received(bookmark, now: MonotonicClock.now).map { [$0] } ?? []
            }
        }
        store.wrote(object(.pod, "demo-0", 12), as: .pod)
        #expect(store.isBehind(key))
        // The other one is ahead: it has not seen our write for all that.
        advance(own + 1, to: "15")
        #expect(store.isBehind(key))
        advance(own, to: "12")
        #expect(!store.isBehind(key))
        // And now it is behind, which does not matter.
        store.wrote(object(.pod, "demo-0", 20), as: .pod)
        advance(own, to: "20")
        #expect(!store.isBehind(key))
    }

    @Test func `an observation holds what belongs to the cluster`() throws {
        var cluster = object(.etcdCluster, "demo")
        cluster["spec", "tls", "mode"] = "Disabled"
        var foreign = object(.pod, "other-0")
        foreign.labels[Names.clusterLabel] = "other"
        let store = store([
            cluster, object(.pod, "demo-1"), object(.pod, "demo-0"), foreign,
            object(.persistentVolumeClaim, "data-demo-0"),
            object(.persistentVolumeClaim, "data-other-0"), object(.statefulSet, "demo"),
            object(.configMap, "demo-membership"),
        ])
        let view = try #require(store.view(key))
        let observer = Observer(
            prober: MemberProber(timeout: .milliseconds(100)), nodeImage: "keelson:9")
        let seen = observer.observe(view)
        #expect(seen.pods.map(\.name) == ["demo-0", "demo-1"])
        #expect(seen.claims.map(\.name) == ["data-demo-0"])
        #expect(seen.statefulSet != nil && seen.configMap != nil)
        #expect(seen.cluster.string("spec", "image") == "keelson:9")
        // Pods without an address are listed, and unknown.
        #expect(seen.etcd.probes.map(\.podName) == ["demo-0", "demo-1"])
        #expect(!seen.etcd.members.isKnown)
    }

    @Test func `a node's answer is read`() throws {
        let json = try JSON.parse(
            #"""
            {"state":"AwaitingTicket","reason":"","clusterUID":"c","clusterID":"1f",
             "memberID":"","podUID":"p","dataLost":true,"ticketGeneration":4,"version":"3.6.5"}
            """#)
        let identity = try #require(NodeIdentity(json))
        #expect(identity.state == .awaitingTicket && identity.dataLost)
        #expect(identity.clusterID == ClusterID(0x1f) && identity.memberID == nil)
        #expect(identity.ticketGeneration == 4)
        #expect(NodeIdentity(["state": "Dreaming"]) == nil)
    }

    @Test func `flags have their defaults and their bounds`() throws {
        func settings(_ arguments: [String]) throws -> OperatorSettings {
            try OperatorSettings(FlagParser.parse(arguments, OperatorFlags.table))
        }
        let plain = try settings([])
        #expect(plain.namespaces == [""] && plain.electsLeader && plain.workerCount == 4)
        #expect(plain.resync == .seconds(30) && plain.listen == ":8080")
        let given = try settings([
            "--watch-namespaces=a,b", "--leader-elect=false", "--resync", "1m",
        ])
        #expect(given.namespaces == ["a", "b"] && !given.electsLeader)
        #expect(given.resync == .seconds(60))
        #expect(throws: FlagError.self) { try settings(["--workers=0"]) }
        #expect(throws: FlagError.self) { try settings(["more"]) }
        #expect(OperatorFlags.usage.contains("--leader-elect"))
    }

    @Test func `news of backups and schedules reach the cluster that they are of`() {
        let store = store([object(.etcdCluster, "demo"), object(.etcdCluster, "other")])
        store.setLeads(true)
        func drain() -> [ClusterKey] {
            var keys: [ClusterKey] = []
            while store.queueDepth > 0, let key = store.takeWork() {
                store.done(key)
                keys.append(key)
            }
            return keys.filter { $0.kind == .etcdCluster }
        }
        #expect(drain().count == 2)
        var backup = object(.etcdBackup, "now", 20)
        backup["spec"] = ["clusterRef": ["name": "demo"]]
        var schedule = object(.etcdBackupSchedule, "daily", 21)
        schedule["spec"] = ["backupTemplate": ["clusterRef": ["name": "demo"]]]
        for (kind, news) in [
            (ResourceKind.etcdBackup, backup), (.etcdBackupSchedule, schedule),
        ] {
            store.tell(index(kind)) { watch in
                watch.received(.added(news), now: MonotonicClock.now).map { [$0] } ?? []
            }
            #expect(drain() == [key], "\(kind)")
        }
    }
}
