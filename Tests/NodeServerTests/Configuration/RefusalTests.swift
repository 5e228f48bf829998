// SPDX-License-Identifier: Apache-2.0
import Program
import Testing

@testable import NodeServer

@Suite struct RefusalTests {
    @Test(
        arguments: [
            (["--nope"], "flag provided but not defined: -nope"),
            (
                ["--snapshot-count=abc"],
                "invalid value \"abc\" for flag -snapshot-count: parse error"
            ),
            (["--snapshot-count"], "flag needs an argument: -snapshot-count"),
            (["--pre-vote=x"], "invalid boolean value \"x\" for -pre-vote: parse error"),
            (
                ["--initial-cluster-state=foo"],
                "invalid value \"foo\" for flag -initial-cluster-state: invalid value"
            ),
            (
                ["--listen-client-urls=127.0.0.1:2379"],
                "invalid value \"127.0.0.1:2379\" for flag -listen-client-urls: parse "
                    + "\"127.0.0.1:2379\": first path segment in URL cannot contain colon"
            ),
            (
                ["--listen-client-urls=ftp://127.0.0.1:2379"],
                "invalid value \"ftp://127.0.0.1:2379\" for flag -listen-client-urls: "
                    + "URL scheme must be http, https, unix, or unixs: ftp://127.0.0.1:2379"
            ),
            (
                ["--listen-client-urls=http://127.0.0.1"],
                "invalid value \"http://127.0.0.1\" for flag -listen-client-urls: "
                    + "URL address does not have the form \"host:port\": http://127.0.0.1"
            ),
            (
                ["--listen-client-urls=http://127.0.0.1:2379/path"],
                "invalid value \"http://127.0.0.1:2379/path\" for flag -listen-client-urls: "
                    + "URL must not contain a path: http://127.0.0.1:2379/path"
            ),
            (
                ["--advertise-client-urls=foo:1"],
                "invalid value \"foo:1\" for flag -advertise-client-urls: "
                    + "URL scheme must be http, https, unix, or unixs: foo:1"
            ),
            (["--proxy=foo"], "invalid value \"foo\" for flag -proxy: invalid value"),
        ] as [([String], String)])
    func `what the parser refuses ends with 2`(_ arguments: [String], _ text: String) {
        #expect(throws: ConfigError.usage(text)) { try ConfigurationTests.read(arguments) }
        #expect(ConfigError.usage(text).exitCode == 2)
    }

