// SPDX-License-Identifier: Apache-2.0
package import Storage

/// What `snapshot status` says of a file, after the check of its pages.
package struct FileStatus: Equatable, Sendable {
    package var summary: SnapshotStatus
    /// Of the format of the rows, since 3.6; empty in older files.
    package var storageVersion: String

    package static func of(_ snapshot: SnapshotFile) throws(InterchangeError) -> FileStatus {
        let problems = snapshot.reader.check()
        if let first = problems.first {
            throw .refused(
                "snapshot file integrity check failed. \(problems.count) errors found.\n" + first)
        }
        let summary = try stored { () throws(StorageError) in
            try SnapshotStatus.of(snapshot.reader)
        }
        return FileStatus(
            summary: summary, storageVersion: try MetaRows(of: snapshot.reader).storageVersion)
    }
}
