// SPDX-License-Identifier: Apache-2.0
internal import EtcdAPI
internal import EtcdClient
internal import Posix

/// A snapshot on its way into a file: it has another name until it is whole and on the disk.
final class SnapshotDownload {
    private static let sumSize: Int64 = 32

    private let path: String
    private let part: String
    private let call: Invocation
    /// Of failures of the disk.
    private let diskCode: ExitCode
    private var progress: Progress?
    private var size: Int64 = 0
    /// What came last, held back from the sum: it may be the sum itself.
    private var tail: [UInt8] = []
    private let digest = Digest(.sha256)

    init(path: String, part: String, _ call: Invocation, diskCode: ExitCode = .interrupted) {
        self.path = path
        self.part = part
        self.call = call
        self.diskCode = diskCode
    }

    func run(_ client: Client) throws(CtlError) {
        try fetch(client)
        try disk { () throws(PosixError) in
            try Directory.rename(part, to: path)
            try Directory.sync(Directory.parent(of: path))
        }
    }

    /// Only as far as the part: whole, its sum checked, and on the disk.
    func fetch(_ client: Client) throws(CtlError) {
        let file = try disk({ "could not open \(part) (\($0))" }) { () throws(PosixError) in
            try File(part, .replace)
        }
        try fill(file, client)
        progress?.finish(size)
        try check()
        try disk { () throws(PosixError) in
            try file.sync()
            file.close()
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
                take(chunk)
                return true
            }
        } catch {
            throw failure
                ?? .call(
                    .interrupted, "could not fetch snapshot (\(error.plainText))", error)
        }
    }

    private func take(_ chunk: SnapshotResponse) {
        let bytes = chunk.blob
        if progress == nil {
            let left = Int64(clamping: chunk.remainingBytes)
            progress = Progress("saving", total: left + Int64(bytes.count), call)
        }
        progress?.update(size)
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
            throw .failed(diskCode, wrap("\(error)"))
        }
    }
}
