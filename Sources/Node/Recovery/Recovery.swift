// SPDX-License-Identifier: Apache-2.0
package import Bytes
package import Replicated
package import Storage

// From what lies on a member's disk to what it starts with, and back: the store written as a
// checkpoint, the log founded. The same code runs in the server over the real disk and in the
// simulator over one that loses, tears and rots.
//
//   member/wal ──MemberLog.open──► RecoveredLog ─┐
//                                                ├─ Restart.begin ─► Ledger, Restored ─► Node
//   member/snap ──StoreFolder.loadNewest─────────┘
//        ▲ ▲
//        │ └── checkpoints that came from the leader: received, loaded, adopted
//        └──── StoreFolder.saveCheckpoint(LedgerView)
//
// Invariants:
//   1. The store that is loaded reaches the newest mark of the log, or the start is refused.
//   2. Log and store meet: the entries beyond the store follow it without a gap, or the start is
//      refused.
//   3. Nothing damaged is repaired or passed over here; the error names the file.
//
// It never decides who founds a cluster, where the folders lie, or which thread waits.

/// Why the files of a member could not be written, or do not make a start.
package enum RecoveryError: Error, Equatable, Sendable, CustomStringConvertible {
    case storage(StorageError)
    /// The file is whole, but its rows are not those of a store.
    case load(path: String, LoadFailure)
    /// Entries between the end of the store and the begin of the log are missing.
    case gap(logBegins: LogIndex, storeEnds: LogIndex)

    package var description: String {
        switch self {
        case .storage(let error): "\(error)"
        case .load(let path, let failure): "\(path): \(failure)"
        case .gap(let first, let last):
            "the log begins at index \(first) but the store ends at \(last): entries between them "
                + "are missing"
        }
    }

    package var isNoSpace: Bool {
        if case .storage(let error) = self { return error.isNoSpace }
        return false
    }

    /// A call of the disk failed. Everything else says that what lies there is not right.
    package var isOfDisk: Bool {
        switch self {
        case .storage(.disk), .storage(.poisoned): true
        case .storage, .load, .gap: false
        }
    }
}

/// Storage's error as this room's.
func stored<Value>(_ body: () throws(StorageError) -> Value) throws(RecoveryError) -> Value {
    do throws(StorageError) {
        return try body()
    } catch {
        throw .storage(error)
    }
}
