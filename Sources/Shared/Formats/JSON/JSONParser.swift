// SPDX-License-Identifier: Apache-2.0

/// Reads JSON (RFC 8259) strictly, except that bytes that are not UTF-8 and lone surrogates become
/// U+FFFD, as Go's reader has it.
struct JSONParser {
    private let text: [UInt8]
    private var index = 0
    private var depth = 0

    init(_ text: [UInt8]) {
        self.text = text
    }

    mutating func document() throws(FormatError) -> JSONValue {
        let value = try value()
        skipSpace()
        guard index == text.count else { throw failure("text after the value") }
        return value
    }

    private mutating func value() throws(FormatError) -> JSONValue {
        skipSpace()
        guard let byte = peek else { throw failure("a value is missing") }
        switch byte {
        case UInt8(ascii: "{"):
            return try nested { parser throws(FormatError) in
                try parser.object()
            }
        case UInt8(ascii: "["):
            return try nested { parser throws(FormatError) in
                try parser.array()
            }
        case UInt8(ascii: "\""): return .string(try string())
        case UInt8(ascii: "t"): return try word("true", .bool(true))
        case UInt8(ascii: "f"): return try word("false", .bool(false))
        case UInt8(ascii: "n"): return try word("null", .null)
        default: return try number()
        }
    }

    private mutating func nested(
        _ body: (inout JSONParser) throws(FormatError) -> JSONValue
    ) throws(FormatError) -> JSONValue {
        guard depth < JSON.maxDepth else { throw failure("nested too deep") }
        depth += 1
        index += 1
        let value = try body(&self)
        depth -= 1
        return value
    }

    private mutating func object() throws(FormatError) -> JSONValue {
        var members: [JSONObject.Member] = []
        skipSpace()
        if take(UInt8(ascii: "}")) { return .object(JSONObject()) }
        while true {
            skipSpace()
            guard peek == UInt8(ascii: "\"") else { throw failure("a key is missing") }
            let key = try string()
            skipSpace()
            guard take(UInt8(ascii: ":")) else { throw failure("':' is missing") }
            members.append(JSONObject.Member(key: key, value: try value()))
            skipSpace()
            if take(UInt8(ascii: "}")) { return .object(JSONObject(members)) }
            guard take(UInt8(ascii: ",")) else { throw failure("',' or '}' is missing") }
        }
    }

    private mutating func array() throws(FormatError) -> JSONValue {
        var elements: [JSONValue] = []
        skipSpace()
        if take(UInt8(ascii: "]")) { return .array([]) }
        while true {
            elements.append(try value())
            skipSpace()
            if take(UInt8(ascii: "]")) { return .array(elements) }
            guard take(UInt8(ascii: ",")) else { throw failure("',' or ']' is missing") }
        }
    }

    private mutating func word(
        _ word: StaticString, _ value: JSONValue
    ) throws(FormatError) -> JSONValue {
        let expected = Array("\(word)".utf8)
        guard text[index...].starts(with: expected) else { throw failure("unknown word") }
        index += expected.count
        return value
    }

    // MARK: Numbers

    private mutating func number() throws(FormatError) -> JSONValue {
        let start = index
        _ = take(UInt8(ascii: "-"))
        if !take(UInt8(ascii: "0")) { try digits() }
        var whole = true
        if take(UInt8(ascii: ".")) {
            whole = false
            try digits()
        }
        if take(UInt8(ascii: "e")) || take(UInt8(ascii: "E")) {
            whole = false
            if !take(UInt8(ascii: "+")) { _ = take(UInt8(ascii: "-")) }
            try digits()
        }
        let digits = String(decoding: text[start..<index], as: UTF8.self)
        if whole, digits != "-0" {
            if let value = Int64(digits) { return .integer(value) }
            if let value = UInt64(digits) { return .unsigned(value) }
        }
        guard let value = Double(digits), value.isFinite else {
            throw failure("number out of range")
        }
        return .number(value)
    }

