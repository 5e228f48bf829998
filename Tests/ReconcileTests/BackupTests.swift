// SPDX-License-Identifier: Apache-2.0
import Bytes
import Formats
import Kube
import Testing

@testable import Reconcile

/// Backups, schedules and restores, pass by pass, as an operator would carry them out.
@Suite struct BackupTests {
    private let now = Instant(nanoseconds: 1_800_000_000_000_000_000)

    private func own(
        _ kind: ResourceKind, _ name: String, _ spec: JSONValue
    ) -> KubeObject {
        var object = KubeObject(kind, namespace: "ns", name: name)
        object.uid = "uid-\(name)"
        object.resourceVersion = "7"
        object.generation = 1
        object["spec"] = spec
        return object
    }

    private func cluster(_ spec: JSONValue = .object([])) -> KubeObject {
        var cluster = own(.etcdCluster, "demo", spec)
        cluster["status"] = ["clusterID": "abc", "voters": 3]
        return cluster
    }

    private func backup() -> KubeObject {
        own(
            .etcdBackup, "now",
            [
                "clusterRef": ["name": "demo"],
                "destination": [
                    "persistentVolumeClaim": ["claimName": "backups", "path": "a/b"]
                ],
            ])
    }

    private func seen(_ object: KubeObject) -> BackupObservation {
        var seen = BackupObservation(object)
        seen.clusters = [cluster()]
        seen.cronJobs = []
        var claim = KubeObject(.persistentVolumeClaim, namespace: "ns", name: "backups")
        claim.uid = "uid-claim"
        seen.claims = [claim]
        return seen
    }

    /// The observation after its plan was carried out.
    private func after(_ seen: BackupObservation, _ plan: Plan) -> BackupObservation {
        var next = seen
        if let status = plan.status { next.object["status"] = status }
        switch plan.step {
        case .create(let made)?, .apply(let made)?:
            switch made.kind {
            case "Job": next.jobs.append(made)
            case "CronJob":
                next.cronJobs = (next.cronJobs ?? []).filter { $0.name != made.name } + [made]
            case "EtcdCluster": next.clusters.append(made)
            case "EtcdBackupSchedule": next.schedules.append(made)
            default: next.claims.append(made)
            }
        default: break
        }
        return next
    }

    private func end(
        _ job: KubeObject, _ type: String, at end: Instant, words: String?
    ) -> (job: KubeObject, pod: KubeObject) {
        var job = job
        let time = KubeTime.seconds(end.nanoseconds)
        job["status"] = [
            "startTime": .string(time), "completionTime": .string(time),
            "conditions": [
                [
                    "type": .string(type), "status": "True", "reason": "r", "message": "m",
                    "lastTransitionTime": .string(time),
                ]
            ],
        ]
        var pod = KubeObject(.pod, namespace: "ns", name: "\(job.name)-x")
        pod.labels = KubeMap(job["spec", "template", "metadata", "labels"])
        pod.labels["job-name"] = job.name
        if let words {
            pod["status"] = [
                "containerStatuses": [
                    ["state": ["terminated": ["message": .string(words), "exitCode": 0]]]
                ]
            ]
        }
        return (job, pod)
    }

    private let manifest =
        #"{"file":"demo-1.db","sizeBytes":12,"sha256":"ff","revision":5,"keyCount":2,"#
        + #""verified":true,"member":"demo-1","stored":3,"storedBytes":36}"#

    @Test func `a backup becomes a job, and its last words the status`() throws {
        let first = seen(backup())
        let start = BackupReconciler.plan(first, now: now)
        #expect(start.status?["phase"]?.string == "Running")
        var running = after(first, start)
        let job = try #require(running.jobs.first)
        let command = job["spec", "template", "spec", "containers", "0", "command"]?.array ?? []
        let words = command.compactMap(\.string)
        #expect(words.starts(with: ["keelsonctl", "backup"]))
        #expect(words.contains("--dir=/backups/a/b") && words.contains("--uid=uid-now"))
        #expect(
            words.contains { $0.hasPrefix("--endpoints=https://demo-0.demo-peers.ns.svc:2379,") })

