// SPDX-License-Identifier: Apache-2.0
import Bytes
import Net
import Program
import Testing

@testable import NodeServer

@Suite struct ConfigurationTests {
    static let build = BuildInfo(apiVersion: "3.5.21", platform: "linux/amd64")

    static func read(
        _ arguments: [String], environment: [(String, String)] = [], files: [String: String] = [:]
    ) throws(ConfigError) -> NodeInvocation {
        try NodeInvocation.read(
            arguments: arguments, environment: environment, build: build
        ) { path throws(ConfigError) in
            guard let text = files[path] else {
                throw .invalid("open \(path): no such file or directory")
            }
            return Array(text.utf8)
        }
    }

    static func config(
        _ arguments: String..., environment: [(String, String)] = [], files: [String: String] = [:]
    ) throws -> NodeConfig {
        guard case .run(let config, _) = try read(arguments, environment: environment, files: files)
        else { throw ConfigError.invalid("does not run") }
        return config
    }

    static func notices(
        _ arguments: String..., environment: [(String, String)] = []
    ) throws -> [ConfigNotice] {
        guard case .run(_, let notices) = try read(arguments, environment: environment)
        else { return [] }
        return notices
    }

    @Test func `without flags everything is etcd's default`() throws {
        let config = try Self.config()
        #expect(config.name == "default")
        #expect(config.dataDirectory == "default.etcd")
        #expect(config.logDirectory == nil)
        #expect(config.listenClientURLs.map(\.description) == ["http://localhost:2379"])
        #expect(config.advertiseClientURLs == config.listenClientURLs)
        #expect(config.listenPeerURLs.map(\.description) == ["http://localhost:2380"])
        #expect(config.initialCluster == "default=http://localhost:2380")
        #expect(config.initialClusterState == .new)
        #expect(config.heartbeatInterval == .milliseconds(100))
        #expect(config.electionTicks == 10)
        #expect(config.preVote && config.strictReconfigCheck && config.syncsToDisk)
        #expect(config.quotaBytes == 2_147_483_648)
        #expect(config.autoCompaction == .off)
        #expect(config.maxRequestBytes == 1_572_864)
        #expect(config.maxTxnOps == 128)
        #expect(config.maxLearners == 1)
        #expect(config.maxConcurrentStreams == .max)
        #expect(config.snapshotCount == 10_000)
        #expect(config.compactionBatchLimit == 1000)
        #expect(config.watchProgressInterval == .seconds(600))
        #expect(config.keepalive.interval == .seconds(7200))
        #expect(config.logOutputs == [.standardError])
        #expect(try Self.notices() == [])
        let members = try config.initialMembers()
        #expect(members.map(\.name) == ["default"])
    }

    @Test func `a member of three`() throws {
        let config = try Self.config(
            "--name", "m1", "--data-dir=/data", "--listen-client-urls",
            "http://127.0.0.1:12379,http://[::1]:12379", "--advertise-client-urls",
            "http://m1.example:12379", "--listen-peer-urls=http://127.0.0.1:12380",
            "--initial-advertise-peer-urls=http://m1.example:12380", "--initial-cluster",
            "m3=http://c:1,m1=http://m1.example:12380,m2=http://b:1",
            "--initial-cluster-state=existing", "--quota-backend-bytes=-1",
            "--auto-compaction-retention=5", "--unsafe-no-fsync", "--wal-dir=/wal")
        #expect(config.listenClientURLs.map(\.host) == ["127.0.0.1", "::1"])
        #expect(config.listenClientURLs.map(\.port) == [12379, 12379])
        #expect(config.quotaBytes == nil)
        #expect(config.autoCompaction == .periodic(.seconds(18_000)))
        #expect(!config.syncsToDisk)
        #expect(config.logDirectory == "/wal")
        #expect(config.initialClusterState == .existing)
        #expect(try config.initialMembers().map(\.name) == ["m1", "m2", "m3"])
    }

    // MARK: Precedence

