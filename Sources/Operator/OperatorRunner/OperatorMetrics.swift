// SPDX-License-Identifier: Apache-2.0
internal import Bytes
internal import Formats
internal import Kube
internal import Posix
internal import Program
internal import Reconcile

/// What the operator tells Prometheus; all threads report here.
final class OperatorMetrics: @unchecked Sendable {
    private struct Cluster {
        var voters = 0
        var learners = 0
        var healthyVoters = 0
        var hasLeader = false
        var dbSize: Int64 = 0
        var dbInUse: Int64 = 0
        var quota: Int64 = 0
        var operation = ""
        var isStalled = false
        var version = ""
        var certificates: [CertificateFact] = []
    }

    private let lock = Lock()
    private let registry = MetricRegistry()
    private let durations: MetricFamily<Histogram>
    private let errors: MetricFamily<Counter>
    private let changes: MetricFamily<Counter>
    private let operations: MetricFamily<Histogram>
    private let replacements: MetricFamily<Counter>
    private let backups: BackupMetrics
    private var clusters: [ClusterKey: Cluster] = [:]

    init(store: ClusterStore, lead: Lead) {
        durations = registry.histograms(
            "keelson_reconcile_duration_seconds", "Duration of passes.", labels: ["result"],
            bounds: Histogram.exponential(start: 0.01, factor: 2, count: 12))
        errors = registry.counters(
            "keelson_reconcile_errors_total", "Passes that failed.",
            labels: ["namespace", "cluster"])
        changes = registry.counters(
            "keelson_membership_changes_total", "Changes of the member list asked for.",
            labels: ["type", "result"])
        operations = registry.histograms(
            "keelson_operation_duration_seconds", "From the record of an operation to its end.",
            labels: ["type"], bounds: Histogram.exponential(start: 1, factor: 2, count: 13))
        replacements = registry.counters(
            "keelson_member_replacements_total", "Members that were given a new disk.",
            labels: ["namespace", "cluster", "cause"])
        backups = BackupMetrics(registry, store: store, lead: lead)
        registry.gauge("keelson_reconcile_queue_depth", "Clusters that wait for a worker.") {
            Double(store.queueDepth)
        }
        registry.gauge("keelson_is_leader", "1 if this operator may write.") {
            lead.isOurs ? 1 : 0
        }
        gauge("keelson_cluster_voters", "Voting members.") { Double($0.voters) }
        gauge("keelson_cluster_learners", "Learners.") { Double($0.learners) }
        gauge("keelson_cluster_healthy_voters", "Voters that answer a linearizable read.") {
            Double($0.healthyVoters)
        }
        gauge("keelson_cluster_quorum_margin", "Voters that may fail before quorum is lost.") {
            Double($0.healthyVoters - ($0.voters / 2 + 1))
        }
        gauge("keelson_cluster_has_leader", "1 if a member knows a leader.") {
            $0.hasLeader ? 1 : 0
        }
        gauge("keelson_cluster_db_size_bytes", "Largest database file of a member.") {
            Double($0.dbSize)
        }
        gauge("keelson_cluster_db_in_use_bytes", "Largest part in use of a member's database.") {
            Double($0.dbInUse)
        }
        gauge("keelson_cluster_quota_bytes", "Quota of the database.") { Double($0.quota) }
        gauge("keelson_operation_active", "1 while an operation is recorded.") {
            $0.operation.isEmpty ? 0 : 1
        }
        gauge("keelson_operation_stalled", "1 if the operation is past its deadline.") {
            $0.isStalled ? 1 : 0
        }
        times(
            "keelson_certificate_expiry_timestamp_seconds", "When a certificate ends."
        ) { $0.notAfter }
        times(
            "keelson_certificate_renewal_timestamp_seconds",
            "When a certificate is to be renewed; in the past, when it should have been."
        ) { $0.renewal }
        registry.gauges(
            "keelson_cluster_info", "What a cluster is.",
            labels: ["namespace", "cluster", "version", "operation"]
        ) { [unowned self] in
            clusters.keys.sorted().map { key in
                let cluster = clusters[key] ?? Cluster()
                return ([key.namespace, key.name, cluster.version, cluster.operation], 1)
            }
        }
    }

