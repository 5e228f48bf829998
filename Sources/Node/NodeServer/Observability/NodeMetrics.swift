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
    let peers: PeerMetrics
    private var lastLeader: MemberID?
    private(set) var connectionCount = 0

    /// `isExtensive`: with a histogram of each method's calls.
    init(isExtensive: Bool = false) {
        calls = CallMetrics(registry, isExtensive: isExtensive)
        peers = PeerMetrics(registry)
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

    func began(_ rpc: RPC) { calls.began(rpc) }
    func handled(_ rpc: RPC, code: Int, _ took: Duration) { calls.handled(rpc, code: code, took) }
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
        watchRaft(node)
        watchStore(node)
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

/// grpc_server_started_total and grpc_server_handled_total, every method's row from the start.
private final class CallMetrics {
    private let started: [RPC: Counter]
    private let handled: [RPC: [Counter]]
    /// Empty unless asked for.
    private let handling: [RPC: Histogram]

    private static let bounds = [0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10]

    private static let codeNames = [
        "OK", "Canceled", "Unknown", "InvalidArgument", "DeadlineExceeded", "NotFound",
        "AlreadyExists", "PermissionDenied", "ResourceExhausted", "FailedPrecondition",
        "Aborted", "OutOfRange", "Unimplemented", "Internal", "Unavailable", "DataLoss",
        "Unauthenticated",
    ]

    init(_ registry: MetricRegistry, isExtensive: Bool) {
        let labels = ["grpc_type", "grpc_service", "grpc_method"]
        let startedFamily = registry.counters(
            "grpc_server_started_total", "Total number of RPCs started on the server.",
            labels: labels)
        let handledFamily = registry.counters(
            "grpc_server_handled_total",
            "Total number of RPCs completed on the server, regardless of success or failure.",
            labels: labels + ["grpc_code"])
        let handlingFamily =
            isExtensive
            ? registry.histograms(
                "grpc_server_handling_seconds", "How long calls took, in seconds.",
                labels: labels, bounds: CallMetrics.bounds) : nil
        var handling: [RPC: Histogram] = [:]
        var started: [RPC: Counter] = [:]
        var handled: [RPC: [Counter]] = [:]
        for rpc in RPC.allCases where ServiceTable.serves(rpc) {
            let row = rpc.row
            let kind =
                switch row.streaming {
                case .nobody: "unary"
                case .server: "server_stream"
                case .both: "bidi_stream"
                }
            handling[rpc] = handlingFamily?.with(kind, row.service, row.method)
            started[rpc] = startedFamily.with(kind, row.service, row.method)
            handled[rpc] = CallMetrics.codeNames.map { code in
                handledFamily.with(kind, row.service, row.method, code)
            }
        }
        self.started = started
        self.handled = handled
        self.handling = handling
    }

    func began(_ rpc: RPC) {
        started[rpc]?.add()
    }

    func handled(_ rpc: RPC, code: Int, _ took: Duration) {
        handling[rpc]?.observe(took)
        guard let counters = handled[rpc] else { return }
        counters[counters.indices.contains(code) ? code : 2].add()
    }
}

/// What goes to and comes from peers.
final class PeerMetrics {
    private let sent: MetricFamily<Counter>
    private let received: MetricFamily<Counter>
    private let sendFailures: MetricFamily<Counter>
    private let roundTrip: MetricFamily<Histogram>
    private let active: MetricFamily<Gauge>
    private let snapshotSent: MetricFamily<Counter>
    private let snapshotSendFailures: MetricFamily<Counter>
    private let snapshotReceived: MetricFamily<Counter>

    init(_ registry: MetricRegistry) {
        sent = registry.counters(
            "etcd_network_peer_sent_bytes_total", "The total number of bytes sent to peers.",
            labels: ["To"])
        received = registry.counters(
            "etcd_network_peer_received_bytes_total",
            "The total number of bytes received from peers.", labels: ["From"])
        sendFailures = registry.counters(
            "etcd_network_peer_sent_failures_total",
            "The total number of send failures from peers.", labels: ["To"])
        roundTrip = registry.histograms(
            "etcd_network_peer_round_trip_time_seconds",
            "Round-Trip-Time histogram between peers", labels: ["To"],
            bounds: Histogram.exponential(start: 0.0001, factor: 2, count: 16))
        active = registry.gauges(
            "etcd_network_active_peers", "The current number of active peer connections.",
            labels: ["Local", "Remote"])
        snapshotSent = registry.counters(
            "etcd_network_snapshot_send_success", "Total number of successful snapshot sends",
            labels: ["To"])
        snapshotSendFailures = registry.counters(
            "etcd_network_snapshot_send_failures", "Total number of snapshot send failures",
            labels: ["To"])
        snapshotReceived = registry.counters(
            "etcd_network_snapshot_receive_success",
            "Total number of successful snapshot receives", labels: ["From"])
    }

    func sent(_ count: Int, to peer: MemberID) { sent.with("\(peer)").add(UInt64(count)) }
    func received(_ count: Int, from peer: MemberID) { received.with("\(peer)").add(UInt64(count)) }
    func sendFailed(to peer: MemberID) { sendFailures.with("\(peer)").add() }
    func roundTrip(_ took: Duration, to peer: MemberID) { roundTrip.with("\(peer)").observe(took) }

    func setActive(_ isActive: Bool, _ peer: MemberID, own: MemberID) {
        active.with("\(own)", "\(peer)").set(isActive ? Int64(1) : 0)
    }

    func snapshotSent(to peer: MemberID, _ succeeded: Bool) {
        (succeeded ? snapshotSent : snapshotSendFailures).with("\(peer)").add()
    }

    func snapshotReceived(from peer: MemberID) { snapshotReceived.with("\(peer)").add() }
}
