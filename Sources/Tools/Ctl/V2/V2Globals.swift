// SPDX-License-Identifier: Apache-2.0
internal import EtcdClient
internal import Formats

/// What stands in front of the command, and what the environment adds to it.
struct V2Globals: Sendable {
    static let table: [V2Flag] = [
        V2Flag(
            "debug", kind: .bool,
            "output cURL commands which can be used to reproduce the request"),
        V2Flag(
            "no-sync", kind: .bool,
            "don't synchronize cluster information before sending request"),
        V2Flag(
            "output", "o",
            "output response in the given format (simple, `extended` or `json`) "
                + "(default: \"simple\")"),
        V2Flag(
            "discovery-srv", "D",
            "domain name to query for SRV records describing cluster endpoints"),
        V2Flag(
            "insecure-discovery", kind: .bool,
            "accept insecure SRV records describing cluster endpoints"),
        V2Flag("peers", "C", "DEPRECATED - \"--endpoints\" should be used instead"),
        V2Flag("endpoint", "DEPRECATED - \"--endpoints\" should be used instead"),
        V2Flag(
            "endpoints",
            "a comma-delimited list of machine addresses in the cluster "
                + "(default: \"http://127.0.0.1:2379,http://127.0.0.1:4001\")"),
        V2Flag("cert-file", "identify HTTPS client using this SSL certificate file"),
        V2Flag("key-file", "identify HTTPS client using this SSL key file"),
        V2Flag("ca-file", "verify certificates of HTTPS-enabled servers using this CA bundle"),
        V2Flag(
            "username", "u",
            "provide username[:password] and prompt if password is not supplied."),
        V2Flag("timeout", kind: .duration, "connection timeout per request (default: 2s)"),
        V2Flag(
            "total-timeout", kind: .duration,
            "timeout for the command execution (except watch) (default: 5s)"),
        V2Flag.help,
        V2Flag("version", "v", kind: .bool, "print the version"),
    ]

    private let flags: V2FlagSet
    private let environment: [String]

    init(_ flags: V2FlagSet, _ environment: [String]) {
        self.flags = flags
        self.environment = environment
    }

    var isDebug: Bool { flags.bool("debug") }
    var isSyncWanted: Bool { !flags.bool("no-sync") }
    var output: String { flags.isGiven("output") ? flags.text("output") : "simple" }
    var username: String { value("username", "ETCDCTL_USERNAME") }
    var discovery: EndpointDiscovery? {
        EndpointDiscovery(
            domain: value("discovery-srv", "ETCDCTL_DISCOVERY_SRV"), service: "",
            takesInsecure: flags.bool("insecure-discovery"), environment)
    }

    /// For https:// endpoints.
    var tls: ClientTLS {
        var tls = ClientTLS()
        tls.certificateFile = value("cert-file", "ETCDCTL_CERT_FILE")
        tls.keyFile = value("key-file", "ETCDCTL_KEY_FILE")
        tls.authorityFile = value("ca-file", "ETCDCTL_CA_FILE")
        return tls
    }

    /// As the user wrote them.
    var endpoints: [String] {
        let sources = [
            ("endpoints", "ETCDCTL_ENDPOINTS"), ("endpoint", "ETCDCTL_ENDPOINT"),
            ("peers", "ETCDCTL_PEERS"),
        ]
        let given = sources.lazy.map { self.value($0.0, $0.1) }.first { !$0.isEmpty }
        return (given ?? "http://127.0.0.1:2379,http://127.0.0.1:4001")
            .split(separator: ",", omittingEmptySubsequences: false).map(String.init)
    }

    /// For each request; nil waits for ever.
    var timeout: Duration? { duration("timeout", .seconds(2)) }
    /// For a command; nil waits for ever.
    var totalTimeout: Duration? { duration("total-timeout", .seconds(5)) }

    private func duration(_ name: String, _ standard: Duration) -> Duration? {
        let given = flags.duration(name).map { Duration.nanoseconds($0) } ?? standard
        return given == .zero ? nil : given
    }

    private func value(_ flag: String, _ variable: String) -> String {
        let given = flags.text(flag)
        if !given.isEmpty { return given }
        let prefix = variable + "="
        return environment.last { $0.hasPrefix(prefix) }.map { String($0.dropFirst(prefix.count)) }
            ?? ""
    }
}
