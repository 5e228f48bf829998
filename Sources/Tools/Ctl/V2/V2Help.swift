// SPDX-License-Identifier: Apache-2.0

/// Help in the layout of the old tool.
struct V2Help: Sendable {
    /// How the program was called.
    let name: String
    let version: String

    var versionLines: String { "\(name) version: \(version)\nAPI version: 2\n" }

    func root() -> String {
        let rows =
            V2Table.helpOrder.map { (names: $0, help: V2Table.summary(of: $0)) } + [
                (names: "help, h", help: "Shows a list of commands or help for one command")
            ]
        return """
            NAME:
               \(name) - A simple command line client for etcd.

            USAGE:
               \(name) [global options] command [command options] [arguments...]

            VERSION:
               \(version)

            COMMANDS:
            \(Self.columns(rows))
            GLOBAL OPTIONS:
            \(Self.columns(V2Globals.table.map(Self.row)))
            """
    }

    func command(_ command: V2Command) -> String {
        let options = command.flags.isEmpty ? "" : " [command options]"
        var text = """
            NAME:
               \(name) \(command.path) - \(command.summary)

            USAGE:
               \(name) \(command.path)\(options) \(command.usage)

            """
        if !command.description.isEmpty {
            text += "\nDESCRIPTION:\n   " + command.description.joined(separator: "\n   ") + "\n"
            text = text.replacing("\n   \n", with: "\n\n")
        }
        if !command.flags.isEmpty {
            text += "\nOPTIONS:\n" + Self.columns(command.flags.map(Self.row)).dropLast()
            text += "\n   \n"
        }
        return text
    }

    /// Nothing under etcdctl's name.
    func examples(_ command: V2Command) -> String {
        if name == "etcdctl" || command.examples.isEmpty { return "" }
        return "\nEXAMPLES:\n" + command.examples.map { "   \(name) \($0)\n" }.joined()
    }

    func group(_ group: V2Group) -> String {
        """
        NAME:
           \(name) \(group.name) - \(group.summary)

        USAGE:
           \(name) \(group.name) command [command options] [arguments...]

        COMMANDS:
        \(Self.columns(Self.rows(group)))
        OPTIONS:
           --help, -h  show help
           \n
        """
    }

    /// What `member help` shows.
    func groupAsProgram(_ group: V2Group) -> String {
        """
        NAME:
           \(name) \(group.name) - \(group.summary)

        USAGE:
           \(name) \(group.name) [global options] command [command options] [arguments...]

        VERSION:
           \(version)

        COMMANDS:
        \(Self.columns(Self.rows(group)))
        GLOBAL OPTIONS:
           --help, -h  show help

        """
    }

    // MARK: Rows

    private static func rows(_ group: V2Group) -> [(names: String, help: String)] {
        V2Table.members(of: group).map { ($0.lastWord, $0.summary) }
    }

    private static func row(_ flag: V2Flag) -> (names: String, help: String) {
        let placeholder = flag.names.contains("output") ? " simple" : " value"
        let names = flag.names.map { name in
            (name.count == 1 ? "-" : "--") + name + (flag.kind == .bool ? "" : placeholder)
        }
        return (names.joined(separator: ", "), flag.help)
    }

    private static func columns(_ rows: [(names: String, help: String)]) -> String {
        let width = rows.map(\.names.count).max() ?? 0
        return rows.map { row in
            let gap = String(repeating: " ", count: width - row.names.count + 2)
            return "   \(row.names)\(gap)\(row.help)\n"
        }.joined()
    }
}
