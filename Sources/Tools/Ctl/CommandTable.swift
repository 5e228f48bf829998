// SPDX-License-Identifier: Apache-2.0

/// One command: its words, what help says, its flags, and what it does.
struct Command: Sendable {
    /// `put`, or `lease grant`.
    let path: String
    /// Behind the program's name in help.
    let usage: String
    let summary: String
    let description: [String]
    let flags: [CtlFlag]
    /// Of a command of etcdctl that is not done here.
    let refusal: String?
    let run: @Sendable (Invocation) throws(CtlError) -> Void

    init(
        _ path: String, usage: String, _ summary: String, description: [String] = [],
        flags: [CtlFlag] = [], run: @escaping @Sendable (Invocation) throws(CtlError) -> Void
    ) {
        self.path = path
        self.usage = usage
        self.summary = summary
        self.description = description
        self.flags = flags
        refusal = nil
        self.run = run
    }

    init(refused path: String, _ summary: String, _ refusal: String) {
        self.path = path
        usage = path
        self.summary = summary
        description = []
        flags = []
        self.refusal = "\(path): \(refusal)"
        run = { _ throws(CtlError) in }
    }

    var words: [String] { path.split(separator: " ").map(String.init) }
    /// The last word.
    var name: String { words.last ?? path }
}

/// Commands with a first word in common.
struct CommandGroup: Sendable {
    let name: String
    let summary: String
    let flags: [CtlFlag]
}

/// All commands.
enum CommandTable {
    enum Place {
        case root
        case group(CommandGroup)
        case command(Command)

        var isRoot: Bool { if case .root = self { true } else { false } }
    }

    static let clusterFlag = CtlFlag(
        "cluster", .bool, "false", "use all endpoints from the cluster member list")

    static let groups: [CommandGroup] = [
        CommandGroup(name: "alarm", summary: "Alarm related commands", flags: []),
        CommandGroup(name: "auth", summary: "Enable or disable authentication", flags: []),
        CommandGroup(name: "check", summary: "commands for checking properties", flags: []),
        CommandGroup(
            name: "endpoint", summary: "Endpoint related commands", flags: [clusterFlag]),
        CommandGroup(name: "lease", summary: "Lease related commands", flags: []),
        CommandGroup(name: "member", summary: "Membership related commands", flags: []),
        CommandGroup(name: "role", summary: "Role related commands", flags: []),
        CommandGroup(name: "snapshot", summary: "Manages etcd node snapshots", flags: []),
        CommandGroup(name: "user", summary: "User related commands", flags: []),
    ]

    /// Done here, in the order of help.
    static let commands: [Command] = [
        AlarmDisarmCommand.row, AlarmListCommand.row, CompactionCommand.row, DefragCommand.row,
        DelCommand.row, EndpointHashKVCommand.row, EndpointHealthCommand.row,
        EndpointStatusCommand.row, GetCommand.row, LeaseGrantCommand.row,
        LeaseKeepAliveCommand.row, LeaseListCommand.row, LeaseRevokeCommand.row,
        LeaseTimeToLiveCommand.row, MemberAddCommand.row, MemberListCommand.row,
        MemberPromoteCommand.row, MemberRemoveCommand.row, MemberUpdateCommand.row,
        MoveLeaderCommand.row, PutCommand.row, SnapshotSaveCommand.row, SnapshotStatusCommand.row,
        TxnCommand.row, VersionCommand.row, WatchCommand.row,
    ]

    private static let notYet = "not supported by \(CtlProgram.name) yet"
    private static let noUsers = "users and roles are not supported by \(CtlProgram.name) yet"

