// SPDX-License-Identifier: Apache-2.0
internal import Bytes
internal import NodeCore
internal import Raft
internal import Replicated

/// What the other threads tell the core's.
enum CoreLetter: Sendable {
    /// `synced`: how long the sync took, if there was one.
    case appended(through: UInt64, synced: Duration?)
    /// The log has no room (true), or has it again.
    case diskFilled(Bool)
    /// The log can no longer be trusted; the process ends with this reason.
    case diskFailed(String)
    case checkpointWritten(LogIndex, byteCount: Int64, took: Duration)
    case checkpointFailed(String)
    case snapshotLoaded(SnapshotMetadata, LoadedLedger)
    case snapshotLoadFailed(SnapshotMetadata, String)
    /// Work that a caller waits for is done; runs on the core's thread.
    case finished(@Sendable () -> Void)
}

/// A ledger on its way from the thread that loaded it to the one that will own it: nobody else
/// holds it, and the sender lets go of it by sending.
struct LoadedLedger: @unchecked Sendable {
    let ledger: Ledger
}
