// SPDX-License-Identifier: Apache-2.0

enum V2BackupCommand {
    static let row = V2Command(
        "backup", usage: " ", "backup an etcd directory",
        flags: [
            V2Flag("data-dir", "Path to the etcd data dir"),
            V2Flag("wal-dir", "Path to the etcd wal dir"),
            V2Flag("backup-dir", "Path to the backup dir"),
            V2Flag("backup-wal-dir", "Path to the backup wal dir"),
            V2Flag("with-v3", kind: .bool, "Backup v3 backend data"),
        ], examples: [], run: run)

    /// Data directories are not etcd's here, and v2 keys are part of every snapshot.
    private static func run(_ call: V2Call) throws(V2Failure) {
        throw .plain(
            "backup is not supported: a snapshot of the running cluster holds the v2 keys too; "
                + "take it with: ETCDCTL_API=3 \(call.name) snapshot save FILE")
    }
}
