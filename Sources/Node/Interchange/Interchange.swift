// SPDX-License-Identifier: Apache-2.0
package import Storage

// Files that travel between clusters, and between etcd and Keelson, while no member uses them.
//
//   Files/      a `.db` file: what it is, whether it is whole, what is in it, a copy with changes
//   Restore/    a snapshot becomes the data directory of a member of a new cluster
//   Upstream/   a stopped etcd's data directory (log, .snap, .db) becomes one of ours
//
//      snapshot.db ─► SnapshotFile ─► SnapshotCheck | FileHash        what `status`, `verify` say
//                          │
//                          ├─► Restore ────────┐
//      wal/*.wal ─► UpstreamLog ─┐             ├─► DatabaseCopy ─► member/snap/db
//      snap/*.snap ─► .snap ─────┼─► Import ───┘                   member/wal/*.log
//      snap/db ──────────────────┘
//
// Invariants:
//   1. Sources are opened for reading only.
//   2. Memory does not grow with the size of a file: rows pass through, and of a log only the place
//      of each entry is kept. (FileHash keeps a bounded table and goes over the file more often.)
//   3. No reader traps, hangs or reads beyond its file, whatever the bytes are.
//   4. What is written is written into the folder that the caller names, which nobody else uses;
//      that it appears under its final name only when it is whole is the caller's business.
//
// Sums that need a library (SHA-1, SHA-256) come through `Digests`.

/// Why a file cannot be read, or a directory not be made.
package enum InterchangeError: Error, Equatable, Sendable {
    case storage(StorageError)
    /// The file was never a snapshot, or is no more: the sentence says which.
    case notSnapshot(path: String, String)
    /// Bytes at `offset` of a file of etcd's are not what etcd wrote there.
    case damaged(path: String, offset: Int64, reason: String)
    /// The whole sentence for the operator.
    case refused(String)
}

extension InterchangeError: CustomStringConvertible {
    package var description: String {
        switch self {
        case .storage(let error): "\(error)"
        case .notSnapshot(let path, let reason): "\(path) \(reason)"
        case .damaged(let path, let offset, let reason):
            "\(path) is damaged at offset \(offset): \(reason)"
        case .refused(let sentence): sentence
        }
    }
}

/// Told now and then how many bytes are done; one walk counts from zero to the size of its file.
package typealias ByteCounter = (Int64) -> Void

/// A sum over bytes that come in pieces.
package protocol RunningDigest: AnyObject {
    func update(_ bytes: UnsafeRawBufferPointer)
    func finish() -> [UInt8]
}

/// The sums that this room cannot make by itself.
package struct Digests: Sendable {
    let sha1: @Sendable ([UInt8]) -> [UInt8]
    let sha256: @Sendable () -> any RunningDigest

    package init(
        sha1: @escaping @Sendable ([UInt8]) -> [UInt8],
        sha256: @escaping @Sendable () -> any RunningDigest
    ) {
        self.sha1 = sha1
        self.sha256 = sha256
    }
}

/// Runs calls of Storage; their errors leave as this room's.
func stored<Value>(
    _ body: () throws(StorageError) -> Value
) throws(InterchangeError) -> Value {
    do throws(StorageError) {
        return try body()
    } catch {
        throw .storage(error)
    }
}

func onDisk<Value>(
    _ body: () throws(DiskError) -> Value
) throws(InterchangeError) -> Value {
    do throws(DiskError) {
        return try body()
    } catch {
        throw .storage(.disk(error))
    }
}

func isBytewiseBefore(_ left: [UInt8], _ right: [UInt8]) -> Bool {
    left.lexicographicallyPrecedes(right)
}
