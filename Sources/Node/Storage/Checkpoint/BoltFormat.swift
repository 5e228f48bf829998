// SPDX-License-Identifier: Apache-2.0
internal import Bytes

// The file format of a checkpoint: that of bbolt, etcd's `.db` (written as bbolt's consistent copy).
//
// The file is an array of pages; page N begins at N * page size. A page may go on over the next
// `overflow` pages. All numbers are little-endian.
//
//   page header, 16 bytes:  u64 id · u16 flags · u16 count · u32 overflow
//     flags: 1 branch, 2 leaf, 4 meta, 16 freelist (exactly one)
//   branch element, 16:     u32 pos · u32 key size · u64 page id
//   leaf element, 16:       u32 flags (1: the value is a bucket) · u32 pos · u32 key size
//                           · u32 value size; the value follows the key
//     `pos` counts from the start of its element; keys ascend bytewise, without equals. A branch
//     element's key is the first key below it.
//   meta (pages 0 and 1), 64 bytes after the header: u32 magic · u32 version · u32 page size
//     · u32 flags · u64 root page · u64 root sequence · u64 freelist page · u64 high water
//     · u64 transaction · u64 FNV-1a of the 56 bytes before
//     The valid meta of the higher transaction counts. Pages from `high water` on do not exist.
//     Freelist page all ones: not stored; free is what cannot be reached.
//   bucket value, 16 bytes: u64 root page · u64 sequence. Root page 0: inline, a leaf page with
//     id 0 follows in the same value (only for buckets up to a quarter of a page).
//   The top tree, from the meta's root page, holds the buckets by name.

enum BoltFormat {
    static let magic: UInt32 = 0xED0C_DAED
    static let version: UInt32 = 2
    static let pageHeaderSize = 16
    static let elementSize = 16
    static let bucketHeaderSize = 16
    static let metaSize = 64
    static let noFreelist = UInt64.max
    static let keySizeMax = 32_768
    static let valueSizeMax = Int(Int32.max) - 1
    /// bbolt's own trees stay far below; a deeper one is a trick.
    static let depthMax = 40
    static let pageSizes = 1024...(1 << 24)

    enum Flag {
        static let branch: UInt16 = 0x01
        static let leaf: UInt16 = 0x02
        static let meta: UInt16 = 0x04
        static let freelist: UInt16 = 0x10
    }

    static let bucketElement: UInt32 = 1
}

struct BoltMeta: Equatable {
    var pageSize: Int
    var root: UInt64
    var freelist: UInt64
    var highWater: UInt64
    var transaction: UInt64

    /// The 64 bytes behind the page header.
    func encoded() -> [UInt8] {
        var writer = ByteWriter(capacity: BoltFormat.metaSize)
        writer.appendLittleEndian(BoltFormat.magic)
        writer.appendLittleEndian(BoltFormat.version)
        writer.appendLittleEndian(UInt32(pageSize))
        writer.appendLittleEndian(UInt32(0))
        writer.appendLittleEndian(root)
        writer.appendLittleEndian(UInt64(0))
        writer.appendLittleEndian(freelist)
        writer.appendLittleEndian(highWater)
        writer.appendLittleEndian(transaction)
        writer.appendLittleEndian(BoltMeta.sum(writer.bytes[...]))
        return writer.bytes
    }

    /// Nil unless magic, version and sum are right. Takes the page with its header.
    init?(page: [UInt8]) {
        let start = BoltFormat.pageHeaderSize
        guard page.count >= start + BoltFormat.metaSize else { return nil }
        var reader = ByteReader(page, from: start, to: start + BoltFormat.metaSize)
        do throws(ByteError) {
            guard try reader.littleEndian(UInt32.self) == BoltFormat.magic,
                try reader.littleEndian(UInt32.self) == BoltFormat.version
            else { return nil }
            pageSize = Int(try reader.littleEndian(UInt32.self))
            try reader.skip(4)
            root = try reader.littleEndian()
            try reader.skip(8)
            freelist = try reader.littleEndian()
            highWater = try reader.littleEndian()
            transaction = try reader.littleEndian()
            let sum: UInt64 = try reader.littleEndian()
            guard sum == BoltMeta.sum(page[start..<start + 56]) else { return nil }
        } catch {
            return nil
        }
        guard BoltFormat.pageSizes.contains(pageSize), pageSize & (pageSize - 1) == 0 else {
            return nil
        }
    }

    init(pageSize: Int, root: UInt64, freelist: UInt64, highWater: UInt64, transaction: UInt64) {
        self.pageSize = pageSize
        self.root = root
        self.freelist = freelist
        self.highWater = highWater
        self.transaction = transaction
    }

    /// FNV-1a of 64 bits.
    private static func sum(_ bytes: ArraySlice<UInt8>) -> UInt64 {
        var hash: UInt64 = 0xcbf2_9ce4_8422_2325
        for byte in bytes { hash = (hash ^ UInt64(byte)) &* 0x100_0000_01b3 }
        return hash
    }
}

/// Bytewise order: negative, zero or positive.
func compareBytes(_ left: UnsafeRawBufferPointer, _ right: UnsafeRawBufferPointer) -> Int {
    let count = min(left.count, right.count)
    var offset = 0
    while offset + 8 <= count {
        let one = unsafe left.loadUnaligned(fromByteOffset: offset, as: UInt64.self)
        let other = unsafe right.loadUnaligned(fromByteOffset: offset, as: UInt64.self)
        if one != other {
            return UInt64(bigEndian: one) < UInt64(bigEndian: other) ? -1 : 1
        }
        offset += 8
    }
    while offset < count {
        let one = unsafe left[offset]
        let other = unsafe right[offset]
        if one != other { return one < other ? -1 : 1 }
        offset += 1
    }
    return left.count - right.count
}

func compareBytes(_ left: [UInt8], _ right: UnsafeRawBufferPointer) -> Int {
    unsafe left.withUnsafeBytes { left in unsafe compareBytes(left, right) }
}
