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

/// A page with its overflow whose header is sound; valid until the source reads again.
@safe struct BoltPage {
    let id: UInt64
    let flags: UInt16
    let count: Int
    let overflow: Int
    /// The whole span, header included.
    let bytes: UnsafeRawBufferPointer
}

/// Reads pages by id, many at a time when they are asked for in order.
final class PageSource {
    let path: String
    let pageSize: Int
    let highWater: UInt64
    private let file: any DiskFile
    private var window = PageBuffer(byteCount: 0)
    private var windowStart: UInt64 = 0
    private var windowPages = 0
    private var nextWindowPages = 1

    private static let windowSizeMax = 1 << 20

    init(file: any DiskFile, pageSize: Int, highWater: UInt64) {
        self.file = file
        path = file.path
        self.pageSize = pageSize
        self.highWater = highWater
    }

    func damage(_ page: UInt64, _ reason: String) -> StorageError {
        let (offset, overflow) = Int64(clamping: page).multipliedReportingOverflow(
            by: Int64(pageSize))
        return .damaged(
            path: path, offset: overflow ? .max : offset, reason: "page \(page): \(reason)")
    }

    /// The page's id, span and flags are checked; its elements are not.
    func page(_ id: UInt64) throws(StorageError) -> BoltPage {
        guard id >= 2, id < highWater else { throw damage(id, "out of bounds") }
        let header = unsafe try span(id, pages: 1)
        let overflow = unsafe header.littleEndian(UInt32.self, at: 12)
        guard unsafe header.littleEndian(UInt64.self, at: 0) == id else {
            throw damage(id, "holds another page's number")
        }
        guard UInt64(overflow) < highWater - id else { throw damage(id, "overflows the file") }
        let flags = unsafe header.littleEndian(UInt16.self, at: 8)
        let count = unsafe Int(header.littleEndian(UInt16.self, at: 10))
        let bytes = unsafe overflow == 0 ? header : try span(id, pages: Int(overflow) + 1)
        return unsafe BoltPage(
            id: id, flags: flags, count: count, overflow: Int(overflow), bytes: bytes)
    }

    private func span(_ id: UInt64, pages: Int) throws(StorageError) -> UnsafeRawBufferPointer {
        let end = id + UInt64(pages)
        if id < windowStart || end > windowStart + UInt64(windowPages) {
            try fill(from: id, pages: pages)
        }
        let start = Int(id - windowStart) * pageSize
        return unsafe UnsafeRawBufferPointer(
            rebasing: window.bytes[start..<start + pages * pageSize])
    }

    private func fill(from id: UInt64, pages: Int) throws(StorageError) {
        let follows = id >= windowStart && id <= windowStart + UInt64(windowPages)
        let most = max(1, Self.windowSizeMax / pageSize)
        nextWindowPages = follows ? min(nextWindowPages * 2, most) : 1
        let left = Int(clamping: highWater - id)
        let wanted = min(max(pages, nextWindowPages), left)
        let byteCount = wanted * pageSize
        // A buffer that was huge once is not kept for ever.
        if unsafe window.bytes.count < byteCount || window.bytes.count > 8 * Self.windowSizeMax {
            window = PageBuffer(byteCount: max(byteCount, 16 * pageSize))
        }
        windowPages = 0
        let buffer = unsafe UnsafeMutableRawBufferPointer(rebasing: window.bytes[..<byteCount])
        let file = file
        let offset = Int64(id) * Int64(pageSize)
        let filled = try onDisk { () throws(DiskError) in
            unsafe try file.read(into: buffer, at: offset)
        }
        guard filled == byteCount else { throw damage(id, "beyond the end of the file") }
        windowStart = id
        windowPages = wanted
    }
}

extension UnsafeRawBufferPointer {
    /// The offset must be checked.
    @inline(__always)
    func littleEndian<Number: FixedWidthInteger>(_ type: Number.Type, at offset: Int) -> Number {
        unsafe Number(littleEndian: loadUnaligned(fromByteOffset: offset, as: type))
    }
}
