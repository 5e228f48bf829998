// SPDX-License-Identifier: Apache-2.0
package import Formats

/// Writes log lines. A value: it is passed down, and `with` makes one that says more.
///
/// The sink gets whole lines, newline included, on whatever thread the caller is.
package struct Logger: Sendable {
    package enum Format: Sendable {
        case json
        /// Tab-separated, for people.
        case console
    }

    package typealias Sink = @Sendable (_ line: [UInt8]) -> Void
    /// Nanoseconds since 1970.
    package typealias Clock = @Sendable () -> Int64
    package typealias Fields = KeyValuePairs<String, JSONValue>

    package var level: LogLevel
    /// Asked instead of `level` where the level may change while the program runs.
    package var currentLevel: (@Sendable () -> LogLevel)?
    package var format: Format
    private let sink: Sink
    private let clock: Clock
    /// Said on each line, after the line's own fields.
    private var context: [(String, JSONValue)] = []

    package init(
        level: LogLevel, format: Format, clock: @escaping Clock, sink: @escaping Sink
    ) {
        self.level = level
        self.format = format
        self.clock = clock
        self.sink = sink
    }

    /// A logger that says nothing.
    package static var silent: Logger {
        Logger(level: .fatal, format: .json, clock: { 0 }, sink: { _ in })
    }

    /// The same logger with fields that stand on each of its lines.
    package func with(_ fields: Fields) -> Logger {
        var logger = self
        logger.context += fields.map { ($0.key, $0.value) }
        return logger
    }

    package func log(
        _ level: LogLevel, _ message: String, _ fields: @autoclosure () -> Fields = [:],
        file: StaticString = #fileID, line: UInt = #line
    ) {
        guard level >= currentLevel?() ?? self.level else { return }
        let all = fields().map { ($0.key, $0.value) } + context
        let entry = LogLine(
            level: level, time: clock(), caller: LogLine.caller(file, line), message: message,
            fields: all)
        sink(format == .json ? entry.json : entry.console)
    }

    package func debug(
        _ message: String, _ fields: @autoclosure () -> Fields = [:],
        file: StaticString = #fileID, line: UInt = #line
    ) { log(.debug, message, fields(), file: file, line: line) }

    package func info(
        _ message: String, _ fields: @autoclosure () -> Fields = [:],
        file: StaticString = #fileID, line: UInt = #line
    ) { log(.info, message, fields(), file: file, line: line) }

    package func warn(
        _ message: String, _ fields: @autoclosure () -> Fields = [:],
        file: StaticString = #fileID, line: UInt = #line
    ) { log(.warn, message, fields(), file: file, line: line) }

    package func error(
        _ message: String, _ fields: @autoclosure () -> Fields = [:],
        file: StaticString = #fileID, line: UInt = #line
    ) { log(.error, message, fields(), file: file, line: line) }
}
