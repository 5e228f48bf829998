// SPDX-License-Identifier: Apache-2.0
import Bytes
import Foundation
import TestKit
import Testing

@testable import Ctl

/// The same commands by both tools, each with an etcd of its own, must say the same.
struct ParityTests {
    /// One line each; behind `<<<` what is typed.
    private static let script = #"""
        put a 1
        put a 2 --prev-kv
        put a 3 --prev-kv -w fields
        put a <&> --prev-kv -w json
        put stdin <<< from the input
        put neg -- -1
        get a
        get a -w fields
        get a -w json
        get a -w protobuf
        get a --hex
        get a z --keys-only
        get a --prefix --count-only -w fields
        get a --prefix --count-only
        get --from-key s --limit 1 -w json
        get --prefix s --sort-by MODIFY --order descend
        get a --print-value-only
        get a -w table
        get a -w bogus
        get a --rev 999999
        get a --rev x
        get a --consistency q
        get nothing
        get
        put a --ignore-value 3
        put k v --lease 1
        del neg --prev-kv
        del s --prefix --prev-kv -w json
        del a b c
        txn <<< ver("a") > "1"\n\nget a\nput t "a b\\n"\n\nput u c\n\n
        txn -i <<< val("a") = "zz"\n\nget a\n\nget a\ndel t --prev-kv\n\n
        txn -w json <<< create("a") > "1"\n\nget a\nput t "x" --prev-kv\ndel b\n\n\n
        txn -w fields <<< \nget a\nput t "y" --prev-kv\n\n\n
        txn <<< val("k1") = 1\n
        txn <<< \nget a\n
        lease grant 100
        lease grant 100 -w json
        lease grant x
        lease list
        lease timetolive 123 -w json
        lease revoke 123
        lease keep-alive --once 123
        lease keep-alive 123
        member list
        member list -w table
        member list -w json
        member list -w json --hex
        member list -w fields
        member remove 1
        member add x --peer-urls=bad
        member promote 1
        endpoint health
        endpoint health -w table
        endpoint health -w json
        endpoint status -w fields
        endpoint status -w table
        endpoint status --cluster -w json
        endpoint hashkv
        endpoint hashkv -w json
        alarm list -w json
        alarm disarm
        compaction 3
        compaction 3
        compaction x
        defrag
        move-leader 1
        snapshot save snap.db
        snapshot status snap.db -w json
        snapshot status missing.db
        watch a --rev 1
        watch
        version
        get --bogus
        bogus
        get --help
        lease --help
        endpoint status --help
        """#

    private struct Tools {
        let etcd: String
        let etcdctl: String

        /// Nil unless both are there and are of release 3.5.
        init?() {
            let cache = URL(fileURLWithPath: #filePath).deletingLastPathComponent()
                .deletingLastPathComponent().deletingLastPathComponent()
                .appendingPathComponent(".cache/tools/etcd-3.5.1").path
            func find(_ name: String, _ variable: String) -> String? {
                let told = ProcessInfo.processInfo.environment[variable]
                let candidates = [told, "\(cache)/\(name)", TestKit.Tools.etcd(name)]
                return candidates.compactMap { $0 }.first {
                    FileManager.default.isExecutableFile(atPath: $0)
                }
            }
            guard let etcd = find("etcd", "KEELSON_ETCD35"),
                let etcdctl = find("etcdctl", "KEELSON_ETCDCTL35"),
                let version = try? ParityTests.etcdctl(etcdctl, ["version"]),
                version.output.contains("version: 3.5.")
            else { return nil }
            (self.etcd, self.etcdctl) = (etcd, etcdctl)
        }
    }

    private struct Server {
        let process: ServerProcess
        let endpoint: String

        init(_ program: String, _ folder: String) throws {
            let ports = try Ports.free(2)
            let (client, peer) = ("http://127.0.0.1:\(ports[0])", "http://127.0.0.1:\(ports[1])")
            process = try ServerProcess(
                program,
                [
                    "--name", "m1", "--data-dir", "\(folder)/data", "--listen-client-urls",
                    client, "--advertise-client-urls", client, "--listen-peer-urls", peer,
                    "--initial-advertise-peer-urls", peer, "--initial-cluster", "m1=\(peer)",
                ], output: "\(folder)/etcd.log")
            endpoint = "127.0.0.1:\(ports[0])"
            try process.waitForOutput(containing: "ready to serve client requests")
        }
    }

    private static func etcdctl(
        _ program: String, _ arguments: [String], input: String = ""
    ) throws -> CtlRun {
        let process = Process()
        process.executableURL = URL(fileURLWithPath: program)
        process.arguments = arguments
        process.environment = ["ETCDCTL_API": "3", "PATH": "/usr/bin:/bin"]
        let (stdin, stdout, stderr) = (Pipe(), Pipe(), Pipe())
        (process.standardInput, process.standardOutput) = (stdin, stdout)
        process.standardError = stderr
        try process.run()
        try stdin.fileHandleForWriting.write(contentsOf: Data(input.utf8))
        try stdin.fileHandleForWriting.close()
        let output = try stdout.fileHandleForReading.readToEnd() ?? Data()
        let errors = try stderr.fileHandleForReading.readToEnd() ?? Data()
        process.waitUntilExit()
        var run = CtlRun(["version"])
        run.output = String(decoding: output, as: UTF8.self)
        run.errors = String(decoding: errors, as: UTF8.self)
        run.code = process.terminationStatus
        return run
    }

    /// What differs from run to run is made the same, and of errors only the last line counts:
    /// etcdctl puts its log in front.
    private func normal(_ run: CtlRun, _ endpoint: String, _ folder: String) -> CtlRun {
        var run = run
        let port = endpoint.split(separator: ":").last.map(String.init) ?? ""
        run.errors =
            run.errors.split(separator: "\n").last { $0.hasPrefix("Error: ") }.map(String.init)
            ?? ""
        for (pattern, text) in [
            ("127\\.0\\.0\\.1:\\d+", "HOST"), (port, "PORT"), (folder, "FOLDER"),
            ("[0-9.]+(µs|ms|s)\\b", "TIME"), ("\\b[0-9a-f]{16}\\b", "HEX"), ("\\d{17,20}", "ID"),
            ("keelsonctl", "etcdctl"), ("version: [0-9.]+", "version: V"),
            ("(?m)(HOST *\\|?,?) +(\\|? *)\\d+( \\||$)", "$1 $2 HASH$3"),
            ("\"(hash|raftIndex|raftAppliedIndex)\":\\d+", "\"$1\":N"),
            ("\"(Hash|RaftIndex|RaftAppliedIndex)\" : \\d+", "\"$1\" : N"), (" +\\|", " |"),
            ("\\| +", "| "), ("-+", "-"), ("\\| \\d+ \\| \\d+ \\|  ?\\|", "| N | N | |"),
        ] {
            run.output = run.output.replacingOccurrences(
                of: pattern, with: text, options: .regularExpression)
            run.errors = run.errors.replacingOccurrences(
                of: pattern, with: text, options: .regularExpression)
        }
        // Bytes of a protobuf header hold IDs.
        if run.output.contains("\u{fffd}") { run.output = "binary" }
        return run
    }

    private func words(_ command: String) -> (arguments: [String], input: String) {
        let parts = command.components(separatedBy: " <<< ")
        let typed = parts.count > 1 ? parts[1] : ""
        return (
            parts[0].split(separator: " ").map(String.init),
            typed.replacingOccurrences(of: "\\\\", with: "\u{1}")
                .replacingOccurrences(of: "\\n", with: "\n")
                .replacingOccurrences(of: "\u{1}", with: "\\")
        )
    }

    @Test
    func `keelsonctl says what etcdctl says`() throws {
        guard let tools = Tools() else {
            return skip("etcd and etcdctl 3.5 are needed; see KEELSON_ETCD35, KEELSON_ETCDCTL35")
        }
        let (ours, theirs) = (try TemporaryFolder(), try TemporaryFolder())
        let (left, right) = (
            try Server(tools.etcd, theirs.path), try Server(tools.etcd, ours.path)
        )
        let script = Self.script.split(separator: "\n").map(String.init)
        #expect(script.count >= 70)
        for command in script {
            let (arguments, input) = words(command)
            func run(_ endpoint: String, _ folder: String) -> [String] {
                ["--endpoints", endpoint]
                    + arguments.map { $0.hasSuffix(".db") ? "\(folder)/\($0)" : $0 }
            }
            let expected = normal(
                try Self.etcdctl(
                    tools.etcdctl, run(left.endpoint, theirs.path), input: input),
                left.endpoint, theirs.path)
            let got = normal(
                CtlRun(run(right.endpoint, ours.path), input: input), right.endpoint, ours.path)
            #expect(got == expected, "\(command)")
        }
    }
}
