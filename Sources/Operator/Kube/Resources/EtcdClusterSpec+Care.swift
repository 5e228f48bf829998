// SPDX-License-Identifier: Apache-2.0

/// `spec.updateStrategy`
package struct UpdateStrategy: Record {
    package enum Kind: String, ChoiceValue {
        case automatic = "Automatic"
        /// Each roll waits for the annotation `keelson.dev/approve-roll`.
        case supervised = "Supervised"
    }

    package var type = Kind.automatic
    package var requireBackup = true
    package var pauseBetween = Duration.seconds(10)

    package init() {}

    package static let fields: [Field<UpdateStrategy>] = [
        Field(
            "type", \.type,
            "Automatic, or Supervised: each roll waits for the annotation keelson.dev/approve-roll."
        ),
        Field(
            "requireBackup", \.requireBackup,
            "Before members run another image: an EtcdBackup, where a schedule of the cluster says "
                + "where backups go. If it fails nothing is restarted."),
        Field(
            "pauseBetween", \.pauseBetween,
            "How long a restarted member must be healthy before the next one."),
    ]
}

/// `spec.repair`
package struct Repair: Record {
    package enum Mode: String, ChoiceValue {
        case automatic = "Automatic"
        case manual = "Manual"
    }

    package enum NodeLost: String, ChoiceValue {
        /// Until the node object is gone or tainted out-of-service.
        case wait = "Wait"
        case replace = "Replace"
    }

    package var mode = Mode.automatic
    package var podUnavailableTimeout = Duration.seconds(300)
    package var maxRecreates = 3
    package var recreateWindow = Duration.seconds(3600)
    package var nodeLost = NodeLost.wait

    package init() {}

    package static let fields: [Field<Repair>] = [
        Field("mode", \.mode, "Manual: only report; members are replaced by annotation."),
        Field(
            "podUnavailableTimeout", \.podUnavailableTimeout,
            "A pod that is not ready for this long counts as lost."),
        Field(
            "maxRecreates", \.maxRecreates,
            "A pod that was recreated this often within recreateWindow, without becoming healthy, "
                + "loses its disk too."
        ) {
            $0.format = "int32"
            $0.minimum = 0
            $0.maximum = 100
        },
        Field(
            "recreateWindow", \.recreateWindow,
            "The time in which recreations are counted; after it the count begins anew."),
        Field(
            "nodeLost", \.nodeLost,
            "Wait: a member of a silent node is replaced once the node object is gone or tainted "
                + "out-of-service. Replace: after podUnavailableTimeout."),
    ]

    package static let rules: [Rule] = [
        Rule(
            "duration(self.podUnavailableTimeout) >= duration('30s')",
            "podUnavailableTimeout must be at least 30s", at: ".podUnavailableTimeout"),
        Rule(
            "duration(self.recreateWindow) >= duration('5m')",
            "recreateWindow must be at least 5m", at: ".recreateWindow"),
    ]
}

/// `spec.defrag`
package struct Defrag: Record {
    package enum Mode: String, ChoiceValue {
        case auto = "Auto"
        case manual = "Manual"
    }

    package var mode = Mode.auto
    package var minSize = Quantity(thousandths: (128 << 20) * 1000)
    /// Free part of the store, in percent.
    package var fragmentationRatio = 45
    package var allowSingleMember = false

    package init() {}

    package static let fields: [Field<Defrag>] = [
        Field("mode", \.mode, "Auto: by size and fragmentation. Manual: by annotation alone."),
        Field("minSize", \.minSize, "Smaller stores are left alone."),
        Field(
            "fragmentationRatio", \.fragmentationRatio,
            "Part of the store that must be free, in percent."
        ) {
            $0.format = "int32"
            $0.minimum = 10
            $0.maximum = 95
        },
        Field(
            "allowSingleMember", \.allowSingleMember,
            "Also when there is one member, which does not answer meanwhile."),
    ]
}

/// `spec.backup`
package struct ClusterBackup: Record {
    package var schedules: [ClusterBackupSchedule] = []

    package init() {}

    package static let fields: [Field<ClusterBackup>] = [
        Field(
            "schedules", \.schedules,
            "Schedules by name; the operator keeps an EtcdBackupSchedule <cluster>-<name> for each."
        ) {
            $0.maxItems = 8
            $0.listMapKeys = ["name"]
        }
    ]
}

/// One item of `spec.backup.schedules`.
package struct ClusterBackupSchedule: Record, OptionalContent {
    package var name = ""
    package var schedule = ""
    package var timeZone = ""
    package var suspend = false
    package var destination = BackupDestination()
    package var retention = BackupRetention()

    package init() {}

    package static let fields: [Field<ClusterBackupSchedule>] = [
        Field("name", \.name, "Name among the schedules of the cluster.", required: true) {
            $0.pattern = "^[a-z0-9]([-a-z0-9]*[a-z0-9])?$"
            $0.minLength = 1
            $0.maxLength = 20
        },
        Field("schedule", \.schedule, "When, in cron's five fields.", required: true) {
            $0.pattern = CronFields.pattern
            $0.maxLength = 100
        },
        Field("timeZone", \.timeZone, "Time zone of the schedule; UTC when empty.") {
            $0.maxLength = 64
        },
        Field("suspend", \.suspend, "Start no more backups."),
        Field("destination", \.destination, "Where backups are stored.", required: true),
        Field("retention", \.retention, "Which backups are kept."),
    ]
}

/// `spec.bootstrap`
package struct Bootstrap: Record, OptionalContent {
    package enum ExistingClaims: String, ChoiceValue {
        case adopt = "Adopt"
        case refuse = "Refuse"
    }

    package var restore: RestoreSource?
    package var existingClaims = ExistingClaims.adopt

    package init() {}

    package static let fields: [Field<Bootstrap>] = [
        Field("restore", \.restore, "Start with the data of a backup."),
        Field(
            "existingClaims", \.existingClaims,
            "Adopt: claims of an earlier cluster of this name are used when they all are of one "
                + "cluster and enough for its quorum. Refuse: never."),
    ]
}
