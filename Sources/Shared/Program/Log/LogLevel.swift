// SPDX-License-Identifier: Apache-2.0

/// How much a line matters; the words are zap's.
package enum LogLevel: Int, CaseIterable, Comparable, Sendable {
    case debug
    case info
    case warn
    case error
    case panic
    case fatal

    /// Nil if it is no level.
    package init?(name: String) {
        guard let found = Self.allCases.first(where: { $0.name == name }) else { return nil }
        self = found
    }

    package var name: String { "\(self)" }

    package static func < (left: LogLevel, right: LogLevel) -> Bool {
        left.rawValue < right.rawValue
    }
}