        // While it runs nothing is written again.
        #expect(BackupReconciler.plan(running, now: now).status == nil)
        let (ended, pod) = end(job, "Complete", at: now, words: manifest)
        running.jobs = [ended]
        // The job's end may be seen before the pod's.
        let early = BackupReconciler.plan(running, now: now)
        #expect(early.requeueAfter <= .seconds(1) && early.status?["phase"]?.string != "Failed")
        running.pods = [pod]
        let done = BackupReconciler.plan(running, now: now)
        #expect(done.status?["phase"]?.string == "Completed")
        #expect(done.status?["artifact"]?["uri"]?.string == "pvc://backups/a/b/demo-1.db")
        #expect(done.status?["verified"]?.bool == true)
        #expect(done.events.map(\.reason) == ["BackupCompleted"])
        let over = after(running, done)
        #expect(BackupReconciler.plan(over, now: now) == Plan())
    }

    @Test func `a job that failed, or says nothing for long, is a failed backup`() throws {
        let first = seen(backup())
        var running = after(first, BackupReconciler.plan(first, now: now))
        let job = try #require(running.jobs.first)
        let (failed, pod) = end(job, "Failed", at: now, words: #"{"error":"no space left"}"#)
        running.jobs = [failed]
        running.pods = [pod]
        let plan = BackupReconciler.plan(running, now: now)
        #expect(plan.status?["phase"]?.string == "Failed")
        #expect(plan.status?["error"]?.string == "no space left")
        let (silent, mute) = end(job, "Complete", at: now, words: nil)
        running.jobs = [silent]
        running.pods = [mute]
        let late = BackupReconciler.plan(running, now: now + .seconds(31))
        #expect(late.status?["phase"]?.string == "Failed")
    }

    @Test(arguments: ["Restore", "QuorumRecovery", "Bootstrap"])
    func `no backup begins during`(operation: String) {
        var first = seen(backup())
        first.clusters[0]["status", "operation"] = ["type": .string(operation)]
        let plan = BackupReconciler.plan(first, now: now)
        #expect(plan.step == nil && plan.status?["phase"]?.string == "Pending")
        // Told once.
        let again = BackupReconciler.plan(after(first, plan), now: now)
        #expect(again.status == nil && again.events.isEmpty)
    }

    @Test func `a schedule is a CronJob with its retention, applied once`() throws {
        let schedule = own(
            .etcdBackupSchedule, "nightly",
            [
                "schedule": "0 3 * * *", "retention": ["keepLast": 2, "daily": 9],
                "backupTemplate": [
                    "clusterRef": ["name": "demo"], "destination": ["volume": ["size": "2Gi"]],
                ],
            ])
        var world = seen(schedule)
        let claim = BackupReconciler.plan(world, now: now)
        guard case .create(let made)? = claim.step else {
            Issue.record("no claim is made: \(claim)")
            return
        }
        #expect(made.kind == "PersistentVolumeClaim" && made.name == "demo-backups")
        #expect(made.ownerReferences.isEmpty, "backups outlive their cluster")
        world = after(world, claim)
        world = after(world, BackupReconciler.plan(world, now: now))
        let cron = try #require(world.cronJobs?.first)
        let command =
            cron[
                "spec", "jobTemplate", "spec", "template", "spec", "containers", "0", "command"
            ]?.array ?? []
        #expect(command.compactMap(\.string).contains("--keep-daily=9"))
        #expect(cron.controller?.uid == "uid-nightly")
        let steady = BackupReconciler.plan(
            after(world, BackupReconciler.plan(world, now: now)), now: now)
        #expect(steady.step == nil && steady.status == nil)
    }

    @Test func `without CronJobs a schedule says so`() {
        let schedule = own(
            .etcdBackupSchedule, "nightly",
            [
                "schedule": "@daily",
                "backupTemplate": [
                    "clusterRef": ["name": "demo"],
                    "destination": ["persistentVolumeClaim": ["claimName": "backups"]],
                ],
            ])
        var world = seen(schedule)
        world.cronJobs = nil
        let plan = BackupReconciler.plan(world, now: now)
        #expect(plan.step == nil && plan.events.map(\.reason) == ["NoCronJobs"])
    }

    private func restore(_ target: String) -> KubeObject {
        own(
            .etcdRestore, "back",
            [
                "source": [
                    "persistentVolumeClaim": ["claimName": "backups", "path": "a/demo-1.db"]
                ],
                "target": ["name": .string(target), "template": ["replicas": 1]],
            ])
    }

    @Test func `a restore checks first, then makes a new cluster, once`() throws {
        var world = seen(restore("copy"))
        world = after(world, BackupReconciler.plan(world, now: now))
        let job = try #require(world.jobs.first)
        #expect(world.clusters.count == 1, "nothing is made before the check has ended")
        let (ended, pod) = end(job, "Complete", at: now, words: manifest)
        world.jobs = [ended]
        world.pods = [pod]
        let create = BackupReconciler.plan(world, now: now)
        #expect(create.status?["phase"]?.string == "Creating")
        world = after(world, create)
        let copy = try #require(world.clusters.last)
        #expect(copy.name == "copy" && copy.int("spec", "replicas") == 1)
        #expect(
            copy.string("spec", "bootstrap", "restore", "persistentVolumeClaim", "path")
                == "a/demo-1.db")
        world = after(world, BackupReconciler.plan(world, now: now))
        #expect(world.clusters.count == 2)
        func phase(_ conditions: (type: String, status: String, reason: String)...) -> String? {
            world.clusters[1]["status"] = [
                "voters": 1,
                "conditions": .array(
                    conditions.map {
                        [
                            "type": .string($0.type), "status": .string($0.status),
                            "reason": .string($0.reason),
                        ]
                    }),
            ]
            let said = BackupReconciler.plan(world, now: now).status ?? world.object["status"]
            return said?["phase"]?.string
        }
        let available = (type: "Available", status: "True", reason: "QuorumAnswers")
        #expect(phase(available) == "Restoring", "its seed holds the backup's volume")
        let holds = (type: "MembersUpdated", status: "False", reason: "HoldsBackup")
        let rolls = (type: "Progressing", status: "True", reason: "DisruptionDeferred")
        #expect(phase(available, holds, rolls) == "Restoring")
        let steady = (type: "Progressing", status: "False", reason: "Steady")
        #expect(phase(available, holds, steady) == "Restoring")
        let deferred = (type: "Progressing", status: "False", reason: "DisruptionDeferred")
        #expect(phase(available, holds, deferred) == "Completed", "that may take for ever")
        #expect(phase(available, ("MembersUpdated", "True", "Updated")) == "Completed")
    }

    @Test func `a restore never touches a cluster that is there`() {
        let plan = BackupReconciler.plan(seen(restore("demo")), now: now)
        #expect(plan.step == nil && plan.status?["reason"]?.string == "TargetExists")
    }

    @Test func `a refused artefact makes no cluster`() throws {
        var world = seen(restore("copy"))
        world = after(world, BackupReconciler.plan(world, now: now))
        let job = try #require(world.jobs.first)
        let (failed, pod) = end(job, "Failed", at: now, words: #"{"error":"is damaged"}"#)
        world.jobs = [failed]
        world.pods = [pod]
        let plan = BackupReconciler.plan(world, now: now)
        #expect(plan.step == nil && plan.status?["phase"]?.string == "Failed")
        #expect(plan.status?["message"]?.string == "is damaged")
    }

    @Test func `schedules in a cluster are objects of their own, and go with their entry`() throws {
        let spec: JSONValue = [
            "backup": [
                "schedules": [
                    [
                        "name": "hourly", "schedule": "@hourly",
                        "destination": ["volume": ["size": "1Gi"]],
                    ]
                ]
            ]
        ]
        var world = seen(cluster(spec))
        world.clusters = [world.object]
        world = after(world, BackupReconciler.plan(world, now: now))
        let schedule = try #require(world.schedules.first)
        #expect(schedule.name == "demo-hourly" && schedule.controller?.uid == "uid-demo")
        #expect(BackupReconciler.plan(world, now: now).step == nil)
        world.object["spec"] = .object([])
        world.schedules[0].uid = "uid-schedule"
        guard
            case .delete(let key, "uid-schedule", _)? = BackupReconciler.plan(world, now: now).step
        else {
            Issue.record("it stays")
            return
        }
        #expect(key.name == "demo-hourly")
    }

    @Test func `a completed backup stands for its file`() {
        var completed = backup()
        completed["status"] = [
            "phase": "Completed",
            "artifact": [
                "uri": "pvc://backups/a/b/demo-1.db", "sha256": "ff", "file": "demo-1.db",
            ],
        ]
        let cluster = own(
            .etcdCluster, "copy", ["bootstrap": ["restore": ["backupRef": ["name": "now"]]]])
        let resolved = RestoreOrigin.resolved(cluster, [completed])
        let claim = resolved["spec", "bootstrap", "restore", "persistentVolumeClaim"]
        #expect(claim?["path"]?.string == "a/b/demo-1.db" && claim?["sha256"]?.string == "ff")
        #expect(
            RestoreOrigin.resolved(cluster, [backup()]) == cluster, "not before it is completed")
    }
}
