// SPDX-License-Identifier: Apache-2.0
internal import Program

extension EtcdFlags {
    /// Flags that are taken and change nothing.
    static let accepted: [FlagRow] = [
        row(
            "backend-batch-interval", .duration, "0s",
            .accepted("the store has no transactions of its own to batch"), "3.4.0"),
        row(
            "backend-batch-limit", .int64, "0",
            .accepted("the store has no transactions of its own to batch"), "3.4.0"),
        row(
            "backend-bbolt-freelist-type", .text, "map",
            .accepted("the store has no free list"), "3.5.0"),
        row(
            "bootstrap-defrag-threshold-megabytes", .uint64, "0",
            .accepted("the store never needs defragmentation"), "3.6.0"),
        row(
            "discovery-fallback", .choice(["exit", "proxy"]), "exit",
            .accepted("discovery is not supported, so it cannot fail"), "2.3.0", key: ""),
        row(
            "downgrade-check-time", .duration, "5s",
            .accepted("the cluster version is checked by the leader as it goes"), "3.6.0"),
        row(
            "experimental-txn-mode-write-with-shared-buffer", .bool, "true",
            .accepted("transactions have no buffer to share"), "3.5.0"),
        row(
            "log-rotation-config-json", .text,
            "{\"maxsize\": 100, \"maxage\": 0, \"maxbackups\": 0, \"localtime\": false, \"compress\": false}",
            .accepted("logs are not rotated"), "3.5.0"),
        row(
            "max-snapshots", .uint64, "5",
            .accepted("one checkpoint is kept; older ones go as soon as it is safe"), "2.3.0"),
        row(
            "max-wals", .uint64, "5",
            .accepted("segments of the log go as soon as no member needs them"), "2.3.0"),
        row(
            "raft-read-timeout", .duration, "5s",
            .accepted("peer connections have timeouts of their own"), "3.5.0", key: ""),
        row(
            "raft-write-timeout", .duration, "5s",
            .accepted("peer connections have timeouts of their own"), "3.5.0", key: ""),
        row(
            "socket-reuse-address", .bool, "false",
            .accepted("listeners always reuse their address"), "3.5.0",
            key: "socket-options.reuse-address"),
        row(
            "v2-deprecation",
            .choice([
                "not-yet", "write-only", "write-only-skip-check", "write-only-drop-data", "gone",
            ]),
            "not-yet", .accepted("there is no second-generation store"), "3.5.0"),
    ]

    /// Old names of flags that are in the table by a new one.
    static let renamed: [FlagRow] = [
        row(
            "experimental-backend-bbolt-freelist-type", .text, "map",
            .renamed(to: "backend-bbolt-freelist-type"), "3.4.0"),
        row(
            "experimental-bootstrap-defrag-threshold-megabytes", .uint64, "0",
            .renamed(to: "bootstrap-defrag-threshold-megabytes"), "3.5.0"),
        row(
            "experimental-compact-hash-check-time", .duration, "1m0s",
            .renamed(to: "compact-hash-check-time"), "3.5.5"),
        row(
            "experimental-compaction-batch-limit", .int64, "0",
            .renamed(to: "compaction-batch-limit"), "3.4.0"),
        row(
            "experimental-compaction-sleep-interval", .duration, "0s",
            .renamed(to: "compaction-sleep-interval"), "3.5.16"),
        row(
            "experimental-corrupt-check-time", .duration, "0s",
            .renamed(to: "corrupt-check-time"), "3.3.0"),
        row(
            "experimental-distributed-tracing-address", .text, "localhost:4317",
            .renamed(to: "distributed-tracing-address"), "3.5.0"),
        row(
            "experimental-distributed-tracing-instance-id", .text, "",
            .renamed(to: "distributed-tracing-instance-id"), "3.5.0"),
        row(
            "experimental-distributed-tracing-sampling-rate", .int64, "0",
            .renamed(to: "distributed-tracing-sampling-rate"), "3.5.11"),
        row(
            "experimental-distributed-tracing-service-name", .text, "etcd",
            .renamed(to: "distributed-tracing-service-name"), "3.5.0"),
        row(
            "experimental-downgrade-check-time", .duration, "5s",
            .renamed(to: "downgrade-check-time"), "3.5.0"),
        row(
            "experimental-enable-distributed-tracing", .bool, "false",
            .renamed(to: "enable-distributed-tracing"), "3.5.0"),
        row("experimental-memory-mlock", .bool, "false", .renamed(to: "memory-mlock"), "3.5.0"),
        row(
            "experimental-peer-skip-client-san-verification", .bool, "false",
            .renamed(to: "peer-skip-client-san-verification"), "3.2.28",
            key: "peer-transport-security.skip-client-san-verification"),
        row(
            "experimental-snapshot-catchup-entries", .uint64, "5000",
            .renamed(to: "snapshot-catchup-entries"), "3.5.14",
            key: "experimental-snapshot-catch-up-entries"),
        row(
            "experimental-warning-apply-duration", .duration, "100ms",
            .renamed(to: "warning-apply-duration"), "3.4.16"),
        row(
            "experimental-warning-unary-request-duration", .duration, "300ms",
            .renamed(to: "warning-unary-request-duration"), "3.6.0"),
        row(
            "experimental-watch-progress-notify-interval", .duration, "0s",
            .renamed(to: "watch-progress-notify-interval"), "3.4.11"),
        row("log-output", .text, "default", .renamed(to: "log-outputs"), "3.1.0"),
    ]

    /// Flags of releases before 2.0 that etcd passes over.
    static let ignored: [FlagRow] = [
        row("cluster-active-size", .anything, "", .ignored, "2.0.0", key: ""),
        row("cluster-remove-delay", .anything, "", .ignored, "2.0.0", key: ""),
        row("cluster-sync-interval", .anything, "", .ignored, "2.0.0", key: ""),
        row("config", .anything, "", .ignored, "2.0.0", key: ""),
        row("force", .anything, "", .ignored, "2.0.0", key: ""),
        row("max-result-buffer", .anything, "", .ignored, "2.0.0", key: ""),
        row("max-retry-attempts", .anything, "", .ignored, "2.0.0", key: ""),
        row("peer-heartbeat-interval", .anything, "", .ignored, "2.0.0", key: ""),
        row("peer-election-timeout", .anything, "", .ignored, "2.0.0", key: ""),
        row("retry-interval", .anything, "", .ignored, "2.0.0", key: ""),
        row("snapshot", .anything, "", .ignored, "2.0.0", key: ""),
        row("v", .anything, "", .ignored, "2.0.0", key: ""),
        row("vv", .anything, "", .ignored, "2.0.0", key: ""),
        row("test.coverprofile", .anything, "", .ignored, "2.0.0", key: ""),
        row("test.outputdir", .anything, "", .ignored, "2.0.0", key: ""),
    ]
}
