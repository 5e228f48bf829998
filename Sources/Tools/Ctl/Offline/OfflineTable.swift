// SPDX-License-Identifier: Apache-2.0

// Commands that work on files, without any server (`backup` and `hand-over` talk to one).
//
//   SnapshotFiles      Interchange's errors as ours, sums, opening a snapshot
//   NewDirectory       a data directory appears whole or not at all
//   *Command           one file a command: flags → Interchange → an answer
//   Backup/            backup jobs: source, folder, manifest, retention; list, verify, prune, check
//
//      file or directory ─► Interchange, over FileDisk ─► stdout, or a new directory
//
// What these commands decide is in Interchange; here are flags, locks, names and words.

/// The commands of this folder.
enum OfflineTable {
    /// For keelsonctl; etcdctl gets those of the group `snapshot`.
    static let commands: [Command] =
        [
            BackupCommand.row, HandOverCommand.row, HashKVCommand.row, ImportCommand.row,
            SnapshotRestoreCommand.row, SnapshotStatusCommand.row, SnapshotVerifyCommand.row,
        ] + BackupVerbs.rows

    /// All that etcdutl has.
    static let etcdutl: [Command] = [
        EtcdutlOnly.backup, EtcdutlOnly.checkStore, OfflineDefrag.row, HashKVCommand.row,
        MigrateCommand.row, SnapshotRestoreCommand.etcdutl, SnapshotStatusCommand.row,
        VersionCommand.row,
    ]
}