    private mutating func digits() throws(FormatError) {
        let start = index
        while let byte = peek, byte >= UInt8(ascii: "0"), byte <= UInt8(ascii: "9") { index += 1 }
        guard index > start else { throw failure("unexpected character") }
    }

    // MARK: Strings

    private mutating func string() throws(FormatError) -> String {
        index += 1
        let start = index
        while let byte = peek, byte != UInt8(ascii: "\\"), byte >= 0x20 {
            if byte == UInt8(ascii: "\"") {
                defer { index += 1 }
                return String(decoding: text[start..<index], as: UTF8.self)
            }
            index += 1
        }
        return try escapedString(Array(text[start..<index]))
    }

    private mutating func escapedString(_ head: [UInt8]) throws(FormatError) -> String {
        var content = head
        while let byte = peek {
            guard byte >= 0x20 else { throw failure("control character in a string") }
            index += 1
            switch byte {
            case UInt8(ascii: "\""): return String(decoding: content, as: UTF8.self)
            case UInt8(ascii: "\\"): try escape(into: &content)
            default: content.append(byte)
            }
        }
        throw failure("the string does not end")
    }

    private mutating func escape(into content: inout [UInt8]) throws(FormatError) {
        guard let byte = peek else { throw failure("the string does not end") }
        index += 1
        switch byte {
        case UInt8(ascii: "\""), UInt8(ascii: "\\"), UInt8(ascii: "/"): content.append(byte)
        case UInt8(ascii: "b"): content.append(0x08)
        case UInt8(ascii: "f"): content.append(0x0c)
        case UInt8(ascii: "n"): content.append(0x0a)
        case UInt8(ascii: "r"): content.append(0x0d)
        case UInt8(ascii: "t"): content.append(0x09)
        case UInt8(ascii: "u"): content.append(contentsOf: "\(try character())".utf8)
        default: throw failure("unknown escape")
        }
    }

    private mutating func character() throws(FormatError) -> Unicode.Scalar {
        let unit = try codeUnit()
        if let scalar = Unicode.Scalar(unit) { return scalar }
        let before = index
        if unit < 0xdc00, take(UInt8(ascii: "\\")), take(UInt8(ascii: "u")) {
            let low = try codeUnit()
            let joined = 0x1_0000 + (UInt32(unit) - 0xd800) << 10 + UInt32(low & 0x3ff)
            if low & 0xfc00 == 0xdc00, let scalar = Unicode.Scalar(joined) { return scalar }
        }
        index = before
        return "\u{FFFD}"
    }

    private mutating func codeUnit() throws(FormatError) -> UInt16 {
        guard text.count - index >= 4 else { throw failure("four hexadecimal digits are missing") }
        var unit: UInt16 = 0
        for byte in text[index..<index + 4] {
            guard let digit = Character(Unicode.Scalar(byte)).hexDigitValue, byte < 0x80 else {
                throw failure("four hexadecimal digits are missing")
            }
            unit = unit << 4 | UInt16(digit)
        }
        index += 4
        return unit
    }

    // MARK: Bytes

    private var peek: UInt8? { index < text.count ? text[index] : nil }

    private mutating func take(_ byte: UInt8) -> Bool {
        guard peek == byte else { return false }
        index += 1
        return true
    }

    private mutating func skipSpace() {
        while let byte = peek, byte == 0x20 || byte == 0x0a || byte == 0x0d || byte == 0x09 {
            index += 1
        }
    }

    private func failure(_ reason: String) -> FormatError {
        let before = text[..<min(index, text.count)]
        let line = before.reduce(1) { $1 == 0x0a ? $0 + 1 : $0 }
        let start = before.lastIndex(of: 0x0a).map { $0 + 1 } ?? 0
        return FormatError(line: line, column: before.count - start + 1, reason: reason)
    }
}
