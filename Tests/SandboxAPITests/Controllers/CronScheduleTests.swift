// SPDX-License-Identifier: Apache-2.0
internal import Formats
internal import Kube
internal import Testing

@Suite struct CronScheduleTests {
    private static func seconds(_ text: String) throws -> Int64 {
        try #require(Timestamp.parse(text)) / 1_000_000_000
    }

    @Test(arguments: [
        ("*/15 * * * *", "2026-03-01T00:00:00Z", "2026-03-01T00:15:00Z"),
        ("0 3 * * *", "2026-03-01T03:00:00Z", "2026-03-02T03:00:00Z"),
        ("30 4 1,15 * *", "2026-03-02T00:00:00Z", "2026-03-15T04:30:00Z"),
        ("0 0 29 2 *", "2026-03-01T00:00:00Z", "2028-02-29T00:00:00Z"),
        ("0 12 * * mon-fri", "2026-11-20T12:00:00Z", "2026-11-23T12:00:00Z"),
        ("0 12 13 * 5", "2026-11-01T00:00:00Z", "2026-11-06T12:00:00Z"),
        ("@hourly", "2026-11-01T00:59:59Z", "2026-11-01T01:00:00Z"),
        ("0 0 * * 7", "2026-11-21T00:00:00Z", "2026-11-22T00:00:00Z"),
        ("5/20 * * jan *", "2026-01-31T23:59:00Z", "2027-01-01T00:05:00Z"),
    ])
    func `the next moment of a schedule`(text: String, after: String, expected: String) throws {
        let schedule = try #require(CronSchedule(text))
        let next = try #require(schedule.next(after: Self.seconds(after)))
        #expect(Timestamp.seconds(next) == expected)
        // And back: seen from a little later it is the last one.
        #expect(schedule.last(after: try Self.seconds(after), through: next + 59) == next)
    }

    @Test func `nothing is due between two moments`() throws {
        let schedule = try #require(CronSchedule("0 * * * *"))
        let from = try Self.seconds("2026-01-01T10:00:00Z")
        #expect(schedule.last(after: from, through: from + 3599) == nil)
        #expect(schedule.last(after: from, through: from + 7200) == from + 7200)
    }

    @Test func `a day that never comes has no moment`() throws {
        let schedule = try #require(CronSchedule("0 0 30 2 *"))
        #expect(schedule.next(after: 0) == nil)
    }

    @Test(arguments: [
        "", "* * * *", "60 * * * *", "* 24 * * *", "* * 0 * *", "* * * 13 *", "* * * * 8",
        "a * * * *", "*/0 * * * *", "5-1 * * * *", "1,,2 * * * *", "-1 * * * *", "@often",
    ])
    func `what is no schedule is refused`(text: String) {
        #expect(CronSchedule(text) == nil)
    }
}
