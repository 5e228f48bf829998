// SPDX-License-Identifier: Apache-2.0
internal import Bytes
internal import Formats
internal import Kube
internal import SandboxAPI
internal import Testing

@Suite struct JobsTests {
    private static func job(_ extra: String = "") -> String {
        """
        {"apiVersion": "batch/v1", "kind": "Job", "metadata": {"name": "j", "namespace": "default"},
         "spec": {\(extra) "template": {"spec": {"restartPolicy": "Never",
           "containers": [{"name": "c", "image": "one"}]}}}}
        """
    }

    private func finish(_ stage: inout ControllerStage, _ phase: String) throws {
        for pod in stage.api.list(.pod, namespace: "default")
        where pod.string("status", "phase") == "Pending" {
            try stage.setPod(pod.name, phase: phase, isReady: false)
        }
        stage.settle()
    }

    @Test func `a job is complete when its pod has ended well`() throws {
        var stage = try ControllerStage()
        try stage.make(Self.job())
        stage.settle()
        #expect(stage.podNames.count == 1)
        let pod = try #require(stage.api.list(.pod, namespace: "default").first)
        #expect(pod.labels["job-name"] == "j")
        #expect(pod.name.hasPrefix("j-"))
        #expect(try stage.object(.job, "j").int("status", "active") == 1)
        try finish(&stage, "Succeeded")
        let job = try stage.object(.job, "j")
        #expect(job.condition("Complete")?.isTrue == true)
        #expect(job.int("status", "succeeded") == 1)
        #expect(job.int("status", "active") == nil)
        #expect(job.string("status", "completionTime") != nil)
        #expect(stage.podNames.count == 1)
    }

    @Test func `a failed pod is followed by another, until the limit`() throws {
        var stage = try ControllerStage()
        try stage.make(Self.job(#""backoffLimit": 1,"#))
        stage.settle()
        try finish(&stage, "Failed")
        #expect(try stage.object(.job, "j").int("status", "failed") == 1)
        #expect(stage.podNames.count == 2)
        try finish(&stage, "Failed")
        let job = try stage.object(.job, "j")
        #expect(job.condition("Failed")?.isTrue == true)
        #expect(job.condition("Failed")?.reason == "BackoffLimitExceeded")
        stage.pass(.seconds(1000))
        #expect(stage.podNames.count == 2)
    }

    @Test func `the next try waits after a failure whose time is known`() throws {
        var stage = try ControllerStage()
        try stage.make(Self.job())
        stage.settle()
        var pod = try #require(stage.api.list(.pod, namespace: "default").first)
        pod["status", "phase"] = "Failed"
        pod["status", "containerStatuses"] = try JSON.parse(
            #"[{"name": "c", "image": "one", "imageID": "", "ready": false, "restartCount": 0, "state": {"terminated": {"exitCode": 1, "finishedAt": "2026-11-21T00:00:00Z"}}}]"#
        )
        try stage.api.updateStatus(pod)
        stage.pass(.seconds(9))
        #expect(stage.podNames.count == 1)
        stage.pass(.seconds(2))
        #expect(stage.podNames.count == 2)
    }

    @Test func `a job past its deadline fails and its pod is stopped`() throws {
        var stage = try ControllerStage()
        try stage.make(Self.job(#""activeDeadlineSeconds": 30,"#))
        stage.settle()
        let name = try #require(stage.podNames.first)
        try stage.setPod(name)
        stage.pass(.seconds(31))
        #expect(try stage.object(.job, "j").condition("Failed")?.reason == "DeadlineExceeded")
        #expect(stage.pod(name)?.isBeingDeleted ?? true)
    }

    @Test func `a finished job goes when its time is over`() throws {
        var stage = try ControllerStage()
        try stage.make(Self.job(#""ttlSecondsAfterFinished": 60,"#))
        stage.settle()
        try finish(&stage, "Succeeded")
        stage.pass(.seconds(59))
        #expect(stage.api.list(.job, namespace: "default").count == 1)
        stage.pass(.seconds(2))
        #expect(stage.api.list(.job, namespace: "default").isEmpty)
        stage.settle()
        #expect(stage.podNames.isEmpty)
    }

    // MARK: By the clock

    private static func cron(_ extra: String = "") -> String {
        """
        {"apiVersion": "batch/v1", "kind": "CronJob",
         "metadata": {"name": "c", "namespace": "default"},
         "spec": {"schedule": "*/5 * * * *", \(extra) "jobTemplate": {"spec": {"template": {"spec":
           {"restartPolicy": "Never", "containers": [{"name": "c", "image": "one"}]}}}}}}
        """
    }

    private func jobs(_ stage: ControllerStage) -> [String] {
        stage.api.list(.job, namespace: "default").map(\.name)
    }

    @Test func `a schedule makes jobs, and only the newest of those that were missed`() throws {
        var stage = try ControllerStage()
        try stage.make(Self.cron())
        stage.pass(.seconds(299))
        #expect(jobs(stage).isEmpty)
        stage.pass(.seconds(1))
        #expect(jobs(stage).count == 1)
        try finish(&stage, "Succeeded")
        stage.pass(.seconds(1500))
        #expect(jobs(stage).count == 2)
        let cron = try stage.object(.cronJob, "c")
        #expect(cron.string("status", "lastScheduleTime") == "2026-11-21T00:30:00Z")
        #expect(cron.list("status", "active").count == 1)
    }

    @Test func `Forbid skips, Replace stops the running job`() throws {
        for (policy, expected) in [("Forbid", 1), ("Replace", 1), ("Allow", 2)] {
            var stage = try ControllerStage()
            try stage.make(Self.cron(#""concurrencyPolicy": "\#(policy)","#))
            stage.pass(.seconds(300))
            let first = try #require(jobs(stage).first)
            try stage.settlePods()
            stage.pass(.seconds(300))
            try stage.settlePods()
            #expect(jobs(stage).count == expected, "\(policy)")
            #expect(jobs(stage).contains(first) == (policy != "Replace"), "\(policy)")
        }
    }

    @Test func `a suspended schedule makes nothing`() throws {
        var stage = try ControllerStage()
        try stage.make(Self.cron(#""suspend": true,"#))
        stage.pass(.seconds(3600))
        #expect(jobs(stage).isEmpty)
    }

    @Test func `a run that is too late is not made up for`() throws {
        var stage = try ControllerStage()
        try stage.make(Self.cron(#""startingDeadlineSeconds": 10,"#))
        stage.pass(.seconds(340))
        #expect(jobs(stage).isEmpty)
        #expect(stage.reasons(of: try stage.object(.cronJob, "c").uid).contains("MissSchedule"))
        stage.pass(.seconds(265))
        #expect(jobs(stage).count == 1)
    }

    @Test func `old jobs make room`() throws {
        var stage = try ControllerStage()
        try stage.make(Self.cron(#""successfulJobsHistoryLimit": 2,"#))
        for _ in 0..<4 {
            stage.pass(.seconds(300))
            try finish(&stage, "Succeeded")
        }
        stage.settle()
        #expect(jobs(stage).count == 2)
    }

    @Test func `a time zone that is not UTC is refused aloud`() throws {
        var stage = try ControllerStage()
        try stage.make(Self.cron(#""timeZone": "Europe/Berlin","#))
        stage.pass(.seconds(3600))
        #expect(jobs(stage).isEmpty)
        let reasons = stage.reasons(of: try stage.object(.cronJob, "c").uid)
        #expect(reasons == ["UnknownTimeZone"])
    }
}
