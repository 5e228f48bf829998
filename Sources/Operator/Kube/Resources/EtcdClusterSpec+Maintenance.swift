// SPDX-License-Identifier: Apache-2.0

/// `spec.maintenance`
package struct Maintenance: Record {
    package var windows: [MaintenanceWindow] = []

    package init() {}

    package static let fields: [Field<Maintenance>] = [
        Field(
            "windows", \.windows,
            "When the operator may do what can wait: give free space back, begin to replace an "
                + "authority. At any time when empty. Repairs and what is asked for never wait."
        ) { $0.maxItems = 16 }
    ]

    /// Whether something that can wait may be done, in seconds since 1970.
    package func isOpen(at now: Int64) -> Bool {
        windows.isEmpty || windows.contains { $0.isOpen(at: now) }
    }
}

/// One item of `spec.maintenance.windows`.
package struct MaintenanceWindow: Record, OptionalContent {
    package var schedule = ""
    package var duration = Duration.seconds(3600)

    package init() {}

    package static let fields: [Field<MaintenanceWindow>] = [
        Field(
            "schedule", \.schedule, "When it opens, in cron's five fields, in UTC.", required: true
        ) {
            $0.pattern = CronFields.pattern
            $0.maxLength = 100
        },
        Field("duration", \.duration, "How long it stays open."),
    ]

    package static let rules: [Rule] = [
        Rule(
            "duration(self.duration) >= duration('5m') "
                + "&& duration(self.duration) <= duration('168h')",
            "duration must be at least 5m and at most 168h", at: ".duration")
    ]

    func check(_ check: inout RuleCheck) {
        check.require(
            duration >= .seconds(300) && duration <= .seconds(168 * 3600),
            "duration must be at least 5m and at most 168h", of: Self.self)
    }

    /// A window whose schedule cannot be read is never open.
    fileprivate func isOpen(at now: Int64) -> Bool {
        guard let cron = CronSchedule(schedule) else { return false }
        let length = min(max(duration.components.seconds, 0), 168 * 3600)
        return cron.last(after: now - length, through: now) != nil
    }
}
