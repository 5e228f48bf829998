// SPDX-License-Identifier: Apache-2.0

/// Which backups stay. The rules that keep add up: a backup stays if any of them wants it; without
/// any of them all stay. `maxAge` then takes away what is older, whoever wanted it. Last of all the
/// newest backup stays, and the newest verified ones, whatever the numbers say.
///
/// `last` keeps that many newest ones. `hourly` keeps the newest one of each hour (day, week,
/// month), for that many hours (days, …) that have any, counted back from the newest; all are UTC's,
/// weeks begin on Monday.
struct Retention: Equatable, Sendable {
    /// 0 is no rule.
    var last = 0
    var hourly = 0
    var daily = 0
    var weekly = 0
    var monthly = 0
    /// In seconds; nil is no rule.
    var maxAge: Int64?
    /// At least one is always protected.
    var minVerified = 1

    struct Backup: Equatable, Sendable {
        /// Seconds since 1970.
        var time: Int64
        var isVerified = true
    }

    private static let hour: Int64 = 3_600
    private static let day: Int64 = 86_400

    private var keeps: Bool { [last, hourly, daily, weekly, monthly].contains { $0 > 0 } }

    /// One answer for each of `backups`, in any order; `now` in seconds since 1970.
    func kept(_ backups: [Backup], now: Int64) -> [Bool] {
        // Of two with the same time the later one in the list counts as newer.
        let newestFirst = backups.indices.sorted { one, other in
            let (left, right) = (backups[one].time, backups[other].time)
            return left != right ? left > right : one > other
        }
        var kept = backups.map { _ in !keeps }
        for place in newestFirst.prefix(max(0, last)) { kept[place] = true }
        let times = backups.map(\.time)
        keep(&kept, newestFirst, times, hourly) { Self.floor($0, Self.hour) }
        keep(&kept, newestFirst, times, daily) { Self.floor($0, Self.day) }
        // 1970 began on a Thursday.
        keep(&kept, newestFirst, times, weekly) { Self.floor(Self.floor($0, Self.day) + 3, 7) }
        keep(&kept, newestFirst, times, monthly) { Self.month(Self.floor($0, Self.day)) }
        if let maxAge {
            for place in newestFirst where Self.isOlder(times[place], than: maxAge, now) {
                kept[place] = false
            }
        }
        if let newest = newestFirst.first { kept[newest] = true }
        let verified = newestFirst.filter { backups[$0].isVerified }
        for place in verified.prefix(max(1, minVerified)) { kept[place] = true }
        return kept
    }

    private func keep(
        _ kept: inout [Bool], _ newestFirst: [Int], _ times: [Int64], _ limit: Int,
        _ period: (Int64) -> Int64
    ) {
        var left = limit
        var current: Int64?
        for place in newestFirst where left > 0 {
            let this = period(times[place])
            if this == current { continue }
            current = this
            kept[place] = true
            left -= 1
        }
    }

    private static func isOlder(_ time: Int64, than age: Int64, _ now: Int64) -> Bool {
        let (oldest, overflow) = now.subtractingReportingOverflow(age)
        return !overflow && time < oldest
    }

    /// A number for each month, growing with time, of a day since 1970 (Howard Hinnant's algorithm:
    /// years begin in March).
    static func month(_ day: Int64) -> Int64 {
        let shifted = day &+ 719_468
        let era = floor(shifted, 146_097)
        let ofEra = shifted - era * 146_097
        let year = (ofEra - ofEra / 1_460 + ofEra / 36_524 - ofEra / 146_096) / 365
        let ofYear = ofEra - (365 * year + year / 4 - year / 100)
        return (era * 400 + year) * 12 + (5 * ofYear + 2) / 153
    }

    private static func floor(_ number: Int64, _ unit: Int64) -> Int64 {
        let (quotient, rest) = number.quotientAndRemainder(dividingBy: unit)
        return rest < 0 ? quotient - 1 : quotient
    }
}

/// How much of the disk a backup must leave free.
enum FreeSpace: Equatable, Sendable {
    case bytes(Int64)
    case percent(Int64)

    /// `1000000`, `500M`, `20GiB` (units of 1024), `10%`; nil for anything else.
    init?(_ text: String) {
        let digits = text.prefix { $0.isASCII && $0.isNumber }
        guard let number = Int64(digits) else { return nil }
        let unit = text.dropFirst(digits.count)
        if unit == "%" {
            guard number <= 99 else { return nil }
            self = .percent(number)
            return
        }
        let units: [(Substring, Int64)] = [
            ("", 1), ("K", 1 << 10), ("M", 1 << 20), ("G", 1 << 30), ("T", 1 << 40),
        ]
        let name = unit.hasSuffix("iB") ? unit.dropLast(2) : unit
        guard let factor = units.first(where: { $0.0 == name })?.1, unit != "iB" else {
            return nil
        }
        let (bytes, overflow) = number.multipliedReportingOverflow(by: factor)
        if overflow { return nil }
        self = .bytes(bytes)
    }

    func bytes(ofTotal total: Int64) -> Int64 {
        switch self {
        case .bytes(let bytes): bytes
        case .percent(let percent): total / 100 * percent
        }
    }
}
