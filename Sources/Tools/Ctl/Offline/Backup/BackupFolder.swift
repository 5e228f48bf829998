// SPDX-License-Identifier: Apache-2.0
internal import Formats
internal import Posix

/// The folder of a backup job, locked while the job runs. Of each prefix:
///
///     PREFIX-20260102T030405Z.db                a verified backup
///     PREFIX-20260102T030405Z.db.json           its manifest; without one a file is not ours
///     PREFIX-20260102T030405Z.db.partial        unfinished; the next run removes it
///     PREFIX-20260102T030405Z.db.json.partial   put in place, or removed with its backup
///     .PREFIX.lock
struct BackupFolder {
    let path: String
    let prefix: String
    private let lock: FileLock

    private static let manifestSizeMax = 1 << 20

    init(_ path: String, prefix: String) throws(CtlError) {
        self.path = path
        self.prefix = prefix
        do throws(PosixError) {
            try Directory.make(path)
            lock = try FileLock("\(path)/.\(prefix).lock")
        } catch {
            throw .failed(
                .error,
                error.isWouldBlock
                    ? "another backup into \(path) with the name \(prefix) is running" : "\(error)")
        }
    }

    // MARK: Names

    /// For a backup begun at this second of Unix time.
    func name(at time: Int64) -> String {
        let stamp = Timestamp.seconds(time).filter { $0 != "-" && $0 != ":" }
        return "\(prefix)-\(stamp).db"
    }

    /// Whether `name` is one that `name(at:)` gives.
    private func isBackup(_ name: Substring) -> Bool {
        guard name.hasPrefix(prefix + "-"), name.hasSuffix("Z.db") else { return false }
        let stamp = name.dropFirst(prefix.count + 1).dropLast(4)
        let digits = stamp.filter { $0.isASCII && $0.isNumber }
        return stamp.count == 15 && digits.count == 14
            && stamp[stamp.index(stamp.startIndex, offsetBy: 8)] == "T"
    }

    func file(_ name: String) -> String { "\(path)/\(name)" }

    // MARK: Steps

    /// Finishes or removes what killed runs left behind.
    func tidy() throws(CtlError) {
        try onFiles { () throws(PosixError) in
            for name in try Directory.list(path) {
                if name.hasSuffix(".db.json.partial"), isBackup(name.dropLast(13)) {
                    let backup = String(name.dropLast(13))
                    if Directory.exists(file(backup)), manifest(name, of: backup) != nil {
                        try Directory.rename(file(name), to: file(backup) + ".json")
                    } else {
                        try Directory.remove(file(name))
                    }
                } else if name.hasSuffix(".partial"), isBackup(name.dropLast(8)) {
                    try Directory.remove(file(name))
                } else if name.hasSuffix(".json"), isBackup(name.dropLast(5)),
                    !Directory.exists(file(String(name.dropLast(5))))
                {
                    // Its backup went first, when retention was interrupted.
                    if manifest(name, of: String(name.dropLast(5))) != nil {
                        try Directory.remove(file(name))
                    }
                }
            }
            try Directory.sync(path)
        }
    }

    /// Gives the part and its manifest their names; durable when this returns.
    func publish(_ manifest: BackupManifest) throws(CtlError) {
        let name = manifest.file
        let bytes = JSON.bytes(manifest.json) + [0x0a]
        try onFiles { () throws(PosixError) in
            let beside = try File(file(name) + ".json.partial", .replace)
            try beside.write(at: 0, bytes)
            try beside.sync()
            beside.close()
            try Directory.rename(file(name) + ".partial", to: file(name))
            try Directory.rename(file(name) + ".json.partial", to: file(name) + ".json")
            try Directory.sync(path)
        }
    }

    func discard(_ name: String) {
        try? Directory.remove(file(name) + ".partial")
        try? Directory.remove(file(name) + ".json.partial")
    }

    /// Removes what no rule wants; never `newest`, which was made just now.
    func apply(
        _ retention: Retention, newest: String
    ) throws(CtlError) -> (kept: [String], removed: [String]) {
        try onFiles { () throws(PosixError) in
            var known: [(name: String, time: Int64)] = []
            for name in try Directory.list(path) where isBackup(Substring(name)) {
                if let manifest = manifest(name + ".json", of: name) {
                    known.append((name, manifest.time))
                }
            }
            let wanted = retention.kept(known.map(\.time))
            var kept: [String] = []
            var removed: [String] = []
            for (backup, isWanted) in zip(known, wanted) {
                if isWanted || backup.name == newest {
                    kept.append(backup.name)
                    continue
                }
                try Directory.remove(file(backup.name))
                try Directory.remove(file(backup.name) + ".json")
                removed.append(backup.name)
            }
            if !removed.isEmpty { try Directory.sync(path) }
            return (kept, removed)
        }
    }

    private func manifest(_ name: String, of backup: String) -> BackupManifest? {
        guard let text = try? File(file(name), .read).readAll(limit: Self.manifestSizeMax) else {
            return nil
        }
        return BackupManifest.read(text, file: backup, prefix: prefix)
    }
}
