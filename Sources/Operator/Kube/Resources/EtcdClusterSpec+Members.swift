// SPDX-License-Identifier: Apache-2.0

/// `spec.options`: flags of the members under the names etcd's users know. What is nil or empty
/// keeps the node's own default and puts no flag on the command line.
package struct MemberOptions: Record {
    package enum CompactionMode: String, ChoiceValue {
        case periodic
        case revision
    }

    package enum LogLevel: String, ChoiceValue {
        case info, debug, warn, error
    }

    package var quotaBackendBytes: Quantity?
    package var autoCompactionMode = CompactionMode.periodic
    /// A duration or hours, or a number of revisions; empty or `0` is off.
    package var autoCompactionRetention = ""
    package var snapshotCount: Int?
    package var heartbeatInterval = Duration.milliseconds(100)
    package var electionTimeout = Duration.milliseconds(1000)
    package var maxRequestBytes: Int?
    package var maxTxnOps: Int?
    package var logLevel = LogLevel.info
    /// More flags, `--name=value` each; the last resort.
    package var extraArgs: [String] = []

    package init() {}

    package static let fields: [Field<MemberOptions>] = [
        Field(
            "quotaBackendBytes", \.quotaBackendBytes,
            "Size of the store that raises the space alarm; 2Gi when absent."),
        Field("autoCompactionMode", \.autoCompactionMode, "What autoCompactionRetention counts."),
        Field(
            "autoCompactionRetention", \.autoCompactionRetention,
            "How much history is kept: a duration such as 8h, or a number of revisions. Off "
                + "when empty."
        ) {
            $0.pattern = "^([0-9]+|([0-9]+(\\.[0-9]+)?(ms|s|m|h))+)$"
            $0.maxLength = 32
        },
        Field("snapshotCount", \.snapshotCount, "Applied entries between two checkpoints.") {
            $0.minimum = 1
        },
        Field("heartbeatInterval", \.heartbeatInterval, "Time between two heartbeats."),
        Field(
            "electionTimeout", \.electionTimeout,
            "Time without a heartbeat until an election; at least five heartbeats."),
        Field("maxRequestBytes", \.maxRequestBytes, "Largest request of a client.") {
            $0.minimum = 1024
        },
        Field("maxTxnOps", \.maxTxnOps, "Most operations in one list of a transaction.") {
            $0.minimum = 1
        },
        Field("logLevel", \.logLevel, "How much is logged."),
        Field(
            "extraArgs", \.extraArgs,
            "More flags, --name=value each. Flags the operator sets are refused."
        ) {
            $0.maxItems = 32
            $0.items[0].pattern = "^--[a-z0-9-]+(=.*)?$"
            $0.items[0].maxLength = 1024
        },
    ]

    /// Flags that are the operator's, or that would let a member forget what it promised.
    package static let deniedArgs = [
        "name", "data-dir", "wal-dir", "config-file", "listen-client-urls", "listen-peer-urls",
        "listen-metrics-urls", "advertise-client-urls", "initial-advertise-peer-urls",
        "initial-cluster", "initial-cluster-state", "initial-cluster-token", "ticket-dir",
        "admin-token-file", "termination-log", "force-new-cluster", "unsafe-no-fsync",
        "quota-backend-bytes", "auto-compaction-mode", "auto-compaction-retention",
        "snapshot-count", "heartbeat-interval", "election-timeout", "max-request-bytes",
        "max-txn-ops", "log-level", "cert-file", "key-file", "trusted-ca-file",
        "client-cert-auth", "peer-cert-file", "peer-key-file", "peer-trusted-ca-file",
        "peer-client-cert-auth",
    ]

    package static let rules: [Rule] = [
        Rule(
            "duration(self.electionTimeout) >= duration(self.heartbeatInterval) "
                + "+ duration(self.heartbeatInterval) + duration(self.heartbeatInterval) "
                + "+ duration(self.heartbeatInterval) + duration(self.heartbeatInterval)",
            "electionTimeout must be at least five times heartbeatInterval",
            at: ".electionTimeout"),
        Rule(
            "duration(self.heartbeatInterval) >= duration('10ms') "
                + "&& duration(self.electionTimeout) <= duration('50s')",
            "heartbeatInterval must be at least 10ms and electionTimeout at most 50s",
            at: ".heartbeatInterval"),
        Rule(
            "self.autoCompactionMode != 'revision' || !has(self.autoCompactionRetention) "
                + "|| self.autoCompactionRetention.matches('^[0-9]+$')",
            "autoCompactionRetention must be a number of revisions in mode revision",
            at: ".autoCompactionRetention"),
        Rule(
            "!has(self.extraArgs) || self.extraArgs.all(arg, !(arg.split('=')[0].substring(2) in "
                + "[" + deniedArgs.map { "'\($0)'" }.joined(separator: ", ") + "]))",
            "extraArgs holds a flag of the operator", at: ".extraArgs"),
    ]
}
