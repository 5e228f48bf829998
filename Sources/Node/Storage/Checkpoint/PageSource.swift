// SPDX-License-Identifier: Apache-2.0
internal import Bytes

/// A page with its overflow whose header is sound; valid until the source reads again.
@safe struct BoltPage {
    let id: UInt64
    let flags: UInt16
    let count: Int
    let overflow: Int
    /// The whole span, header included.
    let bytes: UnsafeRawBufferPointer
}

/// Reads pages by id out of a file's blocks.
final class PageSource {
    let path: String
    let pageSize: Int
    let highWater: UInt64
    private let file: BlockFile

    /// The file must have all pages below `highWater`.
    init(file: BlockFile, pageSize: Int, highWater: UInt64) {
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
        let bytes = unsafe try file.bytes(
            at: Int64(id) * Int64(pageSize), count: pages * pageSize)
        guard let bytes = unsafe bytes else { throw damage(id, "beyond the end of the file") }
        return unsafe bytes
    }
}

extension UnsafeRawBufferPointer {
    /// The offset must be checked.
    @inline(__always)
    func littleEndian<Number: FixedWidthInteger>(_ type: Number.Type, at offset: Int) -> Number {
        unsafe Number(littleEndian: loadUnaligned(fromByteOffset: offset, as: type))
    }
}
