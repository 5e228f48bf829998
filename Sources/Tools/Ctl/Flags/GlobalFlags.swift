// SPDX-License-Identifier: Apache-2.0
internal import Bytes
internal import EtcdClient

/// What every command takes. Nothing is complained about before a command needs a server or prints
/// an answer: `version` works with any flags.
struct GlobalFlags: Sendable {
    static func table(_ personality: Personality) -> [CtlFlag] {
        switch personality {
        case .etcdutl: [writeOut]
        case .etcdctl: online
        case .keelsonctl:
            (online + [
                CtlFlag(
                    "quiet", .bool, "false", "do not show how far long commands are")
            ]).sorted { $0.name < $1.name }
        }
    }

    private static let writeOut = CtlFlag(
        "write-out", short: "w", .text, "simple",
        "set the output format (fields, json, protobuf, simple, table)")

    private static let online: [CtlFlag] = [
        CtlFlag(
            "cacert", .text, "",
            "verify certificates of TLS-enabled secure servers using this CA bundle"),
        CtlFlag(
            "cert", .text, "", "identify secure client using this TLS certificate file"),
        CtlFlag(
            "command-timeout", .duration, "5s",
            "timeout for short running command (excluding dial timeout)"),
        CtlFlag("debug", .bool, "false", "enable client-side debug logging"),
        CtlFlag("dial-timeout", .duration, "2s", "dial timeout for client connections"),
        CtlFlag(
            "discovery-srv", short: "d", .text, "",
            "domain name to query for SRV records describing cluster endpoints"),
        CtlFlag(
            "discovery-srv-name", .text, "", "service name to query when using DNS discovery"),
        CtlFlag("endpoints", .list, "127.0.0.1:2379", "gRPC endpoints"),
        CtlFlag("hex", .bool, "false", "print byte strings as hex encoded strings"),
        CtlFlag(
            "insecure-discovery", .bool, "true",
            "accept insecure SRV records describing cluster endpoints"),
        CtlFlag(
            "insecure-skip-tls-verify", .bool, "false",
            "skip server certificate verification (CAUTION: this option should be enabled only "
                + "for testing purposes)"),
        CtlFlag(
            "insecure-transport", .bool, "true",
            "disable transport security for client connections"),
        CtlFlag("keepalive-time", .duration, "2s", "keepalive time for client connections"),
        CtlFlag("keepalive-timeout", .duration, "6s", "keepalive timeout for client connections"),
        CtlFlag(
            "key", .text, "", "identify secure client using this TLS key file"),
        CtlFlag(
            "max-recv-bytes", .int64, "0",
            "the largest answer that is taken, in bytes (0: 2147483647)", isNewer: true),
        CtlFlag(
            "max-request-bytes", .int64, "0",
            "the largest request that is sent, in bytes (0: 2 MiB)", isNewer: true),
        CtlFlag(
            "password", .text, "",
            "password for authentication (if this option is used, --user option shouldn't include "
                + "password)"),
        CtlFlag(
            "user", .text, "",
            "username[:password] for authentication (prompt if password is not supplied)"),
        writeOut,
    ]

    /// Read elsewhere, or by etcdctl only.
    private static let otherVariables = [
        "ETCDCTL_API", "ETCDCTL_WATCH_KEY", "ETCDCTL_WATCH_RANGE_END",
    ]

    let endpoints: [String]
    /// Endpoints are looked up in DNS; nil if they are told by name.
    let discovery: EndpointDiscovery?
    let format: OutputFormat
    let hex: Bool
    let isQuiet: Bool
    let dialTimeout: Duration
    let commandTimeout: Duration
    let keepAliveTime: Duration
    let keepAliveTimeout: Duration
    /// Zero for the usual ones.
    let maxRequestBytes: Int64
    let maxAnswerBytes: Int64
    /// Whether somebody asked for this command timeout.
    let hasCommandTimeout: Bool
    /// `NAME` or `NAME:PASSWORD`; empty for nobody.
    let user: String
    /// Nil: endpoints without a scheme are plain.
    let tls: ClientTLS?
    let password: String
    /// To be told before the first call.
    let warnings: [FlagWarning]
    /// Tells all flags before the first call.
    let isDebug: Bool
    let listing: String
    /// Why there can be no call.
    let problem: CtlError?

