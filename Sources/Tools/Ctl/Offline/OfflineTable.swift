// SPDX-License-Identifier: Apache-2.0

// Commands that work on files, without any server.

/// The commands of this folder.
enum OfflineTable {
    /// For keelsonctl and etcdctl, which share them.
    static let commands: [Command] = [
        SnapshotStatusCommand.row,
        Command(
            refused: "snapshot restore", "Restores an etcd member snapshot to an etcd directory",
            "use etcdutl snapshot restore; a member takes the data directory it makes"),
    ]

    /// All that etcdutl has.
    static let etcdutl: [Command] = [SnapshotStatusCommand.row, VersionCommand.row]
}
