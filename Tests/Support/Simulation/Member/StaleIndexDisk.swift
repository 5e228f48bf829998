// SPDX-License-Identifier: Apache-2.0
internal import Storage

/// The planted bug `staleIndex`: each checkpoint that a member writes of its own store says that it
/// stands one entry behind where it is. It is done to the bytes on their way to the disk, so that
/// the code above is the one that ships.
final class StaleIndexDisk: Disk {
    private let disk: any Disk

    init(_ disk: any Disk) {
        self.disk = disk
    }

    func makeDirectory(_ path: String) throws(DiskError) { try disk.makeDirectory(path) }
    func list(_ path: String) throws(DiskError) -> [String] { try disk.list(path) }
    func exists(_ path: String) throws(DiskError) -> Bool { try disk.exists(path) }

    func open(_ path: String, _ mode: OpenMode) throws(DiskError) -> any DiskFile {
        let file = try disk.open(path, mode)
        return mode == .create && path.hasSuffix("/tmp.db") ? StaleIndexFile(file) : file
    }

    func rename(_ path: String, to target: String) throws(DiskError) {
        try disk.rename(path, to: target)
    }

    func remove(_ path: String) throws(DiskError) { try disk.remove(path) }
    func syncDirectory(_ path: String) throws(DiskError) { try disk.syncDirectory(path) }
}

private final class StaleIndexFile: DiskFile {
    private let file: any DiskFile
    var path: String { file.path }

    /// In the format the value of a row, here 8 bytes, follows its key.
    private static let key = Array("consistent_index".utf8)
    private static let valueSize = 8

    init(_ file: any DiskFile) {
        self.file = file
    }

    func size() throws(DiskError) -> Int64 { try file.size() }

    func read(
        into buffer: UnsafeMutableRawBufferPointer, at offset: Int64
    ) throws(DiskError) -> Int {
        unsafe try file.read(into: buffer, at: offset)
    }

    func write(_ bytes: UnsafeRawBufferPointer, at offset: Int64) throws(DiskError) {
        let changed = unsafe stale(Array(bytes))
        try file.write(changed, at: offset)
    }

    private func stale(_ bytes: [UInt8]) -> [UInt8] {
        let key = Self.key
        guard bytes.count >= key.count + Self.valueSize else { return bytes }
        var bytes = bytes
        for start in 0...bytes.count - key.count - Self.valueSize where bytes[start] == key[0] {
            let last = start + key.count + Self.valueSize - 1
            if bytes[start..<start + key.count].elementsEqual(key), bytes[last] > 1 {
                bytes[last] -= 1
            }
        }
        return bytes
    }

    func allocate(to size: Int64) throws(DiskError) { try file.allocate(to: size) }
    func truncate(to size: Int64) throws(DiskError) { try file.truncate(to: size) }
    func sync() throws(DiskError) { try file.sync() }
    func close() { file.close() }
}
