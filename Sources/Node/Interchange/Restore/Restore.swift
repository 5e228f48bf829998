// SPDX-License-Identifier: Apache-2.0
internal import Bytes
internal import EtcdAPI
internal import MVCC
internal import Replicated
package import Storage

/// A snapshot becomes the data directory of one member of a new cluster, as etcdutl makes one:
/// members and their ids are new, the place in the log begins anew, and everything else, keys with
/// their revisions, leases, alarms, users and roles, stays.
package struct Restore {
    package var plan: BootstrapPlan
    /// Added to the revision, so that watchers of the old cluster do not mistake the new one for
    /// it; 0 for not.
    package var bumpRevision: UInt64
    /// Whether everything up to the new revision is to be compacted.
    package var marksCompacted: Bool
    /// Of the log that is made.
    package var log: LogSettings

    package init(
        plan: BootstrapPlan, bumpRevision: UInt64 = 0, marksCompacted: Bool = false,
        log: LogSettings
    ) {
        self.plan = plan
        self.bumpRevision = bumpRevision
        self.marksCompacted = marksCompacted
        self.log = log
    }

    /// Writes `target`, which holds nothing yet; durable when this returns. The folder above it
    /// must exist, and the one above its log directory.
    package func write(
        _ snapshot: SnapshotFile, to target: MemberFolder, on disk: any Disk,
        progress: ByteCounter = { _ in }
    ) throws(InterchangeError) {
        let entries = foundingEntries()
        let ledger = Ledger(
            settings: LedgerSettings(clusterID: plan.clusterID, memberID: plan.memberID))
        for entry in entries {
            _ = ledger.apply(entry, isProposer: false, now: Instant(nanoseconds: 0))
        }
        let view = ledger.view()
        var copy = DatabaseCopy()
        copy.take(membershipOf: view)
        if bumpRevision > 0 { try bump(&copy, snapshot) }
        try stored { () throws(StorageError) in
            try target.prepare(on: disk)
            let checkpoints = Checkpoints(on: disk, directory: target.snapDirectory)
            _ = try checkpoints.publish(
                transaction: max(1, snapshot.reader.transaction)
            ) { writer throws(StorageError) in
                try copy.write(snapshot, to: &writer, progress: progress)
            }
        }
        try writeLog(entries, view.configuration, target, disk)
    }

    /// Every member writes the same ones: everybody is added, in term 1.
    private func foundingEntries() -> [Entry] {
        MembershipCommand.bootstrap(plan.members).enumerated().map { offset, data in
            Entry(kind: .change, term: Term(1), index: LogIndex(UInt64(offset) + 1), data: data)
        }
    }

    private func writeLog(
        _ entries: [Entry], _ configuration: Configuration, _ target: MemberFolder,
        _ disk: any Disk
    ) throws(InterchangeError) {
        let last = LogIndex(UInt64(entries.count))
        let state = HardState(
            term: Term(1), vote: plan.memberIDs.first ?? .none, commit: last)
        try stored { () throws(StorageError) in
            var log = try Log.create(
                on: disk, directory: target.logDirectory,
                metadata: LogMetadata(memberID: plan.memberID, clusterID: plan.clusterID),
                settings: self.log)
            try log.append([LogBatch(hardState: state, entries: entries)])
            try log.sync()
            // Only now does the log stand on the checkpoint, which is durable.
            try log.append([
                LogBatch(
                    mark: CheckpointMark(
                        index: last, term: Term(1), configuration: configuration))
            ])
            try log.close()
        }
    }

    /// An empty row lifts the revision; a member that starts finishes the compaction to it.
    private func bump(
        _ copy: inout DatabaseCopy, _ snapshot: SnapshotFile
    ) throws(InterchangeError) {
        var last: Int64 = 0
        try stored { () throws(StorageError) in
            unsafe try snapshot.reader.forEach(in: "key") { key, _ throws(StorageError) in
                if key.count >= 8 {
                    last = unsafe Int64(bigEndian: key.loadUnaligned(as: Int64.self))
                }
            }
        }
        let (main, overflow) = last.addingReportingOverflow(Int64(clamping: bumpRevision))
        guard !overflow, main < 1 << 62 else {
            throw .refused("--bump-revision \(bumpRevision): revision \(last) cannot grow so far")
        }
        let key = DatabaseCopy.revisionKey(main)
        copy.append(keyRow: DatabaseCopy.Row(key: key, value: []))
        if marksCompacted {
            copy.set(
                "meta",
                DatabaseCopy.Row(key: Array("scheduledCompactRev".utf8), value: key))
        }
    }
}
