// SPDX-License-Identifier: Apache-2.0
internal import Formats
internal import Interchange

enum SnapshotVerifyCommand {
    static let row = Command(
        "snapshot verify", usage: "snapshot verify <filename>",
        "Checks every page, sum, revision and key of a snapshot file",
        description: [
            "Exit code 0: the file is whole. Exit code 1: it is not, and the sentence on standard "
                + "error says where and what.",
            "A database copied from a data directory has no SHA-256 behind it; --skip-hash-check "
                + "takes it as it is.",
        ],
        examples: ["snapshot verify backup.db", "snapshot verify backup.db -w json"],
        flags: [
            CtlFlag(
                "skip-hash-check", .bool, "false",
                "take a file without a SHA-256 (required if copied from data directory)")
        ], isNewer: true, run: run)

    private static func run(_ call: Invocation) throws(CtlError) {
        guard call.arguments.count == 1 else {
            throw .badArguments("snapshot verify requires exactly one argument")
        }
        let path = call.arguments[0]
        let snapshot = try SnapshotFiles.open(path)
        defer { snapshot.close() }
        let check = try verify(
            snapshot, requiresSum: !call.flags.bool("skip-hash-check"), call)
        switch call.globals.format {
        case .simple: call.console.write(text(path, check))
        case .json: call.console.write(JSON.text(json(path, check)) + "\n")
        case .fields:
            for (name, value) in fields(check) { call.console.write("\"\(name)\" : \(value)\n") }
        case .table:
            let rows = fields(check).map { [$0.0, $0.1] }
            call.console.write(TextTable.text(["checked", "found"], rows))
        case .protobuf: throw .failed(.badFeature, "protobuf not supported as output format")
        }
    }

    static func verify(
        _ snapshot: SnapshotFile, requiresSum: Bool, _ call: Invocation
    ) throws(CtlError) -> SnapshotCheck {
        let work = SnapshotCheck.work(snapshot)
        let progress = Progress("verifying", total: work, call)
        defer { progress.finish(work) }
        return try offline { () throws(InterchangeError) in
            try SnapshotCheck.of(
                snapshot, .ofLibrary, requiresSum: requiresSum, progress: progress.update)
        }
    }

    private static func text(_ path: String, _ check: SnapshotCheck) -> String {
        "\(path) is whole\n"
            + fields(check).map { name, value in
                "  \(name)\(String(repeating: " ", count: 18 - name.count))\(value)\n"
            }.joined()
    }

    private static func fields(_ check: SnapshotCheck) -> [(String, String)] {
        [
            ("Bytes", "\(check.byteCount)"),
            ("SHA-256", check.sum == .matches ? "matches" : "none behind the pages"),
            ("Pages", "\(check.pageCount) of \(check.pageSize) bytes"),
            ("Buckets", "\(check.bucketCount)"), ("Rows", "\(check.rowCount)"),
            ("Revisions", "\(check.keyRowCount)"), ("Tombstones", "\(check.tombstoneCount)"),
            ("Revision", "\(check.revision)"),
            ("Compact revision", "\(check.compactRevision)"),
            ("Hash", String(check.hash, radix: 16)),
            ("Storage version", check.storageVersion.isEmpty ? "-" : check.storageVersion),
        ]
    }

    private static func json(_ path: String, _ check: SnapshotCheck) -> JSONValue {
        .object([
            ("file", .string(path)), ("whole", true), ("bytes", .integer(check.byteCount)),
            ("sha256Matches", .bool(check.sum == .matches)),
            ("pages", .integer(check.pageCount)), ("pageSize", .integer(Int64(check.pageSize))),
            ("buckets", .integer(Int64(check.bucketCount))),
            ("totalKey", .integer(Int64(check.rowCount))),
            ("revisions", .integer(Int64(check.keyRowCount))),
            ("tombstones", .integer(Int64(check.tombstoneCount))),
            ("revision", .integer(check.revision)),
            ("compactRevision", .integer(check.compactRevision)),
            ("hash", .integer(Int64(check.hash))), ("version", .string(check.storageVersion)),
        ])
    }
}
