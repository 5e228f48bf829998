// SPDX-License-Identifier: Apache-2.0

/// What --help prints, laid out as etcdctl does.
enum Help {
    static func root() -> String {
        let rows =
            CommandTable.commands.map { ($0.path, $0.summary) } + [
                ("help", "Help about any command")
            ]
        return head(CtlProgram.name, "A simple command line client for etcd3.", "[flags]")
            + "\nVERSION:\n\t\(CtlProgram.version)\n" + apiVersion
            + commands(rows.sorted { $0.0 < $1.0 })
            + options("OPTIONS", GlobalFlags.table + [.help(of: CtlProgram.name)]) + "\n"
    }

    static func group(_ group: CommandGroup) -> String {
        let rows = CommandTable.commands.filter { $0.words.first == group.name }
        return head(group.name, group.summary, "\(group.name) <subcommand> [flags]") + apiVersion
            + commands(rows.map { ($0.name, $0.summary) })
            + options("OPTIONS", group.flags + [.help(of: group.name)])
            + options("GLOBAL OPTIONS", GlobalFlags.table) + "\n"
    }

    static func command(_ command: Command) -> String {
        let group = CommandTable.groups.first { $0.name == command.words.first }
        let inherited = group?.flags ?? []
        let own = command.flags.filter { flag in !inherited.contains { $0.name == flag.name } }
        var text = head(command.path, command.summary, "\(command.usage) [flags]") + "\n"
        if !command.description.isEmpty {
            text += "DESCRIPTION:\n" + command.description.map { "\t\($0)\n" }.joined() + "\n"
        }
        return text + options("OPTIONS", own + [.help(of: command.name)])
            + options("GLOBAL OPTIONS", GlobalFlags.table + inherited) + "\n"
    }

    private static let apiVersion = "\nAPI VERSION:\n\t\(CtlProgram.apiVersion)\n\n"

    private static func head(_ name: String, _ summary: String, _ usage: String) -> String {
        "NAME:\n\t\(name) - \(summary)\n\nUSAGE:\n\t\(CtlProgram.name) \(usage)\n"
    }

    private static func commands(_ rows: [(String, String)]) -> String {
        "\nCOMMANDS:\n" + columns(rows.map { ("\t" + $0.0, $0.1) }, indent: 1) + "\n"
    }

    private static func options(_ title: String, _ flags: [CtlFlag]) -> String {
        let rows = flags.sorted { $0.name < $1.name }.map { flag in
            let head = flag.short.map { "  -\($0), " } ?? "      "
            return ("\(head)--\(flag.name)\(shown(flag))", flag.help)
        }
        let end = title == "OPTIONS" ? "\n" : ""
        return "\(title):\n" + columns(rows, indent: 0) + end
    }

    private static func shown(_ flag: CtlFlag) -> String {
        switch flag.kind {
        case .bool: "[=\(flag.standard)]"
        case .text: "=\"\(flag.standard)\""
        case .list: "=[\(flag.standard)]"
        case .int64, .duration: "=\(flag.standard)"
        }
    }

    /// Two columns with tabs between, stops at each eighth place. The first `indent` letters of
    /// a row are tabs of their own.
    private static func columns(_ rows: [(String, String)], indent: Int) -> String {
        let longest = rows.map { $0.0.count - indent }.max() ?? 0
        let width = (longest + 8) / 8 * 8
        return rows.map { head, help in
            let gap = width - (head.count - indent)
            return head + String(repeating: "\t", count: (gap + 7) / 8) + help + "\n"
        }.joined()
    }
}
