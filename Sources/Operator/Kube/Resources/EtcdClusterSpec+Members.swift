// SPDX-License-Identifier: Apache-2.0

/// `spec.options`: flags of the members under the names etcd's users know. What is nil or empty
/// keeps the node's own default and puts no flag on the command line.
package struct MemberOptions: Record {
    package enum CompactionMode: String, ChoiceValue {
        case periodic = "Periodic"
        case revision = "Revision"
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
    package var maxRequestBytes: Quantity?
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
        Field("maxRequestBytes", \.maxRequestBytes, "Largest request of a client."),
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
            "self.autoCompactionMode != 'Revision' || !has(self.autoCompactionRetention) "
                + "|| self.autoCompactionRetention.matches('^[0-9]+$')",
            "autoCompactionRetention must be a number of revisions in mode Revision",
            at: ".autoCompactionRetention"),
        Rule(
            "!has(self.extraArgs) || self.extraArgs.all(arg, !(arg.split('=')[0].substring(2) in "
                + "[" + deniedArgs.map { "'\($0)'" }.joined(separator: ", ") + "]))",
            "extraArgs holds a flag of the operator", at: ".extraArgs"),
    ]
}

/// `spec.tls`
package struct ClusterTLS: Record {
    package enum Mode: String, ChoiceValue {
        /// The operator makes two authorities per cluster and renews what they sign.
        case auto = "Auto"
        /// Secrets made by somebody else, such as cert-manager.
        case secret = "Secret"
        case disabled = "Disabled"
    }

    package struct Automatic: Record {
        package var caValidity = Duration.seconds(87_600 * 3600)
        package var certValidity = Duration.seconds(2160 * 3600)
        package var renewBefore = Duration.seconds(720 * 3600)

        package init() {}

        package static let fields: [Field<Automatic>] = [
            Field("caValidity", \.caValidity, "How long an authority is valid (ten years)."),
            Field("certValidity", \.certValidity, "How long a certificate is valid (90 days)."),
            Field("renewBefore", \.renewBefore, "How long before its end one is renewed."),
        ]

        package static let rules: [Rule] = [
            Rule(
                "duration(self.renewBefore) < duration(self.certValidity)",
                "renewBefore must be less than certValidity", at: ".renewBefore"),
            Rule(
                "duration(self.certValidity) <= duration(self.caValidity)",
                "certValidity must be at most caValidity", at: ".certValidity"),
            Rule(
                "duration(self.certValidity) >= duration('1h')",
                "certValidity must be at least 1h", at: ".certValidity"),
        ]
    }

    /// Names of Secrets of mode Secret; each holds `tls.crt`, `tls.key` and `ca.crt`.
    package struct Secrets: Record, OptionalContent {
        package var server = ""
        package var peer = ""
        package var client = ""

        package init() {}

        package static let fields: [Field<Secrets>] = [
            Field(
                "server", \.server,
                "Secret of what the members show clients, and of the authority of clients."),
            Field("peer", \.peer, "Secret of what the members show each other."),
            Field("client", \.client, "Secret of what the operator and backups show members."),
        ]
    }

    package var mode = Mode.auto
    package var auto = Automatic()
    package var secrets: Secrets?
    package var clientCertRequired = true

    package init() {}

    package static let fields: [Field<ClusterTLS>] = [
        Field(
            "mode", \.mode,
            "Auto: the operator issues and renews certificates. Secret: from the Secrets named. "
                + "Disabled: no encryption. Immutable."),
        Field("auto", \.auto, "Settings of mode Auto."),
        Field(
            "secrets", \.secrets,
            "Secrets of mode Secret, each with tls.crt, tls.key and ca.crt. Certificates of "
                + "server and peer must name *.<cluster>-peers.<namespace>.svc and localhost."),
        Field(
            "clientCertRequired", \.clientCertRequired,
            "Clients must show a certificate of the cluster's authority."),
    ]

    package static let rules: [Rule] = [
        Rule(
            "self.mode != 'Secret' || (has(self.secrets) && has(self.secrets.server) "
                + "&& has(self.secrets.peer) && has(self.secrets.client))",
            "mode Secret needs secrets.server, secrets.peer and secrets.client", at: ".secrets"),
        Rule(
            "self.mode == 'Secret' || !has(self.secrets)",
            "secrets can only be set in mode Secret", at: ".secrets"),
        Rule("self.mode == oldSelf.mode", "mode is immutable", at: ".mode"),
    ]
}

/// `spec.monitoring`
package struct Monitoring: Record {
    package enum Switch: String, ChoiceValue {
        /// Where the kind exists.
        case auto = "Auto"
        case on = "On"
        case off = "Off"
    }

    package var serviceMonitor = Switch.off
    package var labels: KubeMap = [:]
    package var interval = Duration.seconds(30)

    package init() {}

    package static let fields: [Field<Monitoring>] = [
        Field(
            "serviceMonitor", \.serviceMonitor,
            "Whether the operator keeps a ServiceMonitor; Auto where the server knows the kind."),
        Field("labels", \.labels, "Labels by which a Prometheus selects it."),
        Field("interval", \.interval, "Time between two scrapes."),
    ]
}
