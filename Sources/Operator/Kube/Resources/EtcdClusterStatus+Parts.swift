// SPDX-License-Identifier: Apache-2.0

/// `status.tls`
package struct TLSStatus: Record, OptionalContent {
    package var clientCertSecret = ""
    package var caSecret = ""
    package var notAfter = ""

    package init() {}

    package static let fields: [Field<TLSStatus>] = [
        Field("clientCertSecret", \.clientCertSecret, "Secret with a client's certificate."),
        Field("caSecret", \.caSecret, "Secret with the authority of the members."),
        Field("notAfter", \.notAfter, "When the first certificate ends.") {
            $0.format = "date-time"
        },
    ]
}

/// `status.storage`
package struct StorageStatus: Record, OptionalContent {
    package var dbSizeBytes = 0
    package var dbInUseBytes = 0
    package var quotaBytes = 0
    /// Free part, in percent.
    package var fragmentationRatio = 0
    package var lastDefragTime = ""
    package var volumeSize = ""

    package init() {}

    package static let fields: [Field<StorageStatus>] = [
        Field("dbSizeBytes", \.dbSizeBytes, "Size of the store.") { $0.standard = nil },
        Field("dbInUseBytes", \.dbInUseBytes, "The part of it in use.") { $0.standard = nil },
        Field("quotaBytes", \.quotaBytes, "Where the space alarm is raised.") {
            $0.standard = nil
        },
        Field("fragmentationRatio", \.fragmentationRatio, "The free part, in percent.") {
            $0.standard = nil
        },
        Field("lastDefragTime", \.lastDefragTime, "When space was last given back.") {
            $0.format = "date-time"
        },
        Field("volumeSize", \.volumeSize, "Smallest volume of all members."),
    ]
}

/// One item of `status.alarms`.
package struct AlarmStatus: Record, OptionalContent {
    package enum Kind: String, ChoiceValue {
        case noSpace = "NOSPACE"
        case corrupt = "CORRUPT"
    }

    package var type = Kind.noSpace
    package var memberID = ""
    package var since = ""

    package init() {}

    package static let fields: [Field<AlarmStatus>] = [
        Field("type", \.type, "NOSPACE or CORRUPT.", required: true),
        Field("memberID", \.memberID, "Raft's ID of the member, in hexadecimal digits."),
        Field("since", \.since, "When it was first seen.") { $0.format = "date-time" },
    ]
}

/// `status.backup`
package struct BackupSummary: Record, OptionalContent {
    package var lastSuccessful = ""
    package var lastVerified = ""
    package var lastFailure = ""
    package var nextScheduled = ""

    package init() {}

    package static let fields: [Field<BackupSummary>] = [
        Field("lastSuccessful", \.lastSuccessful, "When one last succeeded.") {
            $0.format = "date-time"
        },
        Field("lastVerified", \.lastVerified, "When one was last verified.") {
            $0.format = "date-time"
        },
        Field("lastFailure", \.lastFailure, "When one last failed.") { $0.format = "date-time" },
        Field("nextScheduled", \.nextScheduled, "When the next one is due.") {
            $0.format = "date-time"
        },
    ]
}
