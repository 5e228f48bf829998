// SPDX-License-Identifier: Apache-2.0
internal import Bytes
internal import Formats
package import Kube

/// One EtcdRestore: the artefact is checked, then a new cluster is made from it.
struct RestorePass {
    private let seen: BackupObservation
    private let now: Instant
    private var restore: EtcdRestore

    init(_ seen: BackupObservation, now: Instant) {
        self.seen = seen
        self.now = now
        restore = EtcdRestore(seen.object)
    }

    private var time: String { KubeTime.seconds(now.nanoseconds) }
    private var jobName: String { "restore-\(restore.name)-check" }

    func plan() -> Plan {
        var pass = self
        return pass.decide()
    }

    private mutating func decide() -> Plan {
        switch restore.status.phase {
        case .completed, .failed: return Plan()
        case .validated where restore.spec.dryRun: return Plan()
        case .creating, .restoring: return follow()
        case .unknown, .validating, .validated: return validate()
        }
    }

    // MARK: Validate

    private mutating func validate() -> Plan {
        guard restore.problems.isEmpty else {
            let problem = restore.problems[0]
            return fail("InvalidSpec", "\(problem.field): \(problem.message)")
        }
        let target = restore.spec.target.name
        if let there = seen.clusters.first(where: { $0.name == target }),
            there.annotations[BackupReconciler.restoredByNote] != restore.uid
        {
            return fail(
                "TargetExists", "EtcdCluster \(target) is there; a restore makes a new cluster")
        }
        switch RestoreOrigin.find(restore.spec.source, seen.backups) {
        case .refused(let reason, let text): return fail(reason, text)
        case .waiting(let text): return wait(text)
        case .found(let origin): return check(origin)
        }
    }

    private mutating func check(_ origin: RestoreOrigin) -> Plan {
        guard seen.claims.contains(where: { $0.name == origin.claimName }) else {
            return fail("NoClaim", "there is no claim \(origin.claimName)")
        }
        guard let job = seen.jobs.first(where: { $0.name == jobName }) else {
            let source = RestoreSource(origin.full)
            var wanted = RestoreCheck.job(spec(origin).desired, source, owner: seen.object)
            wanted.name = jobName
            let labels = BackupPod.labels(
                restore.spec.target.name, BackupReconciler.restoreLabel, restore.name)
            wanted.labels = labels
            wanted["spec", "template", "metadata", "labels"] = labels.json
            var plan = phase(.validating, events: [])
            plan.step = .create(wanted)
            return plan
        }
        let pods = seen.pods.filter {
            $0.labels[BackupReconciler.restoreLabel] == restore.name
        }
        let words = LastWords(pods)
        if words == nil, LastWords.mayStillCome(job, now: now) {
            return phase(.validating, events: [])
        }
        let report = BackupReport(words, claim: origin.claimName, folder: origin.folder)
        if let failed = job.condition("Failed"), failed.isTrue {
            return fail(
                "ArtifactRefused", report.error.isEmpty ? failed.message : report.error)
        }
        guard job.condition("Complete")?.isTrue == true else {
            return phase(.validating, events: [])
        }
        restore.status.artifact = report.artifact
        set("Validated", .yes, "Checked", origin.path)
        guard !restore.spec.dryRun else {
            return phase(.validated, events: [.normal("BackupValidated", origin.path)])
        }
        return create(origin)
    }

    // MARK: Create

    private mutating func create(_ origin: RestoreOrigin) -> Plan {
        var cluster = KubeObject(
            .etcdCluster, namespace: restore.namespace, name: restore.spec.target.name)
        cluster.annotations = [BackupReconciler.restoredByNote: restore.uid]
        cluster["spec"] = spec(origin).json
        var plan = phase(
            .creating, events: [.normal("RestoreStarted", "EtcdCluster \(cluster.name)")])
        plan.step = .create(cluster)
        return plan
    }

    /// That of the target's template, or of the cluster that was backed up.
    private func spec(_ origin: RestoreOrigin) -> (json: JSONValue, desired: DesiredCluster) {
        var spec = restore.spec.target.template.object
        if spec.isEmpty, let old = seen.cluster(origin.cluster)?["spec"]?.object {
            spec = old
            spec["backup"] = nil
            spec["hibernate"] = nil
            spec["paused"] = nil
        }
        spec["bootstrap"] = ["restore": origin.json]
        var object = KubeObject(
            .etcdCluster, namespace: restore.namespace, name: restore.spec.target.name)
        object["spec"] = .object(spec)
        return (.object(spec), DesiredCluster(object, defaults: seen.defaults))
    }

    private mutating func follow() -> Plan {
        let target = restore.spec.target.name
        guard let cluster = seen.clusters.first(where: { $0.name == target }) else {
            // The creation may have been lost; the check is done and its Job still there.
            guard restore.status.phase == .creating else {
                return fail("TargetGone", "EtcdCluster \(target) was deleted")
            }
            return validate()
        }
        guard cluster.annotations[BackupReconciler.restoredByNote] == restore.uid else {
            return fail("TargetExists", "EtcdCluster \(target) was made by somebody else")
        }
        if cluster.string("status", "phase") == "Failed" {
            let reason = cluster.condition("Progressing")?.message ?? "it failed"
            return fail("RestoreFailed", "EtcdCluster \(target): \(reason)")
        }
        let ready = cluster.int("status", "voters") ?? 0
        let wanted = cluster.int("spec", "replicas") ?? 3
        guard cluster.condition("Available")?.isTrue == true, ready >= wanted, isSettled(cluster)
        else { return phase(.restoring, events: []) }
        restore.status.completedAt = time
        set("Complete", .yes, "Restored", "EtcdCluster \(target)")
        let what = restore.status.artifact.map {
            ", with \($0.keyCount) keys of revision \($0.revision)"
        }
        return phase(
            .completed,
            events: [
                .normal(
                    "RestoreCompleted", "EtcdCluster \(target) is available\(what ?? "")")
            ])
    }

