// SPDX-License-Identifier: Apache-2.0
import Bytes
import Interchange
import Posix
import Storage

/// A file made of bytes, for reading.
final class MemoryFile: DiskFile {
    let path: String
    var bytes: [UInt8]

    init(_ bytes: [UInt8], path: String = "memory") {
        self.bytes = bytes
        self.path = path
    }

    func size() throws(DiskError) -> Int64 { Int64(bytes.count) }

    func read(
        into buffer: UnsafeMutableRawBufferPointer, at offset: Int64
    ) throws(DiskError) -> Int {
        guard offset >= 0, offset < Int64(bytes.count) else { return 0 }
        let count = min(buffer.count, bytes.count - Int(offset))
        unsafe bytes.withUnsafeBytes { source in
            let start = Int(offset)
            unsafe buffer.copyMemory(
                from: UnsafeRawBufferPointer(rebasing: source[start..<start + count]))
        }
        return count
    }

    func write(_ bytes: UnsafeRawBufferPointer, at offset: Int64) throws(DiskError) {
        throw DiskError(operation: .write, path: path, code: 30)
    }
    func allocate(to size: Int64) throws(DiskError) {
        throw DiskError(operation: .allocate, path: path, code: 30)
    }
    func truncate(to size: Int64) throws(DiskError) {
        throw DiskError(operation: .truncate, path: path, code: 30)
    }
    func sync() throws(DiskError) {}
    func close() {}
}

final class RealDigest: RunningDigest {
    private let digest = Digest(.sha256)
    func update(_ bytes: UnsafeRawBufferPointer) { unsafe digest.update(bytes) }
    func finish() -> [UInt8] { digest.finish() }
}

extension Digests {
    static let real = Digests(sha1: { Digest.sha1($0) }, sha256: { RealDigest() })
}

extension Disk {
    func readAll(_ path: String) throws -> [UInt8] {
        let file = try open(path, .readOnly)
        defer { file.close() }
        return try file.read(at: 0, count: Int(try file.size()))
    }

    func put(_ bytes: [UInt8], at path: String) throws {
        let file = try open(path, .create)
        defer { file.close() }
        try file.write(bytes, at: 0)
        try file.sync()
    }
}