    @Test func `flags go over variables, variables over defaults`() throws {
        let environment = [
            ("ETCD_SNAPSHOT_COUNT", "7"), ("ETCD_BOGUS", "1"), ("HOME", "/"),
            ("ETCD_DATA_DIR", ""),
        ]
        let config = try Self.config("--name=f", environment: environment)
        #expect(config.name == "f")
        #expect(config.snapshotCount == 7)
        #expect(config.dataDirectory == "f.etcd")
        #expect(
            try Self.notices("--name=f", environment: environment) == [
                ConfigNotice(message: "unrecognized environment variable", subject: "ETCD_BOGUS")
            ])
    }

    @Test func `a flag and its variable together are refused, as by etcd`() {
        #expect(
            throws: ConfigError.invalid(
                "conflicting environment variable ETCD_NAME is shadowed by corresponding "
                    + "command-line flag --name "
                    + "(either unset environment variable or disable flag)")
        ) { try Self.config("--name=f", environment: [("ETCD_NAME", "v")]) }
    }

    static let file = """
        name: m
        snapshot-count: 9
        grpc-keepalive-interval: 5000000000
        grpc-keepalive-timeout: 7s
        log-outputs: [stdout, /tmp/log]
        listen-client-urls: http://127.0.0.1:1
        advertise-client-urls: http://127.0.0.1:1
        initial-cluster:
        client-transport-security:
          cert-file: ""
          auto-tls: false
        discovery-config:
          token: ""
        nonsense: 1
        """

    @Test func `a file counts alone, however it is named`() throws {
        let files = ["c.yml": Self.file]
        let environment = [("ETCD_SNAPSHOT_COUNT", "7"), ("ETCD_CONFIG_FILE", "c.yml")]
        let config = try Self.config("--name=f", environment: environment, files: files)
        #expect(config.name == "m")
        #expect(config.snapshotCount == 9)
        #expect(config.keepalive.interval == .seconds(5))
        #expect(config.keepalive.timeout == .seconds(7))
        #expect(config.logOutputs == [.standardOutput, .file("/tmp/log")])
        #expect(config.initialCluster == "m=http://localhost:2380")
        #expect(try Self.config("--config-file", "c.yml", files: files) == config)
        guard case .run(_, let notices) = try Self.read(["--config-file=c.yml"], files: files)
        else { return }
        #expect(notices.map(\.subject) == ["nonsense"])
    }

    @Test(arguments: [
        ("name: [1", "error converting YAML to JSON: yaml: line"),
        ("name: 5", "the value 5 of name in the configuration file is wrong"),
        ("heartbeat-interval: abc", "the value \"abc\" of heartbeat-interval"),
        ("initial-cluster-state: foo", "unexpected clusterState \"foo\""),
        (
            "listen-client-urls: 127.0.0.1:1",
            "unexpected error setting up listen-client-urls: parse \"127.0.0.1:1\": "
                + "first path segment in URL cannot contain colon"
        ),
        (
            "client-transport-security: {ca-file: x}",
            "--ca-file is not supported by keelson-node yet: "
        ),
        ("- 1", "the configuration file holds no keys and values"),
    ])
    func `mistakes in a file are told`(_ text: String, _ sentence: String) {
        #expect {
            try Self.config("--config-file=c", files: ["c": text])
        } throws: { error in
            guard let error = error as? ConfigError else { return false }
            return error.exitCode == 1 && error.text.hasPrefix(sentence)
        }
    }

    @Test func `transport security comes from flags, variables and both sections of a file`() throws
    {
        var wanted = TransportSecurity()
        wanted.certificateFile = "c"
        wanted.keyFile = "k"
        wanted.authorityFile = "ca"
        wanted.wantsClientCertificate = true
        wanted.skipsAddressCheck = true
        wanted.cipherSuites = ["TLS_AES_128_GCM_SHA256"]
        wanted.newestVersion = .tls13
        let flags = try Self.config(
            "--cert-file=c", "--key-file=k", "--trusted-ca-file=ca", "--client-cert-auth",
            "--cipher-suites=TLS_AES_128_GCM_SHA256", "--tls-max-version=TLS1.3")
        #expect(flags.clientSecurity == wanted)
        let variables = try Self.config(
            environment: [
                ("ETCD_CERT_FILE", "c"), ("ETCD_KEY_FILE", "k"), ("ETCD_TRUSTED_CA_FILE", "ca"),
                ("ETCD_CLIENT_CERT_AUTH", "true"), ("ETCD_TLS_MAX_VERSION", "TLS1.3"),
                ("ETCD_CIPHER_SUITES", "TLS_AES_128_GCM_SHA256"),
            ])
        #expect(variables.clientSecurity == wanted)
        let text = """
            cipher-suites: [TLS_AES_128_GCM_SHA256]
            tls-max-version: TLS1.3
            client-transport-security:
              {cert-file: c, key-file: k, trusted-ca-file: ca, client-cert-auth: true}
            peer-transport-security:
              cert-file: p
              key-file: q
              allowed-cn: a,b
              skip-client-san-verification: true
            """
        let file = try Self.config("--config-file=f", files: ["f": text])
        #expect(file.clientSecurity == wanted)
        #expect(file.peerSecurity.certificateFile == "p" && file.peerSecurity.keyFile == "q")
        #expect(file.peerSecurity.allowedCommonNames == ["a", "b"])
        #expect(file.peerSecurity.skipsAddressCheck)
        // As in etcd an authority alone means that certificates are asked for.
        var policy = flags.clientSecurity
        policy.wantsClientCertificate = false
        #expect(policy.serverPolicy(own: nil).requiresClientCertificate)
        policy.authorityFile = ""
        #expect(!policy.serverPolicy(own: nil).requiresClientCertificate)
    }

    @Test func `a file that is not there is told`() {
        #expect(throws: ConfigError.invalid("open x: no such file or directory")) {
            try Self.config("--config-file=x")
        }
    }

    // MARK: Printing

    @Test func `version and help are printed`() throws {
        #expect(try Self.read(["--version"]) == .print(Self.build.lines))
        guard case .print(let lines) = try Self.read(["-h"]) else {
            Issue.record("help runs")
            return
        }
        let text = lines.joined(separator: "\n")
        #expect(text.contains("--listen-client-urls 'http://localhost:2379'"))
        #expect(text.contains("--auto-tls") && !text.contains("--proxy"))
        #expect(text.split(separator: "\n").allSatisfy { $0.count <= 160 })
    }

    @Test func `no arguments, variables or files crash`() {
        var random = Random(seed: 12)
        let words =
            EtcdFlags.table.rows.map(\.name) + [
                "1", "-1", "0", "true", "x", "http://127.0.0.1:1", "https://[::1]:1", ":", "=",
                ",", "a=http://b:1", "1h", "[", "{a: 1}", "default", "\n", "é", "",
            ]
        func word() -> String { words[random.below(words.count)] }
        for _ in 0..<3000 {
            let arguments = (0..<random.below(4)).map { _ in "--\(word())=\(word())" }
            let environment = (0..<random.below(3)).map { _ in
                (EtcdFlags.variable(of: word()), word())
            }
            let files = ["1": "\(word()): \(word())\n\(word()): \(word())", "x": word()]
            if case .run(let config, _)? = try? Self.read(
                arguments, environment: environment, files: files)
            {
                _ = try? config.initialMembers()
            }
        }
    }
}
