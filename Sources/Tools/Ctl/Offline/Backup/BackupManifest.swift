// SPDX-License-Identifier: Apache-2.0
internal import Formats

/// What is known of a backup, in `FILE.json` beside it. A file without one is no backup.
struct BackupManifest: Equatable, Sendable {
    static let apiVersion = "keelson.dev/v1alpha1"
    static let kind = "BackupManifest"

    /// Without its folder.
    var file = ""
    var byteCount: Int64 = 0
    /// Without compression.
    var plainByteCount: Int64 = 0
    /// Of the whole file, in hexadecimal.
    var sha256 = ""
    var revision: Int64 = 0
    var compactRevision: Int64 = 0
    /// In hexadecimal.
    var clusterID = ""
    /// Of the server that it came from.
    var etcdVersion = ""
    /// Keys that live at the revision.
    var keyCount: Int64 = 0
    /// What HashKV of a member answers at the revision.
    var hashKV: UInt32 = 0
    /// Whether the member that it came from has the same hash: "equal", or why it was not compared.
    var memberHash = ""
    /// Seconds since 1970.
    var createdAt: Int64 = 0
    var verification = Verification.full
    /// Whose it is, as the job was told.
    var cluster = ""
    var name = ""
    var uid = ""
    /// Where it came from.
    var member = ""
    var endpoint = ""

    /// How much was checked before the file got its name.
    enum Verification: String, Sendable, CaseIterable {
        case none, checksum, full
    }

    var isVerified: Bool { verification != .none }

    // MARK: JSON

    var members: [(String, JSONValue)] {
        [
            ("apiVersion", .string(Self.apiVersion)), ("kind", .string(Self.kind)),
            ("file", .string(file)), ("sizeBytes", .integer(byteCount)),
            ("uncompressedBytes", .integer(plainByteCount)), ("sha256", .string(sha256)),
            ("revision", .integer(revision)), ("compactRevision", .integer(compactRevision)),
            ("clusterID", .string(clusterID)), ("etcdVersion", .string(etcdVersion)),
            ("keyCount", .integer(keyCount)), ("hashKV", .integer(Int64(hashKV))),
            ("memberHash", .string(memberHash)),
            ("createdAt", .string(Timestamp.seconds(createdAt))),
            ("verified", .bool(isVerified)), ("verification", .string(verification.rawValue)),
            ("cluster", .string(cluster)), ("name", .string(name)), ("uid", .string(uid)),
            ("member", .string(member)), ("endpoint", .string(endpoint)),
        ]
    }

    /// Nil if the text is no manifest of this file.
    static func read(_ text: [UInt8], file: String) -> BackupManifest? {
        guard let value = try? JSON.parse(text), value["kind"]?.string == kind,
            value["apiVersion"]?.string?.hasPrefix("keelson.dev/") == true,
            value["file"]?.string == file, let byteCount = value["sizeBytes"]?.int64,
            let time = value["createdAt"]?.string.flatMap({ Timestamp.parse($0) })
        else { return nil }
        var manifest = BackupManifest()
        manifest.file = file
        manifest.byteCount = byteCount
        manifest.createdAt = time / 1_000_000_000
        manifest.plainByteCount = value["uncompressedBytes"]?.int64 ?? byteCount
        manifest.revision = value["revision"]?.int64 ?? 0
        manifest.compactRevision = value["compactRevision"]?.int64 ?? 0
        manifest.keyCount = value["keyCount"]?.int64 ?? 0
        manifest.hashKV = UInt32(truncatingIfNeeded: value["hashKV"]?.int64 ?? 0)
        let isVerified = value["verified"]?.bool == true
        let told = Verification(rawValue: value["verification"]?.string ?? "")
        manifest.verification = isVerified ? told ?? .full : .none
        func word(_ key: String) -> String { value[key]?.string ?? "" }
        manifest.memberHash = word("memberHash")
        manifest.sha256 = word("sha256")
        manifest.clusterID = word("clusterID")
        manifest.etcdVersion = word("etcdVersion")
        manifest.cluster = word("cluster")
        manifest.name = word("name")
        manifest.uid = word("uid")
        manifest.member = word("member")
        manifest.endpoint = word("endpoint")
        return manifest
    }
}
