// SPDX-License-Identifier: Apache-2.0
internal import EtcdAPI
internal import Program

/// grpc_server_started_total and grpc_server_handled_total, every method's row from the start.
final class CallMetrics {
    private let started: [RPC: Counter]
    private let handled: [RPC: [Counter]]
    private let received: [RPC: Counter]
    private let sent: [RPC: Counter]
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
        let receivedFamily = registry.counters(
            "grpc_server_msg_received_total",
            "Total number of RPC stream messages received on the server.", labels: labels)
        let sentFamily = registry.counters(
            "grpc_server_msg_sent_total",
            "Total number of gRPC stream messages sent by the server.", labels: labels)
        var received: [RPC: Counter] = [:]
        var sent: [RPC: Counter] = [:]
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
            received[rpc] = receivedFamily.with(kind, row.service, row.method)
            sent[rpc] = sentFamily.with(kind, row.service, row.method)
            handled[rpc] = CallMetrics.codeNames.map { code in
                handledFamily.with(kind, row.service, row.method, code)
            }
        }
        self.started = started
        self.received = received
        self.sent = sent
        self.handled = handled
        self.handling = handling
    }

    func began(_ rpc: RPC) {
        started[rpc]?.add()
    }

    func messageReceived(_ rpc: RPC) { received[rpc]?.add() }
    func messageSent(_ rpc: RPC) { sent[rpc]?.add() }

    func handled(_ rpc: RPC, code: Int, _ took: Duration) {
        handling[rpc]?.observe(took)
        guard let counters = handled[rpc] else { return }
        counters[counters.indices.contains(code) ? code : 2].add()
    }
}

/// How long the calls took that go over the whole store.
final class MaintenanceMetrics {
    private let snapshot: Histogram
    private let defragment: Histogram
    private let hash: Histogram
    private let hashKV: Histogram

    init(_ registry: MetricRegistry) {
        snapshot = registry.histogram(
            "etcd_disk_backend_snapshot_duration_seconds",
            "The latency distribution of backend snapshots.",
            bounds: Histogram.exponential(start: 0.01, factor: 2, count: 17))
        defragment = registry.histogram(
            "etcd_disk_backend_defrag_duration_seconds",
            "The latency distribution of backend defragmentation.",
            bounds: Histogram.exponential(start: 0.1, factor: 2, count: 13))
        hash = registry.histogram(
            "etcd_mvcc_hash_duration_seconds",
            "The latency distribution of storage hash operation.",
            bounds: Histogram.exponential(start: 0.01, factor: 2, count: 15))
        hashKV = registry.histogram(
            "etcd_mvcc_hash_rev_duration_seconds",
            "The latency distribution of storage hash by revision operation.",
            bounds: Histogram.exponential(start: 0.01, factor: 2, count: 15))
        // Nothing stands still for it here.
        registry.gauge("etcd_disk_defrag_inflight", "Whether or not defrag is active.").set(
            Int64(0))
    }

    func handled(_ rpc: RPC, _ took: Duration) {
        switch rpc {
        case .snapshot: snapshot.observe(took)
        case .defragment: defragment.observe(took)
        case .hash: hash.observe(took)
        case .hashKV: hashKV.observe(took)
        default: break
        }
    }
}
