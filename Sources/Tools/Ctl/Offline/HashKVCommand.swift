// SPDX-License-Identifier: Apache-2.0
internal import Formats
internal import Interchange

enum HashKVCommand {
    static let row = Command(
        "hashkv", usage: "hashkv <filename>",
        "Prints the KV history hash of a given file",
        description: [
            "The hash is the one that `endpoint hashkv` of a member with this database prints."
        ],
        examples: ["hashkv backup.db", "hashkv backup.db --rev 1000 -w json"],
        flags: [
            CtlFlag(
                "rev", .int64, "0", "maximum revision to hash (default: latest revision)")
        ], isNewer: true, run: run)

    private static func run(_ call: Invocation) throws(CtlError) {
        guard call.arguments.count == 1 else {
            throw .badArguments("hashkv requires exactly one argument")
        }
        let snapshot = try SnapshotFiles.open(call.arguments[0])
        defer { snapshot.close() }
        let revision = call.flags.int64("rev")
        let hash = try offline { () throws(InterchangeError) in
            try FileHash.of(snapshot, at: revision)
        }
        let cells = ["\(hash.hash)", "\(hash.revision)", "\(hash.compactRevision)"]
        switch call.globals.format {
        case .simple: call.console.write(cells.joined(separator: ", ") + "\n")
        case .table:
            call.console.write(
                TextTable.text(["hash", "hash revision", "compact revision"], [cells]))
        case .fields:
            for (name, cell) in zip(["Hash", "Hash revision", "Compact revision"], cells) {
                call.console.write("\"\(name)\" : \(cell)\n")
            }
        case .json:
            let value = JSONValue.object([
                ("hash", .integer(Int64(hash.hash))), ("hashRevision", .integer(hash.revision)),
                ("compactRevision", .integer(hash.compactRevision)),
            ])
            call.console.write(JSON.text(value) + "\n")
        case .protobuf: throw .failed(.badFeature, "protobuf not supported as output format")
        }
    }
}
