// SPDX-License-Identifier: Apache-2.0
import Bytes
import Controllers
import Formats
import Kube
import Posix
import Reconcile
import Testing

@testable import OperatorRunner

/// What Prometheus is told of operations and backups.
@Suite struct MetricsTests {
    private let lead = Lead()
    private let now = Instant(nanoseconds: WallClock.nanoseconds)

    private func store(_ objects: [KubeObject]) -> ClusterStore {
        let store = ClusterStore(namespaces: ["ns"], seed: 1)
        for (index, watched) in WatchedKind.all.enumerated() {
            let items = objects.filter { $0.kind == watched.kind.kind }
            store.tell(index) {
                $0.listed(
                    KubeList(items: items, resourceVersion: "10"), now: Instant(nanoseconds: 0))
            }
        }
        return store
    }

    private func object(_ kind: ResourceKind, _ name: String, _ spec: JSONValue) -> KubeObject {
        var object = KubeObject(kind, namespace: "ns", name: name)
        object.resourceVersion = "1"
        object.creationTimestamp = KubeTime.seconds((now + .seconds(-86_400)).nanoseconds)
        object["spec"] = spec
        return object
    }

    private var schedule: KubeObject {
        var schedule = object(
            .etcdBackupSchedule, "nightly",
            ["schedule": "@hourly", "backupTemplate": ["clusterRef": ["name": "demo"]]])
        schedule["status"] = [
            "lastSuccessfulTime": "2026-01-02T03:04:05Z",
            "lastVerifiedTime": "2026-01-02T03:04:05Z",
            "lastDurationSeconds": 8, "stored": 3, "storedBytes": 36,
            "lastBackup": ["sizeBytes": 12, "revision": 5],
        ]
        return schedule
    }

    private func lines(_ metrics: OperatorMetrics) -> [String] {
        String(decoding: metrics.text(), as: UTF8.self).split(separator: "\n").map(String.init)
    }

    @Test func `the leader tells how each schedule stands`() {
        var single = object(.etcdBackup, "now", ["clusterRef": ["name": "demo"]])
        single["status"] = ["phase": "Failed", "completedAt": "2026-01-02T03:04:06Z"]
        let metrics = OperatorMetrics(store: store([schedule, single]), lead: lead)
        #expect(!lines(metrics).contains { $0.hasPrefix("keelson_backup_") })
        lead.setAlways()
        let told = lines(metrics)
        let labels = #"{namespace="ns",cluster="demo",schedule="nightly"}"#
        for line in [
            "keelson_backup_last_success_timestamp\(labels) 1.767323045e+09",
            "keelson_backup_last_verified_timestamp\(labels) 1.767323045e+09",
            "keelson_backup_size_bytes\(labels) 12", "keelson_backup_revision\(labels) 5",
            "keelson_backup_duration_seconds\(labels) 8", "keelson_backup_stored\(labels) 3",
            "keelson_backup_stored_bytes\(labels) 36", "keelson_backup_stale\(labels) 1",
            #"keelson_backup_last_failure_timestamp{namespace="ns",cluster="demo",schedule=""} "#
                + "1.767323046e+09",
        ] {
            #expect(told.contains(line), "\(line) is not in \(told)")
        }
        // A one-off backup has no schedule to miss, and one that failed has no size.
        let oneOff = told.filter { $0.contains("schedule=\"\"") }
        #expect(!oneOff.contains { $0.hasPrefix("keelson_backup_stale") })
        #expect(!oneOff.contains { $0.hasPrefix("keelson_backup_size") })
    }

    @Test func `failures are counted by schedule`() {
        let metrics = OperatorMetrics(store: store([]), lead: lead)
        metrics.noteBackup(schedule, Plan(events: [.warning("BackupFailed", "no space left")]))
        metrics.noteBackup(schedule, Plan(events: [.normal("BackupCompleted", "")]))
        #expect(
            lines(metrics).contains(
                #"keelson_backup_failures_total{namespace="ns",cluster="demo",schedule="nightly"} 1"#
            ))
    }

    @Test func `an operation is counted when it has ended, and a replacement with its cause`() {
        let metrics = OperatorMetrics(store: store([]), lead: lead)
        let cluster = object(.etcdCluster, "demo", .object([]))
        let record = RecordedOperation(
            .replace, target: "demo-1", step: .settle, now: now + .seconds(-20), cause: "DiskLost")
        var plan = Plan(events: [.normal("MemberReplaced", "demo-1")])
        func note(_ ending: Executor.Ending) {
            metrics.note(
                ClusterKey(namespace: "ns", name: "demo"), Observation(cluster: cluster), plan,
                took: .seconds(1), ending, now: now)
        }
        note(.done)
        #expect(!lines(metrics).contains { $0.hasPrefix("keelson_member_replacements") })
        plan.finished = record
        note(.stale("another wrote first"))
        #expect(!lines(metrics).contains { $0.hasPrefix("keelson_member_replacements") })
        note(.done)
        let told = lines(metrics)
        #expect(
            told.contains(
                #"keelson_member_replacements_total{namespace="ns",cluster="demo",cause="DiskLost"} 1"#
            ))
        #expect(told.contains(#"keelson_operation_duration_seconds_count{type="Replace"} 1"#))
        #expect(
            told.contains(#"keelson_operation_duration_seconds_bucket{type="Replace",le="16"} 0"#))
        #expect(
            told.contains(#"keelson_operation_duration_seconds_bucket{type="Replace",le="32"} 1"#))
    }
}
