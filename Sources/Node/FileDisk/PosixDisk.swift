// SPDX-License-Identifier: Apache-2.0
internal import Posix
package import Storage

/// The real disk, as Storage wants it.
package final class PosixDisk: Disk {
    /// False only for `--unsafe-no-fsync`.
    private let syncs: Bool

    package init(syncs: Bool) {
        self.syncs = syncs
    }

    package func makeDirectory(_ path: String) throws(DiskError) {
        try call(.makeDirectory, path) { () throws(PosixError) in try Directory.make(path) }
    }

    package func list(_ path: String) throws(DiskError) -> [String] {
        try call(.list, path) { () throws(PosixError) in try Directory.list(path).sorted() }
    }

    package func exists(_ path: String) throws(DiskError) -> Bool {
        Directory.exists(path)
    }

    package func open(_ path: String, _ mode: OpenMode) throws(DiskError) -> any DiskFile {
        let fileMode: File.Mode =
            switch mode {
            case .readOnly: .read
            case .readWrite: .update
            case .create: .replace
            }
        let file = try call(.open, path) { () throws(PosixError) in try File(path, fileMode) }
        return PosixDiskFile(file, syncs: syncs)
    }

    package func rename(_ path: String, to target: String) throws(DiskError) {
        try call(.rename, path) { () throws(PosixError) in
            try Directory.rename(path, to: target)
        }
    }

    package func remove(_ path: String) throws(DiskError) {
        try call(.remove, path) { () throws(PosixError) in try Directory.remove(path) }
    }

    package func syncDirectory(_ path: String) throws(DiskError) {
        guard syncs else { return }
        try call(.syncDirectory, path) { () throws(PosixError) in try Directory.sync(path) }
    }
}

private final class PosixDiskFile: DiskFile {
    private let file: File
    private let syncs: Bool
    var path: String { file.path }

    init(_ file: File, syncs: Bool) {
        self.file = file
        self.syncs = syncs
    }

    func size() throws(DiskError) -> Int64 {
        try call(.size, path) { () throws(PosixError) in try Directory.size(of: file.path) }
    }

    func read(
        into buffer: UnsafeMutableRawBufferPointer, at offset: Int64
    ) throws(DiskError) -> Int {
        try call(.read, path) { () throws(PosixError) in
            unsafe try file.read(at: offset, into: buffer)
        }
    }

    func write(_ bytes: UnsafeRawBufferPointer, at offset: Int64) throws(DiskError) {
        try call(.write, path) { () throws(PosixError) in
            unsafe try file.write(at: offset, bytes)
        }
    }

    func allocate(to size: Int64) throws(DiskError) {
        try call(.allocate, path) { () throws(PosixError) in
            try file.allocate(size, zeroFill: true)
        }
    }

    func truncate(to size: Int64) throws(DiskError) {
        try call(.truncate, path) { () throws(PosixError) in try file.truncate(to: size) }
    }

    func sync() throws(DiskError) {
        guard syncs else { return }
        try call(.sync, path) { () throws(PosixError) in try file.syncData() }
    }

    func close() {
        file.close()
    }
}

private func call<Value>(
    _ operation: DiskOperation, _ path: String, _ body: () throws(PosixError) -> Value
) throws(DiskError) -> Value {
    do throws(PosixError) {
        return try body()
    } catch {
        throw DiskError(operation: operation, path: path, code: error.code)
    }
}