    /// No member is still to be stopped so that it gives the backup's volume back; unless that waits
    /// for somebody's word, or for what need not come soon.
    private func isSettled(_ cluster: KubeObject) -> Bool {
        if cluster.condition("MembersUpdated")?.isTrue == true { return true }
        guard let progress = cluster.condition("Progressing"), !progress.isTrue else {
            return false
        }
        return ["DisruptionDeferred", "BackupFailed"].contains(progress.reason)
    }

    // MARK: Status

    private mutating func phase(
        _ phase: EtcdRestoreStatus.Phase, events: [ClusterEvent]
    ) -> Plan {
        restore.status.phase = phase
        restore.status.reason = ""
        restore.status.message = ""
        restore.status.jobName = jobName
        if restore.status.startedAt.isEmpty { restore.status.startedAt = time }
        return written(events)
    }

    private mutating func fail(_ reason: String, _ text: String) -> Plan {
        restore.status.phase = .failed
        restore.status.completedAt = time
        restore.status.reason = reason
        restore.status.message = text
        set("Failed", .yes, reason, text)
        return written([.warning("RestoreFailed", "\(reason): \(text)")])
    }

    private mutating func wait(_ text: String) -> Plan {
        restore.status.phase = .validating
        restore.status.message = text
        return written([])
    }

    private mutating func set(
        _ type: String, _ truth: Conditions.Truth, _ reason: String, _ message: String
    ) {
        restore.status.conditions.set(
            type, truth, reason: reason, message: message,
            generation: Int(clamping: seen.object.generation), now: time)
    }

    private mutating func written(_ events: [ClusterEvent]) -> Plan {
        restore.status.observedGeneration = Int(clamping: seen.object.generation)
        var plan = Plan(
            events: events, operationID: "restore-\(restore.name)", requeueAfter: .seconds(5))
        if restore.statusDiffers { plan.status = .object(restore.status.encoded) }
        return plan
    }
}

/// Where an artefact lies.
package struct RestoreOrigin: Equatable, Sendable {
    var claimName: String
    /// Inside the volume.
    var path: String
    /// SHA-256 of the file, where it is known; else its manifest says it.
    var sum: String
    /// The cluster that was backed up, if that is known.
    var cluster: String

    enum Answer {
        case found(RestoreOrigin)
        case waiting(String)
        case refused(String, String)
    }

    var folder: String {
        path.lastIndex(of: "/").map { String(path[..<$0]) } ?? ""
    }

    /// As `bootstrap.restore` of a cluster has it.
    var json: JSONValue {
        ["persistentVolumeClaim": ["claimName": .string(claimName), "path": .string(path)]]
    }

    /// The same with what only we know of it.
    var full: JSONValue {
        sum.isEmpty
            ? json
            : [
                "persistentVolumeClaim": [
                    "claimName": .string(claimName), "path": .string(path), "sha256": .string(sum),
                ]
            ]
    }

    static func find(_ source: Kube.RestoreSource, _ backups: [KubeObject]) -> Answer {
        if let file = source.persistentVolumeClaim {
            return .found(
                RestoreOrigin(
                    claimName: file.claimName, path: file.path, sum: "", cluster: ""))
        }
        let name = source.backupRef?.name ?? ""
        guard let object = backups.first(where: { $0.name == name }) else {
            return .refused("NoBackup", "there is no EtcdBackup \(name)")
        }
        let backup = EtcdBackup(object)
        guard backup.status.phase == .completed, let artifact = backup.status.artifact else {
            return backup.status.phase == .failed
                ? .refused("BackupFailed", "EtcdBackup \(name) failed: \(backup.status.error)")
                : .waiting("EtcdBackup \(name) is not completed yet")
        }
        let scheme = "pvc://"
        let place = artifact.uri.hasPrefix(scheme) ? artifact.uri.dropFirst(scheme.count) : ""
        guard let slash = place.firstIndex(of: "/") else {
            return .refused("NoArtifact", "EtcdBackup \(name) says no place: \(artifact.uri)")
        }
        return .found(
            RestoreOrigin(
                claimName: String(place[..<slash]),
                path: String(place[place.index(after: slash)...]), sum: artifact.sha256,
                cluster: backup.spec.clusterRef.name))
    }

    /// The cluster with `bootstrap.restore.backupRef` replaced by the place it stands for; as it is
    /// if the backup is not there or not completed.
    package static func resolved(_ cluster: KubeObject, _ backups: [KubeObject]) -> KubeObject {
        guard let json = cluster["spec", "bootstrap", "restore"], json["backupRef"] != nil else {
            return cluster
        }
        guard case .found(let origin) = find(Kube.RestoreSource.decode(json, at: ""), backups)
        else { return cluster }
        var resolved = cluster
        resolved["spec", "bootstrap", "restore"] = origin.full
        return resolved
    }
}