    /// Its closures run within `text`, with the lock held.
    private func gauge(_ name: String, _ help: String, _ value: @escaping (Cluster) -> Double) {
        registry.gauges(name, help, labels: ["namespace", "cluster"]) { [unowned self] in
            clusters.keys.sorted().map { key in
                ([key.namespace, key.name], value(clusters[key] ?? Cluster()))
            }
        }
    }

    /// Of every Secret with a certificate, in seconds since 1970.
    private func times(
        _ name: String, _ help: String, _ time: @escaping (CertificateFact) -> Instant?
    ) {
        registry.gauges(name, help, labels: ["namespace", "cluster", "secret"]) { [unowned self] in
            clusters.keys.sorted().flatMap { key in
                (clusters[key]?.certificates ?? []).compactMap { fact in
                    time(fact).map {
                        (
                            [key.namespace, key.name, fact.secretName],
                            Double($0.nanoseconds / 1_000_000_000)
                        )
                    }
                }
            }
        }
    }

    func text() -> [UInt8] {
        lock.withLock {
            backups.refresh(now: Instant(nanoseconds: WallClock.nanoseconds))
            return registry.text()
        }
    }

    func noteBackup(_ object: KubeObject, _ plan: Plan) {
        lock.withLock { backups.note(object, plan) }
    }

    func forget(_ key: ClusterKey) { lock.withLock { clusters[key] = nil } }

    func note(
        _ key: ClusterKey, _ seen: Observation, _ plan: Plan, took: Duration,
        _ ending: Executor.Ending, now: Instant
    ) {
        let cluster = Self.cluster(seen, plan)
        lock.withLock {
            clusters[key] = cluster
            let result: String
            switch ending {
            case .done: result = "done"
            case .stale: result = "stale"
            case .failed:
                result = "failed"
                errors.with(key.namespace, key.name).add()
            }
            durations.with(result).observe(took)
            if case .etcd(let call, _)? = plan.step, let type = Self.changeType(call) {
                changes.with(type, result).add()
            }
            if let record = plan.finished, ending == .done { count(record, plan, key, now) }
        }
    }

    private func count(
        _ record: RecordedOperation, _ plan: Plan, _ key: ClusterKey, _ now: Instant
    ) {
        operations.with(record.type.rawValue).observe(max(.zero, now - record.startedAt))
        guard plan.events.contains(where: { $0.reason == "MemberReplaced" }) else { return }
        replacements.with(key.namespace, key.name, record.cause).add()
    }

    private static func changeType(_ call: EtcdCall) -> String? {
        switch call {
        case .addLearner: "add"
        case .promote: "promote"
        case .remove: "remove"
        case .moveLeader, .compact, .defragment, .disarm: nil
        }
    }

    private static func cluster(_ seen: Observation, _ plan: Plan) -> Cluster {
        var cluster = Cluster()
        let members = seen.etcd.members.value ?? []
        cluster.voters = members.filter { !$0.isLearner }.count
        cluster.learners = members.count - cluster.voters
        let voters = Set(members.filter { !$0.isLearner }.map(\.id))
        for probe in seen.etcd.probes {
            guard let status = probe.status.value else { continue }
            if probe.isLinearizable, voters.contains(status.memberID) { cluster.healthyVoters += 1 }
            if status.leader != .none { cluster.hasLeader = true }
            cluster.dbSize = max(cluster.dbSize, status.dbSizeBytes)
            cluster.dbInUse = max(cluster.dbInUse, status.dbInUseBytes)
            cluster.version = status.version
        }
        let desired = DesiredCluster(seen.cluster)
        cluster.quota = desired.quotaBytes
        cluster.certificates = Certificates.facts(desired, seen.secrets).map { fact in
            var fact = fact
            // No content is kept where it is not needed.
            fact.secret = nil
            return fact
        }
        let status = plan.status ?? seen.cluster["status"] ?? .null
        cluster.operation = status["operation"]?["type"]?.string ?? ""
        cluster.isStalled = (status["conditions"]?.array ?? []).contains {
            $0["type"] == "Progressing"
                && ($0["reason"]?.string?.hasSuffix("Stalled") ?? false)
        }
        return cluster
    }
}