    @Test(
        arguments: [
            (["extra"], "'extra' is not a valid flag"),
            (["--", "foo"], "'foo' is not a valid flag"),
            (["--heartbeat-interval=0"], "--heartbeat-interval must be >0 (set to 0ms)"),
            (["--election-timeout=0"], "--election-timeout must be >0 (set to 0ms)"),
            (
                ["--heartbeat-interval=100", "--election-timeout=200"],
                "--election-timeout[200ms] should be at least as 5 times as "
                    + "--heartbeat-interval[100ms]"
            ),
            (
                ["--election-timeout=60000"],
                "--election-timeout[60000ms] is too long, and should be set less than 50000ms"
            ),
            (
                ["--listen-client-urls=http://127.0.0.1:2379"],
                "--advertise-client-urls is required when --listen-client-urls is set explicitly"
            ),
            (
                ["--listen-peer-urls=http://foo:2380"],
                "expected IP in URL for binding (http://foo:2380)"
            ),
            (["--auto-compaction-mode=foo"], "unknown auto-compaction-mode \"foo\""),
            (
                ["--auto-compaction-retention=abc"],
                "error parsing CompactionRetention: time: invalid duration \"abc\""
            ),
            // Trail of Bits 11: etcd loops on negative times.
            (
                ["--auto-compaction-retention=-1"],
                "error parsing CompactionRetention: time: missing unit in duration \"-1\""
            ),
            (
                ["--auto-compaction-retention=-1h"],
                "error parsing CompactionRetention: time: invalid duration \"-1h\""
            ),
            (["--log-level=foo"], "unrecognized level: \"foo\""),
            (["--logger=foo"], "unknown logger option \"foo\""),
            (
                ["--log-outputs=default,stderr"],
                "multi logoutput for \"default\" is not supported yet"
            ),
            (["--max-learners=-1"], "--max-learners must not be negative (set to -1)"),
            (["--feature-gates=Foo=true"], "unrecognized feature gate: Foo"),
            (
                ["--warning-apply-duration=1s", "--experimental-warning-apply-duration=1s"],
                "cannot set --experimental-warning-apply-duration and --warning-apply-duration "
                    + "at the same time"
            ),
            (
                ["--listen-peer-urls=https://127.0.0.1:2380"],
                "cannot listen on TLS for 127.0.0.1:2380: KeyFile and CertFile are not presented"
            ),
            (
                ["--force-new-cluster"],
                "--force-new-cluster is not supported by keelson-node yet: "
                    + "start a new cluster from a snapshot instead"
            ),
            (
                [
                    "--listen-client-urls=https://127.0.0.1:1", "--key-file=k",
                    "--advertise-client-urls=https://127.0.0.1:1",
                ],
                "KeyFile and CertFile must both be present[key: k, cert: ]"
            ),
            (
                [
                    "--listen-client-urls=https://127.0.0.1:1",
                    "--advertise-client-urls=https://127.0.0.1:1",
                ],
                "TLS key/cert (--cert-file, --key-file) must be provided for client url "
                    + "https://127.0.0.1:1 with HTTPS scheme"
            ),
            (
                [
                    "--listen-client-urls=https://127.0.0.1:1", "--key-file=k", "--cert-file=c",
                    "--advertise-client-urls=https://127.0.0.1:1", "--client-cert-file=d",
                ],
                "ClientKeyFile and ClientCertFile must both be present or both absent: "
                    + "key: , cert: d]"
            ),
            (
                [
                    "--listen-peer-urls=https://127.0.0.1:1", "--peer-key-file=k",
                    "--peer-cert-file=c", "--peer-cert-allowed-cn=a,b",
                    "--peer-cert-allowed-hostname=h",
                ],
                "AllowedCN and AllowedHostname are mutually exclusive (cn=\"a,b\", hostname=\"h\")"
            ),
            (
                ["--auto-tls", "--self-signed-cert-validity=0"],
                "selfSignedCertValidity is invalid,it should be greater than 0"
            ),
            (["--cipher-suites=foo"], "unexpected TLS cipher suite \"foo\""),
            (
                ["--cipher-suites=TLS_RSA_WITH_RC4_128_SHA"],
                "TLS cipher suite \"TLS_RSA_WITH_RC4_128_SHA\" is broken and not supported"
            ),
            (["--tls-min-version=TLS1.1"], "unexpected TLS version \"TLS1.1\""),
            (
                ["--tls-min-version=TLS1.3", "--tls-max-version=TLS1.2"],
                "min version (TLS1.3) is greater than max version (TLS1.2)"
            ),
            (
                [
                    "--tls-min-version=TLS1.3",
                    "--cipher-suites=TLS_ECDHE_RSA_WITH_AES_128_GCM_SHA256",
                ],
                "cipher suites cannot be configured when only TLS1.3 is enabled"
            ),
            (
                ["--ca-file=x"],
                "--ca-file is not supported by keelson-node yet: it became --trusted-ca-file"
            ),
            (
                ["--experimental-corrupt-check-time=-1h"],
                "--corrupt-check-time must not be negative"
            ),
            (
                ["--compact-hash-check-time=0s"],
                "--compact-hash-check-time must be >0"
            ),
            (
                ["--feature-gates=LeaseCheckpoint=true"],
                "--feature-gates=LeaseCheckpoint=true is not supported by keelson-node yet: "
                    + "this gate keeps its default"
            ),
        ] as [([String], String)])
    func `what cannot be followed ends with 1`(_ arguments: [String], _ text: String) {
        #expect(throws: ConfigError.invalid(text)) { try ConfigurationTests.read(arguments) }
        #expect(ConfigError.invalid(text).exitCode == 1)
    }

