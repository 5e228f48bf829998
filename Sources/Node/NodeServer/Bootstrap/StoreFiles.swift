// SPDX-License-Identifier: Apache-2.0
internal import Bytes
internal import Posix
internal import Replicated
internal import Storage

/// Why the store's files could not be written or read.
enum StoreFilesError: Error, CustomStringConvertible {
    case storage(StorageError)
    case load(path: String, LoadFailure)

    var description: String {
        switch self {
        case .storage(let error): "\(error)"
        case .load(let path, let failure): "\(path): \(failure)"
        }
    }

    var isNoSpace: Bool {
        if case .storage(let error) = self { return error.isNoSpace }
        return false
    }
}

/// The folder member/snap, used by one thread at a time: at start by the one that starts, later by
/// the keeper's (and by the core's only to receive into files of their own names).
final class StoreFiles: Sendable {
    let directory: String
    private let settings: LedgerSettings
    private let syncs: Bool

    init(directory: String, settings: LedgerSettings, syncs: Bool) {
        self.directory = directory
        self.settings = settings
        self.syncs = syncs
    }

    /// A fresh value for the calling thread; the disk behind it holds no state.
    var checkpoints: Checkpoints {
        Checkpoints(on: PosixDisk(syncs: syncs), directory: directory)
    }

    // MARK: Write

    /// Writes the view beside the log and lets it replace the last checkpoint. Returns its size.
    func saveCheckpoint(_ view: LedgerView) throws(StoreFilesError) -> Int64 {
        let checkpoints = checkpoints
        return try stored { () throws(StorageError) in
            let size = try checkpoints.publish(transaction: max(1, view.appliedIndex.number)) {
                writer throws(StorageError) in
                try StoreFiles.write(view, to: &writer)
            }
            try checkpoints.removeReceived(through: view.appliedIndex)
            return size
        }
    }

    /// Writes the view into a file of its own, for a peer or a backup. Returns its path and size;
    /// the caller removes it.
    func exportSnapshot(_ view: LedgerView, name: String) throws(StoreFilesError) -> (String, Int64)
    {
        let path = "\(directory)/tmp.\(name).db"
        let size = try stored { () throws(StorageError) in
            do throws(DiskError) {
                let file = try PosixDisk(syncs: false).open(path, .create)
                defer { file.close() }
                var writer = BoltWriter(file: file)
                return try StoreFiles.finish(view, &writer)
            } catch {
                throw .disk(error)
            }
        }
        return (path, size)
    }

    private static func finish(
        _ view: LedgerView, _ writer: inout BoltWriter
    ) throws(DiskError) -> Int64 {
        do throws(StorageError) {
            try write(view, to: &writer)
            return try writer.finish(transaction: max(1, view.appliedIndex.number))
        } catch {
            if case .disk(let cause) = error { throw cause }
            invariant(false, "a view cannot be written: \(error)")
            return 0
        }
    }

    private static func write(
        _ view: LedgerView, to writer: inout BoltWriter
    ) throws(StorageError) {
        for bucket in LedgerView.bucketNames {
            try writer.beginBucket(bucket)
            try unsafe view.forEachRow(in: bucket) { key, value throws(StorageError) in
                unsafe try writer.put(key: key, value: value)
            }
            try writer.endBucket()
        }
    }

    // MARK: Read

    /// Loads a checkpoint that came from the leader and makes it the one in use.
    func loadReceived(at index: LogIndex) throws(StoreFilesError) -> Ledger {
        let checkpoints = checkpoints
        let path = checkpoints.receivedPath(index)
        guard let found = try stored({ () throws(StorageError) in try checkpoints.open(path) })
        else { throw .storage(.missing(path: path)) }
        let ledger = try load(found)
        try stored { () throws(StorageError) in
            try checkpoints.adopt(index)
            try checkpoints.removeReceived(through: index)
        }
        return ledger
    }

    /// The newest state that the folder holds, or nil for an empty one: the checkpoint in use, or a
    /// received one that reaches `mark`, the newest the log stands on.
    func loadNewest(mark: LogIndex) throws(StoreFilesError) -> Ledger? {
        let checkpoints = checkpoints
        try stored { () throws(StorageError) in try checkpoints.tidy() }
        if let current = try stored({ () throws(StorageError) in try checkpoints.newest() }) {
            let ledger = try load(current)
            if ledger.appliedIndex >= mark { return ledger }
        }
        let received = try stored { () throws(StorageError) in try checkpoints.received() }
        if let index = received.last(where: { $0 == mark }) { return try loadReceived(at: index) }
        if mark > .zero { throw .storage(.missing(path: checkpoints.receivedPath(mark))) }
        return nil
    }

    private func load(_ found: OpenCheckpoint) throws(StoreFilesError) -> Ledger {
        defer { found.close() }
        var loader = LedgerLoader(settings: settings)
        var refusal: LoadFailure?
        do throws(StorageError) {
            for name in found.reader.bucketNames {
                let bucket = String(decoding: name, as: UTF8.self)
                unsafe try found.reader.forEach(in: name) { key, value throws(StorageError) in
                    do throws(LoadFailure) {
                        unsafe try loader.row(bucket: bucket, key: key, value: value)
                    } catch {
                        refusal = error
                        throw StorageError.refused("\(error)")
                    }
                }
            }
        } catch {
            if let refusal { throw .load(path: found.path, refusal) }
            throw .storage(error)
        }
        do throws(LoadFailure) {
            return try loader.finish()
        } catch {
            throw .load(path: found.path, error)
        }
    }

    func stored<Value>(
        _ body: () throws(StorageError) -> Value
    ) throws(StoreFilesError) -> Value {
        do throws(StorageError) {
            return try body()
        } catch {
            throw .storage(error)
        }
    }
}
