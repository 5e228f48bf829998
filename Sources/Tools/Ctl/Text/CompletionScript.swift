// SPDX-License-Identifier: Apache-2.0

/// Scripts for shells that know every command, subcommand and flag.
struct CompletionScript {
    private let table: CommandTable
    private let name: String

    init(_ table: CommandTable) {
        self.table = table
        name = table.personality.name
    }

    /// First words in their order, each with its help.
    private var firstWords: [(word: String, help: String)] {
        var seen: Set<String> = []
        var words: [(word: String, help: String)] = []
        for command in table.commands {
            guard let first = command.words.first, seen.insert(first).inserted else { continue }
            let group = table.groups.first { $0.name == first }
            words.append((first, group?.summary ?? command.summary))
        }
        return words
    }

    private func members(_ group: CommandGroup) -> [Command] {
        table.commands.filter { $0.words.count == 2 && $0.words.first == group.name }
    }

    private func flags(_ flags: [CtlFlag]) -> String {
        flags.map { "--\($0.name)" }.joined(separator: " ")
    }

    /// `case` branches: the words of a command line before the one typed, to what may follow.
    private func branches(_ indent: String, into variable: String = "words") -> String {
        var lines = ""
        for group in table.groups {
            let words = members(group).map(\.name).joined(separator: " ")
            lines += "\(indent)\"\(group.name)\") \(variable)=\"\(words)\" ;;\n"
        }
        for command in table.commands {
            lines += "\(indent)\"\(command.path)\") \(variable)=\"\(flags(command.flags))\" ;;\n"
        }
        return lines
    }

    var bash: String {
        """
        # bash completion for \(name)
        _\(name)()
        {
            local current="${COMP_WORDS[COMP_CWORD]}" path="" words="" index
            for ((index = 1; index < COMP_CWORD; index++)); do
                case "${COMP_WORDS[index]}" in
                    -*) ;;
                    *) path="${path:+$path }${COMP_WORDS[index]}" ;;
                esac
            done
            case "$path" in
                "") words="\(firstWords.map(\.word).joined(separator: " ")) help" ;;
        \(branches("        "))    esac
            case "$current" in
                -*) words="$words \(flags(table.globalFlags)) --help" ;;
            esac
            COMPREPLY=($(compgen -W "$words" -- "$current"))
        }
        complete -o default -F _\(name) \(name)

        """
    }

    var zsh: String {
        """
        #compdef \(name)
        _\(name)()
        {
            local path_="" word choices=""
            for word in "${(@)words[2,CURRENT-1]}"; do
                case "$word" in
                    -*) ;;
                    *) path_="${path_:+$path_ }$word" ;;
                esac
            done
            case "$path_" in
                "") choices="\(firstWords.map(\.word).joined(separator: " ")) help" ;;
        \(branches("        ", into: "choices"))    esac
            case "$PREFIX" in
                -*) choices="$choices \(flags(table.globalFlags)) --help" ;;
            esac
            compadd -- ${=choices}
        }
        compdef _\(name) \(name)

        """
    }

    var fish: String {
        let help = { (text: String) in
            text.split(separator: "'", omittingEmptySubsequences: false).joined(separator: "\\'")
        }
        var text = "# fish completion for \(name)\n"
        for entry in firstWords {
            text += "complete -c \(name) -f -n __fish_use_subcommand -a \(entry.word)"
            text += " -d '\(help(entry.help))'\n"
        }
        for group in table.groups {
            for command in members(group) {
                text += "complete -c \(name) -f -n '__fish_seen_subcommand_from \(group.name)'"
                text += " -a \(command.name) -d '\(help(command.summary))'\n"
            }
        }
        for command in table.commands {
            for flag in command.flags {
                text += "complete -c \(name) -n '__fish_seen_subcommand_from \(command.name)'"
                text += " -l \(flag.name) -d '\(help(flag.help))'\n"
            }
        }
        for flag in table.globalFlags {
            text += "complete -c \(name) -l \(flag.name) -d '\(help(flag.help))'\n"
        }
        return text
    }

    var powershell: String {
        let groups = table.groups.map { group in
            let words = members(group).map { "'\($0.name)'" }.joined(separator: ", ")
            return "        '\(group.name)' = @(\(words))\n"
        }
        let commands = table.commands.map { command in
            let words = command.flags.map { "'--\($0.name)'" }.joined(separator: ", ")
            return "        '\(command.path)' = @(\(words))\n"
        }
        let all = firstWords.map { "'\($0.word)'" }.joined(separator: ", ")
        let globals = table.globalFlags.map { "'--\($0.name)'" }.joined(separator: ", ")
        return """
            # powershell completion for \(name)
            Register-ArgumentCompleter -Native -CommandName '\(name)' -ScriptBlock {
                param($word, $line, $position)
                $table = @{
                    '' = @(\(all))
            \(groups.joined())\(commands.joined())    }
                $path = ($line.CommandElements | Select-Object -Skip 1 |
                    ForEach-Object { $_.ToString() } |
                    Where-Object { $_ -notlike '-*' -and $_ -ne $word }) -join ' '
                $words = @($table[$path])
                if ($word -like '-*') { $words += @(\(globals)) }
                $words | Where-Object { $_ -like "$word*" } | ForEach-Object { $_ }
            }

            """
    }
}
