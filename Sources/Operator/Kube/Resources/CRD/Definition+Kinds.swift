// SPDX-License-Identifier: Apache-2.0

extension Definition {
    /// Of an object's spec, not of the type: a schedule holds a spec of backups that may change.
    private static func immutable(_ schema: Schema) -> Schema {
        var schema = schema
        schema.rules.append(Rule("self == oldSelf", "the spec is immutable"))
        return schema
    }

    private static let age = Column(name: "Age", type: "date", path: ".metadata.creationTimestamp")

    package static let cluster = Definition(
        kind: .etcdCluster,
        words: "A cluster of keelson nodes, kept alive by the operator.",
        spec: EtcdClusterSpec.schema, status: EtcdClusterStatus.schema,
        columns: [
            Column(name: "Ready", path: ".status.readyDisplay"),
            Column(
                name: "Quorum", path: ".status.conditions[?(@.type==\"Quorum\")].reason"),
            Column(name: "Leader", path: ".status.leader"),
            Column(name: "Version", path: ".status.version"),
            Column(name: "Status", path: ".status.phase"),
            Column(
                name: "DB Size", type: "integer", path: ".status.storage.dbSizeBytes",
                isWide: true),
            Column(
                name: "Frag%", type: "integer", path: ".status.storage.fragmentationRatio",
                isWide: true),
            Column(
                name: "Last Backup", type: "date", path: ".status.backup.lastSuccessful",
                isWide: true),
            Column(name: "Cluster ID", path: ".status.clusterID", isWide: true),
            Column(name: "Operation", path: ".status.operation.type", isWide: true),
            age,
        ],
        rules: [
            Rule(
                "size(self.metadata.name) <= \(SpecCheck.maxNameLength)",
                "the name must have at most \(SpecCheck.maxNameLength) characters"),
            Rule(
                "self.metadata.name.matches('\(SpecCheck.namePattern)')",
                "the name must be a DNS label that begins with a letter"),
        ])

    package static let backup = Definition(
        kind: .etcdBackup,
        words: "One backup of a cluster.",
        spec: immutable(EtcdBackupSpec.schema), status: EtcdBackupStatus.schema,
        columns: [
            Column(name: "Cluster", path: ".spec.clusterRef.name"),
            Column(name: "Phase", path: ".status.phase"),
            Column(name: "Revision", type: "integer", path: ".status.artifact.revision"),
            Column(name: "Size", type: "integer", path: ".status.artifact.sizeBytes"),
            Column(name: "Verified", type: "boolean", path: ".status.verified"),
            Column(name: "File", path: ".status.artifact.file", isWide: true),
            Column(name: "Error", path: ".status.error", isWide: true),
            age,
        ])

    package static let schedule = Definition(
        kind: .etcdBackupSchedule,
        words: "Backups of a cluster by the clock.",
        spec: EtcdBackupScheduleSpec.schema, status: EtcdBackupScheduleStatus.schema,
        columns: [
            Column(name: "Cluster", path: ".spec.backupTemplate.clusterRef.name"),
            Column(name: "Schedule", path: ".spec.schedule"),
            Column(name: "Suspend", type: "boolean", path: ".spec.suspend"),
            Column(name: "Last", type: "date", path: ".status.lastSuccessfulTime"),
            Column(name: "Next", path: ".status.nextScheduleTime"),
            Column(name: "Stored", type: "integer", path: ".status.stored"),
            Column(name: "Error", path: ".status.lastError", isWide: true),
            age,
        ])

    package static let restore = Definition(
        kind: .etcdRestore,
        words: "A new cluster out of a backup.",
        spec: immutable(EtcdRestoreSpec.schema), status: EtcdRestoreStatus.schema,
        columns: [
            Column(name: "Target", path: ".spec.target.name"),
            Column(name: "Phase", path: ".status.phase"),
            Column(name: "Reason", path: ".status.reason"),
            Column(name: "Message", path: ".status.message", isWide: true),
            age,
        ])
}
