// SPDX-License-Identifier: Apache-2.0
internal import EtcdAPI
internal import EtcdClient
internal import Posix

enum SnapshotSaveCommand {
    static let row = Command(
        "snapshot save", usage: "snapshot save <filename>",
        "Stores an etcd node backend snapshot to a given file",
        examples: ["snapshot save backup.db"],
        run: run)

    private static func run(_ call: Invocation) throws(CtlError) {
        guard call.arguments.count == 1 else {
            throw .badArguments("snapshot save expects one argument")
        }
        let endpoints = call.globals.endpoints
        guard endpoints.count == 1 else {
            throw .failed(
                .interrupted,
                "snapshot must be requested to one selected node, not multiple "
                    + "[\(endpoints.joined(separator: " "))]")
        }
        let path = call.arguments[0]
        let client = try call.client(timeout: false)
        let download = SnapshotDownload(path: path)
        do throws(CtlError) {
            try download.run(client)
        } catch {
            download.discard()
            throw error
        }
        call.console.write("Snapshot saved at \(path)\n")
    }
}

/// A snapshot on its way into a file: `PATH.part` until it is whole and on the disk.
private final class SnapshotDownload {
    private static let sumSize: Int64 = 32

    private let path: String
    private var part: String { path + ".part" }
    private var size: Int64 = 0
    /// What came last, held back from the sum: it may be the sum itself.
    private var tail: [UInt8] = []
    private let digest = Digest(.sha256)

    init(path: String) {
        self.path = path
    }

    func run(_ client: Client) throws(CtlError) {
        let file = try disk({ "could not open \(part) (\($0))" }) { () throws(PosixError) in
            try File(part, .replace)
        }
        try fill(file, client)
        try check()
        try disk { () throws(PosixError) in
            try file.sync()
            file.close()
            try Directory.rename(part, to: path)
            try Directory.sync(Directory.parent(of: path))
        }
    }

    /// The part stays behind only if it cannot be removed.
    func discard() {
        try? Directory.remove(part)
    }

    private func fill(_ file: File, _ client: Client) throws(CtlError) {
        var failure: CtlError?
        do throws(ClientError) {
            try client.snapshot { chunk in
                do throws(CtlError) {
                    try disk { () throws(PosixError) in try file.write(at: size, chunk.blob) }
                } catch {
                    failure = error
                    return false
                }
                take(chunk.blob)
                return true
            }
        } catch {
            throw failure
                ?? .call(.interrupted, "could not fetch snapshot (\(error.plainText))", error)
        }
    }

    private func take(_ bytes: [UInt8]) {
        size += Int64(bytes.count)
        tail += bytes
        let done = max(0, tail.count - Int(Self.sumSize))
        digest.update(Array(tail[..<done]))
        tail.removeFirst(done)
    }

    /// The file is whole pages and, behind them, their SHA-256.
    private func check() throws(CtlError) {
        guard size % 512 == Self.sumSize else {
            throw .failed(
                .interrupted,
                "the snapshot is incomplete: \(size) bytes are no whole pages and a sum; try again")
        }
        guard digest.finish() == tail else {
            throw .failed(
                .interrupted,
                "the snapshot was damaged on its way: its SHA-256 does not match; try again")
        }
    }

    private func disk<Result>(
        _ wrap: (String) -> String = { "could not save the snapshot: \($0)" },
        _ body: () throws(PosixError) -> Result
    ) throws(CtlError) -> Result {
        do throws(PosixError) {
            return try body()
        } catch {
            throw .failed(.interrupted, wrap("\(error)"))
        }
    }
}
