// SPDX-License-Identifier: Apache-2.0
internal import Foundation
internal import Posix

/// Free TCP ports on loopback, for programs that cannot be told to choose one. Each is kept for
/// this process until it ends, by a lock on a file that other test processes respect. They lie
/// below the range from which the kernel takes ports of its own accord.
package enum Ports {
    private static let range = 20_000..<32_000

    private final class Reserved: @unchecked Sendable {
        let lock = Lock()
        var next = Int(ThisProcess.id) * 37 % range.count
        var locks: [FileLock] = []
    }

    private static let reserved = Reserved()

    package static func free() throws -> UInt16 {
        let folder = NSTemporaryDirectory() + "/keelson-test-ports"
        try Directory.make(folder)
        return try reserved.lock.withLock {
            for _ in range {
                let port = range.lowerBound + reserved.next
                reserved.next = (reserved.next + 1) % range.count
                if let lock = take(UInt16(port), folder) {
                    reserved.locks.append(lock)
                    return UInt16(port)
                }
            }
            throw TestFailure("no free port")
        }
    }

    package static func free(_ count: Int) throws -> [UInt16] {
        try (0..<count).map { _ in try free() }
    }

    private static func take(_ port: UInt16, _ folder: String) -> FileLock? {
        guard let lock = try? FileLock("\(folder)/\(port)") else { return nil }
        guard (try? Socket.listen(.loopback(port: port))) != nil else { return nil }
        return lock
    }
}
