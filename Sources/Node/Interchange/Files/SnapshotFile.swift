// SPDX-License-Identifier: Apache-2.0
internal import Bytes
package import Storage

/// A `.db` file from somewhere: a saved snapshot, with or without its SHA-256 behind it, or a copy
/// of a member's database.
package struct SnapshotFile {
    package let path: String
    package let file: any DiskFile
    package let reader: BoltReader
    /// Of the file, its sum included.
    package let byteCount: Int64
    /// The SHA-256 that `snapshot save` put behind the database; nil when there is none.
    package let trailer: [UInt8]?

    private static let trailerSize: Int64 = 32
    /// Only whole sectors and a sum leave this remainder.
    private static let sectorSize: Int64 = 512

    /// Opens it and says in a sentence if it is no snapshot. Close it when done.
    package static func open(
        _ path: String, on disk: any Disk
    ) throws(InterchangeError) -> SnapshotFile {
        let file = try onDisk { () throws(DiskError) in try disk.open(path, .readOnly) }
        do throws(InterchangeError) {
            return try SnapshotFile(file)
        } catch {
            file.close()
            throw error
        }
    }

    package init(_ file: any DiskFile) throws(InterchangeError) {
        let size = try onDisk { () throws(DiskError) in try file.size() }
        guard size > 0 else { throw .notSnapshot(path: file.path, "is empty: it is no snapshot") }
        let reader: BoltReader
        do throws(StorageError) {
            reader = try BoltReader(file: file)
        } catch {
            throw SnapshotFile.sentence(error, size)
        }
        var trailer: [UInt8]?
        if size % Self.sectorSize == Self.trailerSize {
            trailer = try onDisk { () throws(DiskError) in
                try file.read(at: size - Self.trailerSize, count: Int(Self.trailerSize))
            }
        }
        path = file.path
        self.file = file
        self.reader = reader
        byteCount = size
        self.trailer = trailer
    }

    package func close() {
        file.close()
    }

    private static func sentence(_ error: StorageError, _ size: Int64) -> InterchangeError {
        guard case .damaged(let path, _, let reason) = error else { return .storage(error) }
        if reason.hasPrefix("no valid meta") {
            return .notSnapshot(
                path: path, "is no snapshot: neither of its first two pages is one of a database")
        }
        if reason.hasPrefix("file is shorter") {
            return .notSnapshot(path: path, "is cut short at \(size) bytes: \(reason)")
        }
        return .notSnapshot(path: path, "is damaged: \(error)")
    }

    // MARK: The sum behind it

    /// What a comparison of the sum found.
    package enum SumCheck: Equatable, Sendable {
        /// There is no sum: a database copied from a data directory, or a file that was cut.
        case missing
        case matches
        case differs(expected: [UInt8], found: [UInt8])
    }

    /// Reads all before the sum, as etcd does.
    package func checkSum(
        _ digests: Digests, progress: ByteCounter = { _ in }
    ) throws(InterchangeError) -> SumCheck {
        guard let trailer else { return .missing }
        let digest = digests.sha256()
        try feed(digest, through: byteCount - Self.trailerSize, progress)
        let found = digest.finish()
        return found == trailer ? .matches : .differs(expected: trailer, found: found)
    }

    /// The SHA-256 of the whole file, as `sha256sum` prints it.
    package func wholeSum(
        _ digests: Digests, progress: ByteCounter = { _ in }
    ) throws(InterchangeError) -> [UInt8] {
        let digest = digests.sha256()
        try feed(digest, through: byteCount, progress)
        return digest.finish()
    }

    private func feed(
        _ digest: any RunningDigest, through end: Int64, _ progress: ByteCounter
    ) throws(InterchangeError) {
        var offset: Int64 = 0
        while offset < end {
            let count = Int(min(1 << 20, end - offset))
            let at = offset
            let bytes = try onDisk { () throws(DiskError) in try file.read(at: at, count: count) }
            guard bytes.count == count else {
                throw .notSnapshot(path: path, "became shorter while it was read")
            }
            unsafe bytes.withUnsafeBytes { unsafe digest.update($0) }
            offset += Int64(count)
            progress(offset)
        }
    }
}

extension SnapshotFile {
    /// Walks a bucket and counts its bytes, so that long walks can be watched.
    func forEach(
        in bucket: [UInt8], _ done: inout Int64, _ progress: ByteCounter,
        _ body: (UnsafeRawBufferPointer, UnsafeRawBufferPointer) throws(StorageError) -> Void
    ) throws(StorageError) {
        var count = done
        var told = done
        unsafe try reader.forEach(in: bucket) { key, value throws(StorageError) in
            unsafe try body(key, value)
            count += Int64(key.count + value.count + 16)
            if count - told > 1 << 20 {
                told = count
                progress(min(count, reader.size))
            }
        }
        done = count
    }
}
