// SPDX-License-Identifier: Apache-2.0
import Bytes
import Testing

@testable import Program

@Suite struct FlagTests {
    static let table = FlagTable([
        row("name", .text, "default"), row("count", .uint64, "10"), row("quota", .int64, "0"),
        row("streams", .uint32, "1"), row("wait", .duration, "5s"), row("force", .bool, "false"),
        row("state", .choice(["new", "existing"]), "new"),
        row("hidden", .text, "", .refused("why")),
    ])

    static func row(
        _ name: String, _ kind: FlagKind, _ standard: String, _ status: FlagStatus = .supported
    ) -> FlagRow {
        FlagRow(
            name: name, variable: "T_" + name.uppercased(), key: name, kind: kind,
            standard: standard, help: "Help of \(name).", since: "1.0", status: status)
    }

    private func parse(_ arguments: String...) throws(FlagError) -> ParsedFlags {
        try FlagParser.parse(arguments, Self.table)
    }

    @Test func `one dash or two, with and without an equals sign`() throws {
        let parsed = try parse(
            "-name", "a", "--count=7", "--wait", "1m", "-quota=-5", "--force", "--state=existing",
            "--streams=0x10", "--name=b=c", "rest", "--count=1")
        #expect(parsed["name"] == .text("b=c"))
        #expect(parsed["count"] == .uint64(7))
        #expect(parsed["wait"] == .duration(60_000_000_000))
        #expect(parsed["quota"] == .int64(-5))
        #expect(parsed["force"] == .bool(true))
        #expect(parsed["state"] == .text("existing"))
        #expect(parsed["streams"] == .uint64(16))
        #expect(parsed["hidden"] == nil)
        #expect(parsed.arguments == ["rest", "--count=1"])
    }

    @Test func `a bool takes its value only by an equals sign`() throws {
        let parsed = try parse("--force", "false")
        #expect(parsed["force"] == .bool(true))
        #expect(parsed.arguments == ["false"])
        #expect(try parse("--force=F")["force"] == .bool(false))
    }

    @Test func `two dashes and a single dash end the flags`() throws {
        #expect(try parse("--", "--name").arguments == ["--name"])
        #expect(try parse("-", "--name").arguments == ["-", "--name"])
        #expect(try parse("--name=", "x")["name"] == .text(""))
        #expect(try parse("--name", "--count")["name"] == .text("--count"))
    }

    @Test(arguments: [
        ("--nope", "flag provided but not defined: -nope"),
        ("--count", "flag needs an argument: -count"),
        ("--count=abc", "invalid value \"abc\" for flag -count: parse error"),
        ("--count=-1", "invalid value \"-1\" for flag -count: parse error"),
        (
            "--quota=9223372036854775808",
            "invalid value \"9223372036854775808\" for flag -quota: value out of range"
        ),
        ("--force=x", "invalid boolean value \"x\" for -force: parse error"),
        ("--wait=5", "invalid value \"5\" for flag -wait: parse error"),
        ("--state=foo", "invalid value \"foo\" for flag -state: invalid value"),
        ("---x", "bad flag syntax: ---x"), ("--=x", "bad flag syntax: --=x"),
        ("-=", "bad flag syntax: -="),
    ])
    func `mistakes are told as Go does`(_ argument: String, _ text: String) {
        #expect(throws: FlagError.wrong(text)) { try parse(argument) }
    }

    @Test(arguments: ["-h", "--help", "-help", "--h"])
    func `help is asked for in four ways`(_ argument: String) {
        #expect(throws: FlagError.helpWanted) { try parse("--name", "x", argument) }
    }

    @Test func `the table is found by name, variable and key`() {
        #expect(Self.table["wait"]?.standard == "5s")
        #expect(Self.table.row(variable: "T_WAIT")?.name == "wait")
        #expect(Self.table.row(key: "wait")?.name == "wait")
        #expect(Self.table.row(key: "") == nil)
        let usage = Self.table.usage()
        #expect(usage.contains("  --wait '5s'       Help of wait.\n"))
        #expect(!usage.contains("hidden"))
    }

    @Test func `no arguments crash the parser`() {
        var random = Random(seed: 9)
        let words = [
            "-", "--", "---", "=", "name", "count", "force", "wait", "1", "-1", "0x", "0", "é",
            "state", "1h", "", "99999999999999999999",
        ]
        for _ in 0..<20_000 {
            let arguments = (0..<random.below(4)).map { _ in
                (0..<random.below(4)).map { _ in words[random.below(words.count)] }.joined()
            }
            _ = try? FlagParser.parse(arguments, Self.table)
        }
    }
}
