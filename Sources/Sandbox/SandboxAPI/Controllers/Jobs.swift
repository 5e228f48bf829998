// SPDX-License-Identifier: Apache-2.0
internal import Bytes
internal import Formats
internal import Kube

/// Pods that are to end well so many times, and are tried again if they do not.
enum Jobs {
    static func reconcile(
        _ api: inout some ObjectAccess, _ settings: BuiltInControllers.Settings,
        _ changes: inout Changes
    ) {
        for job in api.list(.job, namespace: nil) where !job.isBeingDeleted {
            JobPass(job, settings).run(&api, &changes)
        }
    }

    static func isFinished(_ job: KubeObject) -> Bool {
        job.condition("Complete")?.isTrue == true || job.condition("Failed")?.isTrue == true
    }
}

struct JobPass {
    private static let component = "job-controller"

    let job: KubeObject
    let settings: BuiltInControllers.Settings
    private let completions: Int
    private let parallelism: Int
    private let backoffLimit: Int

    init(_ job: KubeObject, _ settings: BuiltInControllers.Settings) {
        self.job = job
        self.settings = settings
        parallelism = min(max(job.int("spec", "parallelism") ?? 1, 0), 1000)
        completions = min(max(job.int("spec", "completions") ?? 1, 0), 100_000)
        backoffLimit = max(0, job.int("spec", "backoffLimit") ?? 6)
    }

    func run(_ api: inout some ObjectAccess, _ changes: inout Changes) {
        if Jobs.isFinished(job) {
            stopRest(&api, &changes)
            expire(&api, &changes)
            return
        }
        var status = job
        if job.bool("spec", "suspend") == true {
            status.set(
                condition: "Suspended", "True", reason: "JobSuspended", message: "Job suspended",
                at: api.timestamp)
            status["status", "startTime"] = nil
            stopRest(&api, &changes)
        } else {
            if status.string("status", "startTime") == nil {
                status["status", "startTime"] = .string(api.timestamp)
            }
            work(&status, &api, &changes)
        }
        count(&status, api)
        api.putStatus(status, over: job, &changes)
    }

    private func pods(_ api: some ObjectAccess) -> [KubeObject] { api.owned(.pod, by: job) }

    private func work(
        _ status: inout KubeObject, _ api: inout some ObjectAccess, _ changes: inout Changes
    ) {
        let all = pods(api)
        let succeeded = all.filter { $0.podPhase == "Succeeded" }.count
        let failed = all.filter { $0.podPhase == "Failed" }
        let active = all.filter(\.isActivePod)
        if let reason = failure(failed, active, status, api) {
            end(&status, isGood: false, reason.0, reason.1, &api)
            for pod in active { api.remove(pod, .pod, &changes) }
            return
        }
        if succeeded >= completions {
            end(&status, isGood: true, "CompletionsReached", "Job completed", &api)
            status["status", "completionTime"] = .string(api.timestamp)
            return
        }
        let wanted = min(parallelism, completions - succeeded)
        if active.count >= wanted || isResting(failed, api) { return }
        // A pod that is being replaced must be gone: two at work on the same thing help nobody.
        if all.contains(where: { $0.isBeingDeleted && !$0.hasEnded }) { return }
        for _ in active.count..<wanted { start(&api, &changes) }
    }

    private func failure(
        _ failed: [KubeObject], _ active: [KubeObject], _ status: KubeObject,
        _ api: some ObjectAccess
    ) -> (String, String)? {
        let restarts = active.reduce(0) { sum, pod in
            sum + pod.list("status", "containerStatuses").reduce(0) {
                $0 + Int(clamping: $1["restartCount"]?.int64 ?? 0)
            }
        }
        if failed.count + restarts > backoffLimit {
            return ("BackoffLimitExceeded", "Job has reached the specified backoff limit")
        }
        if let limit = job.int("spec", "activeDeadlineSeconds"),
            let age = api.age(of: status.string("status", "startTime")),
            age >= .seconds(Int64(clamping: limit))
        {
            return ("DeadlineExceeded", "Job was active longer than specified deadline")
        }
        return nil
    }

