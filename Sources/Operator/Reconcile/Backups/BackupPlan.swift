// SPDX-License-Identifier: Apache-2.0
package import Bytes
internal import Formats
package import Kube

// Backups and restores: three small reconcilers beside the cluster's. Their `Plan.status` is the
// status of the object in question. They are reads of the cluster, so that they run beside its
// operations, but not while its data is being decided upon.

/// What is known of an EtcdBackup, an EtcdBackupSchedule or an EtcdRestore.
package struct BackupObservation: Equatable, Sendable {
    package var object: KubeObject
    /// The cluster that `clusterRef` names, or that a restore is to make.
    package var cluster: KubeObject?
    /// For a restore: the EtcdBackup that `backupRef` names.
    package var backup: KubeObject?
    /// In the object's namespace, sorted by name: those that may be ours.
    package var cronJobs: [KubeObject]
    package var jobs: [KubeObject]
    package var jobPods: [KubeObject]
    package var claims: [KubeObject]

    package init(object: KubeObject) {
        self.object = object
        cronJobs = []
        jobs = []
        jobPods = []
        claims = []
    }
}

package enum BackupPlanner {
    /// For each of the three kinds.
    package static func plan(_ seen: BackupObservation, now: Instant) -> Plan {
        guard !seen.object.isBeingDeleted else { return Plan() }
        switch seen.object.kind {
        case ResourceKind.etcdBackup.kind: return backup(seen, now)
        case ResourceKind.etcdBackupSchedule.kind: return schedule(seen, now)
        case ResourceKind.etcdRestore.kind: return restore(seen, now)
        default: return Plan()
        }
    }

    // MARK: One backup

    private static func backup(_ seen: BackupObservation, _ now: Instant) -> Plan {
        let object = seen.object
        let phase = object.string("status", "phase") ?? ""
        guard phase != "Completed", phase != "Failed" else { return Plan() }
        guard let cluster = seen.cluster else {
            return report(seen, [("phase", "Pending"), ("error", "there is no such cluster")])
        }
        if let reason = refusal(cluster) {
            return report(seen, [("phase", "Pending"), ("error", .string(reason))], after: 5)
        }
        let job = BackupJob(
            cluster: cluster, spec: object["spec"] ?? [:], name: object.name, uid: object.uid,
            retention: nil)
        if let claim = job.claim(), !seen.claims.contains(where: { $0.name == claim.name }) {
            return Plan(step: .create(claim), operationID: "claim", requeueAfter: .seconds(1))
        }
        let name = "\(object.name)-backup"
        guard let there = seen.jobs.first(where: { $0.name == name }) else {
            var wanted = owned(.job, name, object)
            wanted["spec"] = job.jobSpec()
            return Plan(step: .create(wanted), operationID: "job", requeueAfter: .seconds(1))
        }
        return follow(there, seen)
    }

    /// The status from the Job's own words.
    private static func follow(_ job: KubeObject, _ seen: BackupObservation) -> Plan {
        var fields: [(String, JSONValue)] = [
            ("jobName", .string(job.name)), ("startedAt", .string(job.creationTimestamp ?? "")),
        ]
        let message = TerminationMessage.read(seen.jobPods, ofJob: job.name)
        if let failed = job.condition("Failed"), failed.isTrue {
            let text = message?["error"]?.string ?? failed.message
            fields += [("phase", "Failed"), ("error", .string(text))]
            return report(seen, fields, event: .warning("BackupFailed", text))
        }
        guard let complete = job.condition("Complete"), complete.isTrue else {
            fields.append(("phase", "Running"))
            return report(seen, fields, after: 5)
        }
        let isVerified = message?["verified"]?.bool ?? false
        fields += [
            ("phase", "Completed"), ("completedAt", .string(complete.lastTransitionTime)),
            ("verified", .bool(isVerified)),
        ]
        if let message {
            let claim = seen.object.string(
                "spec", "destination", "persistentVolumeClaim", "claimName")
            fields.append(("artifact", artifact(message, claim ?? "\(seen.object.name)-backups")))
        }
        let file = message?["file"]?.string ?? ""
        return report(seen, fields, event: .normal("BackupCompleted", file))
    }

    static func artifact(_ manifest: JSONValue, _ claim: String) -> JSONValue {
        let keys = [
            "file", "sizeBytes", "uncompressedBytes", "sha256", "revision", "compactRevision",
            "clusterID", "etcdVersion", "keyCount", "hashKV", "createdAt",
        ]
        let file = manifest["file"]?.string ?? ""
        var members: [(String, JSONValue)] = [("uri", .string("pvc://\(claim)/\(file)"))]
        for key in keys {
            if let value = manifest[key] { members.append((key, value)) }
        }
        return .object(members)
    }

    /// Why this cluster cannot be backed up now.
    private static func refusal(_ cluster: KubeObject) -> String? {
        let operation = cluster["status", "operation", "type"]?.string ?? ""
        if operation == "QuorumRecovery" || operation == "Restore" {
            return "the cluster's data is being decided upon: \(operation)"
        }
        return cluster.condition("Available")?.isTrue == true ? nil : "the cluster has no quorum"
    }

    // MARK: A schedule

    private static func schedule(_ seen: BackupObservation, _ now: Instant) -> Plan {
        let object = seen.object
        let spec = object["spec"] ?? [:]
        guard let cluster = seen.cluster else {
            return report(seen, [("lastError", "there is no such cluster")])
        }
        let job = BackupJob(
            cluster: cluster, spec: spec["backupTemplate"] ?? [:], name: object.name,
            uid: object.uid, retention: spec["retention"] ?? [:])
        if let claim = job.claim(), !seen.claims.contains(where: { $0.name == claim.name }) {
            return Plan(step: .create(claim), operationID: "claim", requeueAfter: .seconds(1))
        }
        let wanted = Child.stamped(cronJob(object, spec, job))
        guard let there = seen.cronJobs.first(where: { $0.name == wanted.name }) else {
            return Plan(
                events: [.normal("BackupScheduled", spec["schedule"]?.string ?? "")],
                step: .create(wanted), operationID: "cronjob", requeueAfter: .seconds(1))
        }
        if !Child.isSame(wanted, as: there) {
            var changed = wanted
            changed.resourceVersion = there.resourceVersion
            return Plan(step: .apply(changed), operationID: "cronjob", requeueAfter: .seconds(1))
        }
        let first = "\(object.name)-first"
        if spec["immediate"]?.bool == true, there["status", "lastScheduleTime"] == nil,
            object.string("status", "lastSuccessfulTime") == nil,
            !seen.jobs.contains(where: { $0.name == first })
        {
            var now = owned(.job, first, object)
            now["spec"] = job.jobSpec()
            return Plan(step: .create(now), operationID: "job", requeueAfter: .seconds(1))
        }
        return summary(seen, there, job)
    }

    private static func cronJob(
        _ object: KubeObject, _ spec: JSONValue, _ job: BackupJob
    ) -> KubeObject {
        var wanted = owned(.cronJob, object.name, object)
        var fields: [(String, JSONValue)] = [
            ("schedule", spec["schedule"] ?? ""),
            ("suspend", spec["suspend"] ?? false),
            ("concurrencyPolicy", spec["concurrencyPolicy"] ?? "Forbid"),
            ("startingDeadlineSeconds", spec["startingDeadlineSeconds"] ?? 600),
            ("successfulJobsHistoryLimit", spec["successfulJobsHistoryLimit"] ?? 3),
            ("failedJobsHistoryLimit", spec["failedJobsHistoryLimit"] ?? 3),
            (
                "jobTemplate",
                ["metadata": ["labels": wanted.labels.json], "spec": job.jobSpec()]
            ),
        ]
        if let zone = spec["timeZone"]?.string, !zone.isEmpty {
            fields.append(("timeZone", .string(zone)))
        }
        wanted["spec"] = .object(fields)
        return wanted
    }

    private static func summary(
        _ seen: BackupObservation, _ cronJob: KubeObject, _ job: BackupJob
    ) -> Plan {
        var fields: [(String, JSONValue)] = []
        for (field, path) in [
            ("lastScheduleTime", "lastScheduleTime"), ("lastSuccessfulTime", "lastSuccessfulTime"),
        ] {
            if let value = cronJob["status", path] { fields.append((field, value)) }
        }
        let mine = seen.jobs.filter { job in
            job.ownerReferences.contains { $0.uid == cronJob.uid || $0.uid == seen.object.uid }
        }
        let active = mine.filter {
            $0.condition("Complete")?.isTrue != true && $0.condition("Failed")?.isTrue != true
        }
        fields.append(("active", .array(active.map { .string($0.name) })))
        let ended = mine.filter { !active.contains($0) }
            .sorted {
                ($0.creationTimestamp ?? "", $0.name) < ($1.creationTimestamp ?? "", $1.name)
            }
        if let good = ended.last(where: { $0.condition("Complete")?.isTrue == true }) {
            if let message = TerminationMessage.read(seen.jobPods, ofJob: good.name) {
                fields.append(("lastBackup", artifact(message, job.claimName)))
                for key in ["stored", "storedBytes"] {
                    if let value = message[key] { fields.append((key, value)) }
                }
            }
            if cronJob["status", "lastSuccessfulTime"] == nil,
                let time = good.condition("Complete")?.lastTransitionTime
            {
                fields.append(("lastSuccessfulTime", .string(time)))
            }
        }
        if let last = ended.last, last.condition("Failed")?.isTrue == true {
            let message = TerminationMessage.read(seen.jobPods, ofJob: last.name)
            let text = message?["error"]?.string ?? last.condition("Failed")?.message ?? "it failed"
            fields.append(("lastError", .string(text)))
        }
        // What was known of a backup stays when its Job is tidied away.
        for key in ["lastBackup", "stored", "storedBytes", "lastSuccessfulTime"]
        where !fields.contains(where: { $0.0 == key }) {
            if let old = seen.object["status", key] { fields.append((key, old)) }
        }
        return report(seen, fields)
    }

    // MARK: A restore

    /// A helper that makes a new cluster with `bootstrap.restore`; it never touches one that is.
    private static func restore(_ seen: BackupObservation, _ now: Instant) -> Plan {
        let object = seen.object
        let phase = object.string("status", "phase") ?? ""
        guard phase != "Completed", phase != "Failed" else { return Plan() }
        let target = object.string("spec", "target", "name") ?? ""
        let isOurs = seen.cluster?.annotations["keelson.dev/restored-by"] == object.uid
        if let cluster = seen.cluster, !isOurs {
            return report(
                seen,
                [
                    ("phase", "Failed"), ("reason", "TargetExists"),
                    ("message", .string("there is a cluster \(cluster.name) already")),
                ], event: .warning("RestoreFailed", "there is a cluster \(cluster.name) already"))
        }
        guard let cluster = seen.cluster else {
            return make(target, seen)
        }
        if cluster.condition("Available")?.isTrue == true {
            return report(
                seen, [("phase", "Completed")], event: .normal("RestoreCompleted", target))
        }
        return report(seen, [("phase", "Restoring")], after: 5)
    }

    private static func make(_ target: String, _ seen: BackupObservation) -> Plan {
        let object = seen.object
        guard let source = source(seen) else {
            return report(
                seen, [("phase", "Validating"), ("message", "the backup is not there yet")])
        }
        guard object.bool("spec", "dryRun") != true else {
            return report(seen, [("phase", "Validated")])
        }
        var cluster = KubeObject(.etcdCluster, namespace: object.namespace, name: target)
        cluster.annotations = ["keelson.dev/restored-by": object.uid]
        cluster["spec"] = object["spec", "target", "template"] ?? [:]
        cluster["spec", "bootstrap", "restore"] = source
        return Plan(step: .create(cluster), operationID: "cluster", requeueAfter: .seconds(1))
    }

    private static func source(_ seen: BackupObservation) -> JSONValue? {
        let wanted = seen.object["spec", "source"]
        if wanted?["persistentVolumeClaim"] != nil { return wanted }
        guard let backup = seen.backup, backup.string("status", "phase") == "Completed",
            let file = backup.string("status", "artifact", "file")
        else { return nil }
        let volume = backup["spec", "destination", "persistentVolumeClaim"]
        let claim = volume?["claimName"]?.string ?? "\(backup.name)-backups"
        let folder = volume?["path"]?.string ?? ""
        return [
            "persistentVolumeClaim": [
                "claimName": .string(claim),
                "path": .string(folder.isEmpty ? file : "\(folder)/\(file)"),
            ],
            "sha256": backup["status", "artifact", "sha256"] ?? "",
        ]
    }

    // MARK: Words

    private static func owned(
        _ kind: ResourceKind, _ name: String, _ owner: KubeObject
    ) -> KubeObject {
        var object = KubeObject(kind, namespace: owner.namespace, name: name)
        object.labels = [
            "app.kubernetes.io/name": "keelson-backup",
            "app.kubernetes.io/managed-by": "keelson-operator",
        ]
        object.ownerReferences = [OwnerReference(to: owner)]
        return object
    }

    private static func report(
        _ seen: BackupObservation, _ fields: [(String, JSONValue)], event: ClusterEvent? = nil,
        after seconds: Int64 = 30
    ) -> Plan {
        let status = JSONValue.object(
            [("observedGeneration", .integer(seen.object.generation))]
                + fields.filter { $0.1 != "" })
        guard !StatusReport.isSame(status, seen.object["status"]) else {
            return Plan(requeueAfter: .seconds(seconds))
        }
        return Plan(
            status: status, events: event.map { [$0] } ?? [], requeueAfter: .seconds(seconds))
    }
}
