// SPDX-License-Identifier: Apache-2.0

/// Writes JSON as Go's encoding/json does, byte for byte.
struct JSONWriter {
    let style: JSON.Style
    var output: [UInt8] = []

    init(style: JSON.Style) {
        self.style = style
    }

    mutating func write(_ value: JSONValue, depth: Int) {
        switch value {
        case .null: append("null")
        case .bool(let bool): append(bool ? "true" : "false")
        case .integer(let number): append("\(number)")
        case .unsigned(let number): append("\(number)")
        case .number(let number): append(Self.text(of: number))
        case .string(let string): write(string: string)
        case .array(let elements): write(elements, depth)
        case .object(let object): write(object, depth)
        }
    }

    private mutating func write(_ elements: [JSONValue], _ depth: Int) {
        output.append(UInt8(ascii: "["))
        for (index, element) in elements.enumerated() {
            if index > 0 { output.append(UInt8(ascii: ",")) }
            newLine(depth + 1)
            write(element, depth: depth + 1)
        }
        if !elements.isEmpty { newLine(depth) }
        output.append(UInt8(ascii: "]"))
    }

    private mutating func write(_ object: JSONObject, _ depth: Int) {
        var members = object.members
        if style.sortsKeys {
            members.sort { $0.key.utf8.lexicographicallyPrecedes($1.key.utf8) }
        }
        output.append(UInt8(ascii: "{"))
        for (index, member) in members.enumerated() {
            if index > 0 { output.append(UInt8(ascii: ",")) }
            newLine(depth + 1)
            write(string: member.key)
            append(style.indent == nil ? ":" : ": ")
            write(member.value, depth: depth + 1)
        }
        if !members.isEmpty { newLine(depth) }
        output.append(UInt8(ascii: "}"))
    }

    private mutating func newLine(_ depth: Int) {
        guard let indent = style.indent else { return }
        output.append(0x0a)
        output.append(contentsOf: repeatElement(0x20, count: indent * depth))
    }

    private mutating func append(_ text: String) {
        output.append(contentsOf: text.utf8)
    }

    // MARK: Strings

    mutating func write(string: String) {
        output.append(UInt8(ascii: "\""))
        guard string.utf8.contains(where: Self.isSpecial) else {
            output.append(contentsOf: string.utf8)
            output.append(UInt8(ascii: "\""))
            return
        }
        for scalar in string.unicodeScalars {
            switch scalar {
            case "\"": append("\\\"")
            case "\\": append("\\\\")
            case "\n": append("\\n")
            case "\r": append("\\r")
            case "\t": append("\\t")
            case "\u{8}": append("\\b")
            case "\u{c}": append("\\f")
            case "<", ">", "&":
                if style.escapesHTML { escape(scalar) } else { append(scalar) }
            case "\u{2028}", "\u{2029}": escape(scalar)
            default:
                if scalar.value < 0x20 { escape(scalar) } else { append(scalar) }
            }
        }
        output.append(UInt8(ascii: "\""))
    }

    /// May have to be escaped. 0xe2 begins U+2028 and U+2029, and others.
    private static func isSpecial(_ byte: UInt8) -> Bool {
        byte < 0x20 || byte == 0x22 || byte == 0x5c || byte == 0x26 || byte == 0x3c
            || byte == 0x3e || byte == 0xe2
    }

    private mutating func append(_ scalar: Unicode.Scalar) {
        output.append(contentsOf: UTF8.encode(scalar) ?? UTF8.encodedReplacementCharacter)
    }

    private mutating func escape(_ scalar: Unicode.Scalar) {
        let hex = String(scalar.value, radix: 16)
        append("\\u" + String(repeating: "0", count: 4 - hex.count) + hex)
    }

    // MARK: Numbers

    /// The shortest digits that read back the same; an exponent only below 1e-6 and from 1e21 on.
    /// JSON has no word for infinity and not-a-number: they become null.
    static func text(of number: Double) -> String {
        guard number.isFinite else { return "null" }
        if number == 0 { return number.sign == .minus ? "-0" : "0" }
        let sign = number < 0 ? "-" : ""
        let (digits, exponent) = GoNumber.decimal(of: number.magnitude)
        guard number.magnitude < 1e-6 || number.magnitude >= 1e21 else {
            return sign + GoNumber.plain(digits, exponent)
        }
        let (rest, power) = (digits.dropFirst(), exponent - 1)
        return sign + digits.prefix(1) + (rest.isEmpty ? "" : "." + rest)
            + (power < 0 ? "e-" : "e+") + "\(power.magnitude)"
    }
}
