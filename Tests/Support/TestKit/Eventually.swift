// SPDX-License-Identifier: Apache-2.0
internal import Bytes
internal import Glibc
internal import Posix

// What tests need of the world, and nothing that ships does: folders that vanish, ports that nobody
// else takes, programs that do not outlive the test, and the one permitted way to wait.

/// Something did not happen in time, or ended too early.
package struct TestFailure: Error, CustomStringConvertible {
    package var description: String

    package init(_ description: String) {
        self.description = description
    }
}

/// Asks again and again, every few milliseconds, until the condition holds. The only wait that
/// tests may use: it ends as soon as it can, and names what it waited for when it fails.
package func eventually(
    _ what: String, within limit: Duration = .seconds(20), _ condition: () throws -> Bool
) throws {
    let deadline = MonotonicClock.now + limit
    while try !condition() {
        if MonotonicClock.now >= deadline {
            throw TestFailure("not within \(limit): \(what)")
        }
        usleep(5000)
    }
}

/// Says loudly that a test did not run, for the log to show.
package func skip(_ reason: String, test: String = #function) {
    let line = "=== SKIPPED \(test): \(reason)\n"
    try? File("/dev/stderr", .append).append(Array(line.utf8))
}