    @Test func `a variable that does not parse ends with 1`() {
        #expect(
            throws: ConfigError.invalid(
                "invalid value \"abc\" for ETCD_HEARTBEAT_INTERVAL: parse error")
        ) {
            try ConfigurationTests.read([], environment: [("ETCD_HEARTBEAT_INTERVAL", "abc")])
        }
    }

    /// Known bug: TOB-2020-14.
    @Test func `every flag passes at its default, and refused ones only there`() throws {
        for row in EtcdFlags.table.rows where row.name != "version" {
            if row.kind == .urls, row.name.hasPrefix("listen-client-urls") { continue }
            _ = try ConfigurationTests.read(["--\(row.name)=\(row.standard)"])
            guard case .refused = row.status, let other = Self.other(row) else { continue }
            do {
                _ = try ConfigurationTests.read(["--\(row.name)=\(other)"])
                Issue.record("--\(row.name)=\(other) was taken")
            } catch {
                #expect(error.text.hasPrefix("--\(row.name) is not supported by keelson-node yet"))
            }
        }
    }

    /// A value that is not the default.
    private static func other(_ row: FlagRow) -> String? {
        switch row.kind {
        case .bool: row.standard == "true" ? "false" : "true"
        case .int64, .uint64, .uint32: "12345"
        case .duration: "12345s"
        case .choice(let words): words.first { $0 != row.standard }
        case .urls: "http://127.0.0.1:54321"
        case .text: "else"
        case .anything: nil
        }
    }

    @Test func `every row is sound`() {
        let table = EtcdFlags.table
        #expect(Set(table.rows.map(\.name)).count == table.rows.count)
        for row in table.rows {
            #expect(FlagParser.value(row.standard, row.kind) != nil, "\(row.name)")
            if case .renamed(let new) = row.status {
                #expect(table[new]?.kind == row.kind, "\(row.name)")
            }
            if row.status == .supported { #expect(!row.help.isEmpty, "\(row.name)") }
        }
        #expect(table["data-dir"]?.variable == "ETCD_DATA_DIR")
        #expect(table["version"]?.variable == "")
    }

    @Test func `what changes nothing is noted`() throws {
        #expect(
            try ConfigurationTests.notices("--backend-batch-limit=5", "--force", "--snapshot=x")
                == [
                    ConfigNotice(
                        message: "flag has no effect: "
                            + "the store has no transactions of its own to batch",
                        subject: "backend-batch-limit"),
                    ConfigNotice(message: "flag is ignored", subject: "force"),
                    ConfigNotice(message: "flag is ignored", subject: "snapshot"),
                ])
        #expect(try ConfigurationTests.notices("--backend-batch-limit=0").isEmpty)
        let config = try ConfigurationTests.config("--experimental-snapshot-catchup-entries=9")
        #expect(config.snapshotCatchUpEntries == 9)
    }

    @Test(
        arguments: [
            (["--auto-compaction-retention=0"], .off),
            (["--auto-compaction-retention=2"], .periodic(.seconds(7200))),
            (["--auto-compaction-retention=90m"], .periodic(.seconds(5400))),
            (
                ["--auto-compaction-mode=revision", "--auto-compaction-retention=1000"],
                .revisions(1000)
            ),
            (["--auto-compaction-mode=revision"], .off),
            (["--auto-compaction-retention=99999999999"], .periodic(.seconds(2_562_047 * 3600))),
        ] as [([String], NodeConfig.AutoCompaction)])
    func `compaction is read by its mode`(
        _ arguments: [String], _ expected: NodeConfig.AutoCompaction
    ) throws {
        guard case .run(let config, _) = try ConfigurationTests.read(arguments) else { return }
        #expect(config.autoCompaction == expected)
    }
}
