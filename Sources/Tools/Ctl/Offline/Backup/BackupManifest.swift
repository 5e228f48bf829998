// SPDX-License-Identifier: Apache-2.0
internal import Formats

/// What is known of a backup, in `FILE.json` beside it: that it was verified, and that it is ours.
struct BackupManifest: Equatable {
    private static let maker = "keelsonctl backup"

    /// Without its folder.
    var file: String
    var prefix: String
    /// Seconds since 1970.
    var time: Int64
    var endpoint: String
    var byteCount: Int64
    /// Of the whole file, in hexadecimal.
    var sha256: String
    var revision: Int64
    var hash: UInt32
    var keyCount: Int64
    /// Of the server that it came from.
    var version: String
    /// As Go prints durations.
    var took: String

    private var members: [(String, JSONValue)] {
        [
            ("bytes", .integer(byteCount)), ("sha256", .string(sha256)),
            ("revision", .integer(revision)), ("hash", .integer(Int64(hash))),
            ("keys", .integer(keyCount)), ("took", .string(took)),
            ("version", .string(version)), ("endpoint", .string(endpoint)),
            ("time", .string(Timestamp.seconds(time))),
        ]
    }

    var json: JSONValue {
        .object(
            [
                ("madeBy", .string(Self.maker)), ("file", .string(file)),
                ("prefix", .string(prefix)), ("unixTime", .integer(time)), ("verified", true),
            ] + members)
    }

    /// The line on standard output.
    func result(path: String, kept: [String], removed: [String]) -> JSONValue {
        .object(
            [("file", .string(path))] + members + [
                ("kept", .array(kept.map { .string($0) })),
                ("removed", .array(removed.map { .string($0) })),
            ])
    }

    /// Nil for anything that `backup` did not write for this file.
    static func read(_ text: [UInt8], file: String, prefix: String) -> BackupManifest? {
        guard let value = try? JSON.parse(text), value["madeBy"]?.string == maker,
            value["file"]?.string == file, value["prefix"]?.string == prefix,
            value["verified"]?.bool == true, case .integer(let time)? = value["unixTime"]
        else { return nil }
        var manifest = BackupManifest(
            file: file, prefix: prefix, time: time, endpoint: value["endpoint"]?.string ?? "",
            byteCount: 0, sha256: value["sha256"]?.string ?? "", revision: 0, hash: 0, keyCount: 0,
            version: value["version"]?.string ?? "", took: value["took"]?.string ?? "")
        if case .integer(let bytes)? = value["bytes"] { manifest.byteCount = bytes }
        if case .integer(let revision)? = value["revision"] { manifest.revision = revision }
        if case .integer(let keys)? = value["keys"] { manifest.keyCount = keys }
        if case .integer(let hash)? = value["hash"] {
            manifest.hash = UInt32(truncatingIfNeeded: hash)
        }
        return manifest
    }
}
