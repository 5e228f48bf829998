// SPDX-License-Identifier: Apache-2.0

/// Points of time as text (RFC 3339, always in UTC). Numbers are nanoseconds since 1970.
package enum Timestamp {
    /// `2026-01-02T15:04:05.000Z`: the form of log lines.
    package static func milliseconds(_ unixNanoseconds: Int64) -> String {
        let (seconds, rest) = split(unixNanoseconds)
        return date(seconds) + "." + padded(rest / 1_000_000, 3) + "Z"
    }

    /// `2026-01-02T15:04:05.000000001Z`, trailing zeros of the fraction left out.
    package static func nanoseconds(_ unixNanoseconds: Int64) -> String {
        let (seconds, rest) = split(unixNanoseconds)
        guard rest != 0 else { return date(seconds) + "Z" }
        var fraction = padded(rest, 9)
        while fraction.last == "0" { fraction.removeLast() }
        return date(seconds) + "." + fraction + "Z"
    }

    /// `2026-01-02T15:04:05Z`.
    package static func seconds(_ unixSeconds: Int64) -> String { date(unixSeconds) + "Z" }

    /// Nil if the text is not RFC 3339 or the time does not fit (years 1678 to 2261).
    package static func parse(_ text: String) -> Int64? {
        var reader = TimestampReader(Array(text.utf8))
        return reader.read()
    }

    private static func split(_ unixNanoseconds: Int64) -> (seconds: Int64, rest: Int64) {
        let (quotient, remainder) = unixNanoseconds.quotientAndRemainder(dividingBy: 1_000_000_000)
        return remainder < 0 ? (quotient - 1, remainder + 1_000_000_000) : (quotient, remainder)
    }

    private static func date(_ unixSeconds: Int64) -> String {
        // Four digits for the year: 0000 to 9999.
        let bounded = min(max(unixSeconds, -62_167_219_200), 253_402_300_799)
        let (quotient, remainder) = bounded.quotientAndRemainder(dividingBy: 86_400)
        let (days, second) =
            remainder < 0 ? (quotient - 1, remainder + 86_400) : (quotient, remainder)
        let (year, month, day) = Calendar.date(ofDay: days)
        return padded(year, 4) + "-" + padded(month, 2) + "-" + padded(day, 2) + "T"
            + padded(second / 3600, 2) + ":" + padded(second / 60 % 60, 2) + ":"
            + padded(second % 60, 2)
    }

    private static func padded(_ number: Int64, _ width: Int) -> String {
        let digits = "\(number)"
        return String(repeating: "0", count: max(0, width - digits.utf8.count)) + digits
    }
}

/// The Gregorian calendar as arithmetic (Howard Hinnant, "chrono-compatible low-level date
/// algorithms"): years begin in March, so that the leap day is the last one.
private enum Calendar {
    static func date(ofDay day: Int64) -> (year: Int64, month: Int64, day: Int64) {
        let shifted = day + 719_468
        let era = (shifted >= 0 ? shifted : shifted - 146_096) / 146_097
        let ofEra = shifted - era * 146_097
        let year = (ofEra - ofEra / 1460 + ofEra / 36_524 - ofEra / 146_096) / 365
        let ofYear = ofEra - (365 * year + year / 4 - year / 100)
        let month = (5 * ofYear + 2) / 153
        return (
            year + era * 400 + (month < 10 ? 0 : 1), month < 10 ? month + 3 : month - 9,
            ofYear - (153 * month + 2) / 5 + 1
        )
    }

    static func day(ofYear year: Int64, month: Int64, day: Int64) -> Int64 {
        let shifted = month <= 2 ? year - 1 : year
        let era = (shifted >= 0 ? shifted : shifted - 399) / 400
        let ofEra = shifted - era * 400
        let ofYear = (153 * (month > 2 ? month - 3 : month + 9) + 2) / 5 + day - 1
        return era * 146_097 + ofEra * 365 + ofEra / 4 - ofEra / 100 + ofYear - 719_468
    }

    static func days(inMonth month: Int64, year: Int64) -> Int64 {
        let isLeap = year % 4 == 0 && (year % 100 != 0 || year % 400 == 0)
        return switch month {
        case 2: isLeap ? 29 : 28
        case 4, 6, 9, 11: 30
        default: 31
        }
    }
}

private struct TimestampReader {
    private let text: [UInt8]
    private var index = 0

    init(_ text: [UInt8]) {
        self.text = text
    }

    mutating func read() -> Int64? {
        guard let year = number(4), take("-"), let month = number(2), take("-"),
            let day = number(2), take("T") || take("t"), let hour = number(2), take(":"),
            let minute = number(2), take(":"), let second = number(2)
        else { return nil }
        guard (1...12).contains(month), day >= 1,
            day <= Calendar.days(inMonth: month, year: year), hour < 24, minute < 60, second < 60,
            let fraction = fraction(), let offset = offset(), index == text.count
        else { return nil }
        let days = Calendar.day(ofYear: year, month: month, day: day)
        let seconds = days * 86_400 + hour * 3600 + minute * 60 + second - offset
        let (nanoseconds, overflow) = seconds.multipliedReportingOverflow(by: 1_000_000_000)
        let (sum, overflowAgain) = nanoseconds.addingReportingOverflow(fraction)
        return overflow || overflowAgain ? nil : sum
    }

    private mutating func number(_ width: Int) -> Int64? {
        guard text.count - index >= width else { return nil }
        var value: Int64 = 0
        for byte in text[index..<index + width] {
            guard (48...57).contains(byte) else { return nil }
            value = value * 10 + Int64(byte - 48)
        }
        index += width
        return value
    }

    private mutating func take(_ letter: Unicode.Scalar) -> Bool {
        guard index < text.count, text[index] == UInt8(ascii: letter) else { return false }
        index += 1
        return true
    }

    /// Digits beyond nanoseconds are read and forgotten.
    private mutating func fraction() -> Int64? {
        guard take(".") else { return 0 }
        var (value, unit): (Int64, Int64) = (0, 100_000_000)
        var count = 0
        while index < text.count, (48...57).contains(text[index]) {
            value += Int64(text[index] - 48) * unit
            unit /= 10
            index += 1
            count += 1
        }
        return count > 0 ? value : nil
    }

    private mutating func offset() -> Int64? {
        if take("Z") || take("z") { return 0 }
        let isWest = take("-")
        guard isWest || take("+"), let hour = number(2), take(":"), let minute = number(2),
            hour < 24, minute < 60
        else { return nil }
        return (isWest ? -1 : 1) * (hour * 3600 + minute * 60)
    }
}
