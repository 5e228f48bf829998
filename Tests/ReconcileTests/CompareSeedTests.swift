// SPDX-License-Identifier: Apache-2.0
import Bytes
import Formats
import Kube
import Testing

@testable import Reconcile

/// After a restore, before anybody joins: the first member's keys are counted.
@Suite struct CompareSeedTests {
    private let now = RecordTests.now
    private let id = ClusterID(0xabc)

    /// A cluster whose restored seed runs; its operation is at the comparison.
    private func seen(
        keys: Int64? = 311, revision: Int64 = 1717, counted: KeyCount?,
        at current: Int64 = 1_000_001_717
    ) -> Observation {
        var record = RecordedOperation(.restore, target: "demo-0", step: .compareSeed, now: now)
        record.expectedKeys = keys
        record.expectedRevision = keys == nil ? nil : Pass.restored(revision)
        let cluster = RecordTests.cluster { cluster in
            cluster["spec"] = [
                "replicas": 3, "tls": ["mode": "Disabled"],
                "bootstrap": [
                    "restore": ["persistentVolumeClaim": ["claimName": "c", "path": "a.db"]]
                ],
            ]
            cluster["status"] = ["clusterID": .string(id.description), "operation": record.json]
        }
        var seen = Observation(cluster: cluster)
        var map = Membership(clusterUID: "uid-1")
        map.clusterID = id
        map.set(
            "demo-0",
            Ticket(
                .resume, clusterUID: "uid-1", generation: 2, restoreGeneration: 0,
                memberID: MemberID(1)))
        if case .create(let made) = MembershipWriter.step(
            map, over: nil, DesiredCluster(cluster), cluster)
        {
            seen.configMap = made
        }
        seen.etcd = member(at: current)
        seen.etcd.restoredKeys = counted
        seen.pods = [pod]
        return settled(seen)
    }

    private var pod: KubeObject {
        var pod = KubeObject(.pod, namespace: "ns", name: "demo-0")
        pod.uid = "p"
        return pod
    }

    private func member(at revision: Int64) -> EtcdView {
        let status = NodeStatus(
            clusterID: id, memberID: MemberID(1), leader: MemberID(1), term: Term(2),
            raftIndex: LogIndex(9), appliedIndex: LogIndex(9), revision: revision)
        return EtcdView(
            members: .known([
                ListedMember(
                    id: MemberID(1), name: "demo-0",
                    peerURLs: ["http://demo-0.demo-peers.ns.svc:2380"], isLearner: false)
            ]), clusterID: id,
            probes: [MemberProbe(podName: "demo-0", status: .known(status), isLinearizable: true)])
    }

    /// Its children are there.
    private func settled(_ start: Observation) -> Observation {
        var seen = start
        for _ in 0..<20 {
            let plan = Reconciler.plan(seen, now: now)
            guard plan.operationID.hasPrefix("child/") || plan.operationID.hasPrefix("mark/") else {
                return seen
            }
            switch plan.step {
            case .create(let made)?, .apply(let made)?, .createToken(let made)?:
                switch made.kind {
                case "ServiceAccount": seen.serviceAccount = made
                case "Service": seen.services.append(made)
                case "Secret": seen.secrets.append(made)
                case "StatefulSet": seen.statefulSet = made
                default: Issue.record("what is \(made.kind)?")
                }
            case .patch?: seen.pods[0].labels[Names.roleLabel] = "voter"
            default: Issue.record("what is \(plan.operationID)?")
            }
        }
        return seen
    }

    private func plan(_ seen: Observation) -> Plan { Reconciler.plan(seen, now: now) }

    @Test func `as many keys as in the backup: the restore is complete, with its numbers`() {
        let plan = plan(seen(counted: .count(311)))
        #expect(plan.status?["operation"] == nil)
        let told = plan.events.first { $0.reason == "RestoreCompleted" }
        #expect(told?.message.contains("311 keys at revision 1000001717") == true)
        #expect(plan.finished?.type == .restore)
    }

    private func updated(_ seen: Observation) -> [String?] {
        let conditions = plan(seen).status?["conditions"]?.array ?? []
        let line = conditions.first { $0["type"]?.string == "MembersUpdated" }
        return [line?["status"]?.string, line?["reason"]?.string]
    }

    @Test func `members are not up to date before the seed gave the backup's volume back`() {
        var seen = seen(counted: .count(311))
        #expect(updated(seen) == ["Unknown", "NotObserved"])
        seen.statefulSet?["status"] = ["observedGeneration": 9, "updateRevision": "r1"]
        seen.pods[0].labels[Names.revisionLabel] = "r1"
        #expect(updated(seen) == ["True", "Updated"])
        seen.pods[0]["spec"] = ["volumes": [["name": "data"], ["name": "restore"]]]
        #expect(updated(seen) == ["False", "HoldsBackup"])
        seen.pods[0].labels[Names.revisionLabel] = "r0"
        #expect(updated(seen) == ["False", "Outdated"])
        // On its way: the old pod is gone and the new one is not there.
        var roll = RecordedOperation(.roll, target: "demo-0", step: .awaitPod, now: now)
        roll.podUID = "p"
        seen.cluster["status", "operation"] = roll.json
        seen.pods = []
        #expect(updated(seen) == ["False", "RollingOut"])
    }

