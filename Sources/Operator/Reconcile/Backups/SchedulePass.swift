// SPDX-License-Identifier: Apache-2.0
internal import Bytes
internal import Formats
internal import Kube

/// One EtcdBackupSchedule: a CronJob of the same name, which does the work also without us.
struct SchedulePass {
    private let seen: BackupObservation
    private let now: Instant
    private var schedule: EtcdBackupSchedule
    /// The last words of a pod are on their way.
    private var isExpecting = false

    init(_ seen: BackupObservation, now: Instant) {
        self.seen = seen
        self.now = now
        schedule = EtcdBackupSchedule(seen.object)
    }

    private var time: String { KubeTime.seconds(now.nanoseconds) }
    private var template: EtcdBackupSpec { schedule.spec.backupTemplate }

    func plan() -> Plan {
        var pass = self
        return pass.decide()
    }

    private mutating func decide() -> Plan {
        guard schedule.problems.isEmpty else {
            let problem = schedule.problems[0]
            return report(false, "InvalidSpec", "\(problem.field): \(problem.message)")
        }
        guard let object = seen.cluster(template.clusterRef.name) else {
            return report(
                false, "NoCluster", "there is no EtcdCluster \(template.clusterRef.name)")
        }
        let cluster = DesiredCluster(object, defaults: seen.defaults)
        guard let cronJobs = seen.cronJobs else {
            return report(false, "NoCronJobs", "CronJobs of batch/v1 cannot be listed here")
        }
        let found = cronJobs.first { $0.name == schedule.name }
        if let found, found.controller?.uid != schedule.uid {
            return report(false, "NameTaken", "another CronJob is called \(schedule.name)")
        }
        if let found { observe(found) }
        if let claim = BackupPod.newClaim(
            template.destination, cluster: cluster, seen: seen.claims)
        {
            return report(true, "Scheduled", "", step: .create(claim))
        }
        var wanted = Child.stamped(cronJob(cluster))
        guard let found else { return report(true, "Scheduled", "", step: .create(wanted)) }
        if !Child.isSame(wanted, as: found) {
            wanted.resourceVersion = found.resourceVersion
            return report(true, "Scheduled", "", step: .apply(wanted))
        }
        if let first = firstRun(found) {
            return report(true, "Scheduled", "", step: .create(first))
        }
        return report(true, "Scheduled", "")
    }

    // MARK: The CronJob

    private func cronJob(_ cluster: DesiredCluster) -> KubeObject {
        let labels = BackupPod.labels(
            cluster.name, BackupReconciler.scheduleLabel, schedule.name)
        var cron = KubeObject(.cronJob, namespace: schedule.namespace, name: schedule.name)
        cron.labels = labels
        cron.ownerReferences = [OwnerReference(to: seen.object)]
        let job = BackupPod(
            cluster: cluster, spec: template, name: schedule.name, uid: "",
            retention: schedule.spec.retention, labels: labels
        ).jobSpec()
        var spec: [(String, JSONValue)] = [
            ("schedule", .string(schedule.spec.schedule)),
            ("suspend", .bool(schedule.spec.suspend)),
            ("concurrencyPolicy", .string(schedule.spec.concurrencyPolicy.rawValue)),
            (
                "startingDeadlineSeconds",
                .integer(Int64(schedule.spec.startingDeadlineSeconds))
            ),
            (
                "successfulJobsHistoryLimit",
                .integer(Int64(schedule.spec.successfulJobsHistoryLimit))
            ),
            ("failedJobsHistoryLimit", .integer(Int64(schedule.spec.failedJobsHistoryLimit))),
            ("jobTemplate", ["metadata": ["labels": labels.json], "spec": job]),
        ]
        if !schedule.spec.timeZone.isEmpty {
            spec.insert(("timeZone", .string(schedule.spec.timeZone)), at: 1)
        }
        cron["spec"] = .object(spec)
        return cron
    }

    /// `immediate`: one Job out of the CronJob's template, as `kubectl create job --from` makes it.
    private func firstRun(_ cron: KubeObject) -> KubeObject? {
        let name = "\(schedule.name)-first"
        guard schedule.spec.immediate, !schedule.spec.suspend,
            schedule.status.lastScheduleTime.isEmpty,
            let object = seen.cluster(template.clusterRef.name),
            BackupPass.obstacle(object) == nil,
            !seen.jobs.contains(where: { $0.name == name })
        else { return nil }
        var job = KubeObject(.job, namespace: schedule.namespace, name: name)
        job.labels = cron.labels
        job.annotations = ["cronjob.kubernetes.io/instantiate": "manual"]
        job.ownerReferences = [OwnerReference(to: cron)]
        job["spec"] = cron["spec", "jobTemplate", "spec"]
        return job
    }

    // MARK: Status

    private mutating func observe(_ cron: KubeObject) {
        let mine = { (object: KubeObject) in
            object.labels[BackupReconciler.scheduleLabel] == schedule.name
        }
        let jobs = seen.jobs.filter(mine)
        let starts =
            [cron.string("status", "lastScheduleTime") ?? ""]
            + jobs.compactMap { $0.string("status", "startTime") }
        schedule.status.lastScheduleTime =
            (starts + [schedule.status.lastScheduleTime]).max() ?? ""
        schedule.status.active =
            jobs.filter {
                $0.condition("Complete")?.isTrue != true && $0.condition("Failed")?.isTrue != true
            }.map(\.name).sorted()
        let ended = jobs.filter {
            $0.condition("Complete")?.isTrue == true || $0.condition("Failed")?.isTrue == true
        }.max {
            ($0.string("status", "startTime") ?? "") < ($1.string("status", "startTime") ?? "")
        }
        if let ended { take(ended, seen.pods.filter(mine)) }
        schedule.status.nextScheduleTime = next()
    }

