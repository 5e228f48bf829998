// SPDX-License-Identifier: Apache-2.0
internal import Bytes

/// Builds one tree of pages from rows in key order: leaves as they fill, then the branches above
/// them, level by level. Holds one leaf and the first key of each finished one.
struct TreeBuilder {
    private struct Element {
        var flags: UInt32
        var keySize: UInt32
        var valueSize: UInt32
    }

    private var elements: [Element] = []
    /// Keys and values of the open leaf, packed.
    private var data: [UInt8] = []
    private var children = BranchLevel()
    private var lastKey: [UInt8] = []
    private var rowCount = 0

    private var leafSize: Int {
        BoltFormat.pageHeaderSize + elements.count * BoltFormat.elementSize + data.count
    }

    mutating func put(
        key: UnsafeRawBufferPointer, value: UnsafeRawBufferPointer, flags: UInt32,
        into sink: inout PageSink
    ) throws(StorageError) {
        invariant(
            (1...BoltFormat.keySizeMax).contains(key.count), "a key of \(key.count) bytes")
        invariant(value.count <= BoltFormat.valueSizeMax, "a value of \(value.count) bytes")
        let ascends = unsafe rowCount == 0 || compareBytes(lastKey, key) < 0
        invariant(ascends, "row \(rowCount) of a bucket is not in key order")
        let size = BoltFormat.elementSize + key.count + value.count
        let isFull = leafSize + size > sink.pageSize || elements.count == 0xFFFE
        if isFull, !elements.isEmpty { try flushLeaf(into: &sink) }
        elements.append(
            Element(
                flags: flags, keySize: UInt32(key.count), valueSize: UInt32(value.count)))
        unsafe data.append(contentsOf: key)
        unsafe data.append(contentsOf: value)
        lastKey.removeAll(keepingCapacity: true)
        unsafe lastKey.append(contentsOf: key)
        rowCount += 1
    }

    /// The value of a bucket small enough to live inside its parent, or nil.
    func inlineValue(pageSize: Int) -> [UInt8]? {
        guard children.isEmpty, leafSize <= pageSize / 4 else { return nil }
        var value: [UInt8] = []
        value.appendLittleEndian(UInt64(0))
        value.appendLittleEndian(UInt64(0))
        value.appendPageHeader(
            id: 0, flags: BoltFormat.Flag.leaf, count: elements.count, overflow: 0)
        appendLeaf(to: &value)
        return value
    }

    /// Writes what is left and answers the root page.
    mutating func finish(into sink: inout PageSink) throws(StorageError) -> UInt64 {
        if !elements.isEmpty || children.isEmpty { try flushLeaf(into: &sink) }
        var level = children
        while level.count > 1 { level = try level.write(into: &sink) }
        children = BranchLevel()
        return level.root
    }

    private mutating func flushLeaf(into sink: inout PageSink) throws(StorageError) {
        let page = try sink.page(
            flags: BoltFormat.Flag.leaf, count: elements.count,
            byteCount: leafSize - BoltFormat.pageHeaderSize
        ) { buffer in appendLeaf(to: &buffer) }
        let firstKeySize = Int(elements.first?.keySize ?? 0)
        children.append(key: data[..<firstKeySize], page: page)
        elements.removeAll(keepingCapacity: true)
        data.removeAll(keepingCapacity: data.count <= 1 << 20)
    }

    private func appendLeaf(to buffer: inout [UInt8]) {
        var position = elements.count * BoltFormat.elementSize
        for element in elements {
            buffer.appendLittleEndian(element.flags)
            buffer.appendLittleEndian(UInt32(position))
            buffer.appendLittleEndian(element.keySize)
            buffer.appendLittleEndian(element.valueSize)
            position += Int(element.keySize) + Int(element.valueSize) - BoltFormat.elementSize
        }
        buffer.append(contentsOf: data)
    }
}

/// The pages of one level of a tree, left to right, with their first keys.
private struct BranchLevel {
    private var keys: [UInt8] = []
    private var keyEnds: [Int] = []
    private var pages: [UInt64] = []

    var isEmpty: Bool { pages.isEmpty }
    var count: Int { pages.count }
    var root: UInt64 { pages[0] }

    mutating func append(key: ArraySlice<UInt8>, page: UInt64) {
        keys.append(contentsOf: key)
        keyEnds.append(keys.count)
        pages.append(page)
    }

    private func keyRange(_ child: Int) -> Range<Int> {
        (child == 0 ? 0 : keyEnds[child - 1])..<keyEnds[child]
    }

    /// The level above.
    func write(into sink: inout PageSink) throws(StorageError) -> BranchLevel {
        var above = BranchLevel()
        var start = 0
        while start < count {
            let end = endOfPage(from: start, pageSize: sink.pageSize)
            let bytes = keyRange(start).lowerBound..<keyRange(end - 1).upperBound
            let size = (end - start) * BoltFormat.elementSize + bytes.count
            let page = try sink.page(
                flags: BoltFormat.Flag.branch, count: end - start, byteCount: size
            ) { buffer in
                var position = (end - start) * BoltFormat.elementSize
                for child in start..<end {
                    buffer.appendLittleEndian(UInt32(position))
                    buffer.appendLittleEndian(UInt32(keyRange(child).count))
                    buffer.appendLittleEndian(pages[child])
                    position += keyRange(child).count - BoltFormat.elementSize
                }
                buffer.append(contentsOf: keys[bytes])
            }
            above.append(key: keys[keyRange(start)], page: page)
            start = end
        }
        return above
    }

    /// At least two children, or the tree would never end; never one alone at the end.
    private func endOfPage(from start: Int, pageSize: Int) -> Int {
        var size = BoltFormat.pageHeaderSize
        var end = start
        while end < count, end - start < 0xFFFE {
            size += BoltFormat.elementSize + keyRange(end).count
            if size > pageSize, end - start >= 2 { break }
            end += 1
        }
        return count - end == 1 ? count : end
    }
}
