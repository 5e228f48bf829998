// SPDX-License-Identifier: Apache-2.0
internal import Formats

/// Why arguments are no flags; the text is that of Go's flag package.
package enum FlagError: Error, Equatable, Sendable {
    /// `-h` or `--help` was given.
    case helpWanted
    case wrong(String)
}

/// What the arguments said, in their order. Of a flag given twice the last one counts.
package struct ParsedFlags: Equatable, Sendable {
    package var values: [(name: String, value: FlagValue)] = []
    /// What stood behind the flags.
    package var arguments: [String] = []

    package init() {}

    package subscript(name: String) -> FlagValue? {
        values.last { $0.name == name }?.value
    }

    package static func == (left: ParsedFlags, right: ParsedFlags) -> Bool {
        left.arguments == right.arguments
            && left.values.elementsEqual(right.values) {
                $0.name == $1.name && $0.value == $1.value
            }
    }
}

/// Reads arguments as Go's flag package does: one dash or two, `name=value` or the value as the
/// next argument, flags of kind `bool` alone; `--` or the first word without a dash ends them.
package enum FlagParser {
    package static func parse(
        _ arguments: [String], _ table: FlagTable
    ) throws(FlagError) -> ParsedFlags {
        var parsed = ParsedFlags()
        var rest = arguments[...]
        while let argument = rest.first, argument.utf8.count >= 2, argument.hasPrefix("-") {
            rest.removeFirst()
            if argument == "--" { break }
            let dashes = argument.hasPrefix("--") ? 2 : 1
            let word = argument.dropFirst(dashes)
            guard let first = word.first, first != "-", first != "=" else {
                throw .wrong("bad flag syntax: \(argument)")
            }
            let parts = word.split(
                separator: "=", maxSplits: 1, omittingEmptySubsequences: false)
            let text = parts.count > 1 ? String(parts[1]) : nil
            let name = String(parts[0])
            let value = try value(of: name, text, &rest, table)
            parsed.values.append((name, value))
        }
        parsed.arguments = Array(rest)
        return parsed
    }

    private static func value(
        of name: String, _ text: String?, _ rest: inout ArraySlice<String>, _ table: FlagTable
    ) throws(FlagError) -> FlagValue {
        guard let row = table[name] else {
            if name == "help" || name == "h" { throw .helpWanted }
            throw .wrong("flag provided but not defined: -\(name)")
        }
        if row.kind == .bool {
            guard let text else { return .bool(true) }
            guard let value = value(text, .bool) else {
                throw .wrong("invalid boolean value \"\(text)\" for -\(name): parse error")
            }
            return value
        }
        if row.kind == .anything { return .text(text ?? "true") }
        guard let text = text ?? rest.popFirst() else {
            throw .wrong("flag needs an argument: -\(name)")
        }
        guard let value = value(text, row.kind) else {
            throw .wrong(
                "invalid value \"\(text)\" for flag -\(name): \(complaint(text, row.kind))")
        }
        return value
    }

    /// The value that `text` means, or nil if it means none.
    package static func value(_ text: String, _ kind: FlagKind) -> FlagValue? {
        switch kind {
        case .bool:
            switch text {
            case "1", "t", "T", "true", "TRUE", "True": .bool(true)
            case "0", "f", "F", "false", "FALSE", "False": .bool(false)
            default: nil
            }
        case .int64: number(text).flatMap { Int64($0) }.map(FlagValue.int64)
        case .uint64: number(text).flatMap { UInt64($0) }.map(FlagValue.uint64)
        case .uint32: number(text).flatMap { UInt32($0) }.map { .uint64(UInt64($0)) }
        case .duration: GoDuration.parse(text).map(FlagValue.duration)
        case .choice(let words): words.contains(text) ? .text(text) : nil
        case .text, .urls, .anything: .text(text)
        }
    }

    /// What Go's packages say about a text that `value` does not take.
    package static func complaint(_ text: String, _ kind: FlagKind) -> String {
        switch kind {
        case .choice: "invalid value"
        case .int64: isWhole(text) ? "value out of range" : "parse error"
        case .uint64, .uint32:
            isWhole(text) && !text.hasPrefix("-") ? "value out of range" : "parse error"
        case .bool, .duration, .text, .urls, .anything: "parse error"
        }
    }

    /// Digits in base ten; Go takes other bases by prefix too.
    private static func number(_ text: String) -> String? {
        let isNegative = text.hasPrefix("-")
        let body = isNegative || text.hasPrefix("+") ? text.dropFirst() : text[...]
        let bases: [(String, Int)] = [("0x", 16), ("0o", 8), ("0b", 2)]
        for (prefix, radix) in bases where body.lowercased().hasPrefix(prefix) {
            guard body.dropFirst(2).first?.isHexDigit == true else { return nil }
            return UInt64(body.dropFirst(2), radix: radix).map { (isNegative ? "-" : "") + "\($0)" }
        }
        guard body.first?.isWholeNumber == true else { return nil }
        if body.count > 1, body.first == "0" {
            return UInt64(body, radix: 8).map { (isNegative ? "-" : "") + "\($0)" }
        }
        return (isNegative ? "-" : "") + body
    }

    private static func isWhole(_ text: String) -> Bool {
        let digits = text.hasPrefix("-") || text.hasPrefix("+") ? text.dropFirst() : text[...]
        return !digits.isEmpty && digits.utf8.allSatisfy { (48...57).contains($0) }
    }
}
