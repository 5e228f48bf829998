// SPDX-License-Identifier: Apache-2.0
internal import Bytes

/// Sums of a file, kept beside it: one CRC-32C for each block of 64 KiB and one for the whole, so a
/// flipped bit is found and placed. For files that never change once they are written.
///
/// Its own file, all little-endian: "KLSNSUMS" · u32 version · u32 block size · u64 size of the
/// summed file · u32 for each block · u32 of the whole · u32 CRC-32C of all that before.
package struct BlockSums: Equatable, Sendable {
    package static let blockSize = 64 << 10
    private static let magic = Array("KLSNSUMS".utf8)
    private static let version: UInt32 = 1
    private static let fixedSize = 32

    package let size: Int64
    private var blocks: [UInt32] = []
    private var whole: UInt32 = 0

    /// Reads the whole file.
    package static func of(_ file: any DiskFile) throws(StorageError) -> BlockSums {
        let size = try onDisk { () throws(DiskError) in try file.size() }
        var sums = BlockSums(size: size)
        var whole = CRC32C()
        unsafe try sums.eachBlock(of: file) { _, bytes throws(StorageError) in
            sums.blocks.append(unsafe BlockSums.sum(bytes))
            unsafe whole.update(bytes)
        }
        sums.whole = whole.value
        return sums
    }

    /// Throws `.damaged` with the offset of the first block that is not as it was.
    package func verify(_ file: any DiskFile) throws(StorageError) {
        let path = file.path
        try checkSize(try onDisk { () throws(DiskError) in try file.size() }, of: path)
        var crc = CRC32C()
        unsafe try eachBlock(of: file) { block, bytes throws(StorageError) in
            unsafe crc.update(bytes)
            unsafe try check(bytes, block: block, of: path)
        }
        guard crc.value == whole else {
            throw .damaged(path: path, offset: 0, reason: "the whole has another sum")
        }
    }

    var blockCount: Int { blocks.count }

    func checkSize(_ found: Int64, of path: String) throws(StorageError) {
        guard found == size else {
            throw .damaged(
                path: path, offset: min(found, size), reason: "\(found) bytes instead of \(size)")
        }
    }

    /// `bytes` must be all of the block.
    func check(
        _ bytes: UnsafeRawBufferPointer, block: Int, of path: String
    ) throws(StorageError) {
        if unsafe BlockSums.sum(bytes) != blocks[block] {
            throw .damaged(
                path: path, offset: Int64(block) * Int64(Self.blockSize),
                reason: "block \(block) of \(Self.blockSize) bytes has another sum")
        }
    }

    private static func sum(_ bytes: UnsafeRawBufferPointer) -> UInt32 {
        var crc = CRC32C()
        unsafe crc.update(bytes)
        return crc.value
    }

    /// True when the first block agrees: enough to tell to which of two files sums belong.
    func fits(_ file: any DiskFile) throws(StorageError) -> Bool {
        let (found, bytes) = try onDisk { () throws(DiskError) in
            (try file.size(), try file.read(at: 0, count: Self.blockSize))
        }
        return found == size && (blocks.isEmpty || CRC32C.of(bytes) == blocks[0])
    }

    private init(size: Int64) {
        self.size = size
    }

    /// Blocks in order; the bytes are good for one call.
    private func eachBlock(
        of file: any DiskFile, _ body: (Int, UnsafeRawBufferPointer) throws(StorageError) -> Void
    ) throws(StorageError) {
        let buffer = PageBuffer(byteCount: Self.blockSize)
        var offset: Int64 = 0
        var index = 0
        while offset < size {
            let count = Int(min(Int64(Self.blockSize), size - offset))
            let at = offset
            let piece = unsafe UnsafeMutableRawBufferPointer(rebasing: buffer.bytes[..<count])
            let filled = try onDisk { () throws(DiskError) in
                unsafe try file.read(into: piece, at: at)
            }
            guard filled == count else {
                throw .damaged(path: file.path, offset: offset, reason: "file ends too early")
            }
            unsafe try body(index, UnsafeRawBufferPointer(piece))
            offset += Int64(count)
            index += 1
        }
    }

    // MARK: The file of sums

    package func encoded() -> [UInt8] {
        var writer = ByteWriter(capacity: Self.fixedSize + 4 * blocks.count)
        writer.append(Self.magic)
        writer.appendLittleEndian(Self.version)
        writer.appendLittleEndian(UInt32(Self.blockSize))
        writer.appendLittleEndian(UInt64(size))
        for block in blocks { writer.appendLittleEndian(block) }
        writer.appendLittleEndian(whole)
        writer.appendLittleEndian(CRC32C.of(writer.bytes))
        return writer.bytes
    }

    /// Nil when the bytes are not sums, or damaged.
    package init?(decoding bytes: [UInt8]) {
        guard bytes.count >= Self.fixedSize, Array(bytes[..<8]) == Self.magic else { return nil }
        var reader = ByteReader(bytes, from: 8, to: bytes.count)
        do throws(ByteError) {
            guard try reader.littleEndian(UInt32.self) == Self.version,
                try reader.littleEndian(UInt32.self) == UInt32(Self.blockSize)
            else { return nil }
            let size: UInt64 = try reader.littleEndian()
            guard size <= UInt64(Int64.max) else { return nil }
            self.size = Int64(size)
            let blockCount =
                size / UInt64(Self.blockSize)
                + (size % UInt64(Self.blockSize) == 0 ? 0 : 1)
            guard blockCount == UInt64((reader.remaining - 8) / 4), reader.remaining % 4 == 0 else {
                return nil
            }
            for _ in 0..<blockCount { blocks.append(try reader.littleEndian()) }
            whole = try reader.littleEndian()
            guard try reader.littleEndian(UInt32.self) == bytes.crc(from: 0, to: bytes.count - 4)
            else { return nil }
        } catch {
            return nil
        }
    }

    /// The sums at `path`; nil when there are none. Sums that are themselves damaged are thrown.
    static func read(on disk: any Disk, path: String) throws(StorageError) -> BlockSums? {
        guard try onDisk({ () throws(DiskError) in try disk.exists(path) }) else { return nil }
        let bytes = try onDisk { () throws(DiskError) in
            let file = try disk.open(path, .readOnly)
            defer { file.close() }
            return try file.read(at: 0, count: Int(clamping: try file.size()))
        }
        guard let sums = BlockSums(decoding: bytes) else {
            throw .damaged(path: path, offset: 0, reason: "not a file of sums")
        }
        return sums
    }
}
