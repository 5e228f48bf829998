// SPDX-License-Identifier: Apache-2.0

/// Byte counts for people: `20 kB`, `1.2 MB`. Decimal units; one decimal below ten.
package enum HumanSize {
    package static func text(_ bytes: UInt64) -> String {
        guard bytes >= 10 else { return "\(bytes) B" }
        let units = ["B", "kB", "MB", "GB", "TB", "PB", "EB"]
        var (power, scale): (Int, UInt64) = (0, 1)
        while power < units.count - 1, bytes / scale >= 1000 {
            power += 1
            scale *= 1000
        }
        // Rounded to tenths first, as go-humanize does: 999,960 becomes "1000 kB".
        let tenths = UInt64((Double(bytes) / Double(scale) * 10 + 0.5).rounded(.down))
        guard tenths >= 100 else { return "\(tenths / 10).\(tenths % 10) \(units[power])" }
        // Printed without decimals: Go rounds halves to even.
        let whole = (Double(tenths) / 10).rounded(.toNearestOrEven)
        return "\(UInt64(whole)) \(units[power])"
    }
}
