// SPDX-License-Identifier: Apache-2.0
internal import Bytes
internal import EtcdAPI
internal import MVCC
internal import NodeCore
internal import Posix
internal import Program
internal import Raft
internal import Replicated

/// The series that etcd's dashboards and alerts read, under etcd's names. Counted on the core's
/// thread; what can be asked is asked when it is scraped.
final class NodeMetrics {
    let registry = MetricRegistry()
    private let calls: CallMetrics
    private let fsync: Histogram
    private let commit: Histogram
    private let received: Counter
    private let sent: Counter
    private let leaderChanges: Counter
    private let failedProposals: Counter
    private let expiredLeases: Counter
    private let healthSuccess: Counter
    private let healthFailure: Counter
    private let healthChecks: MetricFamily<Counter>
    private let healthCheckState: MetricFamily<Gauge>
    private let maintenance: MaintenanceMetrics
    private let requests: MetricFamily<Counter>
    private let scrapes: MetricFamily<Counter>
    /// Clients can say anything; each word is a series.
    private var clientVersions: Set<String> = []
    private static let clientVersionsMax = 32
    let peers: PeerMetrics
    private var lastLeader: MemberID?
    private(set) var connectionCount = 0

    /// `isExtensive`: with a histogram of each method's calls.
    init(isExtensive: Bool = false) {
        calls = CallMetrics(registry, isExtensive: isExtensive)
        peers = PeerMetrics(registry)
        maintenance = MaintenanceMetrics(registry)
        requests = registry.counters(
            "etcd_server_client_requests_total",
            "The total number of client requests per client version.",
            labels: ["type", "client_api_version"])
        scrapes = registry.counters(
            "promhttp_metric_handler_requests_total",
            "Total number of scrapes by HTTP status code.", labels: ["code"])
        for code in ["200", "500", "503"] { _ = scrapes.with(code) }
        let disk = Histogram.exponential(start: 0.001, factor: 2, count: 14)
        fsync = registry.histogram(
            "etcd_disk_wal_fsync_duration_seconds",
            "The latency distributions of fsync called by WAL.", bounds: disk)
        commit = registry.histogram(
            "etcd_disk_backend_commit_duration_seconds",
            "The latency distributions of checkpoints of the store.", bounds: disk)
        received = registry.counter(
            "etcd_network_client_grpc_received_bytes_total",
            "The total number of bytes received from grpc clients.")
        sent = registry.counter(
            "etcd_network_client_grpc_sent_bytes_total",
            "The total number of bytes sent to grpc clients.")
        leaderChanges = registry.counter(
            "etcd_server_leader_changes_seen_total", "The number of leader changes seen.")
        failedProposals = registry.counter(
            "etcd_server_proposals_failed_total", "The total number of failed proposals seen.")
        expiredLeases = registry.counter(
            "etcd_debugging_server_lease_expired_total", "The total number of expired leases.")
        healthSuccess = registry.counter(
            "etcd_server_health_success", "The total number of successful health checks.")
        healthFailure = registry.counter(
            "etcd_server_health_failures", "The total number of failed health checks.")
        healthChecks = registry.counters(
            "etcd_server_healthchecks_total", "The number of runs of each health check.",
            labels: ["type", "name", "status"])
        healthCheckState = registry.gauges(
            "etcd_server_healthcheck", "The result of each kind of health check.",
            labels: ["type", "name"])
    }

    // MARK: Counted

    /// `clientVersion` is what the client says of itself, if it says anything.
    func began(_ rpc: RPC, clientVersion: String?) {
        calls.began(rpc)
        if rpc.row.streaming != .both { calls.messageReceived(rpc) }
        let kind = rpc.row.streaming == .nobody ? "unary" : "stream"
        requests.with(kind, known(clientVersion)).add()
    }

    private func known(_ version: String?) -> String {
        guard let version, !version.isEmpty else { return "unknown" }
        if clientVersions.contains(version) { return version }
        let isVersion =
            version.utf8.count <= 32
            && version.utf8.allSatisfy { byte in
                (0x30...0x39).contains(byte) || (0x61...0x7a).contains(byte)
                    || [0x2d, 0x2e].contains(byte)
            }
        guard isVersion, clientVersions.count < NodeMetrics.clientVersionsMax else {
            return "other"
        }
        clientVersions.insert(version)
        return version
    }