    @Test func `a cluster that was not founded has no members to be up to date`() {
        var seen = Observation(cluster: RecordTests.cluster { _ in })
        seen.statefulSet = KubeObject(.statefulSet, namespace: "ns", name: "demo")
        seen.statefulSet?["status"] = ["observedGeneration": 9, "updateRevision": "r1"]
        #expect(updated(seen) == ["Unknown", "NotFounded"])
    }

    @Test func `writes of clients since then change nothing`() {
        let plan = plan(seen(counted: .count(311), at: 1_000_009_999))
        #expect(plan.events.contains { $0.reason == "RestoreCompleted" })
    }

    @Test func `fewer keys: it fails, nobody joins, and an EtcdRestore learns of it`() {
        let seen = seen(counted: .count(310))
        let plan = plan(seen)
        #expect(plan.step == nil && plan.status?["operation"]?["step"]?.string == "CompareSeed")
        #expect(plan.status?["phase"]?.string == "Failed")
        let told = plan.events.filter { $0.reason == "RestoreFailed" }
        #expect(told.map(\.message).first?.contains("310 keys") == true && told.count == 1)
        var after = seen
        after.cluster["status"] = plan.status
        #expect(self.plan(after).events.isEmpty, "told once")
        #expect(restore(after.cluster).status?["reason"]?.string == "RestoreFailed")
    }

    private func restore(_ target: KubeObject) -> Plan {
        var target = target
        target.annotations[BackupReconciler.restoredByNote] = "uid-back"
        var object = KubeObject(.etcdRestore, namespace: "ns", name: "back")
        object.uid = "uid-back"
        object["spec"] = [
            "source": ["persistentVolumeClaim": ["claimName": "c", "path": "a.db"]],
            "target": ["name": "demo"],
        ]
        object["status"] = ["phase": "Restoring"]
        var seen = BackupObservation(object)
        seen.clusters = [target]
        return BackupReconciler.plan(seen, now: now)
    }

    @Test func `a member that begins too low has lost something`() {
        let plan = plan(seen(counted: .count(311), at: 1_000_001_716))
        #expect(plan.events.map(\.reason) == ["RestoreFailed"])
    }

    @Test func `without an answer it waits, without numbers it says so and goes on`() {
        let waiting = plan(seen(counted: nil))
        #expect(waiting.step == nil && waiting.status?["operation"] != nil)
        let refused = plan(seen(counted: .refused("required revision has been compacted")))
        #expect(refused.events.contains { $0.message.contains("compacted") })
        #expect(refused.status?["operation"] == nil)
        let silent = plan(seen(keys: nil, counted: nil))
        #expect(silent.events.contains { $0.message.contains("left no numbers") })
    }

    @Test func `only a comparison has keys counted`() {
        let cluster = seen(counted: nil).cluster
        #expect(KeyCount.wanted(for: cluster)?.revision == 1_000_001_717)
        #expect(KeyCount.wanted(for: cluster)?.pod == "demo-0")
        #expect(KeyCount.wanted(for: RecordTests.cluster()) == nil)
    }

    @Test func `the check of the artefact leaves its numbers on record`() throws {
        let record = RecordedOperation(.restore, target: "demo-0", step: .checkArtefact, now: now)
        var seen = seen(counted: nil)
        seen.cluster["status"] = ["operation": record.json]
        seen.configMap = nil
        seen.pods = []
        seen.etcd = EtcdView()
        seen = settledMap(seen)
        guard case .create(var job)? = plan(seen).step else {
            Issue.record("no check: \(plan(seen))")
            return
        }
        let time = KubeTime.seconds((now + .seconds(-5)).nanoseconds)
        job["status"] = [
            "conditions": [
                ["type": "Complete", "status": "True", "lastTransitionTime": .string(time)]
            ]
        ]
        seen.jobs = [job]
        #expect(plan(seen).status?["operation"]?["step"]?.string == "CheckArtefact", "too early")
        var pod = KubeObject(.pod, namespace: "ns", name: "demo-restore-check-x")
        pod.labels = KubeMap(job["spec", "template", "metadata", "labels"])
        #expect(pod.labels[Names.clusterLabel] == "demo", "or the operator would not see it")
        #expect(pod.labels["app.kubernetes.io/name"] != "keelson", "or services would find it")
        pod.labels["job-name"] = job.name
        pod["status", "containerStatuses"] = [
            [
                "state": [
                    "terminated": [
                        "message": #"{"file":"a.db","revision":1717,"keyCount":311}"#,
                        "exitCode": 0,
                    ]
                ]
            ]
        ]
        seen.jobPods = [pod]
        let operation = try #require(plan(seen).status?["operation"])
        #expect(operation["step"]?.string == "AwaitSeed")
        #expect(operation["expectedKeys"]?.int64 == 311)
        #expect(operation["expectedRevision"]?.int64 == 1_000_001_717)
        #expect(RecordedOperation.read(operation)?.expectedKeys == 311)
    }

    private func settledMap(_ start: Observation) -> Observation {
        var seen = start
        if case .create(let made)? = plan(seen).step, made.kind == "ConfigMap" {
            seen.configMap = made
        }
        return seen
    }
}
