// SPDX-License-Identifier: Apache-2.0
internal import Program

extension EtcdFlags {
    /// Flags that do what they do in etcd.
    static let supported: [FlagRow] = [
        row(
            "advertise-client-urls", .urls, "http://localhost:2379",
            "URLs of this member told to clients; required with --listen-client-urls.", "2.3.0"),
        row(
            "auth-token", .text, "simple",
            "simple, or jwt,sign-method=…,pub-key=…,priv-key=…,ttl=….", "3.2.0"),
        row(
            "auth-token-ttl", .uint64, "300",
            "Seconds a simple token lives after its last use.", "3.3.23"),
        row("auto-compaction-mode", .text, "periodic", "periodic or revision.", "3.3.0"),
        row(
            "auto-compaction-retention", .text, "0",
            "0 is off; a duration or hours (periodic), or a number of revisions (revision).",
            "3.0.0"),
        row("bcrypt-cost", .uint64, "10", "Cost of hashing passwords, 4 to 31.", "3.4.0"),
        row(
            "compact-hash-check-time", .duration, "1m0s",
            "How often the leader compares the hashes of compactions.", "3.6.0"),
        row(
            "compaction-batch-limit", .int64, "0",
            "Revisions removed in one step of a compaction; 0 means 1000.", "3.6.0"),
        row(
            "compaction-sleep-interval", .duration, "0s",
            "Pause between two steps of a compaction; 0 means 10ms.", "3.6.0"),
        row(
            "config-file", .text, "",
            "YAML file; all other flags and variables are then ignored.", "3.0.0", key: ""),
        row(
            "corrupt-check-time", .duration, "0s",
            "How often the leader compares hashes of the whole store; 0 is never.", "3.6.0"),
        row(
            "cors", .text, "*",
            "Comma list of the origins whose pages may ask; empty or * is all.", "2.3.0"),
        row(
            "data-dir", .text, "", "Path to the data directory; empty means ${name}.etcd.",
            "2.3.0"),
        row(
            "election-timeout", .uint64, "1000",
            "Time without a heartbeat until an election, in milliseconds.", "2.3.0"),
        row(
            "enable-grpc-gateway", .bool, "true", "Serve the API as JSON under /v3/ too.",
            "3.4.0"),
        row(
            "enable-v2", .bool, "true", "Serve /v2 too: an API of version 2 on the same store.",
            "3.2.0"),
        row(
            "experimental-compact-hash-check-enabled", .bool, "true",
            "Whether the leader compares the hashes of compactions. etcd does not unless told.",
            "3.5.5"),
        row(
            "experimental-initial-corrupt-check", .bool, "false",
            "Serve no client before the store was compared with those of the other members.",
            "3.3.0"),
        row("feature-gates", .text, "", "Comma list of Name=true|false.", "3.6.0"),
        row(
            "grpc-keepalive-interval", .duration, "2h",
            "Time between pings to a silent client; 0 is never.", "3.2.10"),
        row(
            "grpc-keepalive-min-time", .duration, "5s",
            "Clients that ping more often are cut off.", "3.2.10"),
        row(
            "grpc-keepalive-timeout", .duration, "20s", "How long a ping may stay unanswered.",
            "3.2.10"),
        row(
            "heartbeat-interval", .uint64, "100",
            "Time between two heartbeats, in milliseconds.", "2.3.0"),
        row(
            "host-whitelist", .text, "*",
            "Comma list of the host names that plain HTTP may ask for; empty or * is all.",
            "3.4.0"),
        row(
            "discovery-srv", .text, "",
            "DNS domain whose SRV records name the members of a new cluster.", "2.3.0"),
        row(
            "discovery-srv-name", .text, "",
            "Word at the end of the service's name in the SRV records.", "3.4.0"),
        row(
            "initial-advertise-peer-urls", .urls, "http://localhost:2380",
            "URLs of this member told to the other members.", "2.3.0"),
        row(
            "initial-cluster", .text, "",
            "Members of a new cluster, name=URL, comma separated; empty means this member alone.",
            "2.3.0"),
        row(
            "initial-cluster-state", .choice(["new", "existing"]), "new",
            "new or existing: whether the cluster is being made or joined.", "2.3.0"),
        row(
            "initial-cluster-token", .text, "etcd-cluster",
            "What tells clusters with the same URLs apart.", "2.3.0"),
        row(
            "initial-election-tick-advance", .bool, "true",
            "Hold the first election sooner after a start.", "3.1.14"),
        row(
            "listen-client-urls", .urls, "http://localhost:2379",
            "URLs to listen on for clients, comma separated.", "2.3.0"),
        row(
            "listen-metrics-urls", .urls, "",
            "More URLs that serve /metrics, /health, /livez and /readyz.", "3.3.0"),
        row(
            "listen-peer-urls", .urls, "http://localhost:2380",
            "URLs to listen on for other members, comma separated.", "2.3.0"),
        row("log-format", .text, "json", "json or console.", "3.6.0"),
        row("log-level", .text, "info", "debug, info, warn, error, panic or fatal.", "3.4.0"),
        row(
            "log-outputs", .text, "default",
            "default, stderr, stdout or paths of files, comma separated.", "3.4.0"),
        row("logger", .text, "zap", "zap, the only one.", "3.4.0"),
        row(
            "max-concurrent-streams", .uint32, "4294967295",
            "Most streams at a time on a connection of a client.", "3.4.20"),
        row("max-learners", .int64, "1", "Most learners in the cluster.", "3.6.0"),
        row("max-request-bytes", .uint64, "1572864", "Largest request of a client.", "3.2.10"),
        row(
            "max-txn-ops", .uint64, "128", "Most operations in one list of a transaction.",
            "3.3.0"),
        row(
            "metrics", .text, "basic",
            "basic, or extensive: with histograms of how long calls take.", "3.1.0"),
        row("name", .text, "default", "Human-readable name for this member.", "2.3.0"),
        row("pre-vote", .bool, "true", "Ask before an election whether it could be won.", "3.4.0"),
        row(
            "quota-backend-bytes", .int64, "0",
            "Size of the store that raises the space alarm: 0 means 2 GiB, negative no quota.",
            "3.0.0"),
        row(
            "snapshot-catchup-entries", .uint64, "5000",
            "Log entries kept behind a checkpoint for slow members.", "3.6.0"),
        row(
            "snapshot-count", .uint64, "10000", "Applied entries between two checkpoints.",
            "2.3.0"),
        row(
            "strict-reconfig-check", .bool, "true",
            "Refuse membership changes that would lose the quorum.", "2.3.0"),
        row(
            "unsafe-no-fsync", .bool, "false",
            "Never wait for the disk: a power cut may lose or tear data.", "3.4.10"),
        row("version", .bool, "false", "Print the version and exit.", "2.3.0", key: ""),
        row(
            "wal-dir", .text, "",
            "Path to a directory of its own for the log; empty means inside the data directory.",
            "2.3.0"),
        row(
            "warning-apply-duration", .duration, "100ms",
            "Entries that take longer to apply are logged.", "3.6.0"),
        row(
            "warning-unary-request-duration", .duration, "300ms",
            "Requests that take longer are logged.", "3.6.0"),
        row(
            "watch-progress-notify-interval", .duration, "0s",
            "Time between progress notices of watches; 0 means 10m.", "3.6.0"),
    ]
}
