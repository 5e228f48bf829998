// SPDX-License-Identifier: Apache-2.0

// The commands of etcdctl's second API.

/// Arguments of the second API in, exit code out.
enum V2Program {
    /// Commands that the third API does not have.
    static let onlyHere: Set<String> = []

    static func run(
        _ arguments: [String], environment: [String], console: Console, name: String
    ) -> Int32 {
        console.writeError("\(name): the second API is not supported\n")
        return 1
    }
}
