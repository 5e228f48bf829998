// SPDX-License-Identifier: Apache-2.0
package import Bytes
internal import Formats
package import Kube

// Backups and what is made of them. Reads all of it: no member is changed here.
//
//   EtcdBackup ──────────► Job ─────┐
//   EtcdBackupSchedule ──► CronJob ─┴─► `keelsonctl backup` onto a claim
//        ▲                                     │ termination message: the manifest
//        │ spec.backup.schedules               ▼
//   EtcdCluster                         status of the object
//   EtcdRestore ──► Job that checks ──► a new EtcdCluster with bootstrap.restore
//
// A CronJob goes on when the operator does not. Which files are kept is decided where they lie, by
// their manifests. A restore never touches a cluster that is there.
//
// Like a cluster's plan, one of these writes the status first, with the resourceVersion of what was
// seen, then makes at most one change.

/// What a pass knows of one EtcdBackup, EtcdBackupSchedule or EtcdRestore; lists are those of its
/// namespace.
package struct BackupObservation: Equatable, Sendable {
    package var object: KubeObject
    package var clusters: [KubeObject] = []
    package var backups: [KubeObject] = []
    package var jobs: [KubeObject] = []
    /// Nil where the server has none of `batch/v1`, or does not let us see them.
    package var cronJobs: [KubeObject]?
    package var pods: [KubeObject] = []
    package var claims: [KubeObject] = []
    package var schedules: [KubeObject] = []
    package var defaults = ClusterDefaults()

    package init(_ object: KubeObject) {
        self.object = object
    }

    func cluster(_ name: String) -> KubeObject? {
        clusters.first { $0.name == name && !$0.isBeingDeleted }
    }
}

/// The door to this folder.
package enum BackupReconciler {
    /// `status` of the plan is that of the observed object.
    package static func plan(_ seen: BackupObservation, now: Instant) -> Plan {
        if seen.object.isBeingDeleted { return Plan() }
        switch seen.object.kind {
        case ResourceKind.etcdBackup.kind: return BackupPass(seen, now: now).plan()
        case ResourceKind.etcdBackupSchedule.kind: return SchedulePass(seen, now: now).plan()
        case ResourceKind.etcdRestore.kind: return RestorePass(seen, now: now).plan()
        case ResourceKind.etcdCluster.kind: return InlineSchedules(seen).plan()
        default: return Plan()
        }
    }

    package static let backupLabel = "keelson.dev/backup"
    package static let scheduleLabel = "keelson.dev/schedule"
    package static let restoreLabel = "keelson.dev/restore"
    /// On a cluster that a restore has made: the restore's UID.
    package static let restoredByNote = "keelson.dev/restored-by"
}

/// What the newest ended container among some pods has left as its last words.
struct LastWords {
    var text: String
    var finishedAt: String
    var exitCode: Int

    init?(_ pods: [KubeObject], inJob job: String? = nil) {
        var best: LastWords?
        for pod in pods where job == nil || pod.labels["job-name"] == job {
            for container in pod.list("status", "containerStatuses") {
                let ended =
                    container["state"]?["terminated"] ?? container["lastState"]?["terminated"]
                guard let ended, let words = ended["message"]?.string, !words.isEmpty else {
                    continue
                }
                let at = ended["finishedAt"]?.string ?? ""
                if let best, best.finishedAt > at { continue }
                best = LastWords(
                    text: words, finishedAt: at, exitCode: Int(ended["exitCode"]?.int64 ?? 0))
            }
        }
        guard let best else { return nil }
        self = best
    }

    /// A Job's end and its pod's come by different watches; for a while the pod's is waited for.
    static func mayStillCome(_ job: KubeObject, now: Instant) -> Bool {
        let ends = ["Complete", "Failed"].compactMap { job.condition($0) }.filter(\.isTrue)
        guard let end = ends.first.flatMap({ KubeTime.parse($0.lastTransitionTime) }) else {
            return false
        }
        return now - Instant(nanoseconds: end) < .seconds(30)
    }

    private init(text: String, finishedAt: String, exitCode: Int) {
        self.text = text
        self.finishedAt = finishedAt
        self.exitCode = exitCode
    }
}
