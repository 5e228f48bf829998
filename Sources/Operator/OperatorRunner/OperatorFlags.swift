// SPDX-License-Identifier: Apache-2.0
internal import Controllers
internal import Formats
internal import Posix
internal import Program

enum OperatorFlags {
    static let versionLine = "keelson-operator \(BuildInfo.keelsonVersion)"

    static let table = FlagTable([
        row(
            "kubeconfig", .text, "",
            "File that says whom to ask; empty: $KUBECONFIG, the pod's own."),
        row("context", .text, "", "Context of the kubeconfig; empty: its current one."),
        row("watch-namespaces", .text, "", "Namespaces, with commas between; empty: all."),
        row("leader-elect", .bool, "true", "Write only while holding the Lease."),
        row(
            "lease-namespace", .text, "", "Namespace of the Lease; empty: the operator's."
        ),
        row("lease-name", .text, "keelson-operator", "Name of the Lease."),
        row("lease-duration", .duration, "15s", "When a silent holder has lost the Lease."),
        row("renew-deadline", .duration, "10s", "When a holder that cannot renew gives up."),
        row("retry-period", .duration, "2s", "Between two attempts to take or renew it."),
        row("identity", .text, "", "Who we are in the Lease; empty: $POD_NAME or the host's name."),
        row("listen", .text, ":8080", "Address of /healthz, /livez, /readyz and /metrics."),
        row("workers", .int64, "4", "Clusters that are worked on at the same time."),
        row("resync", .duration, "30s", "Every cluster is looked at this often at least."),
        row("client-qps", .int64, "20", "Requests to the API server in a second, per client."),
        row("log-level", .choice(["debug", "info", "warn", "error"]), "info", "What is logged."),
        row("log-format", .choice(["json", "console"]), "json", "How it is logged."),
        row("node-image", .text, "", "Image of members whose cluster names none."),
        row("probe-timeout", .duration, "2s", "How long a member may take to answer."),
        row("version", .bool, "false", "Print the version and stop."),
    ])

    static var usage: String {
        "Usage: keelson-operator [run] [flags]\n       keelson-operator print crds\n\n"
            + "Keeps EtcdClusters alive. 'print crds' writes the definitions of its resources as "
            + "YAML.\n\nFlags:\n"
            + table.usage()
    }

    private static func row(
        _ name: String, _ kind: FlagKind, _ standard: String, _ help: String
    ) -> FlagRow {
        FlagRow(
            name: name, variable: "", key: "", kind: kind, standard: standard, help: help,
            since: "0.1.0")
    }
}

/// What the operator was started with.
struct OperatorSettings: Equatable, Sendable {
    var kubeconfig: String
    var context: String
    /// One empty text: all namespaces.
    var namespaces: [String]
    var electsLeader: Bool
    var leaseNamespace: String
    var leaseName: String
    var leaseTiming: LeaderElection.Timing
    var identity: String
    var listen: String
    var requestsPerSecond: Int
    var workerCount: Int
    var resync: Duration
    var logLevel: LogLevel
    var logFormat: Logger.Format
    var nodeImage: String
    var probeTimeout: Duration

    init(_ flags: ParsedFlags) throws(FlagError) {
        func text(_ name: String) -> String {
            if case .text(let text)? = flags[name] { return text }
            return OperatorFlags.table[name]?.standard ?? ""
        }
        func duration(_ name: String) -> Duration {
            if case .duration(let length)? = flags[name] { return .nanoseconds(length) }
            return .nanoseconds(GoDuration.parse(OperatorFlags.table[name]?.standard ?? "") ?? 0)
        }
        guard flags.arguments.isEmpty else {
            throw .wrong("unknown argument \"\(flags.arguments[0])\"")
        }
        kubeconfig = text("kubeconfig")
        context = text("context")
        let names = text("watch-namespaces").split(separator: ",").map(String.init)
        namespaces = names.isEmpty ? [""] : names
        electsLeader = flags["leader-elect"] != .bool(false)
        leaseNamespace = text("lease-namespace")
        leaseName = text("lease-name")
        let host = Self.variable("POD_NAME") ?? ThisProcess.hostName
        let given = text("identity")
        identity = given.isEmpty ? "\(host)_\(ThisProcess.id)" : given
        listen = text("listen")
        var workers: Int64 = 4
        if case .int64(let count)? = flags["workers"] { workers = count }
        guard (1...64).contains(workers) else { throw .wrong("--workers must be 1 to 64") }
        workerCount = Int(workers)
        var rate: Int64 = 20
        if case .int64(let count)? = flags["client-qps"] { rate = count }
        guard (1...10_000).contains(rate) else { throw .wrong("--client-qps must be 1 to 10000") }
        requestsPerSecond = Int(rate)
        var timing = LeaderElection.Timing()
        timing.leaseDuration = duration("lease-duration")
        timing.renewDeadline = duration("renew-deadline")
        timing.retryPeriod = duration("retry-period")
        guard timing.retryPeriod >= .milliseconds(100), timing.retryPeriod < timing.renewDeadline,
            timing.renewDeadline < timing.leaseDuration, timing.leaseDuration <= .seconds(3600)
        else {
            throw .wrong("--retry-period, --renew-deadline, --lease-duration must rise in order")
        }
        leaseTiming = timing
        resync = duration("resync")
        probeTimeout = duration("probe-timeout")
        guard resync >= .seconds(1), probeTimeout >= .milliseconds(100) else {
            throw .wrong("--resync must be 1s at least, --probe-timeout 100ms")
        }
        logLevel = LogLevel(name: text("log-level")) ?? .info
        logFormat = text("log-format") == "console" ? .console : .json
        nodeImage = text("node-image")
    }

    static func variable(_ name: String) -> String? {
        ChildProcess.environment.first { $0.hasPrefix("\(name)=") }.map {
            String($0.dropFirst(name.utf8.count + 1))
        }.flatMap { $0.isEmpty ? nil : $0 }
    }
}
