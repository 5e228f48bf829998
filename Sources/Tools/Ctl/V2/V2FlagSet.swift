// SPDX-License-Identifier: Apache-2.0
internal import Formats

/// One flag.
struct V2Flag: Sendable {
    enum Kind: Sendable {
        case bool, text, int, duration
    }

    /// The long one first.
    let names: [String]
    let kind: Kind
    /// Behind the names in help.
    let help: String

    init(_ name: String, kind: Kind = .text, _ help: String) {
        names = [name]
        self.kind = kind
        self.help = help
    }

    init(_ name: String, _ other: String, kind: Kind = .text, _ help: String) {
        names = [name, other]
        self.kind = kind
        self.help = help
    }

    static let help = V2Flag("help", "h", kind: .bool, "show help")
    static let ttl = V2Flag("ttl", kind: .int, "key time-to-live in seconds (default: 0)")
    static let recursive = "recursive"
}

/// Why flags are refused, in the words of Go's flag package.
struct V2FlagError: Error, Equatable {
    let text: String
}

/// The flags of one command, and the words behind them.
struct V2FlagSet: Sendable {
    private var given: [(flag: String, value: String)] = []
    private(set) var arguments: [String] = []

    /// Flags end with the first word that is none, or behind `--`. One dash is as good as two.
    init(parsing words: [String], _ table: [V2Flag]) throws(V2FlagError) {
        var rest = words[...]
        var forms: Set<String> = []
        while let word = rest.first, word.hasPrefix("-"), word != "-" {
            rest = rest.dropFirst()
            if word == "--" { break }
            let body = word.dropFirst(word.hasPrefix("--") ? 2 : 1)
            if body.isEmpty || body.hasPrefix("-") || body.hasPrefix("=") {
                throw V2FlagError(text: "bad flag syntax: \(word)")
            }
            let parts = body.split(separator: "=", maxSplits: 1, omittingEmptySubsequences: false)
            let name = String(parts[0])
            guard let flag = table.first(where: { $0.names.contains(name) }) else {
                throw V2FlagError(text: "flag provided but not defined: -\(name)")
            }
            let value = try Self.value(flag, name, parts.dropFirst().first.map(String.init), &rest)
            given.append((flag.names[0], value))
            forms.insert(name)
        }
        for flag in table where flag.names.count == 2 && forms.isSuperset(of: flag.names) {
            throw V2FlagError(
                text: "Cannot use two forms of the same flag: \(flag.names[1]) \(flag.names[0])")
        }
        arguments = Array(rest)
    }

    private static func value(
        _ flag: V2Flag, _ name: String, _ inline: String?, _ rest: inout ArraySlice<String>
    ) throws(V2FlagError) -> String {
        if flag.kind == .bool {
            let text = inline ?? "true"
            guard bool(text) != nil else {
                throw V2FlagError(
                    text: "invalid boolean value \(GoQuote.text(text)) for -\(name): parse error")
            }
            return text
        }
        guard let text = inline ?? rest.popFirst() else {
            throw V2FlagError(text: "flag needs an argument: -\(name)")
        }
        let isGood =
            switch flag.kind {
            case .bool, .text: true
            case .int: V2Number.parse(text) != nil
            case .duration: GoDuration.parse(text) != nil
            }
        guard isGood else {
            throw V2FlagError(
                text: "invalid value \(GoQuote.text(text)) for flag -\(name): "
                    + V2Number.complaint(text, flag.kind))
        }
        return text
    }

    private static func bool(_ text: String) -> Bool? {
        switch text {
        case "1", "t", "T", "true", "TRUE", "True": true
        case "0", "f", "F", "false", "FALSE", "False": false
        default: nil
        }
    }

    // MARK: Values

    func text(_ name: String) -> String { given.last { $0.flag == name }?.value ?? "" }
    func isGiven(_ name: String) -> Bool { given.contains { $0.flag == name } }
    func bool(_ name: String) -> Bool { Self.bool(text(name)) ?? false }
    func int(_ name: String) -> Int64 { V2Number.parse(text(name)) ?? 0 }
    /// Nanoseconds; nil if it is not given.
    func duration(_ name: String) -> Int64? { GoDuration.parse(text(name)) }

    /// The flags of a command may stand behind its words: they come in front, each with the word
    /// behind it, if that is none of our flags. So does `--`, which ends the search.
    static func reordered(_ words: [String], _ table: [V2Flag]) -> [String] {
        var (front, back): ([String], [String]) = ([], [])
        var mayBeValue = false
        for (index, word) in words.enumerated() {
            let isFlag = isFlag(word, table)
            if mayBeValue, !isFlag {
                mayBeValue = false
                front.append(word)
            } else if word == "--" {
                back = ["--"] + back + words[(index + 1)...]
                break
            } else if isFlag {
                front.append(word)
                mayBeValue = !word.contains("=")
            } else {
                back.append(word)
            }
        }
        return front + back
    }

    private static func isFlag(_ word: String, _ table: [V2Flag]) -> Bool {
        guard word != "-", word != "--", word.hasPrefix("-") else { return false }
        let name = word.dropFirst(word.hasPrefix("--") ? 2 : 1).prefix { $0 != "=" }
        return table.contains { $0.names.contains(String(name)) }
    }
}

/// Whole numbers as Go's flag package reads them: decimal, 0x, 0b, 0o, and octal after a zero.
enum V2Number {
    static func parse(_ text: String) -> Int64? {
        let (isNegative, digits, radix) = split(text)
        guard !digits.isEmpty, digits.allSatisfy({ $0.isASCII && $0.isHexDigit }) else {
            return nil
        }
        return Int64((isNegative ? "-" : "") + digits, radix: radix)
    }

    static func complaint(_ text: String, _ kind: V2Flag.Kind) -> String {
        let (_, digits, radix) = split(text)
        let isNumber =
            !digits.isEmpty
            && digits.allSatisfy { $0.isASCII && ($0.hexDigitValue ?? 99) < radix }
        return kind == .int && isNumber ? "value out of range" : "parse error"
    }

    private static func split(_ text: String) -> (isNegative: Bool, digits: String, radix: Int) {
        var digits = text[...]
        let isNegative = digits.hasPrefix("-")
        if isNegative || digits.hasPrefix("+") { digits = digits.dropFirst() }
        for (prefix, radix) in [("0x", 16), ("0b", 2), ("0o", 8)]
        where digits.lowercased().hasPrefix(prefix) {
            return (isNegative, String(digits.dropFirst(2)), radix)
        }
        if digits.hasPrefix("0"), digits.count > 1 {
            return (isNegative, String(digits.dropFirst()), 8)
        }
        return (isNegative, String(digits), 10)
    }
}
