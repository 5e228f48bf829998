// SPDX-License-Identifier: Apache-2.0
internal import Bytes
internal import FileDisk
internal import Interchange
internal import Posix
internal import Storage

enum SnapshotRestoreCommand {
    static let row = command(usage: "snapshot restore <filename> [options]")
    static let etcdutl = command(
        usage: "snapshot restore <filename> --data-dir {output dir} [options]")

    private static func command(usage: String) -> Command {
        Command(
            "snapshot restore", usage: usage,
            "Restores an etcd member snapshot to an etcd directory",
            description: [
                "Makes the data directory of one member of a new cluster; keelson-node starts on "
                    + "it with the same --name, --initial-cluster and URLs.",
                "Run it for each member with the same --initial-cluster and token, and with the "
                    + "member's own --name and --initial-advertise-peer-urls: together they are "
                    + "one cluster.",
            ],
            examples: [
                "snapshot restore backup.db --data-dir /var/lib/keelson",
                "snapshot restore backup.db --name m1 --data-dir /var/lib/m1 --initial-cluster "
                    + "m1=http://10.0.0.1:2380,m2=http://10.0.0.2:2380 "
                    + "--initial-advertise-peer-urls http://10.0.0.1:2380",
            ], flags: flags, run: run)
    }

    private static let flags = [
        CtlFlag(
            "bump-revision", .int64, "0", "How much to increase the latest revision after restore"),
        CtlFlag("data-dir", .text, "", "Path to the output data directory"),
        CtlFlag(
            "initial-advertise-peer-urls", .text, "http://localhost:2380",
            "List of this member's peer URLs to advertise to the rest of the cluster"),
        CtlFlag(
            "initial-cluster", .text, "default=http://localhost:2380",
            "Initial cluster configuration for restore bootstrap"),
        CtlFlag(
            "initial-cluster-token", .text, "etcd-cluster",
            "Initial cluster token for the etcd cluster during restore bootstrap"),
        CtlFlag(
            "mark-compacted", .bool, "false",
            "Mark the latest revision after restore as the point of scheduled compaction "
                + "(required if --bump-revision > 0, disallowed otherwise)"),
        CtlFlag("name", .text, "default", "Human-readable name for this member"),
        CtlFlag(
            "skip-hash-check", .bool, "false",
            "Ignore snapshot integrity hash value (required if copied from data directory)"),
        CtlFlag(
            "wal-dir", .text, "", "Path to the WAL directory (use --data-dir if none given)"),
    ]

    private static func run(_ call: Invocation) throws(CtlError) {
        let flags = call.flags
        if call.personality == .etcdutl, !flags.isGiven("data-dir") {
            throw .failed(.error, "required flag(s) \"data-dir\" not set")
        }
        guard call.arguments.count == 1 else {
            throw .badArguments("snapshot restore requires exactly one argument")
        }
        let bump = flags.int64("bump-revision")
        if bump < 0 {
            throw .badArguments("--bump-revision must not be negative: \(bump)")
        }
        if (bump > 0) != flags.bool("mark-compacted") {
            throw .badArguments(
                bump > 0
                    ? "--mark-compacted required if --revision-bump > 0"
                    : "--mark-compacted not allowed if --revision-bump is not > 0")
        }
        let plan = try offline { () throws(InterchangeError) in
            try BootstrapPlan(
                name: flags.text("name"), initialCluster: flags.text("initial-cluster"),
                token: flags.text("initial-cluster-token"),
                peerURLs: flags.text("initial-advertise-peer-urls"), digests: .ofLibrary)
        }
        var path = flags.text("data-dir")
        if path.isEmpty { path = flags.text("name") + ".etcd" }
        let target = try NewDirectory(path, logPath: flags.text("wal-dir"))
        do throws(CtlError) {
            try restore(call, plan, UInt64(bump), to: target)
            try target.commit()
        } catch {
            target.abandon()
            throw error
        }
    }

