// SPDX-License-Identifier: Apache-2.0

/// Versions of objects. The API calls them opaque, yet every server counts with them; where a text
/// is no number nothing is known about its order.
package enum ResourceVersion {
    /// Nil if it cannot be told.
    package static func isOlder(_ left: String, than right: String) -> Bool? {
        guard let left = UInt64(left), let right = UInt64(right) else {
            return left == right ? false : nil
        }
        return left < right
    }

    /// The newer of both; the second if it cannot be told.
    package static func newer(_ left: String, _ right: String) -> String {
        isOlder(right, than: left) == true ? left : right
    }
}
