// SPDX-License-Identifier: Apache-2.0
internal import Bytes
package import Raft
package import Replicated
package import Storage

/// What a member goes on from: its state, and what raft is told of the log around that state.
package struct Restart {
    package var ledger: Ledger
    package var restored: Restored

    /// Entries behind the state that stay in memory, so that a peer that lags a little needs no
    /// snapshot.
    private static let keptBehind = 5_000

    /// Loads the newest state and joins the log to it. An empty folder is a member that has never
    /// written a checkpoint; `settings` are those of its ledger.
    package static func begin(
        _ found: RecoveredLog, _ store: StoreFolder, settings: LedgerSettings
    ) throws(RecoveryError) -> Restart {
        let ledger =
            try store.loadNewest(mark: found.marks.last?.index ?? .zero)
            ?? Ledger(settings: settings)
        return Restart(ledger: ledger, restored: try join(found, ledger))
    }

    /// A start without any past.
    package static func first(_ founding: Restored, settings: LedgerSettings) -> Restart {
        Restart(ledger: Ledger(settings: settings), restored: founding)
    }

    private static func join(
        _ found: RecoveredLog, _ ledger: Ledger
    ) throws(RecoveryError) -> Restored {
        let applied = ledger.appliedIndex
        var restored = Restored()
        restored.hardState = found.hardState ?? HardState()
        restored.applied = applied
        restored.configuration = ledger.configuration
        restored.entries = found.entries.filter { $0.index > applied }
        if let first = restored.entries.first, first.index != applied.next {
            throw .gap(logBegins: first.index, storeEnds: applied)
        }
        let behind = found.entries.filter { $0.index <= applied }.suffix(keptBehind + 1)
        if let base = behind.first {
            restored.snapshot = SnapshotMetadata(index: base.index, term: base.term)
            restored.entries = behind.dropFirst() + restored.entries
        } else {
            restored.snapshot = SnapshotMetadata(
                index: applied, term: ledger.appliedTerm, configuration: ledger.configuration)
        }
        let last = restored.entries.last?.index ?? applied
        // The checkpoint's entries were committed, whatever the last written commit index says.
        restored.hardState.commit = min(max(restored.hardState.commit, applied), last)
        restored.hardState.term = max(
            restored.hardState.term, restored.entries.last?.term ?? ledger.appliedTerm)
        return restored
    }
}
