// SPDX-License-Identifier: Apache-2.0

/// One command of the v2 mode.
struct V2Command: Sendable {
    /// `set`, or `member add`.
    let path: String
    /// Behind the flags in help.
    let usage: String
    let summary: String
    let description: [String]
    let flags: [V2Flag]
    /// Whole command lines, without the program's name.
    let examples: [String]
    let run: @Sendable (V2Call) throws(V2Failure) -> Void

    init(
        _ path: String, usage: String, _ summary: String, description: [String] = [],
        flags: [V2Flag] = [], examples: [String],
        run: @escaping @Sendable (V2Call) throws(V2Failure) -> Void
    ) {
        self.path = path
        self.usage = usage
        self.summary = summary
        self.description = description
        self.flags = flags
        self.examples = examples
        self.run = run
    }

    var lastWord: String { path.split(separator: " ").last.map(String.init) ?? path }
}

/// Commands with their first word in common.
struct V2Group: Sendable {
    let name: String
    let summary: String
}

/// All commands.
enum V2Table {
    static let groups = [
        V2Group(name: "member", summary: "member add, remove and list subcommands"),
        V2Group(name: "user", summary: "user add, grant and revoke subcommands"),
        V2Group(name: "role", summary: "role add, grant and revoke subcommands"),
        V2Group(name: "auth", summary: "overall auth controls"),
    ]

    /// Those of a group in the order of its help.
    static let commands: [V2Command] =
        [
            V2BackupCommand.row, V2ClusterHealthCommand.row, V2MkCommand.row, V2RmCommand.row,
            V2RmdirCommand.row, V2GetCommand.row, V2LsCommand.row, V2SetCommand.row,
            V2UpdateCommand.row, V2WatchCommand.row, V2ExecWatchCommand.row,
        ] + V2DirectoryCommands.rows + V2MemberCommands.rows + V2UserCommands.rows
        + V2RoleCommands.rows + V2AuthCommands.rows

    static let helpOrder = [
        "backup", "cluster-health", "mk", "mkdir", "rm", "rmdir", "get", "ls", "set", "setdir",
        "update", "updatedir", "watch", "exec-watch", "member", "user", "role", "auth",
    ]

    static func summary(of word: String) -> String {
        commands.first { $0.path == word }?.summary
            ?? groups.first { $0.name == word }?.summary ?? ""
    }

    static func members(of group: V2Group) -> [V2Command] {
        commands.filter { $0.path.hasPrefix(group.name + " ") }
    }

    static func command(_ group: V2Group, _ word: String) -> V2Command? {
        commands.first { $0.path == "\(group.name) \(word)" }
    }
}
