// SPDX-License-Identifier: Apache-2.0

/// One command: its words, what help says, its flags, and what it does.
struct Command: Sendable {
    /// `put`, or `lease grant`.
    let path: String
    /// Behind the program's name in help.
    let usage: String
    let summary: String
    let description: [String]
    /// Command lines without the program's name, each of which parses.
    let examples: [String]
    let flags: [CtlFlag]
    /// It came after the release whose help we print under upstream names.
    let isNewer: Bool
    /// Of a command of etcdctl that is not done here.
    let refusal: String?
    let run: @Sendable (Invocation) throws(CtlError) -> Void

    init(
        _ path: String, usage: String, _ summary: String, description: [String] = [],
        examples: [String] = [], flags: [CtlFlag] = [], isNewer: Bool = false,
        run: @escaping @Sendable (Invocation) throws(CtlError) -> Void
    ) {
        self.path = path
        self.usage = usage
        self.summary = summary
        self.description = description
        self.examples = examples
        self.flags = flags
        self.isNewer = isNewer
        refusal = nil
        self.run = run
    }

    init(refused path: String, _ summary: String, _ refusal: String) {
        self.path = path
        usage = path
        self.summary = summary
        description = ["Not done here: \(refusal)."]
        examples = ["\(path) --help"]
        flags = []
        isNewer = true
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
    let usage: String
    let summary: String
    let flags: [CtlFlag]

    init(_ name: String, usage: String = "<subcommand>", _ summary: String, _ flags: [CtlFlag] = [])
    {
        self.name = name
        self.usage = usage
        self.summary = summary
        self.flags = flags
    }
}

/// All commands that the program has under a name.
struct CommandTable: Sendable {
    enum Place {
        case root
        case group(CommandGroup)
        case command(Command)
    }

    /// What the first words mean, and all others in their order.
    struct Found {
        var place: Place
        var rest: [String]
        /// Behind `help`, when there is no such command.
        var unknownTopic: String?
    }

    static let clusterFlag = CtlFlag(
        "cluster", .bool, "false", "use all endpoints from the cluster member list")

    let personality: Personality
    /// In the order of help.
    let commands: [Command]
    let groups: [CommandGroup]
    let globalFlags: [CtlFlag]

    init(_ personality: Personality) {
        self.personality = personality
        switch personality {
        case .etcdutl: commands = OfflineTable.etcdutl
        case .etcdctl:
            let shared = OfflineTable.commands.filter { $0.words.first == "snapshot" }
            commands = Self.merged(Self.online, shared)
        case .keelsonctl: commands = Self.merged(Self.online, OfflineTable.commands)
        }
        let names = Set(commands.compactMap(\.words.first))
        groups = Self.allGroups.filter { names.contains($0.name) }
        globalFlags = GlobalFlags.table(personality)
    }

    /// A command of `first` comes before one of the same words in `second`.
    private static func merged(_ first: [Command], _ second: [Command]) -> [Command] {
        let taken = Set(first.map(\.path))
        return (first + second.filter { !taken.contains($0.path) }).sorted { $0.path < $1.path }
    }

    private static let allGroups: [CommandGroup] = [
        CommandGroup("alarm", "Alarm related commands"),
        CommandGroup("auth", usage: "<enable or disable>", "Enable or disable authentication"),
        CommandGroup("check", "commands for checking properties of the etcd cluster"),
        CommandGroup("downgrade", usage: "<TARGET_VERSION>", "Downgrade related commands"),
        CommandGroup("endpoint", "Endpoint related commands", [clusterFlag]),
        CommandGroup("lease", "Lease related commands"),
        CommandGroup("member", "Membership related commands"),
        CommandGroup("role", "Role related commands"),
        CommandGroup("snapshot", "Manages etcd node snapshots"),
        CommandGroup("user", "User related commands"),
    ]

