// SPDX-License-Identifier: Apache-2.0
import Formats
import Testing

@testable import Ctl

struct RetentionTests {
    struct Case: Sendable, CustomStringConvertible {
        var description: String
        var rule: Retention
        /// Of each backup its time, and whether it stays.
        var backups: [(String, Bool)]
    }

    private static let cases = [
        Case(
            description: "no rule keeps all", rule: Retention(),
            backups: [("2026-01-01T00:00:00Z", true), ("2020-01-01T00:00:00Z", true)]),
        Case(
            description: "the newest stays even if no rule wants any",
            rule: Retention(last: 0),
            backups: [("2026-01-01T00:00:00Z", false), ("2026-01-02T00:00:00Z", true)]),
        Case(
            description: "last counts the newest, in any order", rule: Retention(last: 2),
            backups: [
                ("2026-01-03T00:00:00Z", true), ("2026-01-01T00:00:00Z", false),
                ("2026-01-02T00:00:00Z", true),
            ]),
        Case(
            description: "more than there are", rule: Retention(last: 9),
            backups: [("2026-01-03T00:00:00Z", true), ("2026-01-01T00:00:00Z", true)]),
        Case(
            description: "of each hour the newest", rule: Retention(hourly: 2),
            backups: [
                ("2026-01-01T12:59:59Z", true), ("2026-01-01T12:00:00Z", false),
                ("2026-01-01T11:59:59Z", true), ("2026-01-01T11:30:00Z", false),
                ("2026-01-01T10:00:00Z", false),
            ]),
        Case(
            description: "hours without any do not count", rule: Retention(hourly: 2),
            backups: [
                ("2026-01-05T12:00:00Z", true), ("2026-01-01T03:00:00Z", true),
                ("2025-12-31T23:00:00Z", false),
            ]),
        Case(
            description: "days end at midnight UTC", rule: Retention(daily: 2),
            backups: [
                ("2026-03-01T00:00:00Z", true), ("2026-02-28T23:59:59Z", true),
                ("2026-02-28T00:00:00Z", false), ("2026-02-27T23:59:59Z", false),
            ]),
        Case(
            description: "weeks begin on Monday", rule: Retention(weekly: 2),
            backups: [
                // 2026-01-05 is a Monday.
                ("2026-01-05T00:00:00Z", true), ("2026-01-04T23:59:59Z", true),
                ("2025-12-29T00:00:00Z", false), ("2025-12-28T23:59:59Z", false),
            ]),
        Case(
            description: "rules add up", rule: Retention(last: 1, daily: 2, weekly: 2),
            backups: [
                ("2026-01-08T10:00:00Z", true), ("2026-01-08T09:00:00Z", false),
                ("2026-01-07T10:00:00Z", true), ("2026-01-06T10:00:00Z", false),
                ("2026-01-04T10:00:00Z", true), ("2026-01-03T10:00:00Z", false),
            ]),
        Case(
            description: "of two of one second the later in the list is the newer",
            rule: Retention(last: 1),
            backups: [("2026-01-01T00:00:00Z", false), ("2026-01-01T00:00:00Z", true)]),
        Case(
            description: "times before 1970", rule: Retention(daily: 1),
            backups: [("1969-12-31T23:00:00Z", true), ("1969-12-31T01:00:00Z", false)]),
        Case(description: "nothing to keep", rule: Retention(last: 3), backups: []),
    ]

    @Test(arguments: cases)
    func `the rule keeps what it says`(item: Case) throws {
        let times = try item.backups.map { text, _ in
            try #require(Timestamp.parse(text)) / 1_000_000_000
        }
        #expect(item.rule.kept(times) == item.backups.map(\.1))
    }

    @Test(arguments: [
        ("0", FreeSpace.bytes(0)), ("1000000", .bytes(1_000_000)), ("2K", .bytes(2_048)),
        ("3GiB", .bytes(3 << 30)), ("10%", .percent(10)), ("99%", .percent(99)),
    ])
    func `space is told in bytes or percent`(text: String, space: FreeSpace) {
        #expect(FreeSpace(text) == space)
    }

    @Test(arguments: ["", "%", "100%", "-1", "1.5G", "10 %", "9X", "iB", "5iB", "99999999999T"])
    func `other words for space are refused`(text: String) {
        #expect(FreeSpace(text) == nil)
    }

    @Test func `a manifest counts only for its own file`() {
        let manifest = BackupManifest(
            file: "a-1.db", prefix: "a", time: 17, endpoint: "e", byteCount: 4, sha256: "00",
            revision: 5, hash: 6, keyCount: 7, version: "3.5.1", took: "1s")
        let text = JSON.bytes(manifest.json)
        #expect(BackupManifest.read(text, file: "a-1.db", prefix: "a") == manifest)
        #expect(BackupManifest.read(text, file: "a-2.db", prefix: "a") == nil)
        #expect(BackupManifest.read(text, file: "a-1.db", prefix: "b") == nil)
        #expect(BackupManifest.read(Array("{}".utf8), file: "a-1.db", prefix: "a") == nil)
        #expect(BackupManifest.read([1, 2], file: "a-1.db", prefix: "a") == nil)
    }
}
