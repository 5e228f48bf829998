// SPDX-License-Identifier: Apache-2.0
internal import Posix
internal import Storage

/// A data directory in the making: written beside its place under another name, and renamed when
/// it is whole. What a killed run left behind goes when the next one begins.
struct NewDirectory {
    let path: String
    private let logPath: String?
    private let lock: FileLock

    private var partial: String { path + ".partial" }
    private var partialLog: String? { logPath.map { $0 + ".partial" } }
    private var lockPath: String { partial + "/lock" }

    /// Where to write.
    var folder: MemberFolder { MemberFolder(root: partial, logDirectory: partialLog) }

    /// Refuses a place that is taken, in etcdutl's words. `logPath` empty for the usual one.
    init(_ path: String, logPath: String) throws(CtlError) {
        let path = NewDirectory.plain(path)
        if let kind = Directory.kind(of: path) {
            let names = kind == .folder ? try? Directory.list(path) : nil
            guard names?.isEmpty == true else {
                throw .failed(.error, "data-dir \"\(path)\" not empty or could not be read")
            }
        }
        let logs = logPath.isEmpty ? nil : NewDirectory.plain(logPath)
        if let logs, Directory.exists(logs) {
            throw .failed(.error, "wal-dir \"\(logs)\" exists")
        }
        self.path = path
        self.logPath = logs
        let folder = path + ".partial"
        do throws(PosixError) {
            try Directory.make(folder)
            lock = try FileLock(folder + "/lock")
        } catch {
            throw .failed(
                .error,
                error.isWouldBlock ? "\(path) is being made by another process" : "\(error)")
        }
        try clear()
    }

    private static func plain(_ path: String) -> String {
        var path = path
        while path.utf8.count > 1, path.hasSuffix("/") { path.removeLast() }
        return path
    }

    private func clear() throws(CtlError) {
        try onFiles { () throws(PosixError) in
            for name in try Directory.list(partial) where name != "lock" {
                try Directory.removeTree("\(partial)/\(name)")
            }
            if let partialLog {
                try Directory.make(Directory.parent(of: partialLog))
                try Directory.removeTree(partialLog)
            }
        }
    }

    /// Gives it its name; durable when this returns.
    func commit() throws(CtlError) {
        try onFiles { () throws(PosixError) in
            try Directory.remove(lockPath)
            try Directory.sync(partial)
            if let logPath, let partialLog {
                try Directory.rename(partialLog, to: logPath)
                try Directory.sync(Directory.parent(of: logPath))
            }
            // An empty folder that is there gives way.
            try Directory.rename(partial, to: path)
            try Directory.sync(Directory.parent(of: path))
        }
    }

    /// Leaves nothing behind, as far as it can be removed.
    func abandon() {
        try? Directory.removeTree(partial)
        if let partialLog { try? Directory.removeTree(partialLog) }
    }
}
