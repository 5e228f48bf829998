// SPDX-License-Identifier: Apache-2.0
internal import Formats
internal import Interchange

/// What a file says of itself, and whether that is what its manifest says.
enum BackupCheck {
    /// File, sizes, sum, revisions, keys and hash of a manifest.
    static func facts(
        _ snapshot: SnapshotFile, _ verification: BackupManifest.Verification, _ call: Invocation
    ) throws(CtlError) -> BackupManifest {
        switch verification {
        case .full: _ = try SnapshotVerifyCommand.verify(snapshot, requiresSum: true, call)
        case .checksum:
            let sum = try offline { () throws(InterchangeError) in
                try snapshot.checkSum(.ofLibrary)
            }
            guard sum == .matches else {
                throw .failed(.error, "\(snapshot.path) does not match the SHA-256 at its end")
            }
        case .none: break
        }
        let sum = try offline { () throws(InterchangeError) in
            try snapshot.wholeSum(.ofLibrary)
        }
        let hash = try offline { () throws(InterchangeError) in try FileHash.of(snapshot) }
        var manifest = BackupManifest()
        manifest.byteCount = snapshot.byteCount
        manifest.plainByteCount = snapshot.byteCount
        manifest.sha256 = OfflineText.hexadecimal(sum)
        manifest.revision = hash.revision
        manifest.compactRevision = hash.compactRevision
        manifest.hashKV = hash.hash
        manifest.keyCount = Int64(hash.keyCount)
        return manifest
    }

    /// Reads the whole file and compares it with `manifest`, and with a sum that somebody knows.
    static func check(
        _ path: String, _ manifest: BackupManifest?, sha256: String = "", _ call: Invocation
    ) throws(CtlError) -> BackupManifest {
        let snapshot = try SnapshotFiles.open(path)
        defer { snapshot.close() }
        let sum = try offline { () throws(InterchangeError) in
            try snapshot.wholeSum(.ofLibrary)
        }
        let found = OfflineText.hexadecimal(sum)
        let wanted = sha256.isEmpty ? manifest?.sha256 ?? "" : sha256.lowercased()
        guard wanted.isEmpty || found == wanted else {
            throw .failed(
                .error, "\(path) is damaged: its SHA-256 is \(found), it should be \(wanted)")
        }
        var facts = try facts(snapshot, .full, call)
        if let manifest, let difference = difference(manifest, facts) {
            throw .failed(.error, "\(path) is not what its manifest says: \(difference)")
        }
        if let manifest {
            facts = manifest
            facts.verification = .full
        } else {
            facts.file = String(path.split(separator: "/").last ?? "")
        }
        return facts
    }

    private static func difference(
        _ manifest: BackupManifest, _ facts: BackupManifest
    ) -> String? {
        let pairs: [(String, Int64, Int64)] = [
            ("sizeBytes", manifest.byteCount, facts.byteCount),
            ("revision", manifest.revision, facts.revision),
            ("keyCount", manifest.keyCount, facts.keyCount),
            ("hashKV", Int64(manifest.hashKV), Int64(facts.hashKV)),
        ]
        return pairs.first { $0.1 != $0.2 }.map { "\($0.0) is \($0.2), not \($0.1)" }
    }
}

/// Removes what no rule wants, of the backups of one cluster and one name.
struct Pruning {
    struct Outcome {
        var stored = 0
        var storedBytes: Int64 = 0
        var removed: [String] = []

        var members: [(String, JSONValue)] {
            [
                ("stored", .integer(Int64(stored))), ("storedBytes", .integer(storedBytes)),
                ("pruned", .integer(Int64(removed.count))),
            ]
        }
    }

    private let retention: Retention
    private let cluster: String
    private let name: String

    init(_ retention: Retention, cluster: String, name: String) {
        self.retention = retention
        self.cluster = cluster
        self.name = name
    }

    /// Oldest first, with whether it stays.
    func plan(
        _ folder: BackupFolder, now: Int64, sparing newest: String = ""
    ) throws(CtlError) -> [(backup: BackupManifest, stays: Bool)] {
        let known = try folder.backups().filter { $0.cluster == cluster && $0.name == name }
        let kept = retention.kept(
            known.map { .init(time: $0.createdAt, isVerified: $0.isVerified) }, now: now)
        return zip(known, kept).map { ($0, $1 || $0.file == newest) }
    }

    func apply(
        _ locked: LockedBackupFolder, sparing newest: String = ""
    ) throws(CtlError) -> Outcome {
        let now = WallClockSeconds.now
        var outcome = Outcome()
        for (backup, stays) in try plan(locked.folder, now: now, sparing: newest) {
            if stays {
                outcome.stored += 1
                outcome.storedBytes += backup.byteCount
            } else {
                try locked.remove(backup)
                outcome.removed.append(backup.file)
            }
        }
        return outcome
    }
}
