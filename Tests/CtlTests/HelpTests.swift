// SPDX-License-Identifier: Apache-2.0
import Testing

@testable import Ctl

struct HelpTests {
    private let table = CommandTable(.keelsonctl)

    @Test
    func `every command has a summary, a usage and examples that parse`() throws {
        #expect(table.commands.count > 50)
        for command in table.commands {
            #expect(!command.summary.isEmpty, "\(command.path)")
            #expect(command.usage.hasPrefix(command.path), "\(command.path)")
            #expect(!command.examples.isEmpty, "\(command.path)")
            for example in command.examples {
                let words = try #require(Words.split(example), "\(example)")
                let found = table.find(words)
                guard case .command(let meant) = found.place else {
                    Issue.record("\(example) is no command")
                    continue
                }
                #expect(meant.path == command.path, "\(example)")
                do throws(FlagFailure) {
                    _ = try FlagSet(parsing: found.rest, table.globalFlags + command.flags)
                } catch {
                    Issue.record("\(example): \(error.text)")
                }
            }
        }
    }

    @Test
    func `every command has help, with examples under our own name only`() {
        for command in table.commands {
            let help = CtlRun(command.words + ["--help"])
            #expect(help.code == 0 && help.errors.isEmpty, "\(command.path)")
            #expect(help.output.hasPrefix("NAME:\n\t\(command.path) - "))
            #expect(help.output.contains("EXAMPLES:\n\tkeelsonctl \(command.words[0])"))
        }
        for command in CommandTable(.etcdctl).commands {
            let help = CtlRun(command.words + ["--help"], as: .etcdctl)
            #expect(help.code == 0 && !help.output.contains("EXAMPLES"))
            #expect(!help.output.contains("keelsonctl"), "\(command.path)")
        }
        #expect(CtlRun([]).output.contains("\talarm disarm\t\tDisarms all alarms\n"))
        #expect(CtlRun(["lease", "bogus"]).output.contains("\tgrant\t\tCreates leases\n"))
    }

    @Test
    func `the columns of help are aligned`() {
        for command in table.commands {
            let lines = CtlRun(command.words + ["--help"]).output.split(separator: "\n")
            for section in ["OPTIONS:", "GLOBAL OPTIONS:"] {
                guard let start = lines.firstIndex(of: Substring(section)) else { continue }
                let rows = lines[(start + 1)...].prefix { $0.hasPrefix("  ") }
                let starts = Set(rows.map(column))
                #expect(starts.count == 1, "\(command.path) \(section)")
            }
        }
    }

    /// Where the text behind the tabs begins.
    private func column(_ line: Substring) -> Int {
        var column = 0
        var hasTab = false
        for letter in line {
            if letter == "\t" {
                column = (column / 8 + 1) * 8
                hasTab = true
            } else if hasTab {
                return column
            } else {
                column += 1
            }
        }
        return column
    }

    @Test
    func `the name it is started with decides`() {
        #expect(Personality(startedAs: "/usr/bin/etcdctl") == .etcdctl)
        #expect(Personality(startedAs: "etcdutl") == .etcdutl)
        #expect(Personality(startedAs: "./bin/anything") == .keelsonctl)
        #expect(
            CtlRun(["version"], as: .etcdctl).output
                == "etcdctl version: 3.5.1\nAPI version: 3.5\n")
        #expect(CtlRun(["version"]).output.hasPrefix("keelsonctl version: "))
        #expect(CtlRun(["get", "a"], as: .etcdutl).errors.contains("for \"etcdutl\""))
        #expect(CtlRun(["version", "--quiet"]).code == 0)
        #expect(CtlRun(["version", "--quiet"], as: .etcdctl).errors.contains("unknown flag"))
    }

    @Test(arguments: [
        ("putt", ["put", "auth"]), ("gett", ["get"]), ("el", ["get", "del", "elect"]),
        ("zzzzzz", []), ("LEASE", ["lease"]), ("migrat", []),
    ])
    func `a slip of the pen is answered with what is near`(_ word: String, _ near: [String]) {
        #expect(CommandTable(.etcdctl).suggestions(for: word) == near)
    }

    @Test(arguments: [("", "", 0), ("a", "", 1), ("kitten", "sitting", 3), ("get", "gte", 2)])
    func `letters apart`(_ left: String, _ right: String, _ distance: Int) {
        #expect(EditDistance.between(left, right) == distance)
        #expect(EditDistance.between(right, left) == distance)
    }

    @Test
    func `the API is chosen by a variable`() {
        let strange = CtlRun(["version"], environment: ["ETCDCTL_API=4"])
        #expect(strange.code == 1 && strange.errors == "unsupported API version: 4\n")
        #expect(CtlRun(["version"], environment: ["ETCDCTL_API=3"]).code == 0)
        let second = CtlRun(["version"], as: .etcdutl, environment: ["ETCDCTL_API=2"])
        #expect(second.code == 0)
    }

    @Test(arguments: ["bash", "zsh", "fish", "powershell"])
    func `completion knows every command and flag`(_ shell: String) {
        let script = CtlRun(["completion", shell]).output
        for command in table.commands {
            for word in command.words { #expect(script.contains(word)) }
            for flag in command.flags { #expect(script.contains(flag.name)) }
        }
        #expect(CtlRun(["completion", "cmd"]).code == 1)
        #expect(CtlRun(["completion"]).code == 1)
    }
}
