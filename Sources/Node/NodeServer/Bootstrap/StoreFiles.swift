// SPDX-License-Identifier: Apache-2.0
internal import Bytes
internal import FileDisk
internal import Recovery
internal import Replicated
internal import Storage

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
    var folder: StoreFolder {
        StoreFolder(on: PosixDisk(syncs: syncs), directory: directory, settings: settings)
    }

    var checkpoints: Checkpoints { folder.checkpoints }

    /// Writes the view beside the log and lets it replace the last checkpoint. Returns its size.
    func saveCheckpoint(_ view: LedgerView) throws(RecoveryError) -> Int64 {
        try folder.saveCheckpoint(view)
    }

    /// Writes the view into a file of its own, for a peer or a backup. Returns its path and size;
    /// the caller removes it.
    func exportSnapshot(_ view: LedgerView, name: String) throws(RecoveryError) -> (String, Int64) {
        let path = "\(directory)/tmp.\(name).db"
        return (path, try folder.export(view, to: path))
    }

    /// Loads a checkpoint that came from the leader and makes it the one in use.
    func loadReceived(at index: LogIndex) throws(RecoveryError) -> Ledger {
        try folder.loadReceived(at: index)
    }
}
