// SPDX-License-Identifier: Apache-2.0

/// Of etcdutl 3.6: changes the storage version that a data directory tells. Here that version
/// follows from the cluster's, so there is nothing to change.
enum MigrateCommand {
    static let row = Command(
        "migrate", usage: "migrate --data-dir DIR --target-version X.Y",
        "Migrates schema of etcd data dir files to make them compatible with different version",
        description: [
            "Not needed: keelson-node reads rows of etcd 3.4 to 3.6, and writes the storage "
                + "version that the version of the cluster asks for."
        ],
        examples: ["migrate --data-dir /var/lib/keelson --target-version 3.6"],
        flags: [
            CtlFlag("data-dir", .text, "", "Path to the data directory"),
            CtlFlag("force", .bool, "false", "Ignore migration failure"),
            CtlFlag("target-version", .text, "", "Target etcd version to migrate, X.Y"),
        ], isNewer: true, run: run)

    private static func run(_ call: Invocation) throws(CtlError) {
        for flag in ["data-dir", "target-version"] where !call.flags.isGiven(flag) {
            throw .failed(.error, "required flag(s) \"\(flag)\" not set")
        }
        let parts = call.flags.text("target-version").split(
            separator: ".", omittingEmptySubsequences: false)
        guard parts.count == 2, let major = Int(parts[0]), let minor = Int(parts[1]) else {
            throw .badArguments(
                "wrong target version format, expected \"X.Y\", got "
                    + GoQuote.text(call.flags.text("target-version")))
        }
        guard (major, minor) >= (3, 5) else {
            throw .badArguments(
                "target version \(GoQuote.text("\(major).\(minor)")) not supported. Minimal "
                    + "\"3.5\"")
        }
        throw .failed(
            .badFeature,
            "migrate is not needed here: the storage version follows from the version of the "
                + "cluster; for a directory of etcd's, use etcd's own etcdutl")
    }
}

/// What etcdutl 3.5 has for data of the second API.
enum EtcdutlOnly {
    static let backup = Command(
        "backup", usage: "backup",
        "[legacy] offline backup of etcd directory.\n\nPrefer: `etcdctl snapshot save` instead.",
        examples: ["backup --data-dir DIR --backup-dir COPY"],
        flags: [
            CtlFlag("backup-dir", .text, "", "Path to the backup dir"),
            CtlFlag("backup-wal-dir", .text, "", "Path to the backup wal dir"),
            CtlFlag("data-dir", .text, "", "Path to the etcd data dir"),
            CtlFlag("wal-dir", .text, "", "Path to the etcd wal dir"),
            CtlFlag("with-v3", .bool, "true", "Backup v3 backend data"),
        ]
    ) { _ throws(CtlError) in
        throw .failed(
            .badFeature,
            "backup: copies of a running directory are not supported; use `etcdctl snapshot save` "
                + "(or `keelsonctl backup` in a job), and `snapshot restore`")
    }

    static let checkStore = Command(
        "check v2store", usage: "check v2store", "Check custom content in v2store",
        examples: ["check v2store --data-dir DIR"],
        flags: [
            CtlFlag("data-dir", .text, "", "Required. A data directory not in use by etcd."),
            CtlFlag("wal-dir", .text, "", "Path to the etcd wal dir"),
        ]
    ) { _ throws(CtlError) in
        throw .failed(
            .badFeature,
            "check v2store: directories of keelson-node hold no keys of the second API; to look at "
                + "a directory of etcd's, use etcd's own etcdutl 3.5")
    }
}
