// SPDX-License-Identifier: Apache-2.0
import Bytes
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
            description: "rules of zero are none", rule: Retention(last: 0, daily: 0),
            backups: [("2026-01-01T00:00:00Z", true), ("2026-01-02T00:00:00Z", true)]),
        Case(
            description: "of each month the newest", rule: Retention(monthly: 2),
            backups: [
                ("2024-03-01T00:00:00Z", true), ("2024-02-29T23:59:59Z", true),
                ("2024-02-01T00:00:00Z", false), ("2024-01-31T23:59:59Z", false),
            ]),
        Case(
            description: "age takes away what is older than a week",
            rule: Retention(maxAge: 7 * 86_400),
            backups: [
                ("2026-01-31T00:00:00Z", true), ("2026-01-24T00:00:00Z", true),
                ("2026-01-23T23:59:59Z", false),
            ]),
        Case(
            description: "age goes before other rules",
            rule: Retention(last: 3, maxAge: 86_400),
            backups: [("2026-01-30T12:00:00Z", true), ("2026-01-01T00:00:00Z", false)]),
        Case(
            description: "the newest stays however old it is", rule: Retention(maxAge: 1),
            backups: [("2020-01-01T00:00:00Z", false), ("2020-01-02T00:00:00Z", true)]),
        Case(
            description: "so many verified ones stay", rule: Retention(last: 1, minVerified: 2),
            backups: [
                ("2026-01-03T00:00:00Z", true), ("2026-01-02T00:00:00Z", true),
                ("2026-01-01T00:00:00Z", false),
            ]),
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

    private static let now: Int64 = 1_769_817_600

    @Test(arguments: cases)
    func `the rule keeps what it says`(item: Case) throws {
        let backups = try item.backups.map { text, _ in
            Retention.Backup(time: try #require(Timestamp.parse(text)) / 1_000_000_000)
        }
        #expect(Timestamp.seconds(Self.now) == "2026-01-31T00:00:00Z")
        #expect(item.rule.kept(backups, now: Self.now) == item.backups.map(\.1))
    }

    @Test func `the newest verified backup stays behind any number of others`() {
        let rule = Retention(last: 2, maxAge: 10)
        let backups = (0..<6).map { Retention.Backup(time: Int64($0), isVerified: $0 == 1) }
        #expect(
            rule.kept(backups, now: 1_000) == [false, true, false, false, false, true])
    }

    // MARK: Any rules, any backups

    private static func random(
        _ random: inout Random
    ) -> (rule: Retention, backups: [Retention.Backup], now: Int64) {
        func few() -> Int { Int(random.next(upperBound: 6 as UInt64)) }
        var rule = Retention()
        rule.last = few()
        rule.hourly = few()
        rule.daily = few()
        rule.weekly = few()
        rule.monthly = few()
        rule.minVerified = few()
        if random.next(upperBound: 3 as UInt64) == 0 {
            rule.maxAge = Int64(random.next(upperBound: 10_000_000 as UInt64))
        }
        let spread: [UInt64] = [10_000, 1_000_000, 100_000_000]
        let width = spread[Int(random.next(upperBound: 3 as UInt64))]
        let backups = (0..<Int(random.next(upperBound: 40 as UInt64))).map { _ in
            Retention.Backup(
                time: 1_700_000_000 - Int64(random.next(upperBound: width)),
                isVerified: random.next(upperBound: 3 as UInt64) > 0)
        }
        return (rule, backups, 1_700_000_000 + Int64(random.next(upperBound: 100_000 as UInt64)))
    }

    @Test func `whatever the numbers say, the promises hold`() {
        for seed in UInt64(1)...3_000 {
            var random = Random(seed: seed)
            let (rule, backups, now) = Self.random(&random)
            let kept = rule.kept(backups, now: now)
            let told = "seed \(seed): \(rule) \(backups) \(kept)"
            #expect(kept.count == backups.count, "\(told)")
            let newest = backups.map(\.time).max()
            let newestVerified = backups.filter(\.isVerified).map(\.time).max()
            let stays = zip(backups, kept).filter(\.1).map(\.0)
            if let newest { #expect(stays.contains { $0.time == newest }, "\(told)") }
            if let newestVerified {
                #expect(
                    stays.contains { $0.isVerified && $0.time == newestVerified }, "\(told)")
            }
            let verified = stays.count(where: \.isVerified)
            let goal = min(max(1, rule.minVerified), backups.count(where: \.isVerified))
            #expect(verified >= goal, "\(told)")
            if rule.maxAge == nil {
                #expect(stays.count >= min(rule.last, backups.count), "\(told)")
            }
            // Done twice it removes no more.
            #expect(rule.kept(stays, now: now).allSatisfy { $0 }, "\(told)")
        }
    }

    /// Month by month over four hundred years, against counting days.
    @Test func `months are those of the calendar`() {
        let lengths: [Int64] = [31, 28, 31, 30, 31, 30, 31, 31, 30, 31, 30, 31]
        var day: Int64 = 0
        var number = Retention.month(0)
        for year in Int64(1970)..<2400 {
            for (place, length) in lengths.enumerated() {
                let isLeap = year % 4 == 0 && (year % 100 != 0 || year % 400 == 0)
                let count = length + (place == 1 && isLeap ? 1 : 0)
                #expect(Retention.month(day) == number, "\(year)-\(place + 1)")
                #expect(Retention.month(day + count - 1) == number, "\(year)-\(place + 1)")
                day += count
                number += 1
            }
        }
    }

    @Test(
        arguments: [
            ("", nil), ("0", nil), ("720h", 2_592_000), ("30d", 2_592_000), ("2w", 1_209_600),
            ("1ms", 1),
        ] as [(String, Int64?)])
    func `ages are durations, days or weeks`(text: String, seconds: Int64?) throws {
        #expect(try BackupPlan.age(text) == seconds)
    }

    @Test(arguments: ["x", "-1h", "5", "d", "-3d", "99999999999999999w"])
    func `other words for ages are refused`(text: String) {
        #expect(throws: CtlError.self) { try BackupPlan.age(text) }
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
        var manifest = BackupManifest()
        manifest.file = "a-1.db"
        manifest.byteCount = 4
        manifest.plainByteCount = 4
        manifest.createdAt = 17
        manifest.revision = 5
        manifest.hashKV = .max
        manifest.keyCount = 7
        manifest.cluster = "a"
        manifest.uid = "u"
        manifest.verification = .checksum
        let text = JSON.bytes(.object(manifest.members))
        #expect(BackupManifest.read(text, file: "a-1.db") == manifest)
        #expect(BackupManifest.read(text, file: "a-2.db") == nil)
        #expect(BackupManifest.read(Array("{}".utf8), file: "a-1.db") == nil)
        #expect(BackupManifest.read([1, 2], file: "a-1.db") == nil)
    }

    @Test func `a message never grows beyond what is read`() throws {
        let long = JSONValue.object([("error", .string(String(repeating: "\u{1}", count: 9_000)))])
        let message = BackupCommand.terminationMessage(long)
        #expect(message.count <= 4_096)
        #expect(try JSON.parse(message)["error"] != nil)
    }

    // MARK: Where from

    private static func source(
        _ id: UInt64, applied: UInt64, learner: Bool = false, leader: UInt64 = 1,
        problems: [String] = []
    ) -> BackupSource {
        BackupSource(
            endpoint: "e\(id)", name: "m\(id)", memberID: id, clusterID: 9, leader: leader,
            isLearner: learner, appliedIndex: applied, problems: problems)
    }

    @Test func `the least lagging healthy follower gives the backup`() {
        let all = [
            Self.source(1, applied: 100), Self.source(2, applied: 90),
            Self.source(3, applied: 95), Self.source(4, applied: 99, learner: true),
            Self.source(5, applied: 99, leader: 0),
            Self.source(6, applied: 99, problems: ["NOSPACE"]),
        ]
        func ids(_ wish: BackupSource.Wish) -> [UInt64] {
            BackupSource.ranked(all, wish).map(\.memberID)
        }
        #expect(ids(.follower) == [3, 2, 1, 4])
        #expect(ids(.leader) == [1, 3, 2, 4])
        #expect(ids(.member("m5")) == [5], "who is named is taken as it is")
        #expect(ids(.member("6")) == [6])
        #expect(ids(.member("m7")) == [])
    }

    @Test func `the voter that knows most shall lead`() {
        typealias Voter = HandOverCommand.Voter
        let voters = [
            Voter(id: 1), Voter(id: 2, appliedIndex: 5, logIndex: 9),
            Voter(id: 3, appliedIndex: 7, logIndex: 9), Voter(id: 4, appliedIndex: 9, logIndex: 8),
        ]
        #expect(HandOverCommand.ranked(voters).map(\.id) == [3, 2, 4, 1])
    }
}
