// SPDX-License-Identifier: Apache-2.0

/// Where the data of a restore comes from: an EtcdBackup, or a file on a claim.
package struct RestoreSource: Record, OptionalContent {
    package struct File: Record, OptionalContent {
        package var claimName = ""
        /// Of the `.db` or `.db.gz` file inside the volume.
        package var path = ""
        /// Of the file, in hexadecimal digits; checked when given.
        package var sha256 = ""

        package init() {}

        package static let fields: [Field<File>] = [
            Field("claimName", \.claimName, "A claim in the same namespace.", required: true) {
                $0.minLength = 1
                $0.maxLength = 253
            },
            Field("path", \.path, "Path of the file inside the volume.", required: true) {
                $0.pattern = RelativePath.pattern
                $0.minLength = 1
                $0.maxLength = 1024
            },
            Field("sha256", \.sha256, "Sum of the file; checked when given.") {
                $0.pattern = "^[0-9a-f]{64}$"
            },
        ]
    }

    package enum Verify: String, ChoiceValue {
        case full = "Full"
        case checksum = "Checksum"
    }

    package var backupRef: LocalReference?
    package var persistentVolumeClaim: File?
    package var verify = Verify.full

    package init() {}

    package static let fields: [Field<RestoreSource>] = [
        Field("backupRef", \.backupRef, "A completed EtcdBackup."),
        Field("persistentVolumeClaim", \.persistentVolumeClaim, "A file on a claim."),
        Field("verify", \.verify, "How thoroughly the file is checked before it is used."),
    ]

    package static let rules: [Rule] = [
        Rule(
            "has(self.backupRef) != has(self.persistentVolumeClaim)",
            "exactly one of backupRef and persistentVolumeClaim must be set")
    ]
}

/// `spec` of an EtcdRestore: a new cluster out of a backup. It never touches one that exists.
package struct EtcdRestoreSpec: Record {
    package struct Target: Record {
        package var name = ""
        /// `spec` of the new cluster; checked when the cluster is made.
        package var template = AnyObject()

        package init() {}

        package static let fields: [Field<Target>] = [
            Field("name", \.name, "Name of the new cluster.", required: true) {
                $0.pattern = "^[a-z]([-a-z0-9]*[a-z0-9])?$"
                $0.minLength = 1
                $0.maxLength = Int64(SpecCheck.maxNameLength)
            },
            Field(
                "template", \.template,
                "Spec of the new cluster; that of the backed-up one, if it still exists, when "
                    + "absent."),
        ]
    }

    package var source = RestoreSource()
    package var target = Target()
    package var dryRun = false

    package init() {}

    package static let words = "A new cluster out of a backup. Immutable."

    package static let fields: [Field<EtcdRestoreSpec>] = [
        Field("source", \.source, "The backup.", required: true),
        Field("target", \.target, "The new cluster.", required: true),
        Field("dryRun", \.dryRun, "Only check the backup."),
    ]
}

/// `status` of an EtcdRestore.
package struct EtcdRestoreStatus: Record {
    package enum Phase: String, ChoiceValue {
        case unknown = ""
        case validating = "Validating"
        case validated = "Validated"
        case creating = "Creating"
        case restoring = "Restoring"
        case completed = "Completed"
        case failed = "Failed"
    }

    package var observedGeneration = 0
    package var phase = Phase.unknown
    package var startedAt = ""
    package var completedAt = ""
    package var jobName = ""
    package var artifact: BackupArtifact?
    /// A word such as `TargetExists`; empty unless failed.
    package var reason = ""
    package var message = ""
    package var conditions = Conditions()

    package init() {}

    package static let fields: [Field<EtcdRestoreStatus>] = [
        Field("observedGeneration", \.observedGeneration, "Generation this is about.") {
            $0.standard = nil
        },
        Field("phase", \.phase, "How far it is."),
        Field("startedAt", \.startedAt, "When it began.") { $0.format = "date-time" },
        Field("completedAt", \.completedAt, "When it ended.") { $0.format = "date-time" },
        Field("jobName", \.jobName, "The Job that checks the backup."),
        Field("artifact", \.artifact, "The backup, as its manifest describes it."),
        Field("reason", \.reason, "Why it failed, in a word such as TargetExists."),
        Field("message", \.message, "The same for people."),
        Field("conditions", \.conditions, "Validated, Complete, Failed."),
    ]
}