    private static func restore(
        _ call: Invocation, _ plan: BootstrapPlan, _ bump: UInt64, to target: NewDirectory
    ) throws(CtlError) {
        let path = call.arguments[0]
        let snapshot: SnapshotFile
        do throws(CtlError) {
            snapshot = try SnapshotFiles.open(path, missing: "open")
        } catch {
            throw missingSum(of: path, error, call)
        }
        defer { snapshot.close() }
        note(call, "restoring snapshot", ["path": path, "data-dir": target.path])
        if !call.flags.bool("skip-hash-check") { try checkSum(snapshot, call) }
        let salt = try onFiles { () throws(PosixError) in try SecureRandom.number() }
        let restore = Restore(
            plan: plan, bumpRevision: bump, marksCompacted: bump > 0,
            log: LogSettings(salt: salt))
        for id in plan.memberIDs {
            note(
                call, "added member",
                [
                    "cluster-id": "\(plan.clusterID)", "added-peer-id": "\(id)",
                    "added-peer-peer-urls": plan.peerURLs(of: id).joined(separator: ","),
                ])
        }
        let progress = Progress("restoring", total: snapshot.reader.size, call)
        try offline { () throws(InterchangeError) in
            try restore.write(
                snapshot, to: target.folder, on: PosixDisk(syncs: true),
                progress: progress.update)
        }
        progress.finish(snapshot.reader.size)
        note(call, "restored snapshot", ["path": path, "data-dir": target.path])
    }

    /// The sum comes first for etcdutl: of a file without one it says nothing else.
    private static func missingSum(
        of path: String, _ error: CtlError, _ call: Invocation
    ) -> CtlError {
        guard !call.flags.bool("skip-hash-check"), let size = try? Directory.size(of: path),
            size > 0, size % 512 != 32, Directory.kind(of: path) == .file,
            case .failed(let code, let text) = error
        else { return error }
        return .failed(code, noSum + (call.personality.explains ? "\n" + text : ""))
    }

    private static let noSum = "snapshot missing hash but --skip-hash-check=false"

    private static func checkSum(
        _ snapshot: SnapshotFile, _ call: Invocation
    ) throws(CtlError) {
        let progress = Progress("checking", total: snapshot.byteCount, call)
        let sum = try offline { () throws(InterchangeError) in
            try snapshot.checkSum(.ofLibrary, progress: progress.update)
        }
        progress.finish(snapshot.byteCount)
        switch sum {
        case .matches: return
        case .missing:
            let more =
                "\n\(snapshot.path) has no SHA-256 behind its pages: it was copied from a data "
                + "directory (then give --skip-hash-check), or its end is missing"
            throw .failed(.error, noSum + (call.personality.explains ? more : ""))
        case .differs(let expected, let found):
            let more = "\n\(snapshot.path) is damaged; `snapshot verify` says where"
            throw .failed(
                .error,
                "expected sha256 \(decimal(expected)), got \(decimal(found))"
                    + (call.personality.explains ? more : ""))
        }
    }

    /// As Go prints bytes.
    private static func decimal(_ bytes: [UInt8]) -> String {
        "[" + bytes.map { "\($0)" }.joined(separator: " ") + "]"
    }

    private static func note(
        _ call: Invocation, _ text: String, _ fields: KeyValuePairs<String, String>
    ) {
        OfflineNotes.write(call, text, fields)
    }
}

/// What happens, on standard error, in the form of etcdutl's console log.
enum OfflineNotes {
    static func write(
        _ call: Invocation, _ text: String, _ fields: KeyValuePairs<String, String>
    ) {
        if call.globals.isQuiet { return }
        let pairs = fields.map { "\(GoQuote.text($0.key)): \(GoQuote.text($0.value))" }
        call.console.writeError("info\t\(text)\t{\(pairs.joined(separator: ", "))}\n")
    }
}