    /// After a failure the next pod waits; longer after each.
    private func isResting(_ failed: [KubeObject], _ api: some ObjectAccess) -> Bool {
        guard !failed.isEmpty else { return false }
        let ends = failed.flatMap { pod in
            pod.list("status", "containerStatuses").compactMap {
                $0["state"]?["terminated"]?["finishedAt"]?.string
            }
        }
        guard let age = ends.compactMap({ api.age(of: $0) }).min() else { return false }
        var wait = settings.jobDelay
        for _ in 1..<max(1, min(failed.count, 32)) where wait < settings.jobDelayMax {
            wait = wait * 2
        }
        return age < min(wait, settings.jobDelayMax)
    }

    private func start(_ api: inout some ObjectAccess, _ changes: inout Changes) {
        var made = pod(of: job["spec", "template"], owner: job)
        made["metadata", "generateName"] = .string("\(job.name)-")
        var labels = made.labels
        labels["controller-uid"] = job.uid
        labels["batch.kubernetes.io/controller-uid"] = job.uid
        labels["job-name"] = job.name
        labels["batch.kubernetes.io/job-name"] = job.name
        made.labels = labels
        do throws(StatusError) {
            let stored = try api.create(made)
            changes.count += 1
            EventNotes.add(
                &api, about: job, "SuccessfulCreate", "Created pod: \(stored.name)",
                by: JobPass.component)
        } catch {
            EventNotes.add(
                &api, about: job, isWarning: true, "FailedCreate",
                "Error creating: \(error.message)", by: JobPass.component)
        }
    }

    private func end(
        _ status: inout KubeObject, isGood: Bool, _ reason: String, _ message: String,
        _ api: inout some ObjectAccess
    ) {
        let now = api.timestamp
        if isGood {
            status.set(
                condition: "SuccessCriteriaMet", "True", reason: reason,
                message: "Reached expected number of succeeded pods", at: now)
            status.set(
                condition: "Complete", "True", reason: reason,
                message: "Reached expected number of succeeded pods", at: now)
            EventNotes.add(&api, about: job, "Completed", message, by: JobPass.component)
        } else {
            status.set(
                condition: "FailureTarget", "True", reason: reason, message: message, at: now)
            status.set(condition: "Failed", "True", reason: reason, message: message, at: now)
            EventNotes.add(
                &api, about: job, isWarning: true, reason, message, by: JobPass.component)
        }
    }

    private func count(_ status: inout KubeObject, _ api: some ObjectAccess) {
        let all = pods(api)
        func set(_ field: String, _ count: Int) {
            status["status", field] = count == 0 ? nil : .integer(Int64(clamping: count))
        }
        set("active", Jobs.isFinished(status) ? 0 : all.filter(\.isActivePod).count)
        set("succeeded", all.filter { $0.podPhase == "Succeeded" }.count)
        set("failed", all.filter { $0.podPhase == "Failed" }.count)
        status["status", "ready"] = .integer(
            Int64(all.filter { $0.isActivePod && $0.isReadyPod }.count))
        status["status", "terminating"] = .integer(
            Int64(all.filter { $0.isBeingDeleted && !$0.hasEnded }.count))
    }

    /// A job that is over or at rest keeps no pod at work.
    private func stopRest(_ api: inout some ObjectAccess, _ changes: inout Changes) {
        for pod in pods(api) where pod.isActivePod { api.remove(pod, .pod, &changes) }
    }

    private func expire(_ api: inout some ObjectAccess, _ changes: inout Changes) {
        guard let life = job.int("spec", "ttlSecondsAfterFinished") else { return }
        let ended = job.conditions.first { ["Complete", "Failed"].contains($0.type) && $0.isTrue }
        guard let age = api.age(of: ended?.lastTransitionTime),
            age >= .seconds(Int64(clamping: life))
        else { return }
        api.remove(job, .job, &changes)
    }
}
