// SPDX-License-Identifier: Apache-2.0
internal import Posix
internal import Storage

enum SnapshotStatusCommand {
    static let row = Command(
        "snapshot status", usage: "snapshot status <filename>",
        "Gets backend snapshot status of a given file",
        description: [
            "When --write-out is set to simple, this command prints out comma-separated status "
                + "lists for each endpoint.",
            "The items in the lists are hash, revision, total keys, total size.",
        ], examples: ["snapshot status backup.db -w table"],
        run: run)

    private static func run(_ call: Invocation) throws(CtlError) {
        guard call.arguments.count == 1 else {
            throw .badArguments("snapshot status requires exactly one argument")
        }
        try call.show(.snapshot(try summary(of: call.arguments[0])))
    }

    static func summary(of path: String) throws(CtlError) -> SnapshotSummary {
        guard Directory.exists(path) else {
            throw .failed(.error, "stat \(path): no such file or directory")
        }
        do throws(StorageError) {
            let reader = try BoltReader(file: try open(path))
            if let fault = reader.check().first {
                throw .refused(fault)
            }
            let status = try SnapshotStatus.of(reader)
            return SnapshotSummary(
                hash: status.hash, revision: status.revision, keyCount: Int64(status.rowCount),
                size: status.size)
        } catch {
            throw .failed(.error, "\(path) is no whole snapshot: \(error)")
        }
    }

    private static func open(_ path: String) throws(StorageError) -> SnapshotFile {
        do throws(PosixError) {
            return SnapshotFile(try File(path, .read))
        } catch {
            throw .disk(DiskError(operation: .open, path: path, code: error.code))
        }
    }
}

/// A file of the real disk, for reading only.
private final class SnapshotFile: DiskFile {
    private let file: File

    init(_ file: File) {
        self.file = file
    }

    var path: String { file.path }

    func size() throws(DiskError) -> Int64 {
        do throws(PosixError) {
            return try file.size
        } catch {
            throw DiskError(operation: .size, path: path, code: error.code)
        }
    }

    func read(
        into buffer: UnsafeMutableRawBufferPointer, at offset: Int64
    ) throws(DiskError) -> Int {
        do throws(PosixError) {
            return unsafe try file.read(at: offset, into: buffer)
        } catch {
            throw DiskError(operation: .read, path: path, code: error.code)
        }
    }

    func write(_ bytes: UnsafeRawBufferPointer, at offset: Int64) throws(DiskError) {
        throw readOnly(.write)
    }

    func allocate(to size: Int64) throws(DiskError) { throw readOnly(.allocate) }
    func truncate(to size: Int64) throws(DiskError) { throw readOnly(.truncate) }
    func sync() throws(DiskError) { throw readOnly(.sync) }
    func close() { file.close() }

    /// EROFS.
    private func readOnly(_ operation: DiskOperation) -> DiskError {
        DiskError(operation: operation, path: path, code: 30)
    }
}
