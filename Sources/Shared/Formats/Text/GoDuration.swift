// SPDX-License-Identifier: Apache-2.0

/// Durations as Go writes and reads them: `1h30m0s`, `500ms`, `1.5µs`. Numbers are nanoseconds.
package enum GoDuration {
    package static func text(_ nanoseconds: Int64) -> String {
        guard nanoseconds != 0 else { return "0s" }
        let magnitude = nanoseconds.magnitude
        let sign = nanoseconds < 0 ? "-" : ""
        switch magnitude {
        case ..<1_000: return "\(sign)\(magnitude)ns"
        case ..<1_000_000: return sign + decimal(magnitude, 1_000) + "µs"
        case ..<1_000_000_000: return sign + decimal(magnitude, 1_000_000) + "ms"
        default: break
        }
        let minutes = magnitude / 60_000_000_000
        let seconds = decimal(magnitude % 60_000_000_000, 1_000_000_000) + "s"
        if minutes == 0 { return sign + seconds }
        if minutes < 60 { return "\(sign)\(minutes)m" + seconds }
        return "\(sign)\(minutes / 60)h\(minutes % 60)m" + seconds
    }

    package static func text(_ duration: Duration) -> String {
        text(nanoseconds(of: duration))
    }

    /// Nil if it is no duration, or longer than 292 years.
    package static func parse(_ text: String) -> Int64? {
        var rest = Substring(text).utf8
        var isNegative = false
        if let sign = rest.first, sign == UInt8(ascii: "-") || sign == UInt8(ascii: "+") {
            isNegative = sign == UInt8(ascii: "-")
            rest = rest.dropFirst()
        }
        if rest.elementsEqual("0".utf8) { return 0 }
        guard !rest.isEmpty else { return nil }
        var sum: UInt64 = 0
        while !rest.isEmpty {
            guard let part = part(&rest) else { return nil }
            let (next, overflow) = sum.addingReportingOverflow(part)
            guard !overflow, next <= 1 << 63 else { return nil }
            sum = next
        }
        if isNegative { return sum == 1 << 63 ? .min : -Int64(sum) }
        return Int64(exactly: sum)
    }

    /// One number with its unit.
    private static func part(_ rest: inout Substring.UTF8View) -> UInt64? {
        let whole = digits(&rest)
        var fraction = rest.prefix(0)
        if rest.first == UInt8(ascii: ".") {
            rest = rest.dropFirst()
            fraction = digits(&rest)
        }
        guard !(whole.isEmpty && fraction.isEmpty) else { return nil }
        let name = rest.prefix { $0 != UInt8(ascii: ".") && !(48...57).contains($0) }
        rest = rest.dropFirst(name.count)
        guard let unit = unit(String(Substring(name))) else { return nil }
        let count = whole.isEmpty ? 0 : UInt64(String(Substring(whole)))
        guard let count else { return nil }
        let (value, overflow) = count.multipliedReportingOverflow(by: unit)
        guard !overflow, value <= 1 << 63 else { return nil }
        return value + part(of: unit, fraction)
    }

    /// The fraction of a unit; digits beyond what counts are dropped.
    private static func part(of unit: UInt64, _ fraction: Substring.UTF8View) -> UInt64 {
        var (value, scale): (Double, Double) = (0, 1)
        for digit in fraction.prefix(18) {
            value = value * 10 + Double(digit - 48)
            scale *= 10
        }
        return UInt64(value * (Double(unit) / scale))
    }

    private static func digits(_ rest: inout Substring.UTF8View) -> Substring.UTF8View {
        let digits = rest.prefix { (48...57).contains($0) }
        rest = rest.dropFirst(digits.count)
        return digits
    }

    private static func unit(_ name: String) -> UInt64? {
        switch name {
        case "ns": 1
        case "us", "\u{b5}s", "\u{3bc}s": 1_000
        case "ms": 1_000_000
        case "s": 1_000_000_000
        case "m": 60_000_000_000
        case "h": 3_600_000_000_000
        default: nil
        }
    }

    /// `value / unit` with as many decimals as it needs.
    private static func decimal(_ value: UInt64, _ unit: UInt64) -> String {
        var (whole, rest) = ("\(value / unit)", value % unit)
        guard rest != 0 else { return whole }
        whole += "."
        var place = unit / 10
        while rest != 0, place > 0 {
            whole += "\(rest / place)"
            rest %= place
            place /= 10
        }
        return whole
    }

    private static func nanoseconds(of duration: Duration) -> Int64 {
        let (seconds, attoseconds) = duration.components
        return seconds &* 1_000_000_000 &+ attoseconds / 1_000_000_000
    }
}
