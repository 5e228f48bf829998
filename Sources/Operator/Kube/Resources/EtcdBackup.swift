// SPDX-License-Identifier: Apache-2.0

/// Where backups are stored: a claim that exists, or one the operator makes.
package struct BackupDestination: Record {
    package struct Claim: Record, OptionalContent {
        package var claimName = ""
        /// Folder inside the volume; empty is its root.
        package var path = ""

        package init() {}

        package static let fields: [Field<Claim>] = [
            Field("claimName", \.claimName, "A claim in the same namespace.", required: true) {
                $0.minLength = 1
                $0.maxLength = 253
            },
            Field("path", \.path, "Folder inside the volume; its root when empty.") {
                $0.pattern = RelativePath.pattern
                $0.maxLength = 512
            },
        ]
    }

    package struct Volume: Record, OptionalContent {
        package var size = Quantity(thousandths: (20 << 30) * 1000)
        package var storageClassName = ""

        package init() {}

        package static let fields: [Field<Volume>] = [
            Field("size", \.size, "Size of the claim."),
            Field(
                "storageClassName", \.storageClassName,
                "Class of the claim; the default class when empty."
            ) { $0.maxLength = 253 },
        ]
    }

    package var persistentVolumeClaim: Claim?
    /// The operator makes a claim `<cluster>-backups` that outlives the cluster.
    package var volume: Volume?

    package init() {}

    package static let fields: [Field<BackupDestination>] = [
        Field(
            "persistentVolumeClaim", \.persistentVolumeClaim, "A claim that exists already."),
        Field(
            "volume", \.volume,
            "The operator makes the claim <cluster>-backups. It is not deleted with the cluster."),
    ]

    package static let rules: [Rule] = [
        Rule(
            "has(self.persistentVolumeClaim) != has(self.volume)",
            "exactly one of persistentVolumeClaim and volume must be set")
    ]
}

/// A path inside a volume: no leading slash, no `..`.
package enum RelativePath {
    package static let pattern =
        "^([A-Za-z0-9_-][A-Za-z0-9._-]*(/[A-Za-z0-9_-][A-Za-z0-9._-]*)*/?)?$"
}

package enum BackupVerify: String, ChoiceValue {
    /// Unpacked, every page and hash checked, opened, keys counted.
    case full = "Full"
    case checksum = "Checksum"
    case none = "None"
}

/// `spec` of an EtcdBackup, and of what a schedule makes.
package struct EtcdBackupSpec: Record {
    package enum Origin: String, ChoiceValue {
        /// The least lagging healthy one.
        case follower = "Follower"
        case leader = "Leader"
    }

    package var clusterRef = LocalReference()
    package var destination = BackupDestination()
    package var from = Origin.follower
    package var verify = BackupVerify.full
    package var timeoutSeconds = 3600
    package var backoffLimit = 3
    package var ttlSecondsAfterFinished: Int?

    package init() {}

    package static let words = "What is backed up, and to where. Immutable."

    package static let fields: [Field<EtcdBackupSpec>] = [
        Field("clusterRef", \.clusterRef, "The cluster, in the same namespace.", required: true),
        Field("destination", \.destination, "Where the backup is stored.", required: true),
        Field("from", \.from, "The member that is asked."),
        Field(
            "verify", \.verify,
            "Full: the stored file is unpacked, every hash checked, and its keys counted."),
        Field("timeoutSeconds", \.timeoutSeconds, "The most a try may take.") {
            $0.format = "int32"
            $0.minimum = 10
        },
        Field("backoffLimit", \.backoffLimit, "Tries after the first.") {
            $0.format = "int32"
            $0.minimum = 0
            $0.maximum = 20
        },
        Field(
            "ttlSecondsAfterFinished", \.ttlSecondsAfterFinished,
            "The object is deleted this long after its end; never when absent."
        ) {
            $0.format = "int32"
            $0.minimum = 0
        },
    ]
}

/// A stored backup, as its manifest describes it.
package struct BackupArtifact: Record, OptionalContent {
    /// `pvc://<claim>/<path>`
    package var uri = ""
    package var file = ""
    package var sizeBytes = 0
    package var uncompressedBytes = 0
    package var sha256 = ""
    package var revision = 0
    package var compactRevision = 0
    package var clusterID = ""
    package var etcdVersion = ""
    package var keyCount = 0
    package var hashKV = 0
    package var createdAt = ""

    package init() {}

    package static let fields: [Field<BackupArtifact>] = [
        Field("uri", \.uri, "pvc://<claim>/<path of the file>"),
        Field("file", \.file, "Name of the file."),
        Field("sizeBytes", \.sizeBytes, "As stored.") { $0.standard = nil },
        Field("uncompressedBytes", \.uncompressedBytes, "Unpacked.") { $0.standard = nil },
        Field("sha256", \.sha256, "Of the stored file."),
        Field("revision", \.revision, "Of the store.") { $0.standard = nil },
        Field("compactRevision", \.compactRevision, "The history begins after it.") {
            $0.standard = nil
        },
        Field("clusterID", \.clusterID, "Raft's ID of the cluster, in hexadecimal digits."),
        Field("etcdVersion", \.etcdVersion, "Version of the member that was asked."),
        Field("keyCount", \.keyCount, "Keys at that revision.") { $0.standard = nil },
        Field("hashKV", \.hashKV, "Hash over the keys, as etcd computes it.") {
            $0.standard = nil
        },
        Field("createdAt", \.createdAt, "When it was taken.") { $0.format = "date-time" },
    ]
}

/// `status` of an EtcdBackup.
package struct EtcdBackupStatus: Record {
    package enum Phase: String, ChoiceValue {
        case unknown = ""
        case pending = "Pending"
        case running = "Running"
        case completed = "Completed"
        case failed = "Failed"
    }

    package var observedGeneration = 0
    package var phase = Phase.unknown
    package var startedAt = ""
    package var completedAt = ""
    package var jobName = ""
    package var attempts = 0
    package var member = ""
    package var artifact: BackupArtifact?
    package var verified = false
    package var error = ""
    package var conditions = Conditions()

    package init() {}

    package static let fields: [Field<EtcdBackupStatus>] = [
        Field("observedGeneration", \.observedGeneration, "Generation this is about.") {
            $0.standard = nil
        },
        Field("phase", \.phase, "How far it is."),
        Field("startedAt", \.startedAt, "When the job was made.") { $0.format = "date-time" },
        Field("completedAt", \.completedAt, "When it ended.") { $0.format = "date-time" },
        Field("jobName", \.jobName, "The Job."),
        Field("attempts", \.attempts, "Pods that were tried.") { $0.standard = nil },
        Field("member", \.member, "The member that was asked."),
        Field("artifact", \.artifact, "What was stored."),
        Field("verified", \.verified, "Whether the stored file was checked.") {
            $0.standard = nil
        },
        Field("error", \.error, "Why it failed."),
        Field("conditions", \.conditions, "Complete, Failed, Verified."),
    ]
}