    func handled(_ rpc: RPC, code: Int, _ took: Duration) {
        calls.handled(rpc, code: code, took)
        if code == 0 { maintenance.handled(rpc, took) }
    }

    func messageReceived(_ rpc: RPC) { calls.messageReceived(rpc) }
    func messageSent(_ rpc: RPC) { calls.messageSent(rpc) }

    /// All series as text, for a scraper.
    func scrape() -> [UInt8] {
        scrapes.with("200").add()
        return registry.text()
    }

    func clientReceived(_ count: Int) { received.add(UInt64(count)) }
    func clientSent(_ count: Int) { sent.add(UInt64(count)) }
    func clientConnected() { connectionCount += 1 }
    func clientDisconnected() { connectionCount -= 1 }
    func logSynced(_ took: Duration) { fsync.observe(took) }
    func checkpointWritten(byteCount: Int64, _ took: Duration) { commit.observe(took) }
    func proposalFailed() { failedProposals.add() }

    func leaderChanged(to leader: MemberID?, own: MemberID) {
        if let leader, leader != lastLeader {
            leaderChanges.add()
            lastLeader = leader
        }
    }

    func noted(_ note: Note) {
        if case .leasesExpired(let count) = note { expiredLeases.add(UInt64(count)) }
    }

    func healthChecked(_ isHealthy: Bool) {
        isHealthy ? healthSuccess.add() : healthFailure.add()
    }

    func healthChecked(kind: String, name: String, _ isGood: Bool) {
        healthChecks.with(kind, name, isGood ? "success" : "error").add()
        healthCheckState.with(kind, name).set(isGood ? Int64(1) : 0)
    }

    // MARK: Asked

    /// Registers what is read from the member itself.
    func watch(_ member: LocalMember, startedAt: Int64) {
        let node = member.node
        let own = node.settings.memberID
        constant(
            "etcd_server_id", "Server or member ID in hexadecimal format.", "server_id", "\(own)")
        constant(
            "etcd_server_version", "Which version is running.", "server_version",
            node.settings.version)
        registry.gauges(
            "etcd_cluster_version", "Which version is running. 1 for 'cluster_version' label.",
            labels: ["cluster_version"]
        ) {
            guard let version = node.ledger.clusterVersion else { return [] }
            return [([version.split(separator: ".").prefix(2).joined(separator: ".")], 1)]
        }
        gauge("etcd_server_has_leader", "Whether or not a leader exists.") {
            node.leader == nil ? 0 : 1
        }
        gauge("etcd_server_is_leader", "Whether or not this member is a leader.") {
            node.isLeader ? 1 : 0
        }
        gauge("etcd_server_is_learner", "Whether or not this member is a learner.") {
            node.isLearner ? 1 : 0
        }
        gauge("etcd_server_quota_backend_bytes", "Current backend storage quota size in bytes.") {
            Double(node.settings.quotaBytes)
        }
        gauge(
            "etcd_server_snapshot_apply_in_progress_total",
            "1 if the server is applying the incoming snapshot. 0 if none."
        ) { node.isLoadingSnapshot ? 1 : 0 }
        registry.gauges(
            "etcd_network_known_peers", "The current number of known peers.",
            labels: ["Local", "Remote"]
        ) {
            let others = node.ledger.members.list.filter { $0.id != own.number }
            return others.map { (["\(own)", String($0.id, radix: 16)], 1) }
        }
        watchRaft(node)
        watchStore(node)
        watchApplied(node)
        watchProcess(startedAt: startedAt)
    }

    private func watchRaft(_ node: Node) {
        gauge(
            "etcd_server_proposals_committed_total",
            "The total number of consensus proposals committed."
        ) { Double(node.raft.commit.number) }
        gauge(
            "etcd_server_proposals_applied_total",
            "The total number of consensus proposals applied."
        ) { Double(node.ledger.appliedIndex.number) }
        gauge(
            "etcd_server_proposals_pending", "The current number of pending proposals to commit."
        ) { Double(node.pendingProposals) }
    }

