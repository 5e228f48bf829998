// SPDX-License-Identifier: Apache-2.0
internal import FoundationEssentials

/// The process's environment, sorted by name.
package enum NodeEnvironment {
    package static var all: [(String, String)] {
        ProcessInfo.processInfo.environment.sorted { $0.key < $1.key }.map { ($0.key, $0.value) }
    }

    static func value(_ name: String) -> String? {
        ProcessInfo.processInfo.environment[name]
    }
}
