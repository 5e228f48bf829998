// SPDX-License-Identifier: Apache-2.0
import Bytes
import Formats
import Kube
import Testing

@testable import Reconcile

/// What a cluster says of its backups: status, condition, event.
@Suite struct BackupStandingTests {
    /// 2027-01-15T08:00:00Z, a Friday.
    private let now = Instant(nanoseconds: 1_800_000_000_000_000_000)

    private func time(_ before: Duration) -> String {
        KubeTime.seconds((now + before * -1).nanoseconds)
    }

    private func schedule(
        _ cron: String, made: Duration = .seconds(86_400 * 9), zone: String = "",
        _ status: JSONValue = .object([])
    ) -> KubeObject {
        var object = KubeObject(.etcdBackupSchedule, namespace: "ns", name: "demo-daily")
        object.creationTimestamp = time(made)
        object["spec"] = [
            "schedule": .string(cron), "timeZone": .string(zone),
            "backupTemplate": [
                "clusterRef": ["name": "demo"], "destination": ["volume": ["size": "1Gi"]],
            ],
        ]
        object["status"] = status
        return object
    }

    private func backup(_ name: String, _ status: JSONValue) -> KubeObject {
        var object = KubeObject(.etcdBackup, namespace: "ns", name: name)
        object["spec"] = ["clusterRef": ["name": "demo"]]
        object["status"] = status
        return object
    }

    private func success(_ before: Duration, verified: Bool = true) -> JSONValue {
        var members: [(String, JSONValue)] = [("lastSuccessfulTime", .string(time(before)))]
        if verified { members.append(("lastVerifiedTime", .string(time(before)))) }
        return .object(members)
    }

    private func plan(
        _ schedules: [KubeObject], _ backups: [KubeObject] = [], status: JSONValue? = nil
    ) -> Plan {
        var seen = Observation(cluster: RecordTests.cluster { $0["status"] = status })
        seen.backupSchedules = schedules
        seen.backups = backups
        return Reconciler.plan(seen, now: now)
    }

    /// `True Fresh`; empty if the condition is not there.
    private func ready(_ plan: Plan) -> String {
        let found = plan.status?["conditions"]?.array?.first { $0["type"] == "BackupReady" }
        return found.map { "\($0["status"]?.string ?? "") \($0["reason"]?.string ?? "")" } ?? ""
    }

    private var hour: Duration { .seconds(3600) }

    @Test func `without schedules and backups nothing is said`() {
        let plan = plan([])
        #expect(ready(plan) == "" && plan.status?["backup"] == nil)
    }

    @Test(arguments: [
        // The last run was at 03:00, five hours ago.
        ("0 3 * * *", 5, "", "True Fresh"), ("0 3 * * *", 29, "", "True Fresh"),
        // Those of yesterday and of today are missed.
        ("0 3 * * *", 52, "", "False BackupStale"),
        // In another zone today's may still be to come.
        ("0 3 * * *", 52, "Asia/Tokyo", "True Fresh"),
        ("0 3 * * *", 78, "Asia/Tokyo", "False BackupStale"),
        // The time to make the second one up is not over.
        ("0 * * * *", 1, "", "True Fresh"), ("0 * * * *", 3, "", "False BackupStale"),
        ("0 0 30 2 *", 900, "", "True Fresh"),
    ])
    func `a schedule is stale when two runs are missed`(
        cron: String, hours: Int, zone: String, expected: String
    ) {
        let plan = plan([schedule(cron, zone: zone, success(hour * hours))])
        #expect(ready(plan) == expected)
        #expect(plan.events.contains { $0.reason == "BackupStale" } == expected.hasSuffix("Stale"))
    }

    @Test func `a schedule that never ran counts from when it was made, and not while suspended`() {
        #expect(ready(plan([schedule("@hourly", made: hour)])) == "Unknown NoBackupYet")
        #expect(ready(plan([schedule("@hourly", made: hour * 5)])) == "False BackupStale")
        var resting = schedule("@hourly", made: hour * 5, success(hour * 4))
        resting["spec", "suspend"] = true
        #expect(ready(plan([resting])) == "True Fresh")
    }

    @Test func `staleness is told once`() {
        let stale = schedule("@hourly", success(hour * 9))
        let first = plan([stale])
        #expect(first.events.filter { $0.reason == "BackupStale" }.count == 1)
        #expect(first.events.contains { $0.message.contains("demo-daily: none since 2027-01-14T") })
        let again = plan([stale], status: first.status)
        #expect(!again.events.contains { $0.reason == "BackupStale" })
    }

    @Test func `a failure counts until a later success, and what was not checked is not ready`() {
        let failed = backup(
            "a",
            [
                "phase": "Failed", "completedAt": .string(time(hour)), "error": "no space left",
            ])
        let plan = plan([schedule("@daily", success(hour * 8))], [failed])
        #expect(ready(plan) == "False BackupFailed")
        #expect(plan.status?["backup"]?["lastFailure"]?.string == time(hour))
        let good = backup(
            "b",
            [
                "phase": "Completed", "completedAt": .string(time(.seconds(60))),
                "startedAt": .string(time(.seconds(67))), "verified": true,
                "artifact": ["sizeBytes": 12, "revision": 5],
            ])
        let after = self.plan([schedule("@daily", success(hour * 8))], [failed, good])
        #expect(ready(after) == "True Fresh")
        #expect(after.status?["backup"]?["lastVerified"]?.string == time(.seconds(60)))
        let unchecked = schedule("@daily", success(hour * 8, verified: false))
        #expect(ready(self.plan([unchecked])) == "False NotVerified")
    }

    @Test func `each schedule has its line, and one-off backups of a cluster have one`() throws {
        let done = backup(
            "b",
            [
                "phase": "Completed", "completedAt": .string(time(.seconds(60))),
                "startedAt": .string(time(.seconds(67))), "verified": false,
                "artifact": ["sizeBytes": 12, "revision": 5],
            ])
        let other = backup("c", ["phase": "Running"])
        let lines = BackupLine.all(
            backups: [done, other], schedules: [schedule("@daily", success(hour))], now: now)
        #expect(lines.map(\.schedule) == ["", "demo-daily"])
        let single = try #require(lines.first)
        #expect(single.lastSeconds == 7 && single.artifact?.revision == 5)
        #expect(single.lastVerified.isEmpty && single.stored == nil && !single.hasFailed)
    }
}
