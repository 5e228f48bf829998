// SPDX-License-Identifier: Apache-2.0
internal import Formats
internal import Posix

/// The folder that backups are kept in, perhaps of several clusters:
///
///     CLUSTER-20260102T030405Z-REVISION.db                a backup
///     CLUSTER-20260102T030405Z-REVISION.db.json           its manifest; without one it is none
///     CLUSTER-20260102T030405Z.db.partial                 unfinished; the next run removes it
///     CLUSTER-20260102T030405Z-REVISION.db.json.partial   put in place, or removed
///     .CLUSTER.lock                                       held by the run that writes
struct BackupFolder {
    let path: String

    private static let manifestSizeMax = 1 << 20

    func file(_ name: String) -> String { "\(path)/\(name)" }

    // MARK: What is there

    /// All backups whose manifest and file are there, oldest first.
    func backups() throws(CtlError) -> [BackupManifest] {
        var found: [BackupManifest] = []
        for name in try names() where name.hasSuffix(".db.json") {
            let backup = String(name.dropLast(5))
            guard let manifest = manifest(name, of: backup), holds(manifest) else { continue }
            found.append(manifest)
        }
        return found.sorted { one, other in
            one.createdAt != other.createdAt
                ? one.createdAt < other.createdAt : one.file < other.file
        }
    }

    func names() throws(CtlError) -> [String] {
        try onFolder { () throws(PosixError) in try Directory.list(path) }
    }

    /// The manifest beside a file, if it has one.
    static func manifest(beside path: String) -> BackupManifest? {
        let folder = BackupFolder(path: Directory.parent(of: path))
        let name = String(path.split(separator: "/").last ?? "")
        return folder.manifest(name + ".json", of: name)
    }

    private func holds(_ manifest: BackupManifest) -> Bool {
        (try? Directory.size(of: file(manifest.file))) == manifest.byteCount
    }

    private func manifest(_ name: String, of backup: String) -> BackupManifest? {
        guard let text = try? File(file(name), .read).readAll(limit: Self.manifestSizeMax) else {
            return nil
        }
        return BackupManifest.read(text, file: backup)
    }
}

/// The folder while a run of one cluster holds its lock.
struct LockedBackupFolder {
    let folder: BackupFolder
    let cluster: String
    private let lock: FileLock

    init(_ path: String, cluster: String) throws(CtlError) {
        folder = BackupFolder(path: path)
        self.cluster = cluster
        do throws(PosixError) {
            try Directory.make(path)
            lock = try FileLock("\(path)/.\(cluster).lock")
        } catch {
            throw .failed(
                .inputOutput,
                error.isWouldBlock
                    ? "another backup of \(cluster) into \(path) is running" : "\(error)")
        }
    }

    // MARK: Names

    /// For a backup begun at this second of Unix time.
    func stem(at time: Int64) -> String {
        let stamp = Timestamp.seconds(time).filter { $0 != "-" && $0 != ":" }
        return "\(cluster)-\(stamp)"
    }

    func partial(_ stem: String) -> String { folder.file(stem) + ".db.partial" }

    /// Whether `name` without `suffix` is one that a run of this cluster gives.
    private func isOwn(_ name: String, _ suffix: String) -> Bool {
        guard name.hasPrefix(cluster + "-"), name.hasSuffix(suffix) else { return false }
        let middle = name.dropFirst(cluster.count + 1).dropLast(suffix.count)
        let parts = middle.split(separator: "-", omittingEmptySubsequences: false)
        guard (1...2).contains(parts.count), isStamp(parts[0]) else { return false }
        return parts.count == 1 || Int64(parts[1]) != nil
    }

    private func isStamp(_ text: Substring) -> Bool {
        let marks = text.enumerated().allSatisfy { place, letter in
            switch place {
            case 8: letter == "T"
            case 15: letter == "Z"
            default: letter.isASCII && letter.isNumber
            }
        }
        return marks && text.count == 16
    }

    // MARK: Steps

    /// Finishes or removes what killed runs left behind.
    func tidy() throws(CtlError) {
        for name in try folder.names() {
            if isOwn(name, ".db.json.partial") {
                try settle(name)
            } else if isOwn(name, ".db.partial") {
                try remove(name)
            } else if isOwn(name, ".db.json"), isOrphan(name) {
                // Its backup went first, when retention was interrupted.
                try remove(name)
            }
        }
        try sync()
    }

    /// A manifest that was written and did not get its name.
    private func settle(_ name: String) throws(CtlError) {
        let backup = String(name.dropLast(13))
        let text = try? File(folder.file(name), .read).readAll(limit: 1 << 20)
        if let manifest = text.flatMap({ BackupManifest.read($0, file: backup) }),
            (try? Directory.size(of: folder.file(backup))) == manifest.byteCount
        {
            try onFolder { () throws(PosixError) in
                try Directory.rename(folder.file(name), to: folder.file(backup) + ".json")
            }
        } else {
            try remove(name)
        }
    }

    private func isOrphan(_ name: String) -> Bool {
        let backup = String(name.dropLast(5))
        let text = try? File(folder.file(name), .read).readAll(limit: 1 << 20)
        return !Directory.exists(folder.file(backup))
            && text.flatMap { BackupManifest.read($0, file: backup) } != nil
    }

    /// Gives the part and its manifest their names; durable when this returns.
    func publish(_ stem: String, _ manifest: BackupManifest) throws(CtlError) {
        let target = folder.file(manifest.file)
        guard !Directory.exists(target), !Directory.exists(target + ".json") else {
            throw .failed(.inputOutput, "\(target) is there already; nothing was overwritten")
        }
        let bytes = JSON.bytes(.object(manifest.members)) + [0x0a]
        try onFolder { () throws(PosixError) in
            let beside = try File(target + ".json.partial", .replace)
            try beside.write(at: 0, bytes)
            try beside.sync()
            beside.close()
            try Directory.rename(partial(stem), to: target)
            try Directory.sync(folder.path)
            try Directory.rename(target + ".json.partial", to: target + ".json")
            try Directory.sync(folder.path)
        }
    }

    func discard(_ stem: String) {
        try? Directory.remove(partial(stem))
    }

    /// The file goes first: a manifest without a file is no backup either.
    func remove(_ manifest: BackupManifest) throws(CtlError) {
        try remove(manifest.file)
        try remove(manifest.file + ".json")
        try sync()
    }

    private func remove(_ name: String) throws(CtlError) {
        try onFolder { () throws(PosixError) in try Directory.remove(folder.file(name)) }
    }

    private func sync() throws(CtlError) {
        try onFolder { () throws(PosixError) in try Directory.sync(folder.path) }
    }
}

func onFolder<Value>(_ body: () throws(PosixError) -> Value) throws(CtlError) -> Value {
    do throws(PosixError) {
        return try body()
    } catch {
        throw .failed(.inputOutput, "\(error)")
    }
}
