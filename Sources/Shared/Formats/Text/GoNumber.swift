// SPDX-License-Identifier: Apache-2.0

/// Numbers as Go's `strconv` prints them with format 'g' and the shortest digits: `1e+06`, `0.001`.
package enum GoNumber {
    package static func text(_ number: Double) -> String {
        if number.isNaN { return "NaN" }
        let sign = number.sign == .minus ? "-" : ""
        if number.isInfinite { return sign.isEmpty ? "+Inf" : "-Inf" }
        if number == 0 { return sign + "0" }
        let (digits, exponent) = decimal(of: number.magnitude)
        let power = exponent - 1
        return sign
            + (power < -4 || power >= 6 ? scientific(digits, power) : plain(digits, exponent))
    }

    /// The shortest digits that read back the same: the value is 0.DIGITS times ten to `exponent`.
    ///
    /// The standard library prints them too, only laid out differently.
    static func decimal(of number: Double) -> (digits: String, exponent: Int) {
        let parts = "\(number)".split(separator: "e")
        let mantissa = parts[0].split(separator: ".", omittingEmptySubsequences: false)
        let whole = String(mantissa[0])
        var digits = whole + (mantissa.count > 1 ? mantissa[1] : "")
        var exponent = whole.count + (parts.count > 1 ? Int(parts[1]) ?? 0 : 0)
        let zeros = digits.prefix { $0 == "0" }.count
        digits.removeFirst(zeros)
        exponent -= zeros
        while digits.last == "0" { digits.removeLast() }
        return (digits, exponent)
    }

    /// Without an exponent.
    static func plain(_ digits: String, _ exponent: Int) -> String {
        if exponent <= 0 { return "0." + String(repeating: "0", count: -exponent) + digits }
        if digits.count <= exponent {
            return digits + String(repeating: "0", count: exponent - digits.count)
        }
        return digits.prefix(exponent) + "." + digits.dropFirst(exponent)
    }

    /// One digit, the others behind a point, and an exponent of two digits or more.
    private static func scientific(_ digits: String, _ power: Int) -> String {
        let rest = digits.dropFirst()
        let magnitude = "\(power.magnitude)"
        return digits.prefix(1) + (rest.isEmpty ? "" : "." + rest) + (power < 0 ? "e-" : "e+")
            + (magnitude.count < 2 ? "0" : "") + magnitude
    }
}