    private func watchStore(_ node: Node) {
        gauge(
            "etcd_mvcc_db_total_size_in_bytes",
            "Total size of the underlying database physically allocated in bytes."
        ) { Double(node.ledger.keyspace.byteCount) }
        gauge(
            "etcd_mvcc_db_total_size_in_use_in_bytes",
            "Total size of the underlying database logically in use in bytes."
        ) { Double(node.ledger.keyspace.liveByteCount) }
        gauge("etcd_debugging_mvcc_keys_total", "Total number of keys.") {
            Double(node.ledger.keyspace.liveKeyCount)
        }
        gauge("etcd_debugging_auth_revision", "The current revision of auth store.") {
            Double(node.ledger.auth.revision)
        }
        gauge("etcd_debugging_mvcc_current_revision", "The current revision of store.") {
            Double(node.ledger.keyspace.revision)
        }
        gauge("etcd_debugging_mvcc_compact_revision", "The revision of the last compaction.") {
            Double(node.ledger.keyspace.compactRevision)
        }
        gauge("etcd_debugging_mvcc_watcher_total", "Total number of watchers.") {
            Double(node.watcherCount)
        }
        gauge("etcd_debugging_mvcc_watch_stream_total", "Total number of watch streams.") {
            Double(node.watchStreamCount)
        }
        gauge("etcd_debugging_mvcc_slow_watcher_total", "Total number of unsynced watchers.") {
            Double(node.slowWatcherCount)
        }
        registry.gauges(
            "etcd_debugging_server_alarms", "Alarms for every member in cluster.",
            labels: ["server_id", "alarm_type"]
        ) {
            node.ledger.alarms.list.map { alarm in
                (
                    [
                        String(alarm.memberID, radix: 16),
                        alarm.alarm == .noSpace ? "NOSPACE" : "CORRUPT",
                    ],
                    1
                )
            }
        }
    }

    private func watchApplied(_ node: Node) {
        registry.counter("etcd_mvcc_put_total", "Total number of puts seen by this member.") {
            node.applies.puts
        }
        registry.counter("etcd_mvcc_delete_total", "Total number of deletes seen by this member.") {
            node.applies.deletes
        }
        gauge(
            "etcd_debugging_mvcc_total_put_size_in_bytes",
            "The total size of put kv pairs seen by this member."
        ) { Double(node.applies.putBytes) }
        registry.counter(
            "etcd_debugging_lease_granted_total", "The total number of granted leases."
        ) { node.applies.leasesGranted }
        registry.counter(
            "etcd_debugging_lease_revoked_total", "The total number of revoked leases."
        ) { node.applies.leasesRevoked }
    }

    private func watchProcess(startedAt: Int64) {
        registry.counter(
            "process_cpu_seconds_total", "Total user and system CPU time in seconds.",
            fractional: { Double(ThisProcess.processorTime.nanoseconds) / 1e9 })
        gauge("process_open_fds", "Number of open file descriptors.") {
            Double(ThisProcess.openDescriptorCount)
        }
        gauge("process_max_fds", "Maximum number of open file descriptors.") {
            Double(ThisProcess.descriptorLimit)
        }
        gauge("os_fd_used", "The number of used file descriptors.") {
            Double(ThisProcess.openDescriptorCount)
        }
        gauge("os_fd_limit", "The file descriptor limit.") { Double(ThisProcess.descriptorLimit) }
        gauge("process_resident_memory_bytes", "Resident memory size in bytes.") {
            Double(ThisProcess.residentByteCount)
        }
        gauge("process_virtual_memory_bytes", "Virtual memory size in bytes.") {
            Double(ThisProcess.virtualByteCount)
        }
        gauge(
            "process_virtual_memory_max_bytes",
            "Maximum amount of virtual memory available in bytes."
        ) { ThisProcess.virtualByteLimit }
        gauge(
            "promhttp_metric_handler_requests_in_flight",
            "Current number of scrapes being served."
        ) { 1 }
        gauge(
            "process_start_time_seconds", "Start time of the process since unix epoch in seconds."
        ) { Double(startedAt / 1_000_000) / 1_000 }
    }

    private func gauge(_ name: String, _ help: String, _ value: @escaping () -> Double) {
        registry.gauge(name, help, value)
    }

    private func constant(_ name: String, _ help: String, _ label: String, _ value: String) {
        registry.gauges(name, help, labels: [label]).with(value).set(Int64(1))
    }
}
