// SPDX-License-Identifier: Apache-2.0

/// What --help prints, laid out as etcdctl does; under our own name with examples.
struct Help {
    private let table: CommandTable
    private let personality: Personality

    init(_ table: CommandTable) {
        self.table = table
        personality = table.personality
    }

    func root() -> String {
        let rows =
            shown(table.commands).map { ($0.path, $0.summary) } + [
                ("help", "Help about any command")
            ]
        return head(personality.name, personality.summary, "[flags]")
            + "\nVERSION:\n\t\(personality.version)\n" + Self.apiVersion
            + commands(rows.sorted { $0.0 < $1.0 })
            + options("OPTIONS", table.globalFlags + [.help(of: personality.name)])
    }

    func group(_ group: CommandGroup) -> String {
        let rows = shown(table.commands).filter { $0.words.first == group.name }
        return head(group.name, group.summary, "\(group.name) \(group.usage) [flags]")
            + Self.apiVersion
            + commands(rows.map { ($0.name, $0.summary) })
            + options("OPTIONS", group.flags + [.help(of: group.name)])
            + options("GLOBAL OPTIONS", table.globalFlags) + "\n"
    }

    func command(_ command: Command) -> String {
        let group = table.groups.first { $0.name == command.words.first }
        let inherited = group?.flags ?? []
        let own = command.flags.filter { flag in !inherited.contains { $0.name == flag.name } }
        var text = head(command.path, command.summary, "\(command.usage) [flags]") + "\n"
        if !command.description.isEmpty {
            text += "DESCRIPTION:\n" + command.description.map { "\t\($0)\n" }.joined() + "\n"
        }
        if personality.explains, !command.examples.isEmpty {
            let lines = command.examples.map { "\t\(personality.name) \($0)\n" }
            text += "EXAMPLES:\n" + lines.joined() + "\n"
        }
        return text + options("OPTIONS", own + [.help(of: command.name)])
            + options("GLOBAL OPTIONS", table.globalFlags + inherited) + "\n"
    }

    /// Under an upstream name only what that release has.
    private func shown(_ commands: [Command]) -> [Command] {
        commands.filter { personality.explains || !$0.isNewer }
    }

    private static let apiVersion = "\nAPI VERSION:\n\t\(CtlProgram.apiVersion)\n\n"

    private func head(_ name: String, _ summary: String, _ usage: String) -> String {
        "NAME:\n\t\(name) - \(summary)\n\nUSAGE:\n\t\(personality.name) \(usage)\n"
    }

    private func commands(_ rows: [(String, String)]) -> String {
        "\nCOMMANDS:\n" + columns(rows.map { ("\t" + $0.0, $0.1) }, indent: 1) + "\n"
    }

    private func options(_ title: String, _ flags: [CtlFlag]) -> String {
        let known = flags.filter { personality.explains || !$0.isNewer }
        let rows = known.sorted { $0.name < $1.name }.map { flag in
            let head = flag.short.map { "  -\($0), " } ?? "      "
            return ("\(head)--\(flag.name)\(Self.shown(flag))", flag.help)
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
    private func columns(_ rows: [(String, String)], indent: Int) -> String {
        let longest = rows.map { $0.0.count - indent }.max() ?? 0
        let width = (longest + 8) / 8 * 8
        return rows.map { head, help in
            let gap = width - (head.count - indent)
            return head + String(repeating: "\t", count: (gap + 7) / 8) + help + "\n"
        }.joined()
    }
}
