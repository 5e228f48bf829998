// SPDX-License-Identifier: Apache-2.0
internal import Formats
internal import Posix
internal import Program

extension Settings {
    /// The configuration, checked in etcd's order.
    func config(_ environment: [(String, String)]) throws(ConfigError) -> NodeConfig {
        try checkLog()
        let urls = try listenURLs()
        try checkTimes()
        let advertised = try advertiseClientURLs()
        let gates = try gates()
        let security = try transportSecurity(urls.client, peers: urls.peer, metrics: urls.metrics)
        let name = text("name")
        let quota = signed("quota-backend-bytes")
        let peers = try self.urls("initial-advertise-peer-urls")
        let cluster = text("initial-cluster")
        guard cluster.isEmpty || text("discovery-srv").isEmpty else {
            throw .invalid(
                "multiple discovery or bootstrap flags are set. Choose one of "
                    + "\"initial-cluster\", \"discovery\" or \"discovery-srv\"")
        }
        return NodeConfig(
            name: name,
            dataDirectory: text("data-dir").isEmpty ? "\(name).etcd" : text("data-dir"),
            logDirectory: text("wal-dir").isEmpty ? nil : text("wal-dir"),
            listenClientURLs: urls.client, advertiseClientURLs: advertised,
            listenPeerURLs: urls.peer, advertisePeerURLs: peers, listenMetricsURLs: urls.metrics,
            clientSecurity: security.client, peerSecurity: security.peer,
            initialCluster: cluster.isEmpty
                ? peers.map { "\(name)=\($0)" }.joined(separator: ",") : cluster,
            initialClusterToken: text("initial-cluster-token"),
            initialClusterState: .init(rawValue: text("initial-cluster-state")) ?? .new,
            discoveryDomain: text("discovery-srv"),
            discoveryServiceName: text("discovery-srv-name"),
            heartbeatInterval: milliseconds("heartbeat-interval"),
            electionTimeout: milliseconds("election-timeout"), preVote: bool("pre-vote"),
            advancesElectionTicks: bool("initial-election-tick-advance"),
            strictReconfigCheck: bool("strict-reconfig-check"),
            maxLearners: try count("max-learners"), snapshotCount: unsigned("snapshot-count"),
            snapshotCatchUpEntries: unsigned("snapshot-catchup-entries"),
            syncsToDisk: !bool("unsafe-no-fsync"),
            quotaBytes: quota < 0 ? nil : quota == 0 ? 2 << 30 : quota,
            autoCompaction: try autoCompaction(),
            compactionBatchLimit: try count("compaction-batch-limit", standard: 1000),
            compactionSleepInterval: duration(
                "compaction-sleep-interval", standard: .milliseconds(10)),
            checksCorruptionAtStart: gates["InitialCorruptCheck"]
                ?? bool("experimental-initial-corrupt-check"),
            compactHashCheckTime: gates["CompactHashCheck"]
                ?? bool("experimental-compact-hash-check-enabled")
                ? duration("compact-hash-check-time") : nil,
            corruptCheckTime: duration("corrupt-check-time") > .zero
                ? duration("corrupt-check-time") : nil,
            maxTxnOps: Int(clamping: unsigned("max-txn-ops")),
            watchProgressInterval: max(
                .milliseconds(100),
                duration("watch-progress-notify-interval", standard: .seconds(600))),
            maxRequestBytes: Int(clamping: unsigned("max-request-bytes")),
            maxConcurrentStreams: UInt32(clamping: unsigned("max-concurrent-streams")),
            keepalive: NodeConfig.Keepalive(
                minimumTime: duration("grpc-keepalive-min-time"),
                interval: duration("grpc-keepalive-interval"),
                timeout: duration("grpc-keepalive-timeout")),
            servesGateway: bool("enable-grpc-gateway"), servesSecondAPI: bool("enable-v2"),
            corsOrigins: list("cors"), hostWhitelist: list("host-whitelist"),
            metricsAreExtensive: text("metrics") == "extensive",
            authToken: try TokenOptions.parse(text("auth-token")),
            authTokenLife: .seconds(
                unsigned("auth-token-ttl") == 0
                    ? 300 : Int64(clamping: min(unsigned("auth-token-ttl"), 1 << 32))),
            bcryptCost: bcryptCost(), logLevel: try logLevel(),
            logFormat: text("log-format") == "console" ? .console : .json,
            logOutputs: try logOutputs(), slowApply: duration("warning-apply-duration"),
            slowRequest: duration("warning-unary-request-duration"),
            contract: contract(environment), terminationLog: text("termination-log"))
    }

