// SPDX-License-Identifier: Apache-2.0
internal import Formats
internal import Posix

/// `backup list`, `verify`, `prune` and `check`: for people and for restores.
enum BackupVerbs {
    static let rows = [list, verify, prune, check]

    private static let placeFlags = [
        CtlFlag("cluster", .text, "", "only backups of this cluster"),
        CtlFlag("dir", .text, "", "the folder of the backups"),
        CtlFlag("name", .text, "", "only backups of this job or schedule"),
    ]

    // MARK: list

    private static let list = Command(
        "backup list", usage: "backup list --dir DIR",
        "Lists the backups of a folder, oldest first, by their manifests",
        examples: ["backup list --dir /backups", "backup list --dir /backups -w json"],
        flags: placeFlags, isNewer: true,
        run: { call throws(CtlError) in
            let found = try chosen(call)
            switch call.globals.format {
            case .json:
                call.console.write(JSON.text(.array(found.map { .object($0.members) })) + "\n")
            case .table:
                call.console.write(TextTable.text(header, found.map(cells)))
            case .simple:
                for backup in found {
                    call.console.write(cells(backup).joined(separator: ", ") + "\n")
                }
            case .fields:
                for backup in found {
                    for (name, value) in backup.members {
                        call.console.write("\"\(name)\" : \(value)\n")
                    }
                    call.console.write("\n")
                }
            case .protobuf:
                throw .failed(.badFeature, "protobuf not supported as output format")
            }
        })

    private static let header = ["file", "created", "size", "revision", "keys", "verified", "name"]

    private static func cells(_ backup: BackupManifest) -> [String] {
        [
            backup.file, Timestamp.seconds(backup.createdAt), humanSize(backup.byteCount),
            "\(backup.revision)", "\(backup.keyCount)", backup.verification.rawValue, backup.name,
        ]
    }

    private static func chosen(_ call: Invocation) throws(CtlError) -> [BackupManifest] {
        guard call.arguments.isEmpty else {
            throw .badArguments("no arguments are taken, only flags")
        }
        let folder = BackupFolder(path: try BackupPlan.folder(call.flags))
        let (cluster, name) = (call.flags.text("cluster"), call.flags.text("name"))
        return try folder.backups().filter {
            (cluster.isEmpty || $0.cluster == cluster) && (name.isEmpty || $0.name == name)
        }
    }

    // MARK: verify

    private static let verify = Command(
        "backup verify", usage: "backup verify --dir DIR",
        "Reads every backup of a folder and compares it with its manifest",
        description: ["A line for each. Exit code 1 if any is not whole."],
        examples: ["backup verify --dir /backups", "backup verify --dir /backups --latest"],
        flags: placeFlags + [CtlFlag("latest", .bool, "false", "only the newest")], isNewer: true,
        run: { call throws(CtlError) in
            let found = try chosen(call)
            let folder = BackupFolder(path: try BackupPlan.folder(call.flags))
            if found.isEmpty { throw .failed(.error, "\(folder.path) holds no backup") }
            var isBad = false
            for backup in call.flags.bool("latest") ? found.suffix(1) : found[...] {
                do throws(CtlError) {
                    _ = try BackupCheck.check(folder.file(backup.file), backup, call)
                    call.console.write("\(backup.file): whole\n")
                } catch {
                    isBad = true
                    call.console.write("\(backup.file): \(BackupCommand.text(error))\n")
                }
            }
            if isBad { throw .told(.error) }
        })

    // MARK: prune

    private static let prune = Command(
        "backup prune", usage: "backup prune --dir DIR",
        "Removes the backups that no rule wants, of one cluster and name",
        description: [
            "The rules are those of `backup`; the newest verified backup stays in any case."
        ],
        examples: [
            "backup prune --dir /backups --cluster demo --keep-last 7 --dry-run",
            "backup prune --dir /backups --cluster demo --name nightly --max-age 30d",
        ],
        flags: (BackupPlan.placeFlags + BackupPlan.retentionFlags + [
            CtlFlag("dry-run", .bool, "false", "only say what would be removed")
        ]).sorted { $0.name < $1.name }, isNewer: true,
        run: { call throws(CtlError) in
            guard call.arguments.isEmpty else {
                throw .badArguments("no arguments are taken, only flags")
            }
            let cluster = try BackupPlan.cluster(call.flags)
            let path = try BackupPlan.folder(call.flags)
            let pruning = Pruning(
                try BackupPlan.retention(call.flags), cluster: cluster,
                name: call.flags.text("name"))
            if call.flags.bool("dry-run") {
                let plan = try pruning.plan(
                    BackupFolder(path: path), now: WallClockSeconds.now)
                for (backup, stays) in plan {
                    call.console.write("\(stays ? "keep" : "remove") \(backup.file)\n")
                }
                return
            }
            guard Directory.exists(path) else {
                throw .failed(.inputOutput, "\(path): no such folder")
            }
            let locked = try LockedBackupFolder(path, cluster: cluster)
            try locked.tidy()
            let outcome = try pruning.apply(locked)
            for name in outcome.removed { call.console.writeError("removed \(name)\n") }
            call.console.write(JSON.text(.object(outcome.members)) + "\n")
        })

    // MARK: check

    private static let check = Command(
        "backup check", usage: "backup check <filename>",
        "Checks one backup before it is restored: sums, pages, keys, and its manifest if it has one",
        description: [
            "Prints what is in it as a line of JSON, or {\"error\":...} and exit code 1."
        ],
        examples: [
            "backup check /backups/demo-20260102T030405Z-17.db",
            "backup check copy.db --sha256 "
                + "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855",
        ],
        flags: [
            CtlFlag("sha256", .text, "", "what the sum of the whole file must be"),
            CtlFlag(
                "termination-log", .text, "", "file that gets the result too, at most 4096 bytes"),
        ],
        isNewer: true,
        run: { call throws(CtlError) in
            guard call.arguments.count == 1 else {
                throw .badArguments("backup check requires exactly one argument")
            }
            let path = call.arguments[0]
            let log = call.flags.text("termination-log")
            do throws(CtlError) {
                let checked = try BackupCheck.check(
                    path, BackupFolder.manifest(beside: path), sha256: call.flags.text("sha256"),
                    call)
                BackupCommand.tell(.object(checked.members), call, log)
            } catch {
                BackupCommand.tell(
                    .object([("error", .string(BackupCommand.text(error)))]), call, log)
                throw .told(BackupCommand.code(error))
            }
        })
}

enum WallClockSeconds {
    static var now: Int64 { WallClock.nanoseconds / 1_000_000_000 }
}
