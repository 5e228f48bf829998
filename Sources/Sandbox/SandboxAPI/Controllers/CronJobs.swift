// SPDX-License-Identifier: Apache-2.0
internal import Formats
internal import Kube

/// Jobs by the clock.
enum CronJobs {
    private static let component = "cronjob-controller"

    static func reconcile(_ api: inout some ObjectAccess, _ changes: inout Changes) {
        for cron in api.list(.cronJob, namespace: nil) where !cron.isBeingDeleted {
            reconcile(cron, &api, &changes)
        }
    }

    private static func reconcile(
        _ cron: KubeObject, _ api: inout some ObjectAccess, _ changes: inout Changes
    ) {
        let jobs = api.owned(.job, by: cron)
        var status = cron
        note(jobs, &status)
        prune(cron, jobs, &api, &changes)
        run(cron, jobs.filter { !Jobs.isFinished($0) && !$0.isBeingDeleted }, &status, &api, &changes)
        api.putStatus(status, over: cron, &changes)
    }

    private static func note(_ jobs: [KubeObject], _ status: inout KubeObject) {
        let active = jobs.filter { !Jobs.isFinished($0) && !$0.isBeingDeleted }
        status["status", "active"] = active.isEmpty ? nil : .array(active.map(reference))
        let good = jobs.filter { $0.condition("Complete")?.isTrue == true }
            .compactMap { $0.string("status", "completionTime") }.max()
        if let good, good > status.string("status", "lastSuccessfulTime") ?? "" {
            status["status", "lastSuccessfulTime"] = .string(good)
        }
    }

    private static func reference(_ job: KubeObject) -> JSONValue {
        .object([
            ("kind", "Job"), ("namespace", .string(job.namespace)), ("name", .string(job.name)),
            ("uid", .string(job.uid)), ("apiVersion", "batch/v1"),
            ("resourceVersion", .string(job.resourceVersion)),
        ])
    }

    // MARK: Runs

    private static func run(
        _ cron: KubeObject, _ active: [KubeObject], _ status: inout KubeObject,
        _ api: inout some ObjectAccess, _ changes: inout Changes
    ) {
        if cron.bool("spec", "suspend") == true { return }
        guard let schedule = schedule(of: cron, &api) else { return }
        let now = api.unixSeconds
        let begin =
            (cron.string("status", "lastScheduleTime") ?? cron.creationTimestamp)
            .flatMap { KubeTime.parse($0) }.map { $0 / 1_000_000_000 } ?? now
        // Of runs that were missed only the last is made up for.
        guard let due = schedule.last(after: begin, through: now) else { return }
        if let limit = cron.int("spec", "startingDeadlineSeconds"), now - due > Int64(limit) {
            EventNotes.add(
                &api, about: cron, isWarning: true, "MissSchedule",
                "Missed scheduled time to start a job: \(KubeTime.seconds(due * 1_000_000_000))",
                by: component)
            status["status", "lastScheduleTime"] = .string(KubeTime.seconds(due * 1_000_000_000))
            return
        }
        if !active.isEmpty {
            switch cron.string("spec", "concurrencyPolicy") ?? "Allow" {
            case "Forbid":
                EventNotes.add(
                    &api, about: cron, "JobAlreadyActive",
                    "Not starting job because prior execution is running and concurrency policy "
                        + "is Forbid", by: component)
                return
            case "Replace":
                for job in active { api.remove(job, .job, &changes) }
            default: break
            }
        }
        if start(cron, at: due, &api, &changes) {
            status["status", "lastScheduleTime"] = .string(KubeTime.seconds(due * 1_000_000_000))
        }
    }

    private static func schedule(
        of cron: KubeObject, _ api: inout some ObjectAccess
    ) -> CronSchedule? {
        let zone = cron.string("spec", "timeZone") ?? "Etc/UTC"
        guard ["Etc/UTC", "UTC", "Etc/GMT", "GMT", ""].contains(zone) else {
            complain(
                cron, "UnknownTimeZone", "invalid timeZone: \(zone): only UTC is known here", &api)
            return nil
        }
        let text = cron.string("spec", "schedule") ?? ""
        guard let schedule = CronSchedule(text) else {
            complain(cron, "UnparseableSchedule", "unparseable schedule: \(text)", &api)
            return nil
        }
        return schedule
    }

    /// Once is enough: it will not become better by itself.
    private static func complain(
        _ cron: KubeObject, _ reason: String, _ message: String, _ api: inout some ObjectAccess
    ) {
        let isKnown = api.list(.event, namespace: cron.namespace).contains {
            $0.string("involvedObject", "uid") == cron.uid && $0.string("message") == message
        }
        if isKnown { return }
        EventNotes.add(&api, about: cron, isWarning: true, reason, message, by: component)
    }

    private static func start(
        _ cron: KubeObject, at due: Int64, _ api: inout some ObjectAccess,
        _ changes: inout Changes
    ) -> Bool {
        var job = KubeObject(
            .job, namespace: cron.namespace, name: "\(cron.name)-\(due / 60)")
        job.labels = KubeMap(cron["spec", "jobTemplate", "metadata", "labels"])
        var annotations = KubeMap(cron["spec", "jobTemplate", "metadata", "annotations"])
        annotations["batch.kubernetes.io/cronjob-scheduled-timestamp"] =
            KubeTime.seconds(due * 1_000_000_000)
        job.annotations = annotations
        job.ownerReferences = [OwnerReference(to: cron)]
        job["spec"] = cron["spec", "jobTemplate", "spec"]
        do throws(StatusError) {
            try api.create(job)
        } catch {
            // It was made by a pass whose status was lost.
            if error.isAlreadyExists { return true }
            EventNotes.add(
                &api, about: cron, isWarning: true, "FailedCreate",
                "Error creating job: \(error.message)", by: component)
            return false
        }
        changes.count += 1
        EventNotes.add(
            &api, about: cron, "SuccessfulCreate", "Created job \(job.name)", by: component)
        return true
    }

    // MARK: History

    private static func prune(
        _ cron: KubeObject, _ jobs: [KubeObject], _ api: inout some ObjectAccess,
        _ changes: inout Changes
    ) {
        for (type, field, standard) in [
            ("Complete", "successfulJobsHistoryLimit", 3), ("Failed", "failedJobsHistoryLimit", 1),
        ] {
            let ended = jobs.filter { $0.condition(type)?.isTrue == true && !$0.isBeingDeleted }
                .sorted {
                    ($0.string("status", "startTime") ?? "", $0.name)
                        < ($1.string("status", "startTime") ?? "", $1.name)
                }
            let limit = max(0, cron.int("spec", field) ?? standard)
            for job in ended.prefix(max(0, ended.count - limit)) {
                api.remove(job, .job, &changes)
            }
        }
    }
}
