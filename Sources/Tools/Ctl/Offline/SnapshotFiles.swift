// SPDX-License-Identifier: Apache-2.0
internal import FileDisk
internal import Interchange
internal import Posix
internal import Storage

extension Digests {
    static let ofLibrary = Digests(
        sha1: { Digest.sha1($0) }, sha256: { LibraryDigest(Digest(.sha256)) })
}

private final class LibraryDigest: RunningDigest {
    private let digest: Digest

    init(_ digest: Digest) {
        self.digest = digest
    }

    func update(_ bytes: UnsafeRawBufferPointer) { unsafe digest.update(bytes) }
    func finish() -> [UInt8] { digest.finish() }
}

/// Runs what Interchange does; its errors are sentences already.
func offline<Value>(
    _ body: () throws(InterchangeError) -> Value
) throws(CtlError) -> Value {
    do throws(InterchangeError) {
        return try body()
    } catch {
        throw .failed(.error, OfflineText.sentence(error))
    }
}

func onFiles<Value>(_ body: () throws(PosixError) -> Value) throws(CtlError) -> Value {
    do throws(PosixError) {
        return try body()
    } catch {
        throw .failed(.error, "\(error)")
    }
}

enum OfflineText {
    static func sentence(_ error: InterchangeError) -> String {
        guard case .storage(.disk(let cause)) = error else { return "\(error)" }
        let reason = PosixError(cause.operation.rawValue, cause.path, code: cause.code)
        return reason.isNoSpace
            ? "\(cause.path): the disk is full; nothing was left behind" : "\(reason)"
    }

    static func hexadecimal(_ bytes: [UInt8]) -> String {
        bytes.map { byte in
            let digits = String(byte, radix: 16)
            return digits.utf8.count == 1 ? "0" + digits : digits
        }.joined()
    }
}

enum SnapshotFiles {
    /// `stat PATH: no such file or directory` is etcdutl's way to say that.
    static func open(_ path: String, missing: String = "stat") throws(CtlError) -> SnapshotFile {
        switch Directory.kind(of: path) {
        case nil: throw .failed(.error, "\(missing) \(path): no such file or directory")
        case .folder: throw .failed(.error, "\(path) is a directory, not a snapshot file")
        case .file, .link, .other: break
        }
        return try offline { () throws(InterchangeError) in
            try SnapshotFile.open(path, on: PosixDisk(syncs: true))
        }
    }
}
