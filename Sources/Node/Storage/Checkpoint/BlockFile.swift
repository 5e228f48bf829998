// SPDX-License-Identifier: Apache-2.0
internal import Bytes

/// Memory of a fixed size, freed with its last owner.
@safe final class PageBuffer {
    let bytes: UnsafeMutableRawBufferPointer

    init(byteCount: Int) {
        unsafe bytes = .allocate(byteCount: byteCount, alignment: 16)
    }

    deinit { unsafe bytes.deallocate() }
}

/// A file read in blocks. With sums, each block is verified whenever it is read, before anybody
/// sees a byte of it.
///
/// Two windows are kept, because a walk through a tree goes back and forth between leaves and the
/// branches above them. A window that is asked for what follows it doubles, up to a bound.
final class BlockFile {
    private struct Window {
        var buffer = PageBuffer(byteCount: 0)
        var start: Int64 = 0
        var count = 0
        /// The larger, the later it was asked for.
        var lastUse = 0

        var end: Int64 { start + Int64(count) }

        func holds(_ offset: Int64, _ end: Int64) -> Bool {
            offset >= start && end <= self.end
        }

        /// Whether `offset` is next in a reading that moves forward.
        func isFollowed(by offset: Int64) -> Bool {
            count > 0 && offset >= start && offset <= end
        }
    }

    let path: String
    let size: Int64
    private let file: any DiskFile
    private let sums: BlockSums?
    private var windows = [Window(), Window()]
    private var uses = 0
    private var isVerified: [Bool]

    private static let blockSize = BlockSums.blockSize
    private static let windowSizeMax = 1 << 20

    init(_ file: any DiskFile, sums: BlockSums?) throws(StorageError) {
        self.file = file
        self.sums = sums
        path = file.path
        size = try onDisk { () throws(DiskError) in try file.size() }
        if let sums { try sums.checkSize(size, of: path) }
        isVerified = [Bool](repeating: false, count: sums?.blockCount ?? 0)
    }

    /// `count` bytes from `offset` on, valid until the next call; nil when the file ends before.
    func bytes(at offset: Int64, count: Int) throws(StorageError) -> UnsafeRawBufferPointer? {
        let (end, overflow) = offset.addingReportingOverflow(Int64(count))
        guard !overflow, offset >= 0, end <= size else { return nil }
        uses += 1
        let index = try window(for: offset, end)
        windows[index].lastUse = uses
        let window = windows[index]
        let start = Int(offset - window.start)
        return unsafe UnsafeRawBufferPointer(
            rebasing: window.buffer.bytes[start..<start + count])
    }

    /// Verifies all that nobody has read, so that no damage stays unseen.
    func verifyRest() throws(StorageError) {
        for block in isVerified.indices where !isVerified[block] {
            let start = Int64(block) * Int64(Self.blockSize)
            _ = unsafe try bytes(at: start, count: Int(min(Int64(Self.blockSize), size - start)))
        }
    }

    // MARK: Windows

    private func window(for offset: Int64, _ end: Int64) throws(StorageError) -> Int {
        if let index = windows.firstIndex(where: { $0.holds(offset, end) }) { return index }
        let following = windows.firstIndex { $0.isFollowed(by: offset) }
        let index = following ?? (windows[0].lastUse <= windows[1].lastUse ? 0 : 1)
        let wanted = following == nil ? 0 : min(2 * windows[index].count, Self.windowSizeMax)
        try fill(index, from: offset, to: max(end, offset + Int64(wanted)))
        return index
    }

    /// Reads whole blocks around `offset` and `end`.
    private func fill(_ index: Int, from offset: Int64, to end: Int64) throws(StorageError) {
        let block = Int64(Self.blockSize)
        let start = offset / block * block
        let count = Int(min(size - start, (end - start + block - 1) / block * block))
        windows[index].count = 0
        // A buffer that was huge once is not kept for ever.
        let held = unsafe windows[index].buffer.bytes.count
        if held < count || held > 8 * Self.windowSizeMax {
            windows[index].buffer = PageBuffer(byteCount: max(count, Self.blockSize))
        }
        let buffer = unsafe UnsafeMutableRawBufferPointer(
            rebasing: windows[index].buffer.bytes[..<count])
        let file = file
        let filled = try onDisk { () throws(DiskError) in
            unsafe try file.read(into: buffer, at: start)
        }
        guard filled == count else {
            throw .damaged(
                path: path, offset: start + Int64(filled), reason: "file ends too early")
        }
        try unsafe verify(UnsafeRawBufferPointer(buffer), from: Int(start / block))
        windows[index].start = start
        windows[index].count = count
    }

    private func verify(
        _ bytes: UnsafeRawBufferPointer, from first: Int
    ) throws(StorageError) {
        guard let sums else { return }
        var block = first
        var start = 0
        while start < bytes.count {
            let end = min(start + Self.blockSize, bytes.count)
            let piece = unsafe UnsafeRawBufferPointer(rebasing: bytes[start..<end])
            try unsafe sums.check(piece, block: block, of: path)
            isVerified[block] = true
            block += 1
            start = end
        }
    }
}
