// SPDX-License-Identifier: Apache-2.0
internal import Bytes
internal import Formats
internal import Net
internal import Posix
internal import Program

/// Tells of refused connections: the first at once, then one line each ten seconds with the number
/// of those that were not told, so that nobody can fill the log from outside.
final class RefusalLog {
    private static let interval = Duration.seconds(10)

    private let logger: Logger
    private let listener: String
    private var toldAt: Instant?
    private var untold = 0

    init(_ logger: Logger, listener: String) {
        self.logger = logger
        self.listener = listener
    }

    func tell(_ address: SocketAddress?, _ reason: String, now: Instant) {
        if let toldAt, now - toldAt < RefusalLog.interval {
            untold += 1
            return
        }
        toldAt = now
        logger.warn(
            "rejected connection on \(listener) endpoint",
            [
                "remote-addr": .string(address.map { "\($0)" } ?? ""), "error": .string(reason),
                "more-since-last": .integer(Int64(untold)),
            ])
        untold = 0
    }
}
