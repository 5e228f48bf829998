// SPDX-License-Identifier: Apache-2.0
internal import Formats

/// Points of time as Kubernetes writes them; numbers are nanoseconds since 1970.
package enum KubeTime {
    /// `2026-01-02T15:04:05Z`: `metav1.Time`.
    package static func seconds(_ unixNanoseconds: Int64) -> String {
        Timestamp.seconds(floored(unixNanoseconds, 1_000_000_000))
    }

    /// `2026-01-02T15:04:05.000001Z`: `metav1.MicroTime`, always six digits.
    package static func microseconds(_ unixNanoseconds: Int64) -> String {
        let micro = floored(unixNanoseconds, 1000)
        let second = floored(micro, 1_000_000)
        let digits = "\(micro - second * 1_000_000)"
        return Timestamp.seconds(second).dropLast() + "."
            + String(repeating: "0", count: 6 - digits.utf8.count) + digits + "Z"
    }

    /// Nil if the text is no RFC 3339.
    package static func parse(_ text: String) -> Int64? { Timestamp.parse(text) }

    private static func floored(_ value: Int64, _ unit: Int64) -> Int64 {
        let (quotient, rest) = value.quotientAndRemainder(dividingBy: unit)
        return rest < 0 ? quotient - 1 : quotient
    }
}
