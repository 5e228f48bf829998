// SPDX-License-Identifier: Apache-2.0

/// Which backups are kept. The newest verified one always is.
package struct BackupRetention: Record {
    package var keepLast = 7
    package var hourly = 0
    package var daily = 7
    package var weekly = 4
    package var monthly = 0
    package var maxAge: Duration?
    package var minVerified = 1

    package init() {}

    package static let fields: [Field<BackupRetention>] = [
        count("keepLast", \.keepLast, "The newest so many."),
        count("hourly", \.hourly, "One of each of the last so many hours."),
        count("daily", \.daily, "One of each of the last so many days."),
        count("weekly", \.weekly, "One of each of the last so many weeks."),
        count("monthly", \.monthly, "One of each of the last so many months."),
        Field("maxAge", \.maxAge, "Older ones are removed whatever the numbers say."),
        count("minVerified", \.minVerified, "So many verified ones are kept whatever else says."),
    ]

    private static func count(
        _ name: String, _ path: any WritableKeyPath<BackupRetention, Int> & Sendable,
        _ words: String
    ) -> Field<BackupRetention> {
        Field(name, path, words) {
            $0.format = "int32"
            $0.minimum = 0
            $0.maximum = 1000
        }
    }

    package static let rules: [Rule] = [
        Rule(
            "self.keepLast + self.hourly + self.daily + self.weekly + self.monthly > 0",
            "at least one backup must be kept"),
        Rule("self.minVerified >= 1", "minVerified must be at least 1", at: ".minVerified"),
    ]
}

/// `spec` of an EtcdBackupSchedule, in the words of a CronJob.
package struct EtcdBackupScheduleSpec: Record {
    package enum ConcurrencyPolicy: String, ChoiceValue {
        case forbid = "Forbid"
        case allow = "Allow"
    }

    package var schedule = ""
    package var timeZone = ""
    package var suspend = false
    package var concurrencyPolicy = ConcurrencyPolicy.forbid
    package var startingDeadlineSeconds = 600
    package var successfulJobsHistoryLimit = 3
    package var failedJobsHistoryLimit = 3
    package var immediate = false
    package var backupTemplate = EtcdBackupSpec()
    package var retention = BackupRetention()

    package init() {}

    package static let words = "When backups are taken, of what, and which are kept."

    package static let fields: [Field<EtcdBackupScheduleSpec>] = [
        Field("schedule", \.schedule, "When, in cron's five fields.", required: true) {
            $0.pattern = CronFields.pattern
            $0.maxLength = 100
        },
        Field("timeZone", \.timeZone, "Time zone of the schedule; UTC when empty.") {
            $0.maxLength = 64
        },
        Field("suspend", \.suspend, "Start no more backups."),
        Field("concurrencyPolicy", \.concurrencyPolicy, "Whether two may run at a time."),
        Field(
            "startingDeadlineSeconds", \.startingDeadlineSeconds,
            "A run missed by more than this is left out; of several missed runs one is made up."
        ) {
            $0.format = "int32"
            $0.minimum = 10
        },
        history("successfulJobsHistoryLimit", \.successfulJobsHistoryLimit, "successful"),
        history("failedJobsHistoryLimit", \.failedJobsHistoryLimit, "failed"),
        Field("immediate", \.immediate, "Take the first backup at once."),
        Field("backupTemplate", \.backupTemplate, "The backups to take.", required: true),
        Field("retention", \.retention, "Which backups are kept."),
    ]

    private static func history(
        _ name: String, _ path: any WritableKeyPath<EtcdBackupScheduleSpec, Int> & Sendable,
        _ word: String
    ) -> Field<EtcdBackupScheduleSpec> {
        Field(name, path, "How many \(word) Jobs are kept to look at.") {
            $0.format = "int32"
            $0.minimum = 0
            $0.maximum = 100
        }
    }
}

/// `status` of an EtcdBackupSchedule.
package struct EtcdBackupScheduleStatus: Record {
    package var observedGeneration = 0
    package var lastScheduleTime = ""
    package var nextScheduleTime = ""
    package var lastSuccessfulTime = ""
    package var lastVerifiedTime = ""
    package var lastFailureTime = ""
    package var lastDurationSeconds = 0
    package var lastBackup: BackupArtifact?
    package var lastError = ""
    package var active: [String] = []
    package var stored = 0
    package var storedBytes = 0
    package var conditions = Conditions()

    package init() {}

    package static let fields: [Field<EtcdBackupScheduleStatus>] = [
        Field("observedGeneration", \.observedGeneration, "Generation this is about.") {
            $0.standard = nil
        },
        Field("lastScheduleTime", \.lastScheduleTime, "When a backup was last begun.") {
            $0.format = "date-time"
        },
        Field("nextScheduleTime", \.nextScheduleTime, "When the next one is due.") {
            $0.format = "date-time"
        },
        Field("lastSuccessfulTime", \.lastSuccessfulTime, "When one last succeeded.") {
            $0.format = "date-time"
        },
        Field("lastVerifiedTime", \.lastVerifiedTime, "When one was last stored and checked.") {
            $0.format = "date-time"
        },
        Field("lastFailureTime", \.lastFailureTime, "When one last failed.") {
            $0.format = "date-time"
        },
        Field("lastDurationSeconds", \.lastDurationSeconds, "How long the last success took.") {
            $0.standard = nil
        },
        Field("lastBackup", \.lastBackup, "What was stored last."),
        Field("lastError", \.lastError, "Why the last one failed, if it did."),
        Field("active", \.active, "Names of Jobs that run."),
        Field("stored", \.stored, "Backups at the destination.") { $0.standard = nil },
        Field("storedBytes", \.storedBytes, "Their size.") { $0.standard = nil },
        Field("conditions", \.conditions, "Ready, LastBackupSucceeded."),
    ]
}

/// A schedule as cron writes it: five fields, or a word such as `@daily`.
package enum CronFields {
    package static let pattern =
        "^(@(yearly|annually|monthly|weekly|daily|midnight|hourly)|[-0-9A-Za-z*/,?]+"
        + "( +[-0-9A-Za-z*/,?]+){4})$"
}
