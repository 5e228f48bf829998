// SPDX-License-Identifier: Apache-2.0
import Testing

@testable import Ctl

struct FlagTests {
    private func parse(_ words: [String]) throws(FlagFailure) -> FlagSet {
        try FlagSet(parsing: words, GlobalFlags.table(.keelsonctl) + GetCommand.flags)
    }

    private func complaint(_ words: [String]) -> String? {
        do throws(FlagFailure) {
            _ = try parse(words)
            return nil
        } catch {
            return error.text
        }
    }

    @Test
    func `flags and words come in any order`() throws {
        let flags = try parse(["--prefix", "a", "--limit", "3", "b", "-wjson", "--rev=0x10"])
        #expect(flags.arguments == ["a", "b"])
        #expect(flags.bool("prefix") && !flags.bool("keys-only"))
        #expect(flags.int64("limit") == 3 && flags.int64("rev") == 16)
        #expect(flags.text("write-out") == "json")
        #expect(flags.separator == nil)
    }

    @Test
    func `two dashes end the flags`() throws {
        let flags = try parse(["a", "--", "--prefix", "-w"])
        #expect(flags.arguments == ["a", "--prefix", "-w"])
        #expect(flags.separator == 1)
    }

    @Test
    func `lists add up, and replace their default`() throws {
        #expect(try parse([]).list("endpoints") == ["127.0.0.1:2379"])
        #expect(
            try parse(["--endpoints=a,b", "--endpoints", "c"]).list("endpoints") == ["a", "b", "c"])
    }

    @Test(arguments: [
        (["--bogus"], "unknown flag: --bogus"),
        (["-x"], "unknown shorthand flag: 'x' in -x"),
        (["--limit"], "flag needs an argument: --limit"),
        (["-w"], "flag needs an argument: 'w' in -w"),
        (["--=1"], "bad flag syntax: --=1"),
        (
            ["--rev", "x"],
            "invalid argument \"x\" for \"--rev\" flag: strconv.ParseInt: parsing \"x\": "
                + "invalid syntax"
        ),
        (
            ["--limit", "99999999999999999999"],
            "invalid argument \"99999999999999999999\" for \"--limit\" flag: strconv.ParseInt: "
                + "parsing \"99999999999999999999\": value out of range"
        ),
        (
            ["--prefix=maybe"],
            "invalid argument \"maybe\" for \"--prefix\" flag: strconv.ParseBool: parsing "
                + "\"maybe\": invalid syntax"
        ),
        (
            ["--command-timeout", "3"],
            "invalid argument \"3\" for \"--command-timeout\" flag: time: missing unit in "
                + "duration \"3\""
        ),
    ])
    func `what is wrong is said in pflag's words`(_ words: [String], _ text: String) {
        #expect(complaint(words) == text)
    }

    @Test(arguments: [
        (["get", "a"], "get", ["a"]),
        (["--endpoints", "x", "get", "a"], "get", ["--endpoints", "x", "a"]),
        (["lease", "grant", "5"], "lease grant", ["5"]),
        (["lease", "-w", "json", "gr", "5"], "lease grant", ["-w", "json", "5"]),
        (["mem", "list"], "member list", []), (["help", "put"], "put", ["--help"]),
        (["--hex", "get", "lease"], "get", ["--hex", "lease"]),
    ])
    func `the command is the first words that are no flags`(
        _ words: [String], _ path: String, _ rest: [String]
    ) throws {
        let found = CommandTable(.keelsonctl).find(words)
        guard case .command(let command) = found.place else {
            Issue.record("\(words) is no command")
            return
        }
        #expect(command.path == path)
        #expect(found.rest == rest)
    }

    @Test
    func `what is not done here is refused by its name`() {
        let migrate = CtlRun(["migrate", "--help"])
        #expect(migrate.code == 0 && migrate.output.contains("Not done here"))
        #expect(CtlRun(["migrate"]).code == 4)
        let authority = CtlRun(["get", "a", "--cacert", "/none"])
        #expect(authority.code == 128)
        #expect(authority.errors.contains("open /none: no such file or directory"))
        #expect(CtlRun(["get", "a"], environment: ["ETCDCTL_KEY=x"]).code == 128)
        let noDNS = ["KEELSON_RESOLV_CONF=/none"]
        #expect(
            CtlRun(["get", "a", "--discovery-srv=x"], environment: noDNS).errors.contains(
                "dns lookup errors: lookup _etcd-client-ssl._tcp.x: there is no name server and "))
        #expect(CtlRun(["get", "a", "--cert="]).errors.contains("empty string is passed"))
        #expect(CtlRun(["make-mirror", "x", "--dest-cert=y"]).code == 128)
    }

    @Test
    func `variables stand for flags, which beat them`() throws {
        func flags(_ words: [String], _ environment: [String]) throws -> GlobalFlags {
            GlobalFlags(try parse(words), .keelsonctl, environment)
        }
        #expect(try flags([], ["ETCDCTL_HEX=true"]).hex)
        #expect(try flags([], ["ETCDCTL_ENDPOINTS=a,b"]).endpoints == ["a", "b"])
        #expect(try flags([], ["ETCDCTL_WRITE_OUT=bogus"]).problem != nil)
        #expect(try flags([], ["ETCDCTL_WRITE_OUT="]).problem == nil)
        let both = try flags(["-w", "json"], ["ETCDCTL_WRITE_OUT=table"])
        #expect(both.format == .json && both.warnings.map(\.variable) == ["ETCDCTL_WRITE_OUT"])
        let unknown = try flags([], ["ETCDCTL_FOO=x", "ETCDCTL_API=3", "FOO=y"])
        #expect(
            unknown.warnings.map { $0.line(.keelsonctl) } == [
                "warning: unrecognized environment variable: ETCDCTL_FOO=x\n"
            ])
        #expect(unknown.warnings[0].line(.etcdctl).hasPrefix("{\"level\":\"warn\""))
        let wrong = try flags([], ["ETCDCTL_HEX=maybe"])
        #expect(!wrong.hex && wrong.problem == nil && wrong.warnings.count == 1)
        #expect(try flags(["--password=x", "--debug"], []).listing.contains("PASSWORD=********"))
    }
}
