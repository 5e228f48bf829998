// SPDX-License-Identifier: Apache-2.0
import Testing

@testable import Ctl

struct FlagTests {
    private func parse(_ words: [String]) throws(FlagFailure) -> FlagSet {
        try FlagSet(parsing: words, GlobalFlags.table + GetCommand.flags)
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
        let (place, left) = try CommandTable.find(words)
        guard case .command(let command) = place else {
            Issue.record("\(words) is no command")
            return
        }
        #expect(command.path == path)
        #expect(left == rest)
    }

    @Test
    func `what is not done here is refused by its name`() {
        let lock = CtlRun(["lock", "name"])
        #expect(lock.code == 4 && lock.errors.contains("lock: not supported"))
        let user = CtlRun(["user", "add", "x"])
        #expect(user.code == 4 && user.errors.contains("user add: users and roles"))
        let key = CtlRun(["get", "a", "--cacert", "x"])
        #expect(key.code == 128 && key.errors.contains("--cacert: TLS is not supported"))
        let login = CtlRun(["get", "a"], environment: ["ETCDCTL_USER=root:x"])
        #expect(login.code == 128 && login.errors.contains("--user: logging in"))
        let folder = CtlRun(["defrag", "--data-dir", "x"])
        #expect(folder.code == 4 && folder.errors.contains("--data-dir"))
        #expect(CtlRun(["version", "--insecure-transport=true"]).code == 0)
        #expect(CtlRun(["version", "--insecure-transport=false"]).code == 128)
    }

    @Test
    func `variables stand for flags, and are refused when wrong`() {
        #expect(CtlRun(["version"], environment: ["ETCDCTL_WRITE_OUT=bogus"]).code == 4)
        #expect(CtlRun(["version"], environment: ["ETCDCTL_HEX=x"]).code == 128)
        let unknown = CtlRun(["version"], environment: ["ETCDCTL_FOO=x", "ETCDCTL_API=3"])
        #expect(unknown.errors == "warning: unrecognized environment variable ETCDCTL_FOO=x\n")
        let both = CtlRun(["version", "--hex"], environment: ["ETCDCTL_HEX=true"])
        #expect(both.code == 0 && both.errors.contains("--hex is given"))
    }

    @Test
    func `every command has help`() {
        for command in CommandTable.commands + CommandTable.refused {
            let help = CtlRun(command.words + ["--help"])
            #expect(help.code == 0 && help.errors.isEmpty)
            #expect(help.output.hasPrefix("NAME:\n\t\(command.path) - "))
        }
        #expect(CtlRun([]).output.contains("COMMANDS:\n\talarm disarm\t\tDisarms all alarms\n"))
        #expect(CtlRun(["bogus"]).code == 1)
        #expect(CtlRun(["lease", "bogus"]).output.contains("\tgrant\t\tCreates leases\n"))
    }
}
