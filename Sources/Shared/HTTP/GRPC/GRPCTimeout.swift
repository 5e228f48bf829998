// SPDX-License-Identifier: Apache-2.0
internal import Bytes

/// The value of `grpc-timeout`: at most eight digits and a unit.
package enum GRPCTimeout {
    /// Longer timeouts than this (285 years) mean the same.
    private static let secondsMax: Int64 = 9_000_000_000

    package static func parse(_ text: String) -> Duration? {
        guard let unit = text.utf8.last, text.utf8.count <= 9,
            let count = HTTP1Head.length(String(text.dropLast()))
        else { return nil }
        let number = Int64(count)
        switch unit {
        case 0x48: return .seconds(min(number * 3600, secondsMax))  // H
        case 0x4d: return .seconds(number * 60)  // M
        case 0x53: return .seconds(number)  // S
        case 0x6d: return .milliseconds(number)  // m
        case 0x75: return .microseconds(number)  // u
        case 0x6e: return .nanoseconds(number)  // n
        default: return nil
        }
    }

    /// In the finest unit that fits, rounded up.
    static func format(_ timeout: Duration) -> String {
        let nanoseconds = timeout.nanoseconds
        if nanoseconds <= 0 { return "0n" }
        let units: [(Int64, String)] = [
            (1, "n"), (1000, "u"), (1_000_000, "m"), (1_000_000_000, "S"),
            (60_000_000_000, "M"),
        ]
        for (size, unit) in units {
            let count = nanoseconds / size + (nanoseconds % size > 0 ? 1 : 0)
            if count < 100_000_000 { return "\(count)\(unit)" }
        }
        return "\(nanoseconds / 3_600_000_000_000 + 1)H"
    }
}
