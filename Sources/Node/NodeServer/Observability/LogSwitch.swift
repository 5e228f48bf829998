// SPDX-License-Identifier: Apache-2.0
internal import Posix
internal import Program

/// The level of the log, which a request may change while the member runs.
final class LogSwitch: @unchecked Sendable {
    private let lock = Lock()
    private var current: LogLevel

    init(_ level: LogLevel) {
        current = level
    }

    var level: LogLevel {
        get { lock.withLock { current } }
        set { lock.withLock { current = newValue } }
    }

    /// The same logger, listening to this switch.
    func attach(_ logger: Logger) -> Logger {
        var logger = logger
        logger.currentLevel = { self.level }
        return logger
    }
}
