// SPDX-License-Identifier: Apache-2.0

/// An amount of something: `8Gi`, `500m`, `1.5`, `2e3`. Held in thousandths, rounded up as the API
/// does with more digits; amounts beyond 9.2 × 10^15 are not read.
package struct Quantity: Hashable, Comparable, Sendable {
    package var thousandths: Int64

    package init(thousandths: Int64) {
        self.thousandths = thousandths
    }

    /// Nil if that many do not fit.
    package init?(_ units: Int64) {
        let (product, overflow) = units.multipliedReportingOverflow(by: 1000)
        guard !overflow else { return nil }
        thousandths = product
    }

    /// Nil if the text is no quantity.
    package init?(_ text: String) {
        guard let thousandths = QuantityText.thousandths(Array(text.utf8)) else { return nil }
        self.thousandths = thousandths
    }

    /// Whole units, rounded up.
    package var units: Int64 {
        let (quotient, rest) = thousandths.quotientAndRemainder(dividingBy: 1000)
        return rest > 0 ? quotient + 1 : quotient
    }

    package static func < (left: Quantity, right: Quantity) -> Bool {
        left.thousandths < right.thousandths
    }
}

extension Quantity: CustomStringConvertible {
    /// The largest binary unit that says it in whole numbers; thousandths as `m`.
    package var description: String {
        guard thousandths % 1000 == 0 else { return "\(thousandths)m" }
        let units = thousandths / 1000
        guard units != 0 else { return "0" }
        for (power, suffix) in zip([50, 40, 30, 20, 10], ["Pi", "Ti", "Gi", "Mi", "Ki"])
        where units % (1 << power) == 0 {
            return "\(units / (1 << power))\(suffix)"
        }
        return "\(units)"
    }
}

private enum QuantityText {
    /// Longer texts are refused.
    static let maxLength = 64

    static func thousandths(_ text: [UInt8]) -> Int64? {
        guard text.count <= maxLength else { return nil }
        var index = 0
        var isNegative = false
        if let sign = text.first, sign == UInt8(ascii: "-") || sign == UInt8(ascii: "+") {
            isNegative = sign == UInt8(ascii: "-")
            index = 1
        }
        var digits: Int64 = 0
        var (count, decimals) = (0, 0)
        var isFraction = false
        while index < text.count {
            let byte = text[index]
            if byte == UInt8(ascii: "."), !isFraction {
                isFraction = true
            } else if (48...57).contains(byte) {
                guard let next = adding(digit: byte - 48, to: digits) else { return nil }
                digits = next
                count += 1
                if isFraction { decimals += 1 }
            } else {
                break
            }
            index += 1
        }
        guard count > 0, let scale = Scale(text[index...]) else { return nil }
        return scaled(isNegative ? -digits : digits, decimals: decimals, scale)
    }

    private static func adding(digit: UInt8, to digits: Int64) -> Int64? {
        let (product, overflow) = digits.multipliedReportingOverflow(by: 10)
        let (sum, overflowAgain) = product.addingReportingOverflow(Int64(digit))
        return overflow || overflowAgain ? nil : sum
    }

    private static func scaled(_ digits: Int64, decimals: Int, _ scale: Scale) -> Int64? {
        var value = digits
        for _ in 0..<scale.binaryPower / 10 {
            guard let next = times(value, 1024) else { return nil }
            value = next
        }
        // Thousandths, so three powers of ten more.
        var power = scale.decimalPower + 3 - decimals
        while power > 0 {
            guard let next = times(value, 10) else { return nil }
            value = next
            power -= 1
        }
        while power < 0 {
            let (quotient, rest) = value.quotientAndRemainder(dividingBy: 10)
            // Away from zero, as the API rounds.
            value = rest == 0 ? quotient : quotient + (rest > 0 ? 1 : -1)
            power += 1
        }
        return value
    }

    private static func times(_ value: Int64, _ factor: Int64) -> Int64? {
        let (product, overflow) = value.multipliedReportingOverflow(by: factor)
        return overflow ? nil : product
    }

    private struct Scale {
        var binaryPower = 0
        var decimalPower = 0

        init?(_ suffix: ArraySlice<UInt8>) {
            let text = String(decoding: suffix, as: UTF8.self)
            let binary = ["Ki": 10, "Mi": 20, "Gi": 30, "Ti": 40, "Pi": 50, "Ei": 60]
            let decimal = [
                "n": -9, "u": -6, "m": -3, "": 0, "k": 3, "M": 6, "G": 9, "T": 12, "P": 15, "E": 18,
            ]
            if let power = binary[text] {
                binaryPower = power
            } else if let power = decimal[text] {
                decimalPower = power
            } else if text.hasPrefix("e") || text.hasPrefix("E"),
                let power = Int(text.dropFirst()), (-18...18).contains(power)
            {
                decimalPower = power
            } else {
                return nil
            }
        }
    }
}