    private func contract(_ environment: [(String, String)]) -> NodeConfig.Contract? {
        guard !text("ticket-dir").isEmpty else { return nil }
        func variable(_ name: String) -> String {
            environment.first { $0.0 == name }?.1 ?? ""
        }
        let token = text("admin-token-file")
        return NodeConfig.Contract(
            ticketDirectory: text("ticket-dir"), adminTokenFile: token.isEmpty ? nil : token,
            podName: variable("POD_NAME").isEmpty ? text("name") : variable("POD_NAME"),
            podUID: variable("POD_UID"))
    }

    private func list(_ name: String) -> [String] {
        text(name).split(separator: ",").map(String.init)
    }

    // MARK: Log

    private func checkLog() throws(ConfigError) {
        guard text("logger") == "zap" else {
            throw .invalid("unknown logger option \"\(text("logger"))\"")
        }
        guard ["json", "console"].contains(text("log-format")) else {
            throw .invalid(
                "unknown log format: \(text("log-format")), supported values json, console")
        }
    }

    private func logLevel() throws(ConfigError) -> LogLevel {
        guard let level = LogLevel(name: text("log-level")) else {
            throw .invalid("unrecognized level: \"\(text("log-level"))\"")
        }
        return level
    }

    private func logOutputs() throws(ConfigError) -> [NodeConfig.LogOutput] {
        let names = text("log-outputs").split(separator: ",").map(String.init)
        guard names.count <= 1 || !names.contains("default") else {
            throw .invalid("multi logoutput for \"default\" is not supported yet")
        }
        var outputs: [NodeConfig.LogOutput] = []
        for name in names {
            switch name {
            case "default", "stderr": outputs.append(.standardError)
            case "stdout": outputs.append(.standardOutput)
            case "systemd/journal":
                throw .invalid(
                    "--log-outputs=systemd/journal is not supported by keelson-node yet: "
                        + "write to stderr, which systemd collects")
            default: outputs.append(.file(name))
            }
        }
        return outputs.isEmpty ? [.standardError] : outputs
    }

    // MARK: URLs

    private func listenURLs() throws(ConfigError) -> (
        client: [ServiceURL], peer: [ServiceURL], metrics: [ServiceURL]
    ) {
        let peer = try bindable("listen-peer-urls")
        let client = try bindable("listen-client-urls")
        let metrics = try bindable("listen-metrics-urls")
        for name in ["initial-advertise-peer-urls", "advertise-client-urls"] {
            let urls = try urls(name)
            for url in urls where url.host.isEmpty {
                let list = urls.map { "\"\($0)\"" }.joined(separator: " ")
                throw .invalid(
                    "--\(name) [\(list)] must be \"host:port\" (unexpected empty host (\(url)))")
            }
        }
        return (client, peer, metrics)
    }

    private func bindable(_ name: String) throws(ConfigError) -> [ServiceURL] {
        let urls = try urls(name)
        for url in urls where !url.isBindable {
            throw .invalid("expected IP in URL for binding (\(url))")
        }
        return urls
    }

    private func advertiseClientURLs() throws(ConfigError) -> [ServiceURL] {
        guard !isSet("listen-client-urls") || isSet("advertise-client-urls") else {
            throw .invalid(
                "--advertise-client-urls is required when --listen-client-urls is set explicitly")
        }
        return try urls("advertise-client-urls")
    }

    // MARK: Numbers

