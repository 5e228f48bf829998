// SPDX-License-Identifier: Apache-2.0
internal import Bytes

/// The rows of a leaf, each checked to lie inside the page as it is asked for.
@safe struct BoltLeaf {
    let bytes: UnsafeRawBufferPointer
    let count: Int

    /// Nil when not even the element table fits.
    init?(_ bytes: UnsafeRawBufferPointer, count: Int) {
        let table = BoltFormat.pageHeaderSize + count * BoltFormat.elementSize
        guard table <= bytes.count else { return nil }
        unsafe self.bytes = unsafe bytes
        self.count = count
    }

    @safe struct Row {
        let flags: UInt32
        let key: UnsafeRawBufferPointer
        let value: UnsafeRawBufferPointer
    }

    func row(_ index: Int) -> Row? {
        let element = BoltFormat.pageHeaderSize + index * BoltFormat.elementSize
        let flags = unsafe bytes.littleEndian(UInt32.self, at: element)
        let position = unsafe Int(bytes.littleEndian(UInt32.self, at: element + 4))
        let keySize = unsafe Int(bytes.littleEndian(UInt32.self, at: element + 8))
        let valueSize = unsafe Int(bytes.littleEndian(UInt32.self, at: element + 12))
        let start = element + position
        // Behind the element table, and inside the span; nothing overflows: all are 32 bits.
        guard position >= (count - index) * BoltFormat.elementSize,
            unsafe start + keySize + valueSize <= bytes.count, keySize > 0,
            keySize <= BoltFormat.keySizeMax
        else { return nil }
        let middle = start + keySize
        return unsafe Row(
            flags: flags, key: UnsafeRawBufferPointer(rebasing: bytes[start..<middle]),
            value: UnsafeRawBufferPointer(rebasing: bytes[middle..<middle + valueSize]))
    }
}

/// The children of a branch, copied out of the page.
struct BoltBranch {
    private(set) var pages: [UInt64] = []
    private(set) var keys: [[UInt8]] = []

    /// Nil when an element lies outside of the page or the keys do not ascend.
    init?(_ page: BoltPage) {
        let bytes = unsafe page.bytes
        let table = BoltFormat.pageHeaderSize + page.count * BoltFormat.elementSize
        guard page.count > 0, table <= bytes.count else { return nil }
        for index in 0..<page.count {
            let element = BoltFormat.pageHeaderSize + index * BoltFormat.elementSize
            let position = unsafe Int(bytes.littleEndian(UInt32.self, at: element))
            let keySize = unsafe Int(bytes.littleEndian(UInt32.self, at: element + 4))
            let start = element + position
            guard position >= (page.count - index) * BoltFormat.elementSize,
                start + keySize <= bytes.count, keySize > 0, keySize <= BoltFormat.keySizeMax
            else { return nil }
            let key = unsafe UnsafeRawBufferPointer(rebasing: bytes[start..<start + keySize])
            if let last = keys.last, unsafe compareBytes(last, key) >= 0 { return nil }
            unsafe keys.append(Array(key))
            unsafe pages.append(bytes.littleEndian(UInt64.self, at: element + 8))
        }
    }
}
