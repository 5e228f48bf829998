// SPDX-License-Identifier: Apache-2.0
internal import Bytes
internal import Posix

// etcdctl's commands, in its own words: syntax, output and exit codes are those of etcdctl 3.5.
//
//   CtlProgram    arguments in, exit code out
//   Personality   keelsonctl, etcdctl or etcdutl, by the name it was started with
//   CommandTable  every command: a row with its words, flags, examples and what it runs
//   Flags/        arguments to values, by the rules of pflag, which etcdctl uses
//   Commands/     one file per command: arguments → calls → an Answer
//   Sessions/     locks, elections and what else needs a lease that is kept alive
//   Load/         many calls at a time, for `check`
//   Offline/      commands on files, which etcdutl has too
//   V2/           the second API: commands, flags and printers of its own
//   Printers/     Answer → bytes for each output format; no input or output of their own
//   Text/         quoting, tables, transactions as text, completion scripts
//   Console       the three standard streams, so that tests can be the terminal
//
//      arguments ─► CommandTable ─► FlagSet ─► command ─► Client ─► Answer ─► printer ─► Console
//
// An error is one line, `Error: …`, on standard error, as etcdctl writes it. Started as keelsonctl
// there are more lines: which endpoint it was, and what to do next. Codes are in `ExitCode`.

/// keelsonctl, from its command line to its exit code.
package enum CtlProgram {
    package static let version = "0.1.0"
    /// What etcdctl calls the API version: the command line follows this release.
    package static let apiVersion = "3.5"

    /// NAME=value lines of this process.
    package static var environment: [String] { ChildProcess.environment }

    /// `words` begin with the program's own path.
    package static func main(_ words: [String], environment: [String]) -> Int32 {
        Signals.ignoreBrokenPipes()
        return run(
            Array(words.dropFirst()), as: Personality(startedAs: words.first ?? ""),
            environment: environment, console: .standard)
    }

    package static func run(
        _ arguments: [String], as personality: Personality, environment: [String],
        console: Console
    ) -> Int32 {
        let line = CommandLineWords(arguments, personality, environment)
        switch line.api {
        case .second:
            return V2Program.run(
                arguments, environment: environment, console: console, name: personality.name)
        case .unknown(let text):
            console.writeError("unsupported API version: \(text)\n")
            return ExitCode.error.rawValue
        case .third: break
        }
        do throws(CtlError) {
            try Dispatch(personality, environment, console).run(arguments)
            return 0
        } catch {
            return report(error, personality, console)
        }
    }

    private static func report(
        _ error: CtlError, _ personality: Personality, _ console: Console
    ) -> Int32 {
        switch error {
        case .failed(let code, let text):
            console.writeError("Error: \(text)\n")
            return code.rawValue
        case .call(let code, let text, let failure):
            console.writeError("Error: \(text)\n")
            if personality.explains { console.writeError(Advice.text(failure)) }
            return code.rawValue
        case .told(let code): return code.rawValue
        case .exited(let code): return code
        case .misused(let text, let help):
            console.writeError("Error: \(text)\n")
            console.write(help)
            return ExitCode.error.rawValue
        }
    }
}

/// Which API a command line means.
private struct CommandLineWords {
    enum API {
        case second, third
        case unknown(String)
    }

    let api: API

    /// ETCDCTL_API says so; without it words that only the second API knows.
    init(_ arguments: [String], _ personality: Personality, _ environment: [String]) {
        let prefix = "ETCDCTL_API="
        let told = environment.last { $0.hasPrefix(prefix) }?.dropFirst(prefix.utf8.count) ?? ""
        if personality == .etcdutl {
            api = .third
        } else if told == "2" {
            api = .second
        } else if told == "3" {
            api = .third
        } else if !told.isEmpty {
            api = .unknown(String(told))
        } else {
            api = Self.isOld(arguments, CommandTable(personality)) ? .second : .third
        }
    }

    private static func isOld(_ arguments: [String], _ table: CommandTable) -> Bool {
        var rest = arguments
        guard let first = table.takeWord(&rest) else { return false }
        if V2Program.onlyHere.contains(first) { return true }
        guard table.personality.explains, V2Program.onlyHere.contains("member add"),
            first == "member", table.takeWord(&rest) == "add"
        else { return false }
        // `member add NAME URL`: the third API takes the URL by a flag.
        let isURL = rest.count == 2 && rest.last?.hasPrefix("http") == true
        return isURL && !rest.contains { $0.hasPrefix("-") }
    }
}

/// From the words of a command line to the command that runs.
private struct Dispatch {
    private let table: CommandTable
    private let help: Help
    private let personality: Personality
    private let environment: [String]
    private let console: Console

    init(_ personality: Personality, _ environment: [String], _ console: Console) {
        table = CommandTable(personality)
        help = Help(table)
        self.personality = personality
        self.environment = environment
        self.console = console
    }

    func run(_ arguments: [String]) throws(CtlError) {
        let found = table.find(arguments)
        if let topic = found.unknownTopic {
            console.writeError("Unknown help topic [`\(topic)`]\n")
        }
        switch found.place {
        case .root: try showRoot(found.rest)
        case .group(let group):
            let text = help.group(group)
            _ = try parse(found.rest, table.globalFlags + group.flags, { text })
            console.write(text)
        case .command(let command): try run(command, found.rest)
        }
    }

    private func run(_ command: Command, _ rest: [String]) throws(CtlError) {
        let text = { self.help.command(command) }
        let flags = try parse(rest, table.globalFlags + command.flags, text)
        if flags.isHelpWanted { return console.write(text()) }
        if let refusal = command.refusal { throw .failed(.badFeature, refusal) }
        let globals = GlobalFlags(flags, personality, environment)
        try command.run(
            Invocation(
                personality: personality, flags: flags, globals: globals,
                environment: environment, console: console))
    }

    private func showRoot(_ rest: [String]) throws(CtlError) {
        let text = help.root()
        let flags = try parse(rest, table.globalFlags, { text })
        if !flags.isHelpWanted, let word = flags.arguments.first {
            let name = personality.name
            var said = "unknown command \"\(word)\" for \"\(name)\"\n"
            let near = table.suggestions(for: word)
            if !near.isEmpty {
                said += "\nDid you mean this?\n" + near.map { "\t\($0)\n" }.joined() + "\n"
            }
            throw .failed(.error, said + "Run '\(name) --help' for usage.")
        }
        console.write(text)
    }

    private func parse(
        _ arguments: [String], _ table: [CtlFlag], _ help: () -> String
    ) throws(CtlError) -> FlagSet {
        do throws(FlagFailure) {
            return try FlagSet(parsing: arguments, table)
        } catch {
            throw .misused(error.text, help: help())
        }
    }
}