    /// A flag beats its variable, ETCDCTL_NAME_OF_FLAG.
    init(_ given: FlagSet, _ personality: Personality, _ environment: [String]) {
        let table = Self.table(personality)
        var flags = given
        var warnings: [FlagWarning] = []
        if personality != .etcdutl {
            for line in environment where line.hasPrefix("ETCDCTL_") {
                if let warning = Self.take(line, table, &flags) { warnings.append(warning) }
            }
        }
        self.warnings = warnings
        let format = OutputFormat(rawValue: flags.text("write-out"))
        self.format = format ?? .simple
        problem =
            Self.problem(flags, given, table)
            ?? (format == nil ? .failed(.badFeature, "unsupported output format") : nil)
        endpoints = flags.list("endpoints").filter { !$0.isEmpty }
        discovery = EndpointDiscovery(
            domain: flags.text("discovery-srv"), service: flags.text("discovery-srv-name"),
            takesInsecure: flags.bool("insecure-discovery"), environment)
        hex = flags.bool("hex")
        isQuiet = flags.bool("quiet")
        dialTimeout = flags.duration("dial-timeout")
        commandTimeout = flags.duration("command-timeout")
        hasCommandTimeout = flags.isGiven("command-timeout")
        keepAliveTime = flags.duration("keepalive-time")
        keepAliveTimeout = flags.duration("keepalive-timeout")
        maxRequestBytes = flags.int64("max-request-bytes")
        maxAnswerBytes = flags.int64("max-recv-bytes")
        user = flags.text("user")
        tls = Self.tls(flags)
        password = flags.text("password")
        isDebug = flags.bool("debug")
        listing = Self.listing(flags, table)
    }

    /// As in etcdctl any of the files, or no leave to do without, means TLS.
    private static func tls(_ flags: FlagSet) -> ClientTLS? {
        var tls = ClientTLS()
        tls.authorityFile = flags.text("cacert")
        tls.certificateFile = flags.text("cert")
        tls.keyFile = flags.text("key")
        let isWanted = tls != ClientTLS() || !flags.bool("insecure-transport")
        tls.verifiesServer = !flags.bool("insecure-skip-tls-verify")
        // Endpoints that say https get it all the same, and without a look if that is allowed.
        return isWanted || !tls.verifiesServer && saysHTTPS(flags) ? tls : nil
    }

    private static func saysHTTPS(_ flags: FlagSet) -> Bool {
        flags.list("endpoints").contains { $0.hasPrefix("https:") || $0.hasPrefix("unixs:") }
    }

    /// All of them as variables; a password is not shown.
    private static func listing(_ flags: FlagSet, _ table: [CtlFlag]) -> String {
        let known = table.filter { !$0.isNewer && $0.name != "quiet" }
        return known.sorted { $0.name < $1.name }.map { flag in
            let name = flag.name.split(separator: "-").joined(separator: "_").uppercased()
            let isSecret = flag.name == "password" && !flags.text(flag.name).isEmpty
            let value =
                isSecret
                ? "********"
                : flag.kind == .list
                    ? "[\(flags.list(flag.name).joined(separator: ","))]" : flags.text(flag.name)
            return "ETCDCTL_\(name)=\(value)\n"
        }.joined()
    }

    private static func problem(
        _ flags: FlagSet, _ given: FlagSet, _ table: [CtlFlag]
    ) -> CtlError? {
        for name in ["cert", "key", "cacert"] where given.isGiven(name) {
            if given.text(name).isEmpty {
                return .badArguments("empty string is passed to --\(name) option")
            }
        }
        for flag in table {
            guard let refusal = flag.refusal, flags.isGiven(flag.name) else { continue }
            let isStandard =
                flag.kind == .bool
                ? flags.bool(flag.name) == (flag.standard == "true") : flags.text(flag.name).isEmpty
            if !isStandard { return .badArguments("--\(flag.name): \(refusal)") }
        }
        return nil
    }

    /// A warning, if the variable has no effect.
    private static func take(
        _ line: String, _ table: [CtlFlag], _ flags: inout FlagSet
    ) -> FlagWarning? {
        let parts = line.split(separator: "=", maxSplits: 1, omittingEmptySubsequences: false)
        let (variable, value) = (String(parts[0]), parts.count > 1 ? String(parts[1]) : "")
        if otherVariables.contains(variable) || value.isEmpty { return nil }
        let name = variable.dropFirst("ETCDCTL_".count).lowercased()
            .split(separator: "_", omittingEmptySubsequences: false).joined(separator: "-")
        guard let flag = table.first(where: { $0.name == name }) else {
            return FlagWarning("unrecognized environment variable", line)
        }
        if flags.isGiven(name) {
            return FlagWarning(
                "environment variable is shadowed by corresponding command-line flag", variable)
        }
        if let complaint = FlagSet.complaint(value, flag.kind) {
            return FlagWarning("environment variable has no effect: \(complaint)", line)
        }
        flags.supply(name, value)
        return nil
    }
}

/// What answers are printed as.
enum OutputFormat: String, Sendable {
    case simple, fields, json, table, protobuf
}

/// A variable that has not the effect that somebody may expect.
struct FlagWarning: Equatable, Sendable {
    let text: String
    let variable: String

    init(_ text: String, _ variable: String) {
        self.text = text
        self.variable = variable
    }

    /// Under upstream names as a line of their log.
    func line(_ personality: Personality) -> String {
        if personality.explains { return "warning: \(text): \(variable)\n" }
        return "{\"level\":\"warn\",\"msg\":\(GoQuote.text(text)),"
            + "\"environment-variable\":\(GoQuote.text(variable))}\n"
    }
}
