// SPDX-License-Identifier: Apache-2.0
internal import Bytes
internal import Posix

// etcdctl's commands, in its own words: syntax, output and exit codes are those of etcdctl 3.5.
//
//   CtlProgram    arguments in, exit code out
//   CommandTable  every command: a row with its words, flags and what it runs
//   Flags/        arguments to values, by the rules of pflag, which etcdctl uses
//   Commands/     one file per command: arguments → calls → an Answer
//   Printers/     Answer → bytes for each output format; no input or output of their own
//   Text/         quoting, tables, transactions as text
//   Console       the three standard streams, so that tests can be the terminal
//
//      arguments ─► CommandTable ─► FlagSet ─► command ─► Client ─► Answer ─► printer ─► Console
//
// A flag or command of etcdctl that is not done here is refused by its name, never passed over. An
// error is one line, `Error: …`, on standard error; codes are in `ExitCode`.

/// keelsonctl, from its command line to its exit code.
package enum CtlProgram {
    package static let name = "keelsonctl"
    package static let version = "0.1.0"
    /// What etcdctl calls the API version: the command line follows this release.
    package static let apiVersion = "3.5"

    /// NAME=value lines of this process.
    package static var environment: [String] { ChildProcess.environment }

    package static func main(arguments: [String], environment: [String]) -> Int32 {
        Signals.ignoreBrokenPipes()
        return run(arguments, environment: environment, console: .standard)
    }

    package static func run(
        _ arguments: [String], environment: [String], console: Console
    ) -> Int32 {
        do throws(CtlError) {
            try dispatch(arguments, environment, console)
            return 0
        } catch {
            return report(error, console)
        }
    }

    private static func report(_ error: CtlError, _ console: Console) -> Int32 {
        switch error {
        case .failed(let code, let text):
            console.writeError("Error: \(text)\n")
            return code.rawValue
        case .told(let code): return code.rawValue
        case .exited(let code): return code
        case .misused(let text, let help):
            console.writeError("Error: \(text)\n")
            console.write(help)
            return ExitCode.error.rawValue
        }
    }

    private static func dispatch(
        _ arguments: [String], _ environment: [String], _ console: Console
    ) throws(CtlError) {
        let (place, rest) = try CommandTable.find(arguments)
        switch place {
        case .root: try showHelp(Help.root(), place, rest, console)
        case .group(let group): try showHelp(Help.group(group), place, rest, console)
        case .command(let command):
            let help = { Help.command(command) }
            let flags = try parse(rest, GlobalFlags.table + command.flags, help)
            if flags.isHelpWanted { return console.write(help()) }
            if let refusal = command.refusal { throw .failed(.badFeature, refusal) }
            let globals = try GlobalFlags(flags, environment, console)
            try command.run(
                Invocation(
                    flags: flags, globals: globals, environment: environment, console: console))
        }
    }

    private static func showHelp(
        _ text: String, _ place: CommandTable.Place, _ rest: [String], _ console: Console
    ) throws(CtlError) {
        let flags = try parse(rest, GlobalFlags.table, { text })
        if place.isRoot, !flags.isHelpWanted, let word = flags.arguments.first {
            throw .failed(
                .error,
                "unknown command \"\(word)\" for \"\(name)\"\nRun '\(name) --help' for usage.")
        }
        console.write(text)
    }

    private static func parse(
        _ arguments: [String], _ table: [CtlFlag], _ help: () -> String
    ) throws(CtlError) -> FlagSet {
        do throws(FlagFailure) {
            return try FlagSet(parsing: arguments, table)
        } catch {
            throw .misused(error.text, help: help())
        }
    }
}
