// SPDX-License-Identifier: Apache-2.0
internal import CLinux

/// What tells one state of a file from another without reading it, links followed.
package struct FileStamp: Equatable, Sendable {
    private var numbers: [Int64]

    /// Nil if there is no such file, or it may not be looked at.
    package init?(of path: String) {
        var numbers = [Int64](repeating: 0, count: 5)
        if unsafe keelson_file_stamp(path, &numbers) != 0 { return nil }
        self.numbers = numbers
    }
}
