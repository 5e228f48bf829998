// SPDX-License-Identifier: Apache-2.0

/// Writes values as the YAML people keep in repositories: block style, two spaces, items of a list
/// as far in as their key. What it writes is read back as the same value by YAML 1.1 and 1.2.
package enum YAMLWriter {
    private static let style = JSON.Style(escapesHTML: false)

    /// One document, with a newline at its end.
    package static func text(_ value: JSONValue) -> String {
        var output = ""
        write(value, depth: 0, to: &output)
        return output
    }

    /// `value` where a new line begins.
    private static func write(_ value: JSONValue, depth: Int, to output: inout String) {
        switch value {
        case .object(let object) where !object.isEmpty:
            for (index, member) in object.members.enumerated() {
                if index > 0 { output += indent(depth) }
                output += scalar(member.key) + ":"
                writeValue(member.value, depth: depth, to: &output)
            }
        case .array(let items) where !items.isEmpty:
            for (index, item) in items.enumerated() {
                if index > 0 { output += indent(depth) }
                output += "- "
                write(item, depth: depth + 1, to: &output)
            }
        case .null, .bool, .integer, .unsigned, .number, .string, .array, .object:
            output += flow(value) + "\n"
        }
    }

    /// `value` after its key.
    private static func writeValue(_ value: JSONValue, depth: Int, to output: inout String) {
        switch value {
        case .object(let object) where !object.isEmpty:
            output += "\n" + indent(depth + 1)
            write(value, depth: depth + 1, to: &output)
        case .array(let items) where !items.isEmpty:
            output += "\n" + indent(depth)
            write(value, depth: depth, to: &output)
        case .string(let text) where isBlock(text):
            writeBlock(text, depth: depth + 1, to: &output)
        case .null, .bool, .integer, .unsigned, .number, .string, .array, .object:
            output += " " + flow(value) + "\n"
        }
    }

    private static func indent(_ depth: Int) -> String { String(repeating: "  ", count: depth) }

    private static func flow(_ value: JSONValue) -> String {
        if case .string(let text) = value { return scalar(text) }
        return JSON.text(value, style: style)
    }

    /// Lines of text that a block scalar keeps as they are.
    private static func isBlock(_ text: String) -> Bool {
        guard text.hasSuffix("\n"), !text.hasSuffix("\n\n") else { return false }
        let lines = text.dropLast().split(separator: "\n", omittingEmptySubsequences: false)
        return lines.count > 1 && lines[0].first.map { $0 != " " } == true
            && text.unicodeScalars.allSatisfy { $0 == "\n" || isPlain($0) }
            && lines.allSatisfy { $0.last != " " }
    }

    private static func writeBlock(_ text: String, depth: Int, to output: inout String) {
        output += " |\n"
        for line in text.dropLast().split(separator: "\n", omittingEmptySubsequences: false) {
            output += line.isEmpty ? "\n" : indent(depth) + line + "\n"
        }
    }

    /// Without quotes where no reader could take it for something else.
    private static func scalar(_ text: String) -> String {
        isPlainScalar(text) ? text : quoted(text)
    }

    /// JSON's quotes, which YAML reads too; JSON lets some characters stand that YAML does not.
    private static func quoted(_ text: String) -> String {
        var output = ""
        for scalar in JSON.text(.string(text), style: style).unicodeScalars {
            let isControl = (0x7F...0x9F).contains(scalar.value)
            let isBreak = [0x2028, 0x2029, 0xFEFF].contains(scalar.value)
            guard isControl || isBreak else {
                output.unicodeScalars.append(scalar)
                continue
            }
            let digits = String(scalar.value, radix: 16)
            output += "\\u" + String(repeating: "0", count: 4 - digits.utf8.count) + digits
        }
        return output
    }

    private static func isPlainScalar(_ text: String) -> Bool {
        guard let first = text.unicodeScalars.first, let last = text.unicodeScalars.last else {
            return false
        }
        let isWordStart = first.properties.isAlphabetic || first == "/" || first == "$"
        guard isWordStart, last != " ", last != ":" else { return false }
        guard text.unicodeScalars.allSatisfy(isPlain) else { return false }
        guard !text.contains(": "), !text.contains(" #") else { return false }
        return !readsAsSomethingElse(text)
    }

    private static func isPlain(_ scalar: Unicode.Scalar) -> Bool {
        scalar.value >= 0x20 && scalar.value < 0x7F
    }

    /// Words that are no text to some YAML reader: truth values, null, numbers that begin with a
    /// letter (`.inf` does not).
    private static func readsAsSomethingElse(_ text: String) -> Bool {
        let words = ["y", "n", "yes", "no", "on", "off", "true", "false", "null", "nan", "inf"]
        return words.contains(text.lowercased())
    }
}
