// SPDX-License-Identifier: Apache-2.0
package import Bytes
internal import Formats
package import Kube

/// How the backups of one schedule stand, or those that were asked for one by one. Times are
/// RFC 3339 and empty if there was none.
package struct BackupLine: Equatable, Sendable {
    package var cluster: String
    /// Empty for backups without a schedule.
    package var schedule = ""
    package var lastSuccessful = ""
    package var lastVerified = ""
    package var lastFailure = ""
    package var lastError = ""
    package var next = ""
    /// How long the last success took; zero if that is not known.
    package var lastSeconds = 0
    package var artifact: BackupArtifact?
    /// What lies at the destination; nil without a schedule, since nobody counts it then.
    package var stored: Int?
    package var storedBytes: Int?
    /// Two runs are missed.
    package var isStale = false

    package var hasFailed: Bool { !lastFailure.isEmpty && lastFailure > lastSuccessful }

    package init(schedule object: KubeObject, now: Instant) {
        let schedule = EtcdBackupSchedule(object)
        cluster = schedule.spec.backupTemplate.clusterRef.name
        self.schedule = schedule.name
        lastSuccessful = schedule.status.lastSuccessfulTime
        lastVerified = schedule.status.lastVerifiedTime
        lastFailure = schedule.status.lastFailureTime
        lastError = schedule.status.lastError
        next = schedule.status.nextScheduleTime
        lastSeconds = schedule.status.lastDurationSeconds
        artifact = schedule.status.lastBackup
        stored = schedule.status.stored
        storedBytes = schedule.status.storedBytes
        isStale = Self.isStale(schedule, now)
    }

    /// The one-off backups of a cluster, as one line.
    package init(cluster: String, backups: [KubeObject]) {
        self.cluster = cluster
        for backup in backups.map({ EtcdBackup($0) }) {
            let end = backup.status.completedAt
            if backup.status.phase == .failed, end > lastFailure {
                lastFailure = end
                lastError = "\(backup.name): \(backup.status.error)"
            }
            guard backup.status.phase == .completed else { continue }
            if backup.status.verified { lastVerified = max(lastVerified, end) }
            guard end > lastSuccessful else { continue }
            lastSuccessful = end
            artifact = backup.status.artifact
            lastSeconds = Self.seconds(from: backup.status.startedAt, to: end)
        }
    }

    /// One line for each schedule, and one for each cluster with one-off backups; by cluster, then
    /// by schedule.
    package static func all(
        backups: [KubeObject], schedules: [KubeObject], now: Instant
    ) -> [BackupLine] {
        var lines = schedules.map { BackupLine(schedule: $0, now: now) }
        var byCluster = SortedMap<String, [KubeObject]>()
        for backup in backups {
            let name = backup.string("spec", "clusterRef", "name") ?? ""
            byCluster[name] = (byCluster[name] ?? []) + [backup]
        }
        for (name, backups) in zip(byCluster.keys, byCluster.values) {
            lines.append(BackupLine(cluster: name, backups: backups))
        }
        return lines.sorted { ($0.cluster, $0.schedule) < ($1.cluster, $1.schedule) }
    }

    static func seconds(from start: String, to end: String) -> Int {
        guard let start = KubeTime.parse(start), let end = KubeTime.parse(end), end > start else {
            return 0
        }
        return Int(end / 1_000_000_000 - start / 1_000_000_000)
    }

    // MARK: Staleness

    /// Two runs should have been since the last success (or since the schedule was made), and the
    /// time to make the second one up is over. A zone other than UTC may put its first run nearer
    /// than it seems here, so that one more is waited for.
    private static func isStale(_ schedule: EtcdBackupSchedule, _ now: Instant) -> Bool {
        guard !schedule.spec.suspend, let cron = CronSchedule(schedule.spec.schedule) else {
            return false
        }
        let status = schedule.status
        let from =
            status.lastSuccessfulTime.isEmpty
            ? schedule.object.creationTimestamp ?? "" : status.lastSuccessfulTime
        guard var moment = KubeTime.parse(from).map({ $0 / 1_000_000_000 }) else { return false }
        for _ in 0..<(isUTC(schedule.spec.timeZone) ? 2 : 3) {
            guard let next = cron.next(after: moment) else { return false }
            moment = next
        }
        let deadline = Int64(min(max(0, schedule.spec.startingDeadlineSeconds), 86_400))
        return now.nanoseconds / 1_000_000_000 - deadline > moment
    }

    static func isUTC(_ zone: String) -> Bool { ["", "UTC", "Etc/UTC"].contains(zone) }
}

/// `status.backup` and the condition BackupReady of a cluster.
struct BackupStanding {
    let lines: [BackupLine]

    init(_ observation: Observation, now: Instant) {
        lines = BackupLine.all(
            backups: observation.backups, schedules: observation.backupSchedules, now: now)
    }

    private var lastSuccessful: String { lines.map(\.lastSuccessful).max() ?? "" }
    private var lastVerified: String { lines.map(\.lastVerified).max() ?? "" }

    /// Nil if there is nothing to say.
    var summary: JSONValue? {
        var summary = BackupSummary()
        summary.lastSuccessful = lastSuccessful
        summary.lastVerified = lastVerified
        summary.lastFailure = lines.map(\.lastFailure).max() ?? ""
        summary.nextScheduled = lines.map(\.next).filter { !$0.isEmpty }.min() ?? ""
        let json = summary.encoded
        return json.isEmpty ? nil : .object(json)
    }

    static let staleReason = "BackupStale"

    /// Truth (nil is Unknown), reason and message; nil if there are neither schedules nor backups.
    var condition: (isTrue: Bool?, reason: String, message: String)? {
        guard !lines.isEmpty else { return nil }
        let stale = lines.filter(\.isStale)
        if !stale.isEmpty {
            let text = stale.map { line in
                let since = line.lastSuccessful.isEmpty ? "none yet" : "none since "
                return "\(line.schedule): \(since)\(line.lastSuccessful)"
            }
            return (false, Self.staleReason, text.joined(separator: "; "))
        }
        if let failed = lines.first(where: \.hasFailed) {
            let name = failed.schedule.isEmpty ? "" : "\(failed.schedule): "
            return (false, "BackupFailed", "\(name)\(failed.lastError)")
        }
        guard !lastSuccessful.isEmpty else { return (nil, "NoBackupYet", "") }
        guard lastVerified == lastSuccessful else {
            return (false, "NotVerified", "the last backup was not checked after it was stored")
        }
        return (true, "Fresh", "")
    }
}
