// SPDX-License-Identifier: Apache-2.0
internal import Bytes
internal import Kube
internal import Posix
internal import Program
internal import Reconcile

/// How backups stand, out of the caches: one line for each schedule, and one with an empty
/// `schedule` for each cluster with one-off backups. Belongs to the registry that it fills.
final class BackupMetrics {
    private struct Row {
        var namespace: String
        var line: BackupLine
        var labels: [String] { [namespace, line.cluster, line.schedule] }
    }

    static let labels = ["namespace", "cluster", "schedule"]
    private let store: ClusterStore
    private let lead: Lead
    private let failures: MetricFamily<Counter>
    private var rows: [Row] = []

    init(_ registry: MetricRegistry, store: ClusterStore, lead: Lead) {
        self.store = store
        self.lead = lead
        failures = registry.counters(
            "keelson_backup_failures_total", "Backups that failed.", labels: Self.labels)
        time(
            registry, "keelson_backup_last_success_timestamp",
            "When a backup last succeeded, in seconds since 1970.", \.lastSuccessful)
        time(
            registry, "keelson_backup_last_verified_timestamp",
            "When a backup was last stored and checked, in seconds since 1970.", \.lastVerified)
        time(
            registry, "keelson_backup_last_failure_timestamp",
            "When a backup last failed, in seconds since 1970.", \.lastFailure)
        time(
            registry, "keelson_backup_next_timestamp",
            "When the next backup is due, in seconds since 1970.", \.next)
        number(registry, "keelson_backup_size_bytes", "Size of the last backup as stored.") {
            $0.artifact.map { Double($0.sizeBytes) }
        }
        number(registry, "keelson_backup_revision", "Revision of the store in the last backup.") {
            $0.artifact.map { Double($0.revision) }
        }
        number(registry, "keelson_backup_duration_seconds", "How long the last backup took.") {
            $0.lastSuccessful.isEmpty ? nil : Double($0.lastSeconds)
        }
        number(registry, "keelson_backup_stored", "Backups of a schedule at its destination.") {
            $0.stored.map { Double($0) }
        }
        number(registry, "keelson_backup_stored_bytes", "Size of all backups of a schedule.") {
            $0.storedBytes.map { Double($0) }
        }
        number(registry, "keelson_backup_stale", "1 if a schedule has missed two runs.") {
            $0.schedule.isEmpty ? nil : $0.isStale ? 1 : 0
        }
    }

    private func time(
        _ registry: MetricRegistry, _ name: String, _ help: String,
        _ path: any KeyPath<BackupLine, String> & Sendable
    ) {
        number(registry, name, help) { line in
            KubeTime.parse(line[keyPath: path]).map { Double($0) / 1e9 }
        }
    }

    /// Lines without a value are left out.
    private func number(
        _ registry: MetricRegistry, _ name: String, _ help: String,
        _ value: @escaping (BackupLine) -> Double?
    ) {
        registry.gauges(name, help, labels: Self.labels) { [unowned self] in
            rows.compactMap { row in value(row.line).map { (row.labels, $0) } }
        }
    }

    /// To be called before the registry is read. Only who leads tells, as of clusters.
    func refresh(now: Instant) {
        rows = []
        guard lead.isOurs else { return }
        let backups = store.objects(of: .etcdBackup)
        let schedules = store.objects(of: .etcdBackupSchedule)
        let namespaces = (backups + schedules).map(\.namespace).sorted()
        for (index, namespace) in namespaces.enumerated()
        where index == 0 || namespaces[index - 1] != namespace {
            let lines = BackupLine.all(
                backups: backups.filter { $0.namespace == namespace },
                schedules: schedules.filter { $0.namespace == namespace }, now: now)
            rows += lines.map { Row(namespace: namespace, line: $0) }
        }
    }

    /// After the plan of a backup or schedule was carried out.
    func note(_ object: KubeObject, _ plan: Plan) {
        guard plan.events.contains(where: { $0.reason == "BackupFailed" }) else { return }
        let isSchedule = object.kind == ResourceKind.etcdBackupSchedule.kind
        let cluster =
            isSchedule
            ? object.string("spec", "backupTemplate", "clusterRef", "name")
            : object.string("spec", "clusterRef", "name")
        failures.with(object.namespace, cluster ?? "", isSchedule ? object.name : "").add()
    }
}
