// SPDX-License-Identifier: Apache-2.0

/// `spec.quorumRecovery`: who says yes when the disks of a quorum are gone for good.
package struct QuorumRecovery: Record {
    package enum Mode: String, ChoiceValue {
        /// A person, by the annotation `keelson.dev/approve-quorum-recovery`.
        case manual = "Manual"
        case automatic = "Automatic"
    }

    package var mode = Mode.manual
    package var after = Duration.seconds(900)

    package init() {}

    package static let fields: [Field<QuorumRecovery>] = [
        Field(
            "mode", \.mode,
            "Manual: the annotation keelson.dev/approve-quorum-recovery says yes. Automatic: nobody "
                + "is asked. Either way only when so many disks are known to be lost that the old "
                + "quorum cannot come back; what only they had is lost."),
        Field(
            "after", \.after, "Of mode Automatic: how long the quorum must have been lost."),
    ]

    package static let rules: [Rule] = [
        Rule(
            "duration(self.after) >= duration('1m')", "after must be at least 1m", at: ".after")
    ]
}

extension QuorumRecovery {
    func check(_ check: inout RuleCheck) {
        check.require(after >= .seconds(60), "after must be at least 1m", of: Self.self)
    }
}