    private mutating func take(_ job: KubeObject, _ pods: [KubeObject]) {
        let claim = BackupPod.claimName(
            template.destination, cluster: template.clusterRef.name)
        let words = LastWords(pods, inJob: job.name)
        if words == nil, LastWords.mayStillCome(job, now: now) {
            isExpecting = true
            return
        }
        let report = BackupReport(
            words, claim: claim, folder: BackupPod.folder(template.destination))
        if job.condition("Complete")?.isTrue == true {
            let end = job.string("status", "completionTime") ?? ""
            guard end > schedule.status.lastSuccessfulTime, let artifact = report.artifact else {
                return
            }
            schedule.status.lastSuccessfulTime = end
            if report.isVerified { schedule.status.lastVerifiedTime = end }
            schedule.status.lastDurationSeconds = BackupLine.seconds(
                from: job.string("status", "startTime") ?? "", to: end)
            schedule.status.lastBackup = artifact
            schedule.status.stored = report.stored
            schedule.status.storedBytes = report.storedBytes
            schedule.status.lastError = ""
            set("LastBackupSucceeded", .yes, "Completed", artifact.uri)
        } else {
            let text =
                report.error.isEmpty ? job.condition("Failed")?.message ?? "" : report.error
            schedule.status.lastError = text
            schedule.status.lastFailureTime = max(
                schedule.status.lastFailureTime, job.condition("Failed")?.lastTransitionTime ?? "")
            set("LastBackupSucceeded", .no, "BackupFailed", text)
        }
    }

    private func next() -> String {
        guard !schedule.spec.suspend, BackupLine.isUTC(schedule.spec.timeZone),
            let cron = CronSchedule(schedule.spec.schedule),
            let next = cron.next(after: now.nanoseconds / 1_000_000_000)
        else { return "" }
        return KubeTime.seconds(next * 1_000_000_000)
    }

    private mutating func set(
        _ type: String, _ truth: Conditions.Truth, _ reason: String, _ message: String
    ) {
        schedule.status.conditions.set(
            type, truth, reason: reason, message: message,
            generation: Int(clamping: seen.object.generation), now: time)
    }

    private mutating func report(
        _ isReady: Bool, _ reason: String, _ message: String, step: Step? = nil
    ) -> Plan {
        let before = EtcdBackupSchedule(seen.object).status
        set("Ready", .init(isReady), reason, message)
        schedule.status.observedGeneration = Int(clamping: seen.object.generation)
        var plan = Plan(
            step: step, operationID: "schedule-\(schedule.name)",
            requeueAfter: step == nil && !isExpecting ? .seconds(60) : .seconds(1))
        guard schedule.statusDiffers else { return plan }
        plan.status = .object(schedule.status.encoded)
        if !isReady, before.conditions["Ready"]?.message != message {
            plan.events.append(.warning(reason, message))
        }
        if schedule.status.lastSuccessfulTime != before.lastSuccessfulTime {
            plan.events.append(
                .normal("BackupCompleted", schedule.status.lastBackup?.uri ?? ""))
        }
        if !schedule.status.lastError.isEmpty,
            schedule.status.lastError != before.lastError
        {
            plan.events.append(.warning("BackupFailed", schedule.status.lastError))
        }
        return plan
    }
}

/// `spec.backup.schedules` of a cluster, as objects of their own that belong to it.
struct InlineSchedules {
    private let seen: BackupObservation

    init(_ seen: BackupObservation) {
        self.seen = seen
    }

    func plan() -> Plan {
        let cluster = EtcdCluster(seen.object)
        guard cluster.problems.isEmpty, !cluster.spec.paused else { return Plan() }
        let wanted = cluster.spec.backup.schedules.map { object($0) }
        let owned = seen.schedules.filter { $0.controller?.uid == cluster.uid }
        for var object in wanted {
            guard let found = seen.schedules.first(where: { $0.name == object.name }) else {
                return step(.create(object))
            }
            guard found.controller?.uid == cluster.uid, !Child.isSame(object, as: found) else {
                continue
            }
            object.resourceVersion = found.resourceVersion
            return step(.apply(object))
        }
        for found in owned where !wanted.contains(where: { $0.name == found.name }) {
            if found.isBeingDeleted { continue }
            return step(
                .delete(found.key(as: .etcdBackupSchedule), uid: found.uid, Deletion()))
        }
        return Plan()
    }

    private func step(_ step: Step) -> Plan {
        Plan(step: step, operationID: "schedules", requeueAfter: .seconds(1))
    }

    private func object(_ item: ClusterBackupSchedule) -> KubeObject {
        var spec = EtcdBackupScheduleSpec()
        spec.schedule = item.schedule
        spec.timeZone = item.timeZone
        spec.suspend = item.suspend
        spec.retention = item.retention
        spec.backupTemplate.clusterRef = LocalReference(seen.object.name)
        spec.backupTemplate.destination = item.destination
        var object = EtcdBackupSchedule(
            .etcdBackupSchedule, namespace: seen.object.namespace,
            name: "\(seen.object.name)-\(item.name)", spec: spec
        ).object
        object.labels = [Names.clusterLabel: seen.object.name]
        object.ownerReferences = [OwnerReference(to: seen.object)]
        return Child.stamped(object)
    }
}
