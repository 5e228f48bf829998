// SPDX-License-Identifier: Apache-2.0
internal import Bytes
package import EtcdAPI
package import Raft
internal import Replicated
package import Storage

/// The folder member/wal: a log that is founded once and opened at every later start.
package struct MemberLog {
    private let disk: any Disk
    private let directory: String
    private let settings: LogSettings

    package init(on disk: any Disk, directory: String, settings: LogSettings) {
        self.disk = disk
        self.directory = directory
        self.settings = settings
    }

    package var exists: Bool {
        get throws(RecoveryError) {
            try stored { () throws(StorageError) in
                try Log.exists(on: disk, directory: directory)
            }
        }
    }

    /// A new log, durable when this returns. A founding member's holds the cluster's first entries;
    /// one of a member that joins (`founders` is empty) holds nothing.
    package func create(
        _ metadata: LogMetadata, founders: [Member]
    ) throws(RecoveryError) -> Log {
        try stored { () throws(StorageError) in
            var log = try Log.create(
                on: disk, directory: directory, metadata: metadata, settings: settings)
            try MemberLog.found(&log, MemberLog.founding(founders))
            return log
        }
    }

    /// Opens the log that is there. `founders` completes a first start that was cut short between
    /// the creation of the log and its first entries; of any other log they change nothing.
    package func open(founders: [Member]) throws(RecoveryError) -> (Log, RecoveredLog) {
        try stored { () throws(StorageError) -> (Log, RecoveredLog) in
            var (log, found) = try Log.open(on: disk, directory: directory, settings: settings)
            if found.hardState == nil, found.entries.isEmpty, found.marks.isEmpty,
                !founders.isEmpty
            {
                let first = MemberLog.founding(founders)
                try MemberLog.found(&log, first)
                found.entries = first.entries
                found.hardState = first.hardState
            }
            return (log, found)
        }
    }

    private static func found(_ log: inout Log, _ first: Restored) throws(StorageError) {
        guard !first.entries.isEmpty else { return }
        try log.append([LogBatch(hardState: first.hardState, entries: first.entries)])
        try log.sync()
    }

    /// What every founding member's log holds at first, alike on all of them (term 1, committed);
    /// nothing for one that joins.
    package static func founding(_ founders: [Member]) -> Restored {
        var restored = Restored()
        restored.entries = MembershipCommand.bootstrap(founders).enumerated().map { offset, data in
            Entry(
                kind: .change, term: Term(1), index: LogIndex(UInt64(offset) + 1), data: data)
        }
        if !founders.isEmpty {
            restored.hardState = HardState(
                term: Term(1), vote: .none, commit: LogIndex(UInt64(founders.count)))
        }
        return restored
    }
}
