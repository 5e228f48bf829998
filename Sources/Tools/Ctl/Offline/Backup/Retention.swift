// SPDX-License-Identifier: Apache-2.0

/// Which backups stay. The rules add up: a backup stays if any of them wants it.
///
/// `last` keeps that many newest ones. `hourly` keeps the newest one of each hour (day, week), for
/// that many hours (days, weeks) that have any, counted back from the newest; hours and days are
/// UTC's, weeks begin on Monday. Without any rule all stay, and the newest one always does.
struct Retention: Equatable, Sendable {
    var last: Int?
    var hourly: Int?
    var daily: Int?
    var weekly: Int?

    private static let hour: Int64 = 3_600
    private static let day: Int64 = 86_400

    var hasRules: Bool { [last, hourly, daily, weekly].contains { $0 != nil } }

    /// One answer for each of `times`, seconds since 1970; in any order.
    func kept(_ times: [Int64]) -> [Bool] {
        guard hasRules else { return times.map { _ in true } }
        // Of two with the same time the later one in the list counts as newer.
        let newestFirst = times.indices.sorted { one, other in
            times[one] != times[other] ? times[one] > times[other] : one > other
        }
        var kept = times.map { _ in false }
        for place in newestFirst.prefix(max(1, last ?? 0)) { kept[place] = true }
        keep(&kept, newestFirst, times, hourly) { Self.floor($0, Self.hour) }
        keep(&kept, newestFirst, times, daily) { Self.floor($0, Self.day) }
        // 1970 began on a Thursday.
        keep(&kept, newestFirst, times, weekly) { Self.floor(Self.floor($0, Self.day) + 3, 7) }
        return kept
    }

    private func keep(
        _ kept: inout [Bool], _ newestFirst: [Int], _ times: [Int64], _ limit: Int?,
        _ period: (Int64) -> Int64
    ) {
        var left = limit ?? 0
        var current: Int64?
        for place in newestFirst where left > 0 {
            let this = period(times[place])
            if this == current { continue }
            current = this
            kept[place] = true
            left -= 1
        }
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