    /// Commands of etcdctl that are not.
    static let refused: [Command] = [
        Command(refused: "auth disable", "Disables authentication", noUsers),
        Command(refused: "auth enable", "Enables authentication", noUsers),
        Command(refused: "auth status", "Returns authentication status", noUsers),
        Command(refused: "check datascale", "Check the memory usage", notYet),
        Command(refused: "check perf", "Check the performance of the etcd cluster", notYet),
        Command(refused: "completion", "Generate completion script", notYet),
        Command(refused: "downgrade", "Downgrade related commands", notYet),
        Command(refused: "elect", "Observes and participates in leader election", notYet),
        Command(refused: "lock", "Acquires a named lock", notYet),
        Command(refused: "make-mirror", "Makes a mirror at the destination cluster", notYet),
        Command(refused: "migrate", "Migrates keys in a v2 store to a mvcc store", notYet),
        Command(refused: "role add", "Adds a new role", noUsers),
        Command(refused: "role delete", "Deletes a role", noUsers),
        Command(refused: "role get", "Gets detailed information of a role", noUsers),
        Command(refused: "role grant-permission", "Grants a key to a role", noUsers),
        Command(refused: "role list", "Lists all roles", noUsers),
        Command(refused: "role revoke-permission", "Revokes a key from a role", noUsers),
        Command(
            refused: "snapshot restore", "Restores a snapshot to a data directory",
            "use etcdutl snapshot restore; a member takes the data directory it makes"),
        Command(refused: "user add", "Adds a new user", noUsers),
        Command(refused: "user delete", "Deletes a user", noUsers),
        Command(refused: "user get", "Gets detailed information of a user", noUsers),
        Command(refused: "user grant-role", "Grants a role to a user", noUsers),
        Command(refused: "user list", "Lists all users", noUsers),
        Command(refused: "user passwd", "Changes password of user", noUsers),
        Command(refused: "user revoke-role", "Revokes a role from a user", noUsers),
    ]

    /// What the first words mean, and all others in their order. Unambiguous beginnings of words
    /// are enough.
    static func find(_ arguments: [String]) throws(CtlError) -> (Place, [String]) {
        var rest = arguments
        guard var first = takeWord(&rest) else { return (.root, rest) }
        if first == "help" {
            rest.append("--help")
            guard let next = takeWord(&rest) else { return (.root, rest) }
            first = next
        }
        let all = commands + refused
        let names = Set(all.compactMap(\.words.first)).sorted()
        let word = match(first, names) ?? first
        if let command = all.first(where: { $0.path == word }) { return (.command(command), rest) }
        guard let group = groups.first(where: { $0.name == word }) else {
            return (.root, [first] + rest)
        }
        let members = all.filter { $0.words.first == word }
        var inner = rest
        guard let second = takeWord(&inner), let name = match(second, members.map(\.name)),
            let command = members.first(where: { $0.name == name })
        else { return (.group(group), rest) }
        return (.command(command), inner)
    }

    /// The name itself, or the only one that begins so.
    private static func match(_ word: String, _ names: [String]) -> String? {
        if names.contains(word) { return word }
        let longer = names.filter { $0.hasPrefix(word) }
        return longer.count == 1 ? longer[0] : nil
    }

    /// The first word that is neither a flag nor the value of one.
    private static func takeWord(_ words: inout [String]) -> String? {
        var index = 0
        while index < words.count {
            let word = words[index]
            if word == "--" { return nil }
            guard word.hasPrefix("-"), word != "-" else { return words.remove(at: index) }
            index += takesNext(word) ? 2 : 1
        }
        return nil
    }

    private static func takesNext(_ word: String) -> Bool {
        if word.contains("=") { return false }
        if word.hasPrefix("--") {
            let name = String(word.dropFirst(2))
            let tables = [GlobalFlags.table] + commands.map(\.flags) + groups.map(\.flags)
            let flag = FlagSet.flag(name, tables.flatMap { $0 })
            return flag.map { $0.kind != .bool } ?? true
        }
        guard word.count == 2, let letter = word.last else { return false }
        return GlobalFlags.table.contains { $0.short == letter && $0.kind != .bool }
    }
}
