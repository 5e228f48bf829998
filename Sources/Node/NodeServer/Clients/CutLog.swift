// SPDX-License-Identifier: Apache-2.0
internal import Bytes
internal import Formats
internal import Program

/// Lines about clients that were cut off, so few that an attack cannot fill the disk with them.
struct CutLog {
    private let logger: Logger
    private var left = linesPerPeriod
    private var suppressed = 0
    private var periodEnd = Instant(nanoseconds: 0)

    private static let linesPerPeriod = 10
    private static let period = Duration.seconds(10)

    init(_ logger: Logger) {
        self.logger = logger
    }

    mutating func note(_ address: String, _ reason: String, at now: Instant) {
        if now >= periodEnd {
            periodEnd = now + CutLog.period
            left = CutLog.linesPerPeriod
        }
        guard left > 0 else {
            suppressed += 1
            return
        }
        left -= 1
        logger.warn(
            "cut off a client",
            [
                "remote-addr": .string(address), "reason": .string(reason),
                "suppressed-lines": .integer(Int64(suppressed)),
            ])
        suppressed = 0
    }
}
