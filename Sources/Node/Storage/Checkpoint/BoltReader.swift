// SPDX-License-Identifier: Apache-2.0
internal import Bytes

/// Reads a `.db` file, ours or etcd's. Every number in it is checked before it is used; the first
/// thing wrong is thrown as `.damaged`. Memory: one window of pages, plus a branch for each level.
package struct BoltReader {
    private let blocks: BlockFile
    private let source: PageSource
    private let meta: BoltMeta
    private let buckets: [Bucket]

    struct Bucket {
        var name: [UInt8]
        /// 0 for an inline bucket.
        var root: UInt64
        var inline: [UInt8]
    }

    /// In byte order.
    package var bucketNames: [[UInt8]] { buckets.map(\.name) }
    package var pageSize: Int { meta.pageSize }
    /// bbolt's counter of transactions.
    package var transaction: UInt64 { meta.transaction }
    /// The size of the database; the file may be longer (a trailing sum, or bbolt's growth).
    package var size: Int64 { Int64(meta.highWater) * Int64(meta.pageSize) }

    /// The file must stay open and unchanged as long as the reader is in use.
    package init(file: any DiskFile) throws(StorageError) {
        try self.init(file: file, sums: nil)
    }

    /// With sums, no byte is used before its block was verified; `verifyRest` makes that true of
    /// the whole file.
    init(file: any DiskFile, sums: BlockSums?) throws(StorageError) {
        blocks = try BlockFile(file, sums: sums)
        meta = try BoltReader.meta(of: blocks)
        source = PageSource(file: blocks, pageSize: meta.pageSize, highWater: meta.highWater)
        var found: [Bucket] = []
        var walk = BoltWalk(source: source)
        let path = source.path
        try walk.tree(meta.root) { row throws(StorageError) in
            let value = unsafe row.value
            guard row.flags & BoltFormat.bucketElement != 0,
                value.count >= BoltFormat.bucketHeaderSize
            else { throw .damaged(path: path, offset: 0, reason: "a row outside of any bucket") }
            let root = unsafe value.littleEndian(UInt64.self, at: 0)
            let inline = unsafe root == 0 ? Array(value[BoltFormat.bucketHeaderSize...]) : []
            unsafe found.append(Bucket(name: Array(row.key), root: root, inline: inline))
        }
        buckets = found
    }

    /// Verifies what no walk has touched (nothing, for a file without sums).
    package func verifyRest() throws(StorageError) {
        try blocks.verifyRest()
    }

    /// Hands out the rows of a bucket in key order; the views die when `body` returns. A bucket
    /// that is not there has no rows. Errors of `body` end the walk.
    package func forEach(
        in name: [UInt8],
        _ body: (UnsafeRawBufferPointer, UnsafeRawBufferPointer) throws(StorageError) -> Void
    ) throws(StorageError) {
        guard let bucket = buckets.first(where: { bucket in bucket.name == name }) else { return }
        var walk = BoltWalk(source: source)
        unsafe try rows(of: bucket, &walk, body)
    }

    package func forEach(
        in name: String,
        _ body: (UnsafeRawBufferPointer, UnsafeRawBufferPointer) throws(StorageError) -> Void
    ) throws(StorageError) {
        unsafe try forEach(in: Array(name.utf8), body)
    }

    /// The value of one key, by walking its bucket; for the small buckets.
    package func value(of key: String, in bucket: String) throws(StorageError) -> [UInt8]? {
        let wanted = Array(key.utf8)
        var found: [UInt8]?
        unsafe try forEach(in: bucket) { key, value throws(StorageError) in
            if unsafe compareBytes(wanted, key) == 0 { found = unsafe Array(value) }
        }
        return found
    }

    private func rows(
        of bucket: Bucket, _ walk: inout BoltWalk,
        _ body: (UnsafeRawBufferPointer, UnsafeRawBufferPointer) throws(StorageError) -> Void
    ) throws(StorageError) {
        let path = source.path
        let visit = { (row: BoltLeaf.Row) throws(StorageError) in
            guard row.flags & BoltFormat.bucketElement == 0 else {
                throw .damaged(path: path, offset: 0, reason: "a bucket inside a bucket")
            }
            unsafe try body(row.key, row.value)
        }
        if bucket.root == 0 {
            try walk.inline(bucket.inline, visit)
        } else {
            try walk.tree(bucket.root, visit)
        }
    }

    // MARK: Integrity

    /// What is wrong with the whole file, in the manner of bbolt's own check; empty when nothing
    /// is. Each broken bucket gives its first fault.
    package func check() -> [String] {
        var problems: [String] = []
        var walk = BoltWalk(source: source)
        collect(&problems) { () throws(StorageError) in
            try walk.tree(meta.root) { _ throws(StorageError) in }
        }
        for bucket in buckets {
            collect(&problems) { () throws(StorageError) in
                unsafe try rows(of: bucket, &walk) { _, _ throws(StorageError) in }
            }
        }
        guard problems.isEmpty, meta.freelist != BoltFormat.noFreelist else { return problems }
        do throws(StorageError) {
            return try freelistProblems(&walk)
        } catch {
            return ["\(error)"]
        }
    }

    /// Each page must be either reachable or free, once.
    private func freelistProblems(_ walk: inout BoltWalk) throws(StorageError) -> [String] {
        var problems: [String] = []
        let free = try freePages(&walk)
        for page in free where walk.isVisited(page) {
            problems.append("page \(page): reachable freed")
        }
        let isFree = Set(free)
        if isFree.count != free.count { problems.append("a page is freed twice") }
        for page in 2..<meta.highWater where !walk.isVisited(page) && !isFree.contains(page) {
            if problems.count > 100 { break }
            problems.append("page \(page): unreachable unfreed")
        }
        return problems
    }

    private func collect(
        _ problems: inout [String], _ body: () throws(StorageError) -> Void
    ) {
        do throws(StorageError) {
            try body()
        } catch {
            problems.append("\(error)")
        }
    }

    private func freePages(_ walk: inout BoltWalk) throws(StorageError) -> [UInt64] {
        let page = try source.page(meta.freelist)
        guard page.flags == BoltFormat.Flag.freelist else {
            throw source.damage(meta.freelist, "is not the freelist")
        }
        try walk.visit(page)
        let bytes = unsafe page.bytes
        var start = BoltFormat.pageHeaderSize
        var count = page.count
        if count == 0xFFFF {
            count = unsafe Int(clamping: bytes.littleEndian(UInt64.self, at: start))
            start += 8
        }
        guard count <= (bytes.count - start) / 8 else {
            throw source.damage(meta.freelist, "freelist is longer than its page")
        }
        var free: [UInt64] = []
        for index in 0..<count {
            let id = unsafe bytes.littleEndian(UInt64.self, at: start + 8 * index)
            guard id >= 2, id < meta.highWater else { throw source.damage(id, "freed, beyond") }
            free.append(id)
        }
        return free
    }

    // MARK: Meta

    /// The valid meta with the higher transaction, whose pages the file really has.
    private static func meta(of file: BlockFile) throws(StorageError) -> BoltMeta {
        let size = file.size
        var best = BoltMeta(page: try head(of: file, at: 0, count: 4096))
        let pageSizes = best.map { meta in [meta.pageSize] } ?? (0...14).map { 1024 << $0 }
        for pageSize in pageSizes where Int64(pageSize) < size {
            let second = try head(of: file, at: Int64(pageSize), count: 80)
            guard let meta = BoltMeta(page: second), meta.pageSize == pageSize else { continue }
            if best == nil || meta.transaction > best?.transaction ?? 0 { best = meta }
        }
        guard let best else {
            throw .damaged(path: file.path, offset: 0, reason: "no valid meta page")
        }
        guard best.highWater >= 3, best.highWater <= UInt64(size) / UInt64(best.pageSize) else {
            throw .damaged(
                path: file.path, offset: size,
                reason: "file is shorter than its \(best.highWater) pages")
        }
        return best
    }

    /// Up to `count` bytes, as many as there are.
    private static func head(
        of file: BlockFile, at offset: Int64, count: Int
    ) throws(StorageError) -> [UInt8] {
        let count = Int(min(Int64(count), file.size - offset))
        guard let bytes = unsafe try file.bytes(at: offset, count: count) else { return [] }
        return unsafe Array(bytes)
    }
}