    private func checkTimes() throws(ConfigError) {
        let (heartbeat, election) = (unsigned("heartbeat-interval"), unsigned("election-timeout"))
        guard heartbeat > 0 else {
            throw .invalid("--heartbeat-interval must be >0 (set to \(heartbeat)ms)")
        }
        guard election > 0 else {
            throw .invalid("--election-timeout must be >0 (set to \(election)ms)")
        }
        guard heartbeat <= election / 5 else {
            throw .invalid(
                "--election-timeout[\(election)ms] should be at least as 5 times as "
                    + "--heartbeat-interval[\(heartbeat)ms]")
        }
        guard election <= 50_000 else {
            throw .invalid(
                "--election-timeout[\(election)ms] is too long, and should be set less than 50000ms"
            )
        }
        guard duration("compact-hash-check-time") > .zero else {
            throw .invalid(
                "--compact-hash-check-time must be >0")
        }
        guard duration("corrupt-check-time") >= .zero else {
            throw .invalid(
                "--corrupt-check-time must not be negative")
        }
    }

    private func milliseconds(_ name: String) -> Duration {
        .milliseconds(Int64(clamping: unsigned(name)))
    }

    private func duration(_ name: String, standard: Duration) -> Duration {
        let duration = duration(name)
        return duration == .zero ? standard : duration
    }

    private func count(_ name: String, standard: Int = 0) throws(ConfigError) -> Int {
        let count = signed(name)
        guard count >= 0 else { throw .invalid("--\(name) must not be negative (set to \(count))") }
        return count == 0 ? standard : Int(clamping: count)
    }

    private func autoCompaction() throws(ConfigError) -> NodeConfig.AutoCompaction {
        let (mode, text) = (text("auto-compaction-mode"), text("auto-compaction-retention"))
        guard ["periodic", "revision", ""].contains(mode) else {
            throw .invalid("unknown auto-compaction-mode \"\(mode)\"")
        }
        if let number = Int64(text), number >= 0 {
            if number == 0 { return .off }
            if mode == "revision" { return .revisions(number) }
            // Whole hours; more than 292 years are as good as that.
            return .periodic(.seconds(min(number, 2_562_047) * 3600))
        }
        guard mode != "revision", let nanoseconds = GoDuration.parse(text), nanoseconds >= 0 else {
            let why = Int64(text) == nil ? "invalid duration" : "missing unit in duration"
            throw .invalid("error parsing CompactionRetention: time: \(why) \"\(text)\"")
        }
        return nanoseconds == 0 ? .off : .periodic(.nanoseconds(nanoseconds))
    }

    /// etcd takes the usual cost in place of one that cannot be.
    private func bcryptCost() -> Int {
        let cost = Int(clamping: unsigned("bcrypt-cost"))
        return PasswordHash.costs.contains(cost) ? cost : 10
    }

    // MARK: Gates

    /// The gates of etcd 3.6 and what they are unless told otherwise.
    private static let gates: [(name: String, standard: Bool)] = [
        ("AllAlpha", false), ("AllBeta", false), ("StopGRPCServiceOnDefrag", false),
        ("InitialCorruptCheck", false), ("CompactHashCheck", false),
        ("TxnModeWriteWithSharedBuffer", true), ("LeaseCheckpoint", false),
        ("LeaseCheckpointPersist", false), ("SetMemberLocalAddr", false),
    ]

    /// Those that may be either way.
    private static let freeGates = ["InitialCorruptCheck", "CompactHashCheck"]

    /// What was said about free gates.
    private func gates() throws(ConfigError) -> [String: Bool] {
        var told: [String: Bool] = [:]
        for pair in text("feature-gates").split(separator: ",") {
            let parts = pair.split(separator: "=", maxSplits: 1).map(String.init)
            guard let gate = Self.gates.first(where: { $0.name == parts.first }) else {
                throw .invalid("unrecognized feature gate: \(parts.first ?? "")")
            }
            guard parts.count == 2, case .bool(let value) = FlagParser.value(parts[1], .bool) else {
                throw .invalid("missing bool value for \(gate.name)")
            }
            guard value == gate.standard || Self.freeGates.contains(gate.name) else {
                throw .invalid(
                    "--feature-gates=\(pair) is not supported by keelson-node yet: "
                        + "this gate keeps its default")
            }
            if Self.freeGates.contains(gate.name) { told[gate.name] = value }
        }
        return told
    }
}
