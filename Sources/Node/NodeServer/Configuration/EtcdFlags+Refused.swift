// SPDX-License-Identifier: Apache-2.0
internal import Program

extension EtcdFlags {
    /// Flags whose function is not there: their default passes, anything else is refused by name.
    static let refused: [FlagRow] = [
        row("addr", .text, "", .refused(relic), "2.3.0", key: ""),
        row("bind-addr", .text, "", .refused(relic), "2.3.0", key: ""),
        row(
            "ca-file", .text, "", .refused("it became --trusted-ca-file"), "2.3.0",
            key: "client-transport-security.ca-file"),
        row("debug", .bool, "false", .refused(relic), "2.3.0"),
        row("discovery", .text, "", .refused(discovery), "2.3.0"),
        row(
            "discovery-cacert", .text, "", .refused(discovery), "3.6.0",
            key: "discovery-config.client.secure.cacert"),
        row(
            "discovery-cert", .text, "", .refused(discovery), "3.6.0",
            key: "discovery-config.client.secure.cert"),
        row(
            "discovery-dial-timeout", .duration, "2s", .refused(discovery), "3.6.0",
            key: "discovery-config.client.dial-timeout"),
        row(
            "discovery-endpoints", .text, "", .refused(discovery), "3.6.0",
            key: "discovery-config.client.endpoints"),
        row(
            "discovery-insecure-skip-tls-verify", .bool, "false", .refused(discovery), "3.6.0",
            key: "discovery-config.client.secure.insecure-skip-tls-verify"),
        row(
            "discovery-insecure-transport", .bool, "true", .refused(discovery), "3.6.0",
            key: "discovery-config.client.secure.insecure-transport"),
        row(
            "discovery-keepalive-time", .duration, "2s", .refused(discovery), "3.6.0",
            key: "discovery-config.client.keepalive-time"),
        row(
            "discovery-keepalive-timeout", .duration, "6s", .refused(discovery), "3.6.0",
            key: "discovery-config.client.keepalive-timeout"),
        row(
            "discovery-key", .text, "", .refused(discovery), "3.6.0",
            key: "discovery-config.client.secure.key"),
        row(
            "discovery-password", .text, "", .refused(discovery), "3.6.0",
            key: "discovery-config.client.auth.password"),
        row("discovery-proxy", .text, "", .refused(discovery), "2.3.0"),
        row(
            "discovery-request-timeout", .duration, "5s", .refused(discovery), "3.6.0",
            key: "discovery-config.client.request-timeout"),
        row(
            "discovery-token", .text, "", .refused(discovery), "3.6.0",
            key: "discovery-config.token"),
        row(
            "discovery-user", .text, "", .refused(discovery), "3.6.0",
            key: "discovery-config.client.auth.username"),
        row("distributed-tracing-address", .text, "localhost:4317", .refused(tracing), "3.6.0"),
        row("distributed-tracing-instance-id", .text, "", .refused(tracing), "3.6.0"),
        row("distributed-tracing-sampling-rate", .int64, "0", .refused(tracing), "3.6.0"),
        row("distributed-tracing-service-name", .text, "etcd", .refused(tracing), "3.6.0"),
        row("enable-distributed-tracing", .bool, "false", .refused(tracing), "3.6.0"),
        row("enable-log-rotation", .bool, "false", .refused(rotation), "3.5.0"),
        row("enable-pprof", .bool, "false", .refused(pprof), "2.3.0"),
        row(
            "experimental-auto-compaction-retention", .int64, "0", .refused(relic), "2.3.0",
            key: ""),
        row(
            "experimental-enable-lease-checkpoint", .bool, "false", .refused(leaseCheckpoint),
            "3.4.0"),
        row(
            "experimental-enable-lease-checkpoint-persist", .bool, "false",
            .refused(leaseCheckpoint), "3.4.20"),
        row("experimental-enable-v2v3", .text, "", .refused(secondAPI), "3.3.0"),
        row(
            "experimental-stop-grpc-service-on-defrag", .bool, "false",
            .refused(defragmentation), "3.5.14"),
        row("experimental-v3demo", .bool, "false", .refused(relic), "2.3.0", key: ""),
        row("force-new-cluster", .bool, "false", .refused(forceNewCluster), "2.3.0"),
        row("listen-client-http-urls", .urls, "", .refused(httpPort), "3.4.25"),
        row("log-package-levels", .text, "", .refused(relic), "2.3.0"),
        row("memory-mlock", .bool, "false", .refused(memory), "3.6.0"),
        row("next-cluster-version-compatible", .bool, "false", .refused(futureVersion), "3.4.31"),
        row("peer-addr", .text, "", .refused(relic), "2.3.0", key: ""),
        row("peer-bind-addr", .text, "", .refused(relic), "2.3.0", key: ""),
        row(
            "peer-ca-file", .text, "", .refused("it became --peer-trusted-ca-file"), "2.3.0",
            key: "peer-transport-security.ca-file"),
        row("peers", .text, "", .refused(relic), "2.3.0", key: ""),
        row("peers-file", .text, "", .refused(relic), "2.3.0", key: ""),
        row("proxy", .choice(["off", "readonly", "on"]), "off", .refused(proxy), "2.3.0"),
        row("proxy-dial-timeout", .uint64, "1000", .refused(proxy), "2.3.0"),
        row("proxy-failure-wait", .uint64, "5000", .refused(proxy), "2.3.0"),
        row("proxy-read-timeout", .uint64, "0", .refused(proxy), "2.3.0"),
        row("proxy-refresh-interval", .uint64, "30000", .refused(proxy), "2.3.0"),
        row("proxy-write-timeout", .uint64, "5000", .refused(proxy), "2.3.0"),
        row(
            "socket-reuse-port", .bool, "false", .refused(reusePort), "3.5.0",
            key: "socket-options.reuse-port"),
    ]

    // What is missing, as the end of the sentence that refuses a flag.
    private static let discovery = "name the members with --initial-cluster"
    private static let tracing = "there is no tracing"
    private static let proxy = "it is a member of a cluster, never a proxy"
    private static let relic = "it belongs to releases long gone"
    private static let secondAPI =
        "the second API needs no such flag: --enable-v2 serves it from the third one's store"
    private static let pprof = "there is no Go runtime to profile"
    private static let memory = "memory is not locked"
    private static let forceNewCluster = "start a new cluster from a snapshot instead"
    private static let httpPort = "gRPC and HTTP share the client URLs"
    private static let rotation = "log files are not rotated; a tool of the system can do it"
    private static let reusePort = "two processes never share a port"
    private static let leaseCheckpoint = "leases have no checkpoints yet"
    private static let defragmentation = "defragmentation does not stop the service"
    private static let futureVersion = "members of etcd 3.4 and 3.5 need no permission to mix"
}
