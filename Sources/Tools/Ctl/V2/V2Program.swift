// SPDX-License-Identifier: Apache-2.0

// etcdctl's v2 mode: the commands of ETCDCTL_API=2, with the output, the error texts and the exit
// codes of etcdctl 3.4, over the /v2 HTTP API.
//
//   V2Program        arguments in, exit code out; which command a word means
//   V2Table          every command: a row with its words, flags, help and what it runs
//   V2FlagSet        arguments to values by the rules of Go's flag package and urfave/cli
//   V2Help           help texts
//   V2Globals        the flags in front of the command, and the environment
//   V2Client         endpoints, their sync with the cluster, and which is asked next
//   V2Keys           /v2/keys as calls
//   V2Response       what /v2/keys answers, and the three printers: simple, extended, json
//   Commands/        one file a command, or a group of commands
//
// Help texts are those of the old tool, with examples behind them when this is called keelsonctl.
// Two habits of the old tool are not copied: endpoints are asked in the order given, not shuffled,
// and commands of exec-watch run one after the other.

package enum V2Program {
    /// Commands that v3 does not have under these names; `member add NAME URL` is the old form.
    package static let onlyHere: Set<String> = [
        "set", "mk", "mkdir", "setdir", "update", "updatedir", "ls", "rm", "rmdir", "exec-watch",
        "cluster-health", "member add",
    ]

    /// What etcdctl's own name stands for; the last release with this mode.
    private static let etcdctlVersion = "3.5.1"

    /// `name` is how the program was called: keelsonctl or etcdctl.
    package static func run(
        _ arguments: [String], environment: [String], console: Console, name: String
    ) -> Int32 {
        let help = V2Help(
            name: name, version: name == "etcdctl" ? etcdctlVersion : CtlProgram.version)
        let program = V2Run(help: help, environment: environment, console: console)
        do throws(V2Failure) {
            try program.run(arguments)
            return 0
        } catch {
            console.writeError(error.text)
            return error.code
        }
    }
}

/// The end of the program, with what standard error says last.
struct V2Failure: Error, Equatable {
    var code: Int32
    var text: String

    static let badArguments: Int32 = 1
    static let badConnection: Int32 = 2
    static let noTopic: Int32 = 3
    static let serverError: Int32 = 4
    static let unhealthy: Int32 = 5

    /// The text alone, on a line of its own.
    static func plain(_ text: String, code: Int32 = badArguments) -> V2Failure {
        V2Failure(code: code, text: text + "\n")
    }

    /// As the old tool reports errors of calls.
    static func error(_ text: String, detail: String? = nil, code: Int32) -> V2Failure {
        V2Failure(code: code, text: "Error:  \(text)\n" + (detail.map { $0 + "\n" } ?? ""))
    }

    static let keyRequired = V2Failure.error("key required", code: badArguments)
}

/// One command line.
private struct V2Run {
    let help: V2Help
    let environment: [String]
    let console: Console

    func run(_ arguments: [String]) throws(V2Failure) {
        let flags: V2FlagSet
        do throws(V2FlagError) {
            flags = try V2FlagSet(parsing: arguments, V2Globals.table)
        } catch {
            console.write("Incorrect Usage. \(error.text)\n\n" + help.root())
            throw .plain(error.text)
        }
        if flags.bool("help") { return console.write(help.root()) }
        if flags.bool("version") { return console.write(help.versionLines) }
        guard let word = flags.arguments.first else { return console.write(help.root()) }
        let rest = Array(flags.arguments.dropFirst())
        if word == "help" || word == "h" { return try showHelp(of: rest.first) }
        if let command = V2Table.commands.first(where: { $0.path == word }) {
            return try run(command, rest, globals: flags)
        }
        guard let group = V2Table.groups.first(where: { $0.name == word }) else {
            throw noTopic(word)
        }
        try run(group, rest, globals: flags)
    }

    private func noTopic(_ word: String) -> V2Failure {
        .plain("No help topic for '\(word)'", code: V2Failure.noTopic)
    }

    private func showHelp(of word: String?) throws(V2Failure) {
        guard let word else { return console.write(help.root()) }
        if let command = V2Table.commands.first(where: { $0.path == word }) {
            return console.write(help.command(command) + help.examples(command))
        }
        guard let group = V2Table.groups.first(where: { $0.name == word }) else {
            throw noTopic(word)
        }
        console.write(help.group(group))
    }

    // MARK: Groups

    private func run(
        _ group: V2Group, _ arguments: [String], globals: V2FlagSet
    ) throws(V2Failure) {
        let flags: V2FlagSet
        do throws(V2FlagError) {
            flags = try V2FlagSet(parsing: arguments, [V2Flag.help])
        } catch {
            console.write("Incorrect Usage. \(error.text)\n\n" + help.group(group))
            throw .plain(error.text)
        }
        guard !flags.bool("help"), let word = flags.arguments.first else {
            return console.write(help.group(group))
        }
        let rest = Array(flags.arguments.dropFirst())
        if word == "help" || word == "h" {
            guard let topic = rest.first else { return console.write(help.groupAsProgram(group)) }
            guard let command = V2Table.command(group, topic) else { throw noTopic(topic) }
            return console.write(help.command(command) + help.examples(command))
        }
        guard let command = V2Table.command(group, word) else { throw noTopic(word) }
        try run(command, rest, globals: globals)
    }

    // MARK: Commands

    private func run(
        _ command: V2Command, _ arguments: [String], globals: V2FlagSet
    ) throws(V2Failure) {
        let flags: V2FlagSet
        do throws(V2FlagError) {
            let table = command.flags + [V2Flag.help]
            flags = try V2FlagSet(parsing: V2FlagSet.reordered(arguments, table), table)
        } catch {
            console.write("Incorrect Usage: \(error.text)\n\n" + help.command(command))
            throw .plain(error.text)
        }
        if flags.bool("help") {
            return console.write(help.command(command) + help.examples(command))
        }
        try command.run(
            V2Call(
                flags: flags, globals: V2Globals(globals, environment), console: console,
                environment: environment, name: help.name))
    }
}
