// SPDX-License-Identifier: Apache-2.0
internal import Bytes
internal import FileDisk
internal import Glibc
internal import Interchange
internal import Posix
internal import Storage

/// Writes the database of a data directory anew, without free pages, while no member uses it.
enum OfflineDefrag {
    static let row = Command(
        "defrag", usage: "defrag", "Defragments the storage of the etcd",
        examples: ["defrag --data-dir /var/lib/keelson"],
        flags: [
            CtlFlag(
                "data-dir", .text, "",
                "Required. Defragments a data directory not in use by etcd.")
        ], run: run)

    private static func run(_ call: Invocation) throws(CtlError) {
        guard call.flags.isGiven("data-dir") else {
            throw .failed(.error, "required flag(s) \"data-dir\" not set")
        }
        try run(call, call.flags.text("data-dir"))
    }

    /// Also for `defrag --data-dir` of the tool that talks to members.
    static func run(_ call: Invocation, _ path: String) throws(CtlError) {
        do throws(CtlError) {
            try defragment(path, call)
        } catch {
            guard case .failed(let code, let text) = error else { throw error }
            throw .failed(code, "Failed to defragment etcd data[\(path)] (\(text))")
        }
    }

    private static func defragment(_ path: String, _ call: Invocation) throws(CtlError) {
        let folder = MemberFolder(root: path)
        guard Directory.kind(of: folder.snapDirectory) == .folder else {
            throw .failed(
                .error, "stat \(folder.snapDirectory): no such file or directory")
        }
        let names = (try? Directory.list(folder.logDirectory)) ?? []
        if names.contains(where: { $0.hasSuffix(".wal") }) {
            throw .failed(
                .error,
                "this directory is etcd's; use etcd's own etcdutl, or `keelsonctl import` it first")
        }
        let lock = try lock("\(folder.member)/lock", call)
        defer { lock.release() }
        let checkpoints = Checkpoints(
            on: PosixDisk(syncs: true), directory: folder.snapDirectory)
        try offline { () throws(InterchangeError) in
            try DatabaseCopy.renew(checkpoints) { size in
                let progress = Progress("defragmenting", total: size, call)
                return { progress.update($0) }
            }
        }
    }

    /// Waits as long as a member holds it, and says so once after a second.
    private static func lock(_ path: String, _ call: Invocation) throws(CtlError) -> FileLock {
        let begin = MonotonicClock.now
        var hasTold = false
        while true {
            do throws(PosixError) {
                return try FileLock(path)
            } catch {
                guard error.isWouldBlock else { throw .failed(.error, "\(error)") }
            }
            if !hasTold, MonotonicClock.now - begin >= .seconds(1) {
                hasTold = true
                call.console.writeError(
                    "waiting for etcd to close and release its lock on \(path)\n")
            }
            usleep(50_000)
        }
    }
}
