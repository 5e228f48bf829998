// SPDX-License-Identifier: Apache-2.0
internal import Bytes

/// Pages on their way to a file, one behind the other, a mebibyte at a time.
struct PageSink {
    let pageSize: Int
    private let file: any DiskFile
    private var buffer: [UInt8] = []
    private var offset: Int64
    private(set) var nextPage: UInt64 = 2

    private static let bufferSize = 1 << 20

    init(file: any DiskFile, pageSize: Int) {
        self.file = file
        self.pageSize = pageSize
        offset = Int64(2 * pageSize)
        buffer.reserveCapacity(Self.bufferSize + pageSize)
    }

    /// Writes one page with its overflow; `body` appends what comes behind the header, which is
    /// `byteCount` bytes. Answers the page's id.
    mutating func page(
        flags: UInt16, count: Int, byteCount: Int, _ body: (inout [UInt8]) -> Void
    ) throws(StorageError) -> UInt64 {
        let id = nextPage
        let size = BoltFormat.pageHeaderSize + byteCount
        let pages = (size + pageSize - 1) / pageSize
        let start = buffer.count
        buffer.appendPageHeader(id: id, flags: flags, count: count, overflow: pages - 1)
        body(&buffer)
        invariant(buffer.count == start + size, "page \(id) has \(buffer.count - start) bytes")
        buffer.append(contentsOf: repeatElement(0, count: pages * pageSize - size))
        nextPage += UInt64(pages)
        if buffer.count >= Self.bufferSize { try flush() }
        return id
    }

    mutating func flush() throws(StorageError) {
        if buffer.isEmpty { return }
        let (file, offset) = (file, offset)
        try onDisk { () throws(DiskError) in try file.write(buffer, at: offset) }
        self.offset += Int64(buffer.count)
        buffer.removeAll(keepingCapacity: buffer.count <= 4 * Self.bufferSize)
    }

    /// Both metas, as bbolt's consistent copy has them: the second one is a transaction older.
    func writeMetas(root: UInt64, transaction: UInt64) throws(StorageError) {
        var pages: [UInt8] = []
        for id in 0..<UInt64(2) {
            let meta = BoltMeta(
                pageSize: pageSize, root: root, freelist: BoltFormat.noFreelist,
                highWater: nextPage, transaction: transaction - id)
            pages.appendPageHeader(id: id, flags: BoltFormat.Flag.meta, count: 0, overflow: 0)
            pages += meta.encoded()
            pages += [UInt8](repeating: 0, count: pageSize * Int(id + 1) - pages.count)
        }
        try onDisk { () throws(DiskError) in try file.write(pages, at: 0) }
    }
}

extension [UInt8] {
    mutating func appendPageHeader(id: UInt64, flags: UInt16, count: Int, overflow: Int) {
        appendLittleEndian(id)
        appendLittleEndian(flags)
        appendLittleEndian(UInt16(count))
        appendLittleEndian(UInt32(overflow))
    }

    mutating func appendLittleEndian<Number: FixedWidthInteger>(_ number: Number) {
        unsafe Swift.withUnsafeBytes(of: number.littleEndian) { bytes in
            unsafe append(contentsOf: bytes)
        }
    }
}
