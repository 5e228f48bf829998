// SPDX-License-Identifier: Apache-2.0
internal import Formats

/// What a run of `backup` is to do, read from its flags.
struct BackupPlan: Equatable, Sendable {
    var folder: String
    var cluster: String
    var name: String
    var uid: String
    var wish: BackupSource.Wish
    var verification: BackupManifest.Verification
    var retention: Retention
    var minimumFree: FreeSpace
    var terminationLog: String
    var tellsSteps: Bool

    /// Of `backup prune` too.
    static let retentionFlags = [
        CtlFlag("keep-daily", .text, "0", "keep the newest of each day, for this many days"),
        CtlFlag("keep-hourly", .text, "0", "keep the newest of each hour, for this many hours"),
        CtlFlag("keep-last", .text, "0", "keep this many newest backups"),
        CtlFlag(
            "keep-monthly", .text, "0", "keep the newest of each month, for this many months"),
        CtlFlag("keep-weekly", .text, "0", "keep the newest of each week, for this many weeks"),
        CtlFlag(
            "max-age", .text, "", "remove what is older, whatever else keeps it (720h, 30d)"),
        CtlFlag(
            "min-verified", .text, "1", "newest verified backups that always stay, at least 1"),
    ]

    static let placeFlags = [
        CtlFlag("cluster", .text, "keelson", "the cluster; names of files begin with it"),
        CtlFlag("dir", .text, "", "the folder of the backups"),
        CtlFlag(
            "name", .text, "",
            "of the job or schedule; retention looks only at backups of this name"
        ),
    ]

    static let flags =
        (placeFlags + retentionFlags + [
            CtlFlag("compress", .text, "none", "none, the only one"),
            CtlFlag(
                "from", .text, "follower",
                "follower (the least lagging healthy one), leader, or a member's name or id"),
            CtlFlag(
                "min-free", .text, "0",
                "how much of the disk must stay free: bytes (with K, M, G, T), or percent (10%)"),
            CtlFlag("progress", .bool, "false", "tell each step on standard error"),
            CtlFlag(
                "termination-log", .text, "", "file that gets the result too, at most 4096 bytes"),
            CtlFlag(
                "uid", .text, "",
                "of the job: a backup of this uid that is there is not taken again"),
            CtlFlag("verify", .text, "full", "full, checksum or none"),
        ]).sorted { $0.name < $1.name }

    init(_ call: Invocation) throws(CtlError) {
        let flags = call.flags
        guard call.arguments.isEmpty else {
            throw .badArguments(
                "backup takes no arguments, only flags (or list, verify, prune, check)")
        }
        folder = try Self.folder(flags)
        cluster = try Self.cluster(flags)
        name = flags.text("name")
        uid = flags.text("uid")
        wish = BackupSource.Wish(flags.text("from"))
        guard let verification = BackupManifest.Verification(rawValue: flags.text("verify")) else {
            throw .badArguments("--verify \(flags.text("verify")): want full, checksum or none")
        }
        self.verification = verification
        guard ["none", ""].contains(flags.text("compress")) else {
            throw .failed(
                .badFeature, "--compress \(flags.text("compress")): backups are not compressed")
        }
        retention = try Self.retention(flags)
        guard let free = FreeSpace(flags.text("min-free")) else {
            throw .badArguments(
                "--min-free \(flags.text("min-free")): want bytes, or a percentage below 100%")
        }
        minimumFree = free
        terminationLog = flags.text("termination-log")
        tellsSteps = flags.bool("progress")
    }

    static func folder(_ flags: FlagSet) throws(CtlError) -> String {
        let folder = flags.text("dir")
        if folder.isEmpty { throw .badArguments("--dir is needed: where backups go") }
        return folder
    }

    static func cluster(_ flags: FlagSet) throws(CtlError) -> String {
        let name = flags.text("cluster")
        guard !name.isEmpty, !name.hasPrefix("."), !name.contains("/") else {
            throw .badArguments("--cluster \(name): a file's name cannot begin so")
        }
        return name
    }

    // MARK: Retention

    static func retention(_ flags: FlagSet) throws(CtlError) -> Retention {
        var retention = Retention()
        retention.last = try count(flags, "keep-last")
        retention.hourly = try count(flags, "keep-hourly")
        retention.daily = try count(flags, "keep-daily")
        retention.weekly = try count(flags, "keep-weekly")
        retention.monthly = try count(flags, "keep-monthly")
        retention.minVerified = try count(flags, "min-verified")
        retention.maxAge = try age(flags.text("max-age"))
        return retention
    }

    private static func count(_ flags: FlagSet, _ name: String) throws(CtlError) -> Int {
        let text = flags.text(name)
        if text.isEmpty { return 0 }
        guard let count = Int(text), count >= 0 else {
            throw .badArguments("--\(name) \(text): want a whole number from 0 on")
        }
        return count
    }

    /// Seconds: a duration of Go's, or days or weeks; nil for none.
    static func age(_ text: String) throws(CtlError) -> Int64? {
        if text.isEmpty || text == "0" { return nil }
        for (unit, seconds) in [("d", 86_400), ("w", 604_800)] as [(String, Int64)]
        where text.hasSuffix(unit) {
            let (product, overflow) = (Int64(text.dropLast()) ?? -1)
                .multipliedReportingOverflow(by: seconds)
            if product > 0, !overflow { return product }
        }
        guard let nanoseconds = GoDuration.parse(text), nanoseconds > 0 else {
            throw .badArguments("--max-age \(text): want a duration such as 720h or 30d")
        }
        return max(1, nanoseconds / 1_000_000_000)
    }
}
