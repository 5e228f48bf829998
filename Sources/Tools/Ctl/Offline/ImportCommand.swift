// SPDX-License-Identifier: Apache-2.0
internal import Bytes
internal import FileDisk
internal import Formats
internal import Interchange
internal import Posix
internal import Storage

enum ImportCommand {
    static let row = Command(
        "import", usage: "import --from-etcd-data-dir DIR --data-dir NEW",
        "Makes a data directory out of that of a stopped etcd member (3.4 or 3.5)",
        description: [
            "The member keeps its id, its cluster, and every entry of its log, also those that are "
                + "not in its database yet. The old directory is only read.",
            "Stop the member first. Then start keelson-node on the new directory with the same "
                + "name and URLs. Do not start etcd on the old directory again.",
        ],
        examples: ["import --from-etcd-data-dir /var/lib/etcd --data-dir /var/lib/keelson"],
        flags: [
            CtlFlag("data-dir", .text, "", "the directory to make; it must not exist, or be empty"),
            CtlFlag("from-etcd-data-dir", .text, "", "the data directory of the stopped member"),
            CtlFlag(
                "from-etcd-wal-dir", .text, "",
                "where that member's log is, if it ran with --wal-dir"),
            CtlFlag("wal-dir", .text, "", "where to put the log (in --data-dir if none given)"),
        ], isNewer: true, run: run)

    private static func run(_ call: Invocation) throws(CtlError) {
        let from = call.flags.text("from-etcd-data-dir")
        let path = call.flags.text("data-dir")
        for (flag, value) in [("from-etcd-data-dir", from), ("data-dir", path)] where value.isEmpty
        {
            throw .badArguments("required flag \"\(flag)\" not set")
        }
        guard call.arguments.isEmpty else {
            throw .badArguments("import takes no arguments, only flags")
        }
        let source = try source(from, log: call.flags.text("from-etcd-wal-dir"))
        let lock = try lock(source)
        defer { lock.release() }
        let target = try NewDirectory(path, logPath: call.flags.text("wal-dir"))
        let report: Import.Report
        do throws(CtlError) {
            report = try convert(source, target, call)
            try target.commit()
        } catch {
            target.abandon()
            throw error
        }
        try tell(report, path, call)
    }

    private static func source(_ path: String, log: String) throws(CtlError) -> MemberFolder {
        var path = path
        while path.utf8.count > 1, path.hasSuffix("/") { path.removeLast() }
        let folder = MemberFolder(root: path, logDirectory: log.isEmpty ? nil : log)
        for needed in [folder.snapDirectory, folder.logDirectory]
        where Directory.kind(of: needed) != .folder {
            throw .failed(.error, "\(needed) is missing: \(path) is no data directory of etcd")
        }
        let names = (try? Directory.list(folder.logDirectory)) ?? []
        if names.contains(where: { $0.hasSuffix(".log") }) {
            throw .failed(.error, "\(path) is a data directory of keelson-node already")
        }
        return folder
    }

    private static func lock(_ source: MemberFolder) throws(CtlError) -> FileLock {
        let path = "\(source.snapDirectory)/db"
        do throws(PosixError) {
            return try FileLock(shared: path)
        } catch {
            throw .failed(
                .error,
                error.isWouldBlock
                    ? "\(path) is locked: etcd runs on this directory; stop it first"
                    : error.isNotFound
                        ? "\(path) is missing: without it this is no member's directory"
                        : "\(error)")
        }
    }

    private static func convert(
        _ source: MemberFolder, _ target: NewDirectory, _ call: Invocation
    ) throws(CtlError) -> Import.Report {
        let disk = PosixDisk(syncs: true)
        let logSize = try offline { () throws(InterchangeError) in
            try UpstreamLog.byteCount(source.logDirectory, on: disk)
        }
        let reading = Progress("reading the log", total: logSize, call)
        let work = try offline { () throws(InterchangeError) in
            try Import(from: source, on: disk, progress: reading.update)
        }
        defer { work.close() }
        reading.finish(logSize)
        let salt = try onFiles { () throws(PosixError) in try SecureRandom.number() }
        let writing = Progress("writing", total: work.databaseSize, call)
        defer { writing.finish(work.databaseSize) }
        return try offline { () throws(InterchangeError) in
            try work.write(
                to: target.folder, on: disk, log: LogSettings(salt: salt),
                progress: writing.update)
        }
    }

    private static func tell(
        _ report: Import.Report, _ path: String, _ call: Invocation
    ) throws(CtlError) {
        if call.globals.format == .json {
            let value = JSONValue.object([
                ("dataDir", .string(path)), ("memberID", .string("\(report.memberID)")),
                ("clusterID", .string("\(report.clusterID)")),
                ("checkpointIndex", .unsigned64(report.checkpoint.number)),
                ("lastIndex", .unsigned64(report.last.number)),
                ("commitIndex", .unsigned64(report.commit.number)),
                ("entries", .integer(Int64(report.entryCount))),
                ("tornBytes", .integer(report.tornByteCount)),
                ("members", .array(report.memberNames.map { .string($0) })),
            ])
            return call.console.write(JSON.text(value) + "\n")
        }
        call.console.write(
            "Imported member \(report.memberID) of cluster \(report.clusterID) into \(path): "
                + "database at index \(report.checkpoint), \(report.entryCount) further entries up "
                + "to index \(report.last)\n"
                + "Members: \(report.memberNames.joined(separator: ", "))\n")
        if report.tornByteCount > 0 {
            call.console.writeError(
                "note: the last write of the old log was never finished; as etcd would, it was "
                    + "left out\n")
        }
    }
}
