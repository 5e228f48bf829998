// SPDX-License-Identifier: Apache-2.0

/// What every command takes.
struct GlobalFlags: Sendable {
    private static let noTLS = "TLS is not supported by this client yet; use plain http endpoints"
    private static let noLogin = "logging in is not supported by this client yet"
    private static let noDiscovery =
        "finding endpoints by DNS is not supported by this client; "
        + "name them with --endpoints"

    static let table: [CtlFlag] = [
        CtlFlag(
            "cacert", .text, "",
            "verify certificates of TLS-enabled secure servers using this CA bundle", refusal: noTLS
        ),
        CtlFlag(
            "cert", .text, "", "identify secure client using this TLS certificate file",
            refusal: noTLS),
        CtlFlag(
            "command-timeout", .duration, "5s",
            "timeout for short running command (excluding dial timeout)"),
        CtlFlag("debug", .bool, "false", "enable client-side debug logging"),
        CtlFlag("dial-timeout", .duration, "2s", "dial timeout for client connections"),
        CtlFlag(
            "discovery-srv", short: "d", .text, "",
            "domain name to query for SRV records describing cluster endpoints",
            refusal: noDiscovery),
        CtlFlag(
            "discovery-srv-name", .text, "", "service name to query when using DNS discovery",
            refusal: noDiscovery),
        CtlFlag("endpoints", .list, "127.0.0.1:2379", "gRPC endpoints"),
        CtlFlag("hex", .bool, "false", "print byte strings as hex encoded strings"),
        CtlFlag(
            "insecure-discovery", .bool, "true",
            "accept insecure SRV records describing cluster endpoints"),
        CtlFlag(
            "insecure-skip-tls-verify", .bool, "false",
            "skip server certificate verification (CAUTION: this option should be enabled only "
                + "for testing purposes)", refusal: noTLS),
        CtlFlag(
            "insecure-transport", .bool, "true",
            "disable transport security for client connections", refusal: noTLS),
        CtlFlag("keepalive-time", .duration, "2s", "keepalive time for client connections"),
        CtlFlag("keepalive-timeout", .duration, "6s", "keepalive timeout for client connections"),
        CtlFlag(
            "key", .text, "", "identify secure client using this TLS key file", refusal: noTLS),
        CtlFlag(
            "password", .text, "",
            "password for authentication (if this option is used, --user option shouldn't include "
                + "password)", refusal: noLogin),
        CtlFlag(
            "user", .text, "",
            "username[:password] for authentication (prompt if password is not supplied)",
            refusal: noLogin),
        CtlFlag(
            "write-out", short: "w", .text, "simple",
            "set the output format (fields, json, protobuf, simple, table)"),
    ]

    /// Read elsewhere, or by etcdctl only.
    private static let otherVariables = [
        "ETCDCTL_API", "ETCDCTL_WATCH_KEY", "ETCDCTL_WATCH_RANGE_END",
    ]

    let endpoints: [String]
    let format: OutputFormat
    let hex: Bool
    let dialTimeout: Duration
    let commandTimeout: Duration
    let keepAliveTime: Duration
    let keepAliveTimeout: Duration
    /// Whether somebody asked for this command timeout.
    let hasCommandTimeout: Bool

    /// A flag beats its variable, ETCDCTL_NAME_OF_FLAG.
    init(
        _ given: FlagSet, _ environment: [String], _ console: Console
    ) throws(CtlError) {
        var flags = given
        for line in environment where line.hasPrefix("ETCDCTL_") {
            try GlobalFlags.take(line, &flags, console)
        }
        for flag in Self.table {
            guard let refusal = flag.refusal, flags.isGiven(flag.name) else { continue }
            let isStandard =
                flag.kind == .bool
                ? flags.bool(flag.name) == (flag.standard == "true")
                : flags.text(flag.name).isEmpty && !given.isGiven(flag.name)
            if !isStandard { throw .badArguments("--\(flag.name): \(refusal)") }
        }
        guard let format = OutputFormat(rawValue: flags.text("write-out")) else {
            throw .failed(.badFeature, "unsupported output format")
        }
        self.format = format
        endpoints = flags.list("endpoints").filter { !$0.isEmpty }
        hex = flags.bool("hex")
        dialTimeout = flags.duration("dial-timeout")
        commandTimeout = flags.duration("command-timeout")
        hasCommandTimeout = flags.isGiven("command-timeout")
        keepAliveTime = flags.duration("keepalive-time")
        keepAliveTimeout = flags.duration("keepalive-timeout")
    }

    private static func take(
        _ line: String, _ flags: inout FlagSet, _ console: Console
    ) throws(CtlError) {
        let parts = line.split(separator: "=", maxSplits: 1, omittingEmptySubsequences: false)
        let (variable, value) = (String(parts[0]), parts.count > 1 ? String(parts[1]) : "")
        if otherVariables.contains(variable) || value.isEmpty { return }
        let name = variable.dropFirst("ETCDCTL_".count).lowercased()
            .split(separator: "_", omittingEmptySubsequences: false).joined(separator: "-")
        guard let flag = table.first(where: { $0.name == name }) else {
            return console.writeError("warning: unrecognized environment variable \(line)\n")
        }
        if flags.isGiven(name) {
            return console.writeError(
                "warning: \(variable) is passed over, since --\(name) is given\n")
        }
        if let complaint = FlagSet.complaint(value, flag.kind) {
            throw .badArguments("invalid value \"\(value)\" for \(variable): \(complaint)")
        }
        flags.supply(name, value)
    }
}

/// What answers are printed as.
enum OutputFormat: String, Sendable {
    case simple, fields, json, table, protobuf
}
