// SPDX-License-Identifier: Apache-2.0
internal import Interchange
internal import Storage

enum SnapshotStatusCommand {
    static let row = Command(
        "snapshot status", usage: "snapshot status <filename>",
        "Gets backend snapshot status of a given file",
        description: [
            "When --write-out is set to simple, this command prints out comma-separated status "
                + "lists for each endpoint.",
            "The items in the lists are hash, revision, total keys, total size.",
        ],
        examples: ["snapshot status backup.db", "snapshot status backup.db -w table"], run: run)

    private static func run(_ call: Invocation) throws(CtlError) {
        guard call.arguments.count == 1 else {
            throw .badArguments("snapshot status requires exactly one argument")
        }
        try call.show(.snapshot(try summary(of: call.arguments[0])))
    }

    static func summary(of path: String) throws(CtlError) -> SnapshotSummary {
        let snapshot = try SnapshotFiles.open(path)
        defer { snapshot.close() }
        let status = try offline { () throws(InterchangeError) in try FileStatus.of(snapshot) }
        return SnapshotSummary(
            hash: status.summary.hash, revision: status.summary.revision,
            keyCount: Int64(status.summary.rowCount), size: status.summary.size,
            version: status.storageVersion)
    }
}
