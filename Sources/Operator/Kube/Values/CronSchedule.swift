// SPDX-License-Identifier: Apache-2.0

/// A schedule of five fields, as cron has them, in UTC: minute, hour, day of month, month, day of
/// week. Lists, ranges, steps, names, and `@hourly` and its like.
///
/// Where both day fields are restricted, a day that fits either will do.
package struct CronSchedule: Equatable, Sendable {
    private var minutes: Set<Int>
    private var hours: Set<Int>
    private var days: Set<Int>
    private var months: Set<Int>
    private var weekdays: Set<Int>
    private var anyDay: Bool
    private var anyWeekday: Bool

    private static let monthNames = [
        "jan", "feb", "mar", "apr", "may", "jun", "jul", "aug", "sep", "oct", "nov", "dec",
    ]
    private static let dayNames = ["sun", "mon", "tue", "wed", "thu", "fri", "sat"]

    /// Nil if the text is no schedule.
    package init?(_ text: String) {
        let shortForms = [
            "@yearly": "0 0 1 1 *", "@annually": "0 0 1 1 *", "@monthly": "0 0 1 * *",
            "@weekly": "0 0 * * 0", "@daily": "0 0 * * *", "@midnight": "0 0 * * *",
            "@hourly": "0 * * * *",
        ]
        let trimmed = text.split { $0 == " " || $0 == "\t" }.joined(separator: " ")
        let fields = (shortForms[trimmed] ?? trimmed).split(separator: " ").map(String.init)
        guard fields.count == 5,
            let minutes = CronSchedule.values(fields[0], 0...59),
            let hours = CronSchedule.values(fields[1], 0...23),
            let days = CronSchedule.values(fields[2], 1...31),
            let months = CronSchedule.values(fields[3], 1...12, CronSchedule.monthNames, from: 1),
            let weekdays = CronSchedule.values(fields[4], 0...7, CronSchedule.dayNames, from: 0)
        else { return nil }
        self.minutes = minutes
        self.hours = hours
        self.days = days
        self.months = months
        // Seven is Sunday too.
        self.weekdays = Set(weekdays.map { $0 % 7 })
        anyDay = fields[2].hasPrefix("*") || fields[2].hasPrefix("?")
        anyWeekday = fields[4].hasPrefix("*") || fields[4].hasPrefix("?")
    }

    private static func values(
        _ field: String, _ range: ClosedRange<Int>, _ names: [String] = [], from first: Int = 0
    ) -> Set<Int>? {
        var found: Set<Int> = []
        for part in field.split(separator: ",", omittingEmptySubsequences: false) {
            let halves = part.split(separator: "/", omittingEmptySubsequences: false)
            guard (1...2).contains(halves.count) else { return nil }
            var step = 1
            if halves.count == 2 {
                guard let number = Int(halves[1]), number > 0 else { return nil }
                step = number
            }
            guard
                let bounds = bounds(
                    String(halves[0]), range, names, first, isOpen: halves.count == 2)
            else { return nil }
            found.formUnion(stride(from: bounds.lowerBound, through: bounds.upperBound, by: step))
        }
        return found.isEmpty ? nil : found
    }

    private static func bounds(
        _ text: String, _ range: ClosedRange<Int>, _ names: [String], _ first: Int, isOpen: Bool
    ) -> ClosedRange<Int>? {
        if text == "*" || text == "?" {
            return range.upperBound == 7 ? range.lowerBound...6 : range
        }
        let ends = text.split(separator: "-", omittingEmptySubsequences: false).map { end -> Int? in
            if let index = names.firstIndex(of: end.lowercased()) { return index + first }
            return end.utf8.allSatisfy { (48...57).contains($0) } ? Int(end) : nil
        }
        guard (1...2).contains(ends.count), let low = ends[0], range.contains(low) else {
            return nil
        }
        // `5/10` means from five on.
        guard ends.count == 2 else { return isOpen ? low...range.upperBound : low...low }
        guard let high = ends[1], range.contains(high), low <= high else { return nil }
        return low...high
    }

    // MARK: Moments

    private static let daysMax: Int64 = 366 * 8

    /// The last moment of the schedule after `after` and at or before `now`, in seconds since 1970.
    package func last(after: Int64, through now: Int64) -> Int64? {
        guard now > after else { return nil }
        let today = now.flooredQuotient(86_400)
        for back in 0..<CronSchedule.daysMax {
            let day = today - back
            if (day + 1) * 86_400 <= after { return nil }
            guard fits(day: day) else { continue }
            for hour in hours.sorted().reversed() {
                for minute in minutes.sorted().reversed() {
                    let moment = day * 86_400 + Int64(hour) * 3600 + Int64(minute) * 60
                    if moment <= after { return nil }
                    if moment <= now { return moment }
                }
            }
        }
        return nil
    }

    /// The first moment after `after`. Nil for schedules that never come, such as February 30.
    package func next(after: Int64) -> Int64? {
        let today = after.flooredQuotient(86_400)
        for ahead in 0..<CronSchedule.daysMax {
            let day = today + ahead
            guard fits(day: day) else { continue }
            for hour in hours.sorted() {
                for minute in minutes.sorted() {
                    let moment = day * 86_400 + Int64(hour) * 3600 + Int64(minute) * 60
                    if moment > after { return moment }
                }
            }
        }
        return nil
    }

    private func fits(day: Int64) -> Bool {
        let (month, dayOfMonth) = CronSchedule.date(ofDay: day)
        guard months.contains(month) else { return false }
        // 1970-01-01 was a Thursday.
        let weekday = Int((day + 4).flooredRemainder(7))
        let fitsDay = days.contains(dayOfMonth)
        let fitsWeekday = weekdays.contains(weekday)
        if anyDay || anyWeekday { return fitsDay && fitsWeekday }
        return fitsDay || fitsWeekday
    }

    /// Years begin in March here, so that the leap day is the last one.
    private static func date(ofDay day: Int64) -> (month: Int, day: Int) {
        let shifted = day + 719_468
        let ofEra = shifted.flooredRemainder(146_097)
        let year = (ofEra - ofEra / 1460 + ofEra / 36_524 - ofEra / 146_096) / 365
        let ofYear = ofEra - (365 * year + year / 4 - year / 100)
        let month = (5 * ofYear + 2) / 153
        return (Int(month < 10 ? month + 3 : month - 9), Int(ofYear - (153 * month + 2) / 5 + 1))
    }
}

extension Int64 {
    fileprivate func flooredQuotient(_ divisor: Int64) -> Int64 {
        let (quotient, remainder) = quotientAndRemainder(dividingBy: divisor)
        return remainder < 0 ? quotient - 1 : quotient
    }

    fileprivate func flooredRemainder(_ divisor: Int64) -> Int64 {
        let remainder = self % divisor
        return remainder < 0 ? remainder + divisor : remainder
    }
}