    /// Those that talk to a server.
    private static let online: [Command] =
        [
            AlarmDisarmCommand.row, AlarmListCommand.row, CompactionCommand.row, DefragCommand.row,
            DelCommand.row, EndpointHashKVCommand.row, EndpointHealthCommand.row,
            EndpointStatusCommand.row, GetCommand.row, LeaseGrantCommand.row,
            LeaseKeepAliveCommand.row, LeaseListCommand.row, LeaseRevokeCommand.row,
            LeaseTimeToLiveCommand.row, MemberAddCommand.row, MemberListCommand.row,
            MemberPromoteCommand.row, MemberRemoveCommand.row, MemberUpdateCommand.row,
            MoveLeaderCommand.row, PutCommand.row, SnapshotSaveCommand.row, TxnCommand.row,
            VersionCommand.row, WatchCommand.row, LockCommand.row, ElectCommand.row,
            MakeMirrorCommand.row, CheckPerfCommand.row, CheckDatascaleCommand.row,
            CompletionCommand.row,
            Command(
                refused: "migrate", "Migrates keys in a v2 store to a mvcc store",
                "no release of etcd after 3.4 has it; run etcdctl 3.4 migrate on the data directory, "
                    + "then take a snapshot of the etcd that serves it"),
        ] + AuthCommands.rows + UserCommands.rows + RoleCommands.rows + DowngradeCommands.rows

    /// Unambiguous beginnings of words are enough.
    func find(_ arguments: [String]) -> Found {
        var rest = arguments
        guard var first = takeWord(&rest) else { return Found(place: .root, rest: rest) }
        let isHelp = first == "help"
        if isHelp {
            rest.append("--help")
            guard let next = takeWord(&rest) else { return Found(place: .root, rest: rest) }
            first = next
        }
        let names = Set(commands.compactMap(\.words.first)).sorted()
        let word = match(first, names) ?? first
        if let command = commands.first(where: { $0.path == word }) {
            var inner = rest
            if let second = takeWord(&inner),
                let longer = commands.first(where: { $0.words == [word, second] })
            {
                return Found(place: .command(longer), rest: inner)
            }
            return Found(place: .command(command), rest: rest)
        }
        guard let group = groups.first(where: { $0.name == word }) else {
            return isHelp
                ? Found(place: .root, rest: rest, unknownTopic: first)
                : Found(place: .root, rest: [first] + rest)
        }
        let members = commands.filter { $0.words.first == word }
        var inner = rest
        guard let second = takeWord(&inner), let name = match(second, members.map(\.name)),
            let command = members.first(where: { $0.name == name })
        else { return Found(place: .group(group), rest: rest) }
        return Found(place: .command(command), rest: inner)
    }

    /// The name itself, or the only one that begins so.
    private func match(_ word: String, _ names: [String]) -> String? {
        if names.contains(word) { return word }
        let longer = names.filter { $0.hasPrefix(word) }
        return longer.count == 1 ? longer[0] : nil
    }

    /// The first word that is neither a flag nor the value of one.
    func takeWord(_ words: inout [String]) -> String? {
        var index = 0
        while index < words.count {
            let word = words[index]
            if word == "--" { return nil }
            guard word.hasPrefix("-"), word != "-" else { return words.remove(at: index) }
            index += takesNext(word) ? 2 : 1
        }
        return nil
    }

    private func takesNext(_ word: String) -> Bool {
        if word.contains("=") { return false }
        if word.hasPrefix("--") {
            let name = String(word.dropFirst(2))
            let tables = [globalFlags] + commands.map(\.flags) + groups.map(\.flags)
            let flag = FlagSet.flag(name, tables.flatMap { $0 })
            return flag.map { $0.kind != .bool } ?? true
        }
        guard word.count == 2, let letter = word.last else { return false }
        return globalFlags.contains { $0.short == letter && $0.kind != .bool }
    }

    /// In the order in which etcdctl makes its commands; first words only.
    private static let order = [
        "get", "put", "del", "txn", "compaction", "alarm", "defrag", "endpoint", "move-leader",
        "watch", "version", "lease", "member", "snapshot", "make-mirror", "lock", "elect", "auth",
        "user", "role", "check", "completion", "downgrade",
    ]

    /// Commands that somebody may have meant: few letters apart, or with this beginning.
    func suggestions(for word: String) -> [String] {
        let names = Set(commands.filter { $0.refusal == nil }.compactMap(\.words.first))
        let known = Self.order.filter { names.contains($0) }
        let others = names.subtracting(known).sorted()
        return (known + others).filter { name in
            EditDistance.between(word.lowercased(), name) <= 2 || name.hasPrefix(word.lowercased())
        }
    }
}
