// SPDX-License-Identifier: Apache-2.0
package import Bytes
package import Replicated
package import Storage

/// The folder member/snap as checkpoints of a ledger. A value for one thread at a time; it holds no
/// state beside what is on the disk.
package struct StoreFolder {
    private let disk: any Disk
    private let settings: LedgerSettings
    /// What is in the folder, as files; receiving goes through it.
    package let checkpoints: Checkpoints

    /// The folder must exist.
    package init(on disk: any Disk, directory: String, settings: LedgerSettings) {
        self.disk = disk
        self.settings = settings
        checkpoints = Checkpoints(on: disk, directory: directory)
    }

    // MARK: Write

    /// Writes the view beside the log and lets it replace the last checkpoint; durable when this
    /// returns. Returns its size.
    package func saveCheckpoint(_ view: LedgerView) throws(RecoveryError) -> Int64 {
        try stored { () throws(StorageError) in
            let size = try checkpoints.publish(transaction: StoreFolder.transaction(of: view)) {
                writer throws(StorageError) in
                try StoreFolder.write(view, to: &writer)
            }
            try checkpoints.removeReceived(through: view.appliedIndex)
            return size
        }
    }

    /// Writes the view into a file of its own, for a peer or a backup; not synced. Returns its size;
    /// the caller removes the file.
    package func export(_ view: LedgerView, to path: String) throws(RecoveryError) -> Int64 {
        let file: any DiskFile
        do throws(DiskError) {
            file = try disk.open(path, .create)
        } catch {
            throw .storage(.disk(error))
        }
        defer { file.close() }
        return try stored { () throws(StorageError) in
            var writer = BoltWriter(file: file)
            try StoreFolder.write(view, to: &writer)
            return try writer.finish(transaction: StoreFolder.transaction(of: view))
        }
    }

    /// The number that the file gives as its last transaction; zero is not one.
    private static func transaction(of view: LedgerView) -> UInt64 {
        max(1, view.appliedIndex.number)
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
    package func loadReceived(at index: LogIndex) throws(RecoveryError) -> Ledger {
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
    /// received one that reaches `mark`, the newest the log stands on. First removes what a crash
    /// left unfinished.
    package func loadNewest(mark: LogIndex) throws(RecoveryError) -> Ledger? {
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

    private func load(_ found: OpenCheckpoint) throws(RecoveryError) -> Ledger {
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
}
