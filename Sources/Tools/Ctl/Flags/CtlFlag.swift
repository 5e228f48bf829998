// SPDX-License-Identifier: Apache-2.0
internal import Formats
internal import Program

/// One flag of a command, or of all.
struct CtlFlag: Sendable {
    enum Kind: Equatable, Sendable {
        case bool, text, int64, duration
        /// Words with commas between; given again it adds.
        case list
    }

    let name: String
    let short: Character?
    let kind: Kind
    /// As help shows it.
    let standard: String
    let help: String
    /// Why any other value is refused.
    let refusal: String?
    /// It came after the release whose help we print under upstream names.
    let isNewer: Bool

    init(
        _ name: String, short: Character? = nil, _ kind: Kind, _ standard: String, _ help: String,
        refusal: String? = nil, isNewer: Bool = false
    ) {
        self.name = name
        self.short = short
        self.kind = kind
        self.standard = standard
        self.help = help
        self.refusal = refusal
        self.isNewer = isNewer
    }

    static let helpFlag = "help"

    static func help(of command: String) -> CtlFlag {
        CtlFlag(helpFlag, short: "h", .bool, "false", "help for \(command)")
    }
}

/// The flags of one command line and what stood between them.
struct FlagSet: Sendable {
    private let table: [CtlFlag]
    private var given: [(name: String, value: String)] = []
    /// All words that are no flags, those behind `--` included.
    private(set) var arguments: [String] = []
    /// Where in `arguments` the words behind `--` begin; nil without it.
    private(set) var separator: Int?

    /// By the rules of pflag: flags and words in any order, `--flag value`, `--flag=value`, `-f
    /// value`, `-fvalue`, `-abc`; a flag of kind `bool` takes its value only with `=`.
    init(parsing words: [String], _ table: [CtlFlag]) throws(FlagFailure) {
        self.table = table
        var rest = words[...]
        while let word = rest.popFirst() {
            if word == "--" {
                separator = arguments.count
                arguments += rest
                return
            } else if word.hasPrefix("--") {
                try takeLong(word, &rest)
            } else if word.hasPrefix("-"), word != "-" {
                try takeShort(word, &rest)
            } else {
                arguments.append(word)
            }
        }
    }

    private mutating func takeLong(
        _ word: String, _ rest: inout ArraySlice<String>
    ) throws(FlagFailure) {
        let body = word.dropFirst(2)
        guard let first = body.first, first != "-", first != "=" else {
            throw FlagFailure("bad flag syntax: \(word)")
        }
        let parts = body.split(separator: "=", maxSplits: 1, omittingEmptySubsequences: false)
        guard let flag = FlagSet.flag(String(parts[0]), table) else {
            throw FlagFailure("unknown flag: --\(parts[0])")
        }
        if parts.count == 2 { return try set(flag, String(parts[1])) }
        if flag.kind == .bool { return try set(flag, "true") }
        guard let value = rest.popFirst() else {
            throw FlagFailure("flag needs an argument: --\(flag.name)")
        }
        try set(flag, value)
    }

    private mutating func takeShort(
        _ word: String, _ rest: inout ArraySlice<String>
    ) throws(FlagFailure) {
        var letters = word.dropFirst()
        while let letter = letters.popFirst() {
            guard
                let flag = letter == "h"
                    ? CtlFlag.help(of: "") : table.first(where: { $0.short == letter })
            else {
                throw FlagFailure("unknown shorthand flag: '\(letter)' in -\(letter)\(letters)")
            }
            if letters.first == "=" { return try set(flag, String(letters.dropFirst())) }
            if flag.kind == .bool {
                try set(flag, "true")
                continue
            }
            if !letters.isEmpty { return try set(flag, String(letters)) }
            guard let value = rest.popFirst() else {
                throw FlagFailure("flag needs an argument: '\(letter)' in -\(letter)")
            }
            return try set(flag, value)
        }
    }

    private mutating func set(_ flag: CtlFlag, _ value: String) throws(FlagFailure) {
        if let complaint = FlagSet.complaint(value, flag.kind) {
            let name = flag.short.map { "-\($0), --\(flag.name)" } ?? "--\(flag.name)"
            throw FlagFailure("invalid argument \"\(value)\" for \"\(name)\" flag: \(complaint)")
        }
        given.append((flag.name, value))
    }

    static func flag(_ name: String, _ table: [CtlFlag]) -> CtlFlag? {
        name == CtlFlag.helpFlag ? .help(of: "") : table.first { $0.name == name }
    }

    /// What Go would say about a value of this kind; nil if it takes it.
    static func complaint(_ value: String, _ kind: CtlFlag.Kind) -> String? {
        let quoted = GoQuote.text(value)
        switch kind {
        case .text, .list: return nil
        case .bool:
            return FlagParser.value(value, .bool) == nil
                ? "strconv.ParseBool: parsing \(quoted): invalid syntax" : nil
        case .int64: return GoParse.complaint(value, radix: 0, "ParseInt")
        case .duration:
            if GoDuration.parse(value) != nil { return nil }
            let isNumber = !value.isEmpty && value.allSatisfy { $0.isNumber || $0 == "." }
            return isNumber
                ? "time: missing unit in duration \(quoted)" : "time: invalid duration \(quoted)"
        }
    }

    // MARK: Values

    var isHelpWanted: Bool { bool(CtlFlag.helpFlag) }

    func isGiven(_ name: String) -> Bool { given.contains { $0.name == name } }

    func text(_ name: String) -> String {
        given.last { $0.name == name }?.value ?? standard(name)
    }

    func bool(_ name: String) -> Bool { FlagParser.value(text(name), .bool) == .bool(true) }
    func int64(_ name: String) -> Int64 {
        if case .int64(let value) = FlagParser.value(text(name), .int64) { value } else { 0 }
    }
    func duration(_ name: String) -> Duration {
        .nanoseconds(GoDuration.parse(text(name)) ?? 0)
    }
    func list(_ name: String) -> [String] {
        let values = given.filter { $0.name == name }.map(\.value)
        return (values.isEmpty ? [standard(name)] : values).flatMap { value in
            value.split(separator: ",", omittingEmptySubsequences: false).map(String.init)
        }
    }

    /// A value from elsewhere, for a flag that was not given.
    mutating func supply(_ name: String, _ value: String) {
        given.append((name, value))
    }

    private func standard(_ name: String) -> String {
        table.first { $0.name == name }?.standard ?? ""
    }
}

/// Why arguments are no flags, in pflag's words.
struct FlagFailure: Error, Equatable {
    var text: String

    init(_ text: String) {
        self.text = text
    }
}
