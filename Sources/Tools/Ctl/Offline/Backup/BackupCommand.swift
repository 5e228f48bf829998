// SPDX-License-Identifier: Apache-2.0
internal import Bytes
internal import EtcdAPI
internal import EtcdClient
internal import Formats
internal import Interchange
internal import Posix

/// Save, verify, write down and clear away, in one step for backup jobs. Standard output gets one
/// line of JSON, whatever happens.
enum BackupCommand {
    static let row = Command(
        "backup", usage: "backup --to DIR",
        "Saves and verifies a snapshot into a folder, and removes old ones by rule",
        description: [
            "Prints one line of JSON: what was made, or {\"error\":...} and exit code 1.",
            "A file appears under its name only when it was verified; beside it FILE.json says "
                + "what is in it. Of several endpoints the first one that works is taken.",
            "Without a --keep flag everything is kept. Only files with a manifest of ours are ever "
                + "removed, and never the newest.",
        ],
        examples: [
            "backup --to /backups",
            "backup --endpoints 10.0.0.1:2379,10.0.0.2:2379 --to /backups --keep-hourly 24 "
                + "--keep-daily 7 --keep-weekly 4 --min-free 10%",
        ],
        flags: [
            CtlFlag("keep-daily", .int64, "0", "keep the newest of each day, for this many days"),
            CtlFlag(
                "keep-hourly", .int64, "0", "keep the newest of each hour, for this many hours"),
            CtlFlag("keep-last", .int64, "0", "keep this many newest backups"),
            CtlFlag(
                "keep-weekly", .int64, "0", "keep the newest of each week, for this many weeks"),
            CtlFlag(
                "min-free", .text, "0",
                "how much of the disk must stay free: bytes (with K, M, G, T), or percent (10%)"),
            CtlFlag("name", .text, "keelson", "what names of files begin with"),
            CtlFlag("to", .text, "", "the folder; made if missing"),
        ], isNewer: true, run: run)

    private struct Plan {
        var folder: String
        var name: String
        var retention: Retention
        var minimumFree: FreeSpace
    }

    private static func run(_ call: Invocation) throws(CtlError) {
        do throws(CtlError) {
            let line = try backup(try plan(call), call)
            call.console.write(JSON.text(line) + "\n")
        } catch {
            call.console.write(JSON.text(.object([("error", .string(text(error)))])) + "\n")
            throw .told(.error)
        }
    }

    private static func text(_ error: CtlError) -> String {
        switch error {
        case .failed(_, let text), .call(_, let text, _), .misused(let text, _): text
        case .told(let code): "failed with code \(code.rawValue)"
        case .exited(let code): "failed with code \(code)"
        }
    }

    // MARK: What is wanted

    private static func plan(_ call: Invocation) throws(CtlError) -> Plan {
        let flags = call.flags
        guard call.arguments.isEmpty else {
            throw .badArguments("backup takes no arguments, only flags")
        }
        let folder = flags.text("to")
        if folder.isEmpty { throw .badArguments("--to DIR is needed: where backups go") }
        let name = flags.text("name")
        guard !name.isEmpty, !name.hasPrefix("."), !name.contains("/") else {
            throw .badArguments("--name \(name): a file's name cannot begin so")
        }
        guard let free = FreeSpace(flags.text("min-free")) else {
            throw .badArguments(
                "--min-free \(flags.text("min-free")): want bytes, or a percentage below 100%")
        }
        func count(_ flag: String) throws(CtlError) -> Int? {
            guard flags.isGiven(flag) else { return nil }
            let count = flags.int64(flag)
            if count < 0 { throw .badArguments("--\(flag) \(count): must not be negative") }
            return Int(clamping: count)
        }
        let retention = Retention(
            last: try count("keep-last"), hourly: try count("keep-hourly"),
            daily: try count("keep-daily"), weekly: try count("keep-weekly"))
        return Plan(folder: folder, name: name, retention: retention, minimumFree: free)
    }

    // MARK: Doing it

    private static func backup(_ plan: Plan, _ call: Invocation) throws(CtlError) -> JSONValue {
        let begin = MonotonicClock.now
        let folder = try BackupFolder(plan.folder, prefix: plan.name)
        try folder.tidy()
        let time = WallClock.nanoseconds / 1_000_000_000
        let name = folder.name(at: time)
        guard !Directory.exists(folder.file(name)) else {
            throw .failed(.error, "\(folder.file(name)) is there already")
        }
        var manifest: BackupManifest
        do throws(CtlError) {
            let source = try fetch(folder, name, plan, call)
            manifest = try verify(folder.file(name) + ".partial", call)
            manifest.file = name
            manifest.prefix = plan.name
            manifest.time = time
            manifest.endpoint = source.endpoint
            manifest.version = source.version
            manifest.took = GoDuration.text(
                (MonotonicClock.now - begin).milliseconds * 1_000_000)
            try folder.publish(manifest)
        } catch {
            folder.discard(name)
            throw error
        }
        let (kept, removed) = try folder.apply(plan.retention, newest: name)
        return manifest.result(path: folder.file(name), kept: kept, removed: removed)
    }

    /// From the first endpoint that gives a whole one.
    private static func fetch(
        _ folder: BackupFolder, _ name: String, _ plan: Plan, _ call: Invocation
    ) throws(CtlError) -> (endpoint: String, version: String) {
        var failures: [String] = []
        for endpoint in call.globals.endpoints {
            do throws(CtlError) {
                let asked = try call.client(endpoints: [endpoint])
                let status = try calling { () throws(ClientError) in try asked.status() }
                try checkSpace(plan, status.dbSize)
                let client = try call.client(endpoints: [endpoint], timeout: false)
                let download = SnapshotDownload(
                    path: folder.file(name), part: folder.file(name) + ".partial", call)
                try download.fetch(client)
                return (endpoint, status.version)
            } catch {
                if case .failed(.inputOutput, _) = error { throw error }
                failures.append("\(endpoint): \(text(error))")
            }
        }
        throw .failed(
            .error, failures.isEmpty ? "no endpoint is given" : failures.joined(separator: "; "))
    }

    private static func checkSpace(_ plan: Plan, _ size: Int64) throws(CtlError) {
        let space = try onFiles { () throws(PosixError) in try Directory.space(at: plan.folder) }
        let left = plan.minimumFree.bytes(ofTotal: space.total)
        let (needed, overflow) = size.addingReportingOverflow(left)
        guard !overflow, space.free >= needed else {
            throw .failed(
                .inputOutput,
                "\(plan.folder) has \(humanSize(space.free)) free: the snapshot takes about "
                    + "\(humanSize(size)), and \(humanSize(left)) must stay free")
        }
    }

    private static func verify(
        _ path: String, _ call: Invocation
    ) throws(CtlError) -> BackupManifest {
        let snapshot = try SnapshotFiles.open(path)
        defer { snapshot.close() }
        let check = try SnapshotVerifyCommand.verify(snapshot, requiresSum: true, call)
        let sum = try offline { () throws(InterchangeError) in
            try snapshot.wholeSum(.ofLibrary)
        }
        return BackupManifest(
            file: "", prefix: "", time: 0, endpoint: "", byteCount: snapshot.byteCount,
            sha256: OfflineText.hexadecimal(sum), revision: check.revision, hash: check.hash,
            keyCount: Int64(check.rowCount), version: "", took: "")
    }
}
