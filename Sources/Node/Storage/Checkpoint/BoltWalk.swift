// SPDX-License-Identifier: Apache-2.0
internal import Bytes

/// Goes through trees of pages in key order. A page is visited at most once, so no file keeps it
/// busy for longer than its size.
struct BoltWalk {
    private let source: PageSource
    /// One bit for each page below the high water.
    private var visited: [UInt64]

    typealias Visitor = (BoltLeaf.Row) throws(StorageError) -> Void

    init(source: PageSource) {
        self.source = source
        visited = [UInt64](repeating: 0, count: Int(source.highWater / 64) + 1)
    }

    func isVisited(_ page: UInt64) -> Bool {
        visited[Int(page >> 6)] >> (page & 63) & 1 == 1
    }

    mutating func visit(_ page: BoltPage) throws(StorageError) {
        let first = page.id
        for id in first...(first + UInt64(page.overflow)) {
            if isVisited(id) { throw source.damage(id, "multiple references") }
            visited[Int(id >> 6)] |= 1 << (id & 63)
        }
    }

    mutating func tree(_ root: UInt64, _ body: Visitor) throws(StorageError) {
        try walk(root, depth: 0, lower: nil, upper: nil, body)
    }

    /// An inline bucket: a leaf page inside a value.
    func inline(_ value: [UInt8], _ body: Visitor) throws(StorageError) {
        var failure: StorageError?
        unsafe value.withUnsafeBytes { bytes in
            do throws(StorageError) {
                guard bytes.count >= BoltFormat.pageHeaderSize,
                    unsafe bytes.littleEndian(UInt16.self, at: 8) == BoltFormat.Flag.leaf
                else { throw source.damage(0, "inline bucket is not a leaf") }
                let count = unsafe Int(bytes.littleEndian(UInt16.self, at: 10))
                unsafe try leaf(bytes, count: count, page: 0, lower: nil, upper: nil, body)
            } catch {
                failure = error
            }
        }
        if let failure { throw failure }
    }

    /// All keys must be at or after `lower` and before `upper`.
    private mutating func walk(
        _ id: UInt64, depth: Int, lower: [UInt8]?, upper: [UInt8]?, _ body: Visitor
    ) throws(StorageError) {
        guard depth < BoltFormat.depthMax else { throw source.damage(id, "tree is too deep") }
        let page = try source.page(id)
        try visit(page)
        switch page.flags {
        case BoltFormat.Flag.leaf:
            unsafe try leaf(
                page.bytes, count: page.count, page: id, lower: lower, upper: upper, body)
        case BoltFormat.Flag.branch:
            guard let branch = BoltBranch(page) else {
                throw source.damage(id, "branch is malformed")
            }
            try check(branch, id, lower: lower, upper: upper)
            for child in branch.pages.indices {
                let isLast = child + 1 == branch.keys.count
                try walk(
                    branch.pages[child], depth: depth + 1, lower: branch.keys[child],
                    upper: isLast ? upper : branch.keys[child + 1], body)
            }
        default:
            throw source.damage(id, "invalid type \(page.flags)")
        }
    }

    private func check(
        _ branch: BoltBranch, _ id: UInt64, lower: [UInt8]?, upper: [UInt8]?
    ) throws(StorageError) {
        let first = branch.keys[0]
        let last = branch.keys[branch.keys.count - 1]
        let startsLate = lower.map { lower in !first.lexicographicallyPrecedes(lower) } ?? true
        let endsEarly = upper.map { upper in last.lexicographicallyPrecedes(upper) } ?? true
        guard startsLate, endsEarly else { throw source.damage(id, "branch key out of order") }
    }

    private func leaf(
        _ bytes: UnsafeRawBufferPointer, count: Int, page: UInt64, lower: [UInt8]?,
        upper: [UInt8]?, _ body: Visitor
    ) throws(StorageError) {
        guard let leaf = unsafe BoltLeaf(bytes, count: count) else {
            throw source.damage(page, "leaf is malformed")
        }
        var last = unsafe UnsafeRawBufferPointer(start: nil, count: 0)
        for index in 0..<count {
            guard let row = leaf.row(index) else {
                throw source.damage(page, "element \(index) is malformed")
            }
            if unsafe index > 0 && compareBytes(last, row.key) >= 0 {
                throw source.damage(page, "key of element \(index) is out of order")
            }
            if index == 0, let lower, unsafe compareBytes(lower, row.key) > 0 {
                throw source.damage(page, "first key is before its branch")
            }
            if index == count - 1, let upper, unsafe compareBytes(upper, row.key) <= 0 {
                throw source.damage(page, "last key is beyond its branch")
            }
            unsafe last = unsafe row.key
            try body(row)
        }
    }
}
