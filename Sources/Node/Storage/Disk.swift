// SPDX-License-Identifier: Apache-2.0

/// The calls of a disk, as errors and fault plans name them.
package enum DiskOperation: String, Sendable, CaseIterable {
    case makeDirectory, list, open, size, read, write, allocate, truncate, sync, close
    case rename, remove, syncDirectory
}

/// A call of the disk failed.
package struct DiskError: Error, Equatable, Sendable, CustomStringConvertible {
    package var operation: DiskOperation
    package var path: String
    /// The `errno` of Linux.
    package var code: Int32

    package init(operation: DiskOperation, path: String, code: Int32) {
        self.operation = operation
        self.path = path
        self.code = code
    }

    package static var noEntryCode: Int32 { 2 }
    package static var inputOutputCode: Int32 { 5 }
    package static var existsCode: Int32 { 17 }
    package static var noSpaceCode: Int32 { 28 }
    package static var quotaCode: Int32 { 122 }

    /// The disk or the quota is full (ENOSPC, EDQUOT).
    package var isNoSpace: Bool { code == Self.noSpaceCode || code == Self.quotaCode }
    package var isMissing: Bool { code == Self.noEntryCode }

    package var description: String { "\(operation.rawValue) \(path): errno \(code)" }
}

package enum OpenMode: Sendable {
    case readOnly
    /// The file must exist.
    case readWrite
    /// A new empty file, or an old one emptied; for reading and writing.
    case create
}

/// Files by path. Synchronous and confined to one thread; who calls it decides which thread waits.
///
/// A change of a directory (create, rename, remove, makeDirectory) survives a power cut for certain
/// only after `syncDirectory` of the folder that holds the name.
package protocol Disk: AnyObject {
    /// Makes one folder; its parent must exist. Nothing happens when it is already there.
    func makeDirectory(_ path: String) throws(DiskError)
    /// The names in a folder, sorted bytewise, without "." and "..".
    func list(_ path: String) throws(DiskError) -> [String]
    func exists(_ path: String) throws(DiskError) -> Bool
    func open(_ path: String, _ mode: OpenMode) throws(DiskError) -> any DiskFile
    /// Replaces what is at `target`, atomically.
    func rename(_ path: String, to target: String) throws(DiskError)
    func remove(_ path: String) throws(DiskError)
    func syncDirectory(_ path: String) throws(DiskError)
}

/// An open file. A write or a change of size survives a power cut for certain only after `sync`.
package protocol DiskFile: AnyObject {
    /// The path it was opened with.
    var path: String { get }
    func size() throws(DiskError) -> Int64
    /// Fills `buffer` from `offset` on; answers how many bytes there were (fewer only at the end of
    /// the file).
    func read(into buffer: UnsafeMutableRawBufferPointer, at offset: Int64) throws(DiskError) -> Int
    /// Writes all of `bytes`, or throws; then any part of them may have been written.
    func write(_ bytes: UnsafeRawBufferPointer, at offset: Int64) throws(DiskError)
    /// Makes the file at least `size` bytes long, new bytes zero, with its blocks reserved.
    func allocate(to size: Int64) throws(DiskError)
    func truncate(to size: Int64) throws(DiskError)
    /// Contents and size are durable when this returns (fdatasync).
    func sync() throws(DiskError)
    /// Releases the file; later calls fail. Errors of closing carry no news after a `sync`.
    func close()
}

extension DiskFile {
    /// Up to `count` bytes from `offset` on.
    package func read(at offset: Int64, count: Int) throws(DiskError) -> [UInt8] {
        var failure: DiskError?
        let bytes = unsafe [UInt8](unsafeUninitializedCapacity: count) { buffer, filled in
            do throws(DiskError) {
                filled = unsafe try read(into: UnsafeMutableRawBufferPointer(buffer), at: offset)
            } catch {
                failure = error
            }
        }
        if let failure { throw failure }
        return bytes
    }

    package func write(_ bytes: [UInt8], at offset: Int64) throws(DiskError) {
        var failure: DiskError?
        unsafe bytes.withUnsafeBytes { buffer in
            do throws(DiskError) {
                unsafe try write(buffer, at: offset)
            } catch {
                failure = error
            }
        }
        if let failure { throw failure }
    }
}
