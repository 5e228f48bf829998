// SPDX-License-Identifier: Apache-2.0
internal import Foundation
internal import Posix

/// A folder of its own, removed with everything in it when the value goes away.
package final class TemporaryFolder: Sendable {
    package let path: String

    package init() throws {
        let suffix = try String(SecureRandom.number(), radix: 16)
        var root = NSTemporaryDirectory()
        while root.count > 1, root.hasSuffix("/") { root.removeLast() }
        path = "\(root)/keelson-\(ThisProcess.id)-\(suffix)"
        try Directory.make(path)
    }

    deinit {
        try? Directory.removeTree(path)
    }

    /// The path of something inside.
    package subscript(_ name: String) -> String {
        "\(path)/\(name)"
    }
}
