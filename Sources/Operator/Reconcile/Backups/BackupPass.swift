// SPDX-License-Identifier: Apache-2.0
internal import Bytes
internal import Formats
internal import Kube

/// One EtcdBackup: a Job, its end, and what it has left.
struct BackupPass {
    private let seen: BackupObservation
    private let now: Instant
    private var backup: EtcdBackup

    init(_ seen: BackupObservation, now: Instant) {
        self.seen = seen
        self.now = now
        backup = EtcdBackup(seen.object)
    }

    private var time: String { KubeTime.seconds(now.nanoseconds) }
    private var jobName: String { "backup-\(backup.name)" }
    private var isOver: Bool {
        backup.status.phase == .completed || backup.status.phase == .failed
    }

    func plan() -> Plan {
        var pass = self
        return pass.decide()
    }

    private mutating func decide() -> Plan {
        if isOver { return expire() }
        guard backup.problems.isEmpty else {
            return fail("InvalidSpec", "\(backup.problems[0].field): \(backup.problems[0].message)")
        }
        let reference = backup.spec.clusterRef.name
        guard let object = cluster(reference) else {
            return wait("there is no EtcdCluster \(reference)")
        }
        let job = seen.jobs.first { $0.name == jobName && $0.controller?.uid == backup.uid }
        if let job { return follow(job) }
        let cluster = DesiredCluster(object, defaults: seen.defaults)
        if let reason = Self.obstacle(object) { return wait(reason) }
        if let claim = BackupPod.newClaim(
            backup.spec.destination, cluster: cluster, seen: seen.claims)
        {
            return Plan(step: .create(claim), operationID: jobName, requeueAfter: .seconds(1))
        }
        return start(cluster)
    }

    /// One that is being deleted too, for its last backup.
    private func cluster(_ name: String) -> KubeObject? {
        if let found = seen.cluster(name) { return found }
        let uid = seen.object.labels[Names.finalLabel]
        return seen.clusters.first { $0.name == name && $0.uid == uid }
    }

    /// Why no backup may begin now; nil if one may.
    static func obstacle(_ cluster: KubeObject) -> String? {
        let operation = cluster.string("status", "operation", "type") ?? ""
        guard operation != "QuorumRecovery", operation != "Restore", operation != "Bootstrap"
        else { return "\(operation) of \(cluster.name) is under way" }
        guard cluster.bool("spec", "hibernate") != true else { return "\(cluster.name) hibernates" }
        guard !(cluster.string("status", "clusterID") ?? "").isEmpty else {
            return "\(cluster.name) has not begun yet"
        }
        return nil
    }

    private mutating func start(_ cluster: DesiredCluster) -> Plan {
        var plan = Plan(operationID: jobName, requeueAfter: .seconds(10))
        if backup.status.phase != .running {
            backup.status.phase = .running
            backup.status.jobName = jobName
            backup.status.startedAt = time
            backup.status.error = ""
            plan.status = written()
            plan.events = [.normal("BackupStarted", "by Job \(jobName)")]
        }
        let labels = BackupPod.labels(cluster.name, BackupReconciler.backupLabel, backup.name)
        var job = KubeObject(.job, namespace: backup.namespace, name: jobName)
        job.labels = labels
        job.ownerReferences = [OwnerReference(to: seen.object)]
        job["spec"] =
            BackupPod(
                cluster: cluster, spec: backup.spec, name: backup.name, uid: backup.uid,
                retention: nil, labels: labels
            ).jobSpec()
        plan.step = .create(job)
        return plan
    }

    private mutating func follow(_ job: KubeObject) -> Plan {
        backup.status.attempts =
            (job.int("status", "failed") ?? 0) + (job.int("status", "succeeded") ?? 0)
        let claim = BackupPod.claimName(
            backup.spec.destination, cluster: backup.spec.clusterRef.name)
        let words = LastWords(pods)
        if words == nil, LastWords.mayStillCome(job, now: now) {
            return Plan(status: writtenIfChanged(), requeueAfter: .seconds(1))
        }
        let report = BackupReport(
            words, claim: claim, folder: BackupPod.folder(backup.spec.destination))
        if job.condition("Complete")?.isTrue == true {
            guard let artifact = report.artifact else { return fail("NoManifest", report.error) }
            return complete(artifact, report)
        }
        if let failed = job.condition("Failed"), failed.isTrue {
            return fail("BackupFailed", report.error.isEmpty ? failed.message : report.error)
        }
        if backup.status.phase == .unknown || backup.status.phase == .pending {
            backup.status.phase = .running
            backup.status.jobName = jobName
            backup.status.startedAt = time
        }
        return Plan(status: writtenIfChanged(), requeueAfter: .seconds(10))
    }

    private var pods: [KubeObject] {
        seen.pods.filter { $0.labels[BackupReconciler.backupLabel] == backup.name }
    }

    // MARK: Ends

    private mutating func complete(_ artifact: BackupArtifact, _ report: BackupReport) -> Plan {
        backup.status.phase = .completed
        backup.status.completedAt = time
        backup.status.artifact = artifact
        backup.status.verified = report.isVerified
        backup.status.member = report.member
        backup.status.error = ""
        set("Complete", .yes, "Stored", artifact.uri)
        set("Verified", .init(report.isVerified), report.isVerified ? "Checked" : "NotChecked", "")
        return Plan(
            status: written(),
            events: [
                .normal(
                    "BackupCompleted",
                    "\(artifact.uri), \(artifact.sizeBytes) bytes at revision \(artifact.revision)")
            ])
    }

    private mutating func fail(_ reason: String, _ text: String) -> Plan {
        backup.status.phase = .failed
        backup.status.completedAt = time
        backup.status.error = text
        set("Failed", .yes, reason, text)
        return Plan(status: written(), events: [.warning("BackupFailed", text)])
    }

    private mutating func wait(_ reason: String) -> Plan {
        let isNews = backup.status.error != reason
        backup.status.phase = .pending
        backup.status.error = reason
        return Plan(
            status: writtenIfChanged(),
            events: isNews ? [.warning("BackupWaits", reason)] : [], requeueAfter: .seconds(10))
    }

    /// The object goes some time after its end, if it says so. The stored file stays.
    private func expire() -> Plan {
        guard let limit = backup.spec.ttlSecondsAfterFinished,
            let end = KubeTime.parse(backup.status.completedAt)
        else { return Plan() }
        let rest = Instant(nanoseconds: end) + .seconds(limit) - now
        if rest > .zero { return Plan(requeueAfter: rest) }
        return Plan(
            step: .delete(seen.object.key(as: .etcdBackup), uid: backup.uid, Deletion()),
            operationID: jobName)
    }

    // MARK: Status

    private mutating func set(
        _ type: String, _ truth: Conditions.Truth, _ reason: String, _ message: String
    ) {
        backup.status.conditions.set(
            type, truth, reason: reason, message: message,
            generation: Int(clamping: seen.object.generation), now: time)
    }

    private mutating func written() -> JSONValue {
        backup.status.observedGeneration = Int(clamping: seen.object.generation)
        return .object(backup.status.encoded)
    }

    private mutating func writtenIfChanged() -> JSONValue? {
        let status = written()
        return backup.statusDiffers ? status : nil
    }
}
