// SPDX-License-Identifier: Apache-2.0

/// Where things lie below a data directory; etcd's layout.
package struct MemberFolder: Equatable, Sendable {
    package let root: String

    /// `logDirectory` replaces member/wal (etcd's --wal-dir).
    package init(root: String, logDirectory: String? = nil) {
        self.root = root
        self.logDirectory = logDirectory ?? "\(root)/member/wal"
    }

    package let logDirectory: String
    package var member: String { "\(root)/member" }
    package var snapDirectory: String { "\(root)/member/snap" }

    /// Makes the folders that are missing (but not the log's, which `Log.create` makes). The parent
    /// of the root must exist.
    package func prepare(on disk: any Disk) throws(StorageError) {
        try onDisk { () throws(DiskError) in
            for path in [root, member, snapDirectory] where !(try disk.exists(path)) {
                try disk.makeDirectory(path)
                try disk.syncDirectory(parent(of: path))
            }
        }
    }
}
