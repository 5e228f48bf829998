// SPDX-License-Identifier: Apache-2.0
internal import Bytes

/// A segment's file, read from front to back through a window: what was just read is still in the
/// processor's cache when it is summed, and no segment is in memory as a whole.
struct SegmentWindow {
    let size: Int
    private let file: any DiskFile
    /// Bytes of the file from `base` on, `held` of them.
    private var reader = FrameReader(bytes: [])
    private var base = 0
    private var held = 0

    private static let byteCount = 1 << 20

    init(_ file: any DiskFile) throws(StorageError) {
        self.file = file
        size = Int(clamping: try onDisk { () throws(DiskError) in try file.size() })
    }

    /// The frame at `offset` if it is whole; `payload` then has its bytes, until the next call.
    mutating func frame(at offset: Int) throws(StorageError) -> FrameHeader? {
        guard size - offset >= LogFormat.headerSize else { return nil }
        try hold(offset, LogFormat.headerSize)
        guard let header = reader.anyHeader(at: offset - base), header.byteCount <= size - offset
        else { return nil }
        try hold(offset, header.byteCount)
        return reader.isWhole(header, at: offset - base) ? header : nil
    }

    /// Of a frame that `frame` has just given.
    func head(of header: FrameHeader, at offset: Int) throws(ByteError) -> SegmentHead {
        do throws(ByteError) {
            return try reader.head(of: header, at: offset - base)
        } catch {
            throw ByteError(at: error.offset + base)
        }
    }

    /// Of a frame that `frame` has just given.
    func batch(of header: FrameHeader, at offset: Int) throws(ByteError) -> LogBatch {
        do throws(ByteError) {
            return try reader.batch(of: header, at: offset - base)
        } catch {
            throw ByteError(at: error.offset + base)
        }
    }

    /// Nothing but zeros from `start` to the end of the file.
    mutating func isZero(from start: Int) throws(StorageError) -> Bool {
        var offset = start
        while offset < size {
            let count = min(size - offset, Self.byteCount)
            try hold(offset, count)
            if !reader.isZero(from: offset - base, to: offset - base + count) { return false }
            offset += count
        }
        return true
    }

    /// All of it, for the one who must look everywhere.
    func whole() throws(StorageError) -> FrameReader {
        let (file, size) = (file, size)
        return FrameReader(
            bytes: try onDisk { () throws(DiskError) in try file.read(at: 0, count: size) })
    }

    /// Makes the window hold `count` bytes from `offset` on, which the file has.
    private mutating func hold(_ offset: Int, _ count: Int) throws(StorageError) {
        if offset >= base, offset + count <= base + held { return }
        let wanted = min(max(count, Self.byteCount), size - offset)
        let file = file
        held = 0
        let filled = try onDisk { () throws(DiskError) in
            unsafe try reader.refill(wanted) { buffer throws(DiskError) in
                unsafe try file.read(into: buffer, at: Int64(offset))
            }
        }
        guard filled == wanted else {
            throw .damaged(
                path: file.path, offset: Int64(offset + filled), reason: "file ends too early")
        }
        base = offset
        held = wanted
    }
}
