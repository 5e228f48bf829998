// SPDX-License-Identifier: Apache-2.0

/// Why a member does not start: one sentence for people.
package enum ConfigError: Error, Equatable, Sendable {
    /// The command line is no command line; the usage follows.
    case usage(String)
    /// It can be read, but not followed.
    case invalid(String)

    package var text: String {
        switch self {
        case .usage(let text), .invalid(let text): text
        }
    }

    /// etcd's: 2 for what the parser refuses, 1 for everything else.
    package var exitCode: Int32 {
        switch self {
        case .usage: 2
        case .invalid: 1
        }
    }
}
