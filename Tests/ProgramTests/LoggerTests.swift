// SPDX-License-Identifier: Apache-2.0
import Formats
import Testing

@testable import Program

/// Collects lines. Tests log on one thread.
private final class Lines: @unchecked Sendable {
    var texts: [String] = []
}

@Suite struct LoggerTests {
    private let lines = Lines()

    private func logger(_ level: LogLevel = .info, _ format: Logger.Format = .json) -> Logger {
        Logger(level: level, format: format, clock: { 1_767_366_245_012_000_000 }) { [lines] line in
            lines.texts.append(String(decoding: line, as: UTF8.self))
        }
    }

    @Test func `a line is zap's JSON`() {
        logger().info(
            "ready <&>\n", ["name": "m1", "count": 3, "urls": ["http://a"]],
            file: "Room/File.swift",
            line: 7)
        #expect(
            lines.texts == [
                #"{"level":"info","ts":"2026-01-02T15:04:05.012Z","caller":"Room/File.swift:7","#
                    + #""msg":"ready <&>\n","name":"m1","count":3,"urls":["http://a"]}"# + "\n"
            ])
    }

    @Test func `a console line is separated by tabs and stays one line`() {
        logger(.info, .console).warn(
            "two\nlines", ["a": 1, "b": "x"], file: "Room/File.swift", line: 7)
        #expect(
            lines.texts == [
                "2026-01-02T15:04:05.012Z\tWARN\tRoom/File.swift:7\ttwo lines\t"
                    + "{\"a\": 1, \"b\": \"x\"}\n"
            ])
    }

    @Test func `lower levels cost nothing and are not said`() {
        let logger = logger(.warn)
        var asked = 0
        func fields() -> Logger.Fields {
            asked += 1
            return ["a": 1]
        }
        logger.debug("no", fields())
        logger.info("no", fields())
        logger.warn("yes", fields())
        logger.error("yes", fields())
        #expect(asked == 2)
        #expect(lines.texts.count == 2)
        Logger.silent.error("nobody hears")
    }

    @Test func `context is said on each line`() {
        logger().with(["member": "m1"]).with(["room": "r"]).info("x", ["a": 1])
        #expect(lines.texts[0].hasSuffix(#""msg":"x","a":1,"member":"m1","room":"r"}"# + "\n"))
        #expect(lines.texts[0].contains("LoggerTests.swift:"))
    }

    @Test func `levels have zap's names`() {
        #expect(LogLevel(name: "debug") == .debug)
        #expect(LogLevel(name: "fatal") == .fatal)
        #expect(LogLevel(name: "loud") == nil)
        #expect(LogLevel.debug < .info)
    }

    @Test func `the version is told in lines that tools read`() {
        let build = BuildInfo(apiVersion: "3.5.21", platform: "linux/amd64")
        #expect(build.apiMinor == "3.5")
        #expect(build.lines[0] == "etcd Version: 3.5.21")
        #expect(build.lines.contains("Keelson Version: 0.1.0"))
    }
}
