// SPDX-License-Identifier: Apache-2.0
internal import Bytes

/// Writes a `.db` file in one pass: buckets in byte order of their names, rows in byte order of
/// their keys. Breaking the order is a bug of the caller and stops the process.
///
/// The file must be new or empty. Nothing is synced here, and until `finish` the file is not valid.
package struct BoltWriter {
    private var sink: PageSink
    private var top = TreeBuilder()
    private var bucket: (name: [UInt8], tree: TreeBuilder)?

    /// A page size other than 4096 is for tests.
    package init(file: any DiskFile, pageSize: Int = 4096) {
        invariant(
            BoltFormat.pageSizes.contains(pageSize) && pageSize & (pageSize - 1) == 0,
            "page size \(pageSize)")
        sink = PageSink(file: file, pageSize: pageSize)
    }

    package mutating func beginBucket(_ name: [UInt8]) throws(StorageError) {
        invariant(bucket == nil, "a bucket inside a bucket")
        bucket = (name, TreeBuilder())
    }

    package mutating func beginBucket(_ name: String) throws(StorageError) {
        try beginBucket(Array(name.utf8))
    }

    package mutating func put(
        key: UnsafeRawBufferPointer, value: UnsafeRawBufferPointer
    ) throws(StorageError) {
        invariant(bucket != nil, "a row outside of any bucket")
        unsafe try bucket?.tree.put(key: key, value: value, flags: 0, into: &sink)
    }

    package mutating func put(key: [UInt8], value: [UInt8]) throws(StorageError) {
        var failure: StorageError?
        unsafe key.withUnsafeBytes { key in
            unsafe value.withUnsafeBytes { value in
                do throws(StorageError) {
                    unsafe try put(key: key, value: value)
                } catch {
                    failure = error
                }
            }
        }
        if let failure { throw failure }
    }

    package mutating func endBucket() throws(StorageError) {
        guard let (name, finished) = bucket else {
            invariantBroken("no bucket to end", file: #fileID, line: #line)
        }
        bucket = nil
        var tree = finished
        var value: [UInt8]
        if let inline = tree.inlineValue(pageSize: sink.pageSize) {
            value = inline
        } else {
            value = []
            value.appendLittleEndian(try tree.finish(into: &sink))
            value.appendLittleEndian(UInt64(0))
        }
        var failure: StorageError?
        unsafe name.withUnsafeBytes { name in
            unsafe value.withUnsafeBytes { value in
                do throws(StorageError) {
                    unsafe try top.put(
                        key: name, value: value, flags: BoltFormat.bucketElement, into: &sink)
                } catch {
                    failure = error
                }
            }
        }
        if let failure { throw failure }
    }

    /// Writes the rest and the metas; answers the size of the file. `transaction` is bbolt's
    /// counter, at least 1; a later checkpoint should have a higher one.
    package mutating func finish(transaction: UInt64) throws(StorageError) -> Int64 {
        invariant(bucket == nil, "finished inside a bucket")
        invariant(transaction > 0, "transaction \(transaction)")
        let root = try top.finish(into: &sink)
        try sink.flush()
        try sink.writeMetas(root: root, transaction: transaction)
        return Int64(sink.nextPage) * Int64(sink.pageSize)
    }
}
