// SPDX-License-Identifier: Apache-2.0
import Testing

@testable import Ctl

@Suite struct V2FlagTests {
    private let table = [
        V2Flag.ttl, V2Flag("recursive", "r", kind: .bool, ""), V2Flag("with-value", ""),
        V2Flag.help,
    ]

    private func parse(_ words: [String]) throws(V2FlagError) -> V2FlagSet {
        try V2FlagSet(parsing: V2FlagSet.reordered(words, table), table)
    }

    private func refusal(_ words: [String]) -> String? {
        do throws(V2FlagError) {
            _ = try parse(words)
            return nil
        } catch {
            return error.text
        }
    }

    @Test func `flags may stand behind the words`() throws {
        let flags = try parse(["k", "--ttl", "5", "v", "-r"])
        #expect(flags.int("ttl") == 5)
        #expect(flags.bool("recursive"))
        #expect(flags.arguments == ["k", "v"])
    }

    @Test func `a word that is no flag of ours is a value, even with a dash`() throws {
        #expect(try parse(["k", "-v"]).arguments == ["k", "-v"])
        #expect(try parse(["k", "--", "--ttl", "w"]).arguments == ["k", "--ttl", "w"])
        #expect(try parse(["--", "k", "--", "w"]).arguments == ["k", "--", "w"])
        #expect(try parse(["-r", "/", "--", "sh", "-r"]).arguments == ["/", "--", "sh", "-r"])
    }

    @Test(arguments: [
        (["--ttl"], "flag needs an argument: -ttl"),
        (["--ttl", "x", "k"], "invalid value \"x\" for flag -ttl: parse error"),
        (["--ttl", "0x", "k"], "invalid value \"0x\" for flag -ttl: parse error"),
        (
            ["--ttl=9223372036854775808"],
            "invalid value \"9223372036854775808\" for flag -ttl: value out of range"
        ),
        (["-r=2"], "invalid boolean value \"2\" for -r: parse error"),
        (["--bogus", "k"], "flag provided but not defined: -bogus"),
        (["---r"], "bad flag syntax: ---r"), (["-=1"], "bad flag syntax: -=1"),
        (["--recursive", "-r"], "Cannot use two forms of the same flag: r recursive"),
    ])
    func `bad flags are refused in the old words`(_ words: [String], _ text: String) {
        #expect(refusal(words) == text)
    }

    @Test func `numbers may be written in Go's ways`() {
        #expect(V2Number.parse("0x10") == 16)
        #expect(V2Number.parse("010") == 8)
        #expect(V2Number.parse("-5") == -5)
        #expect(V2Number.parse("+5") == 5)
        #expect(V2Number.parse("08") == nil)
        #expect(V2Number.parse("5.5") == nil)
        #expect(V2Number.parse("") == nil)
        #expect(V2Number.parse("--5") == nil)
    }

    @Test func `endpoints come from flags before variables, newest name first`() throws {
        func endpoints(_ words: [String], _ environment: [String]) throws -> [String] {
            V2Globals(try V2FlagSet(parsing: words, V2Globals.table), environment).endpoints
        }
        let variables = ["ETCDCTL_PEERS=p", "ETCDCTL_ENDPOINT=e"]
        #expect(try endpoints(["--endpoints", "a,b", "-C", "c"], variables) == ["a", "b"])
        #expect(try endpoints(["-C", "c"], variables) == ["e"])
        #expect(try endpoints([], ["ETCDCTL_PEERS=p"]) == ["p"])
        #expect(
            try endpoints([], []) == ["http://127.0.0.1:2379", "http://127.0.0.1:4001"])
    }

    @Test func `of exec-watch the key is in front of the dashes, else last`() throws {
        let dashed = try V2ExecWatchCommand.plan(["/a", "--", "sh", "-c", "x"])
        #expect(dashed.key == "/a")
        #expect(dashed.command == ["sh", "-c", "x"])
        let bare = try V2ExecWatchCommand.plan(["echo", "x", "/a"])
        #expect(bare.key == "/a")
        #expect(bare.command == ["echo", "x"])
        #expect(throws: V2Failure.self) { try V2ExecWatchCommand.plan(["/a"]) }
    }
}
