// SPDX-License-Identifier: Apache-2.0
package import Bytes

/// Whose log this is; the same in every segment.
package struct LogMetadata: Equatable, Sendable {
    package var memberID: MemberID
    package var clusterID: ClusterID

    package init(memberID: MemberID, clusterID: ClusterID) {
        self.memberID = memberID
        self.clusterID = clusterID
    }
}

/// Says that the state machine as of `index` is safe elsewhere.
///
/// A mark that the log does not contain (it is beyond the last entry, or that entry has another
/// term) stands for a checkpoint taken over from the leader: it replaces all entries.
package struct CheckpointMark: Equatable, Sendable {
    package var index: LogIndex
    package var term: Term
    package var configuration: Configuration

    package init(index: LogIndex, term: Term, configuration: Configuration) {
        self.index = index
        self.term = term
        self.configuration = configuration
    }
}

/// What is appended as one: after a crash all of it is there or nothing. In effect the mark comes
/// first, then the entries, then the hard state.
package struct LogBatch: Equatable, Sendable {
    package var hardState: HardState?
    /// Consecutive indices. They replace everything from the first one on.
    package var entries: [Entry]
    package var mark: CheckpointMark?

    package init(
        hardState: HardState? = nil, entries: [Entry] = [], mark: CheckpointMark? = nil
    ) {
        self.hardState = hardState
        self.entries = entries
        self.mark = mark
    }
}

/// What `Log.open` found. All of it is durable.
package struct RecoveredLog: Equatable, Sendable {
    package var metadata: LogMetadata
    /// The newest one; nil when none was ever appended.
    package var hardState: HardState?
    /// Oldest first, of what is kept; the last one is the newest ever appended.
    package var marks: [CheckpointMark]
    /// Consecutive, after all replacements. They begin at or before the newest mark's next index
    /// (or at 1), so nothing is missing in between.
    package var entries: [Entry]
    /// Bytes of an unfinished append that were cut off; 0 after a clean stop.
    package var tornByteCount: Int64
}

package struct LogSettings: Equatable, Sendable {
    /// The size at which a new segment file is begun; a larger append gets a larger file.
    package var segmentByteCount: Int64
    /// How far ahead of small appends `Log.prepare` writes zeros.
    package var preparedByteCount: Int64 = 512 << 10
    /// Goes into the identity of the first segment; best a different number for each created log.
    package var salt: UInt64

    package init(segmentByteCount: Int64 = 64 << 20, salt: UInt64 = 0) {
        invariant(segmentByteCount >= 512, "segments of \(segmentByteCount) bytes are too small")
        self.segmentByteCount = segmentByteCount
        self.salt = salt
    }
}
