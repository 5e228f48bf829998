// SPDX-License-Identifier: Apache-2.0
internal import Bytes

/// A JSON value whose numbers and strings are as they were written: a 64-bit number may stand in
/// either, and an error repeats it.
package enum JSONNode: Sendable {
    case null
    case bool(Bool)
    case number(ArraySlice<UInt8>)
    /// Between the quotes, escapes not resolved.
    case string(ArraySlice<UInt8>)
    case array([JSONNode])
    case object([Member])

    package struct Member: Sendable {
        let key: String
        let value: JSONNode
    }

    /// What Go calls this kind of value.
    var kind: String {
        switch self {
        case .null: "null"
        case .bool: "bool"
        case .number: "number"
        case .string: "string"
        case .array: "array"
        case .object: "object"
        }
    }

    /// Builds the tree of a text that the scanner has found to be one value.
    struct Builder {
        private let text: [UInt8]
        private var index = 0

        init(_ text: [UInt8]) {
            self.text = text
        }

        mutating func value() -> JSONNode {
            skipSpace()
            switch text[index] {
            case 0x7b: return object()
            case 0x5b: return array()
            case 0x22: return .string(string())
            case 0x74: return word(4, .bool(true))
            case 0x66: return word(5, .bool(false))
            case 0x6e: return word(4, .null)
            default: return number()
            }
        }

        private mutating func object() -> JSONNode {
            var members: [Member] = []
            index += 1
            skipSpace()
            while text[index] != 0x7d {
                let key = JSONText.unescaped(string())
                skipSpace()
                invariant(text[index] == 0x3a, "no colon at \(index)")
                index += 1
                members.append(Member(key: key, value: value()))
                skipComma()
            }
            index += 1
            return .object(members)
        }

        private mutating func array() -> JSONNode {
            var elements: [JSONNode] = []
            index += 1
            skipSpace()
            while text[index] != 0x5d {
                elements.append(value())
                skipComma()
            }
            index += 1
            return .array(elements)
        }

        private mutating func string() -> ArraySlice<UInt8> {
            index += 1
            let start = index
            while true {
                index = JSONRun.endOfPlain(text, from: index, to: text.count)
                if text[index] == 0x22 { break }
                index += text[index] == 0x5c ? 2 : 1
            }
            defer { index += 1 }
            return text[start..<index]
        }

        private mutating func number() -> JSONNode {
            let start = index
            while index < text.count, isNumeric(text[index]) { index += 1 }
            return .number(text[start..<index])
        }

        private func isNumeric(_ byte: UInt8) -> Bool {
            switch byte {
            case 0x30...0x39, 0x2b, 0x2d, 0x2e, 0x45, 0x65: true
            default: false
            }
        }

        private mutating func word(_ count: Int, _ node: JSONNode) -> JSONNode {
            index += count
            return node
        }

        private mutating func skipSpace() {
            while index < text.count, JSONScanner.isSpace(text[index]) { index += 1 }
        }

        private mutating func skipComma() {
            skipSpace()
            if text[index] == 0x2c { index += 1 }
            skipSpace()
        }
    }
}

/// The content of JSON strings.
enum JSONText {
    /// Resolves escapes; what is no UTF-8 and lone surrogates become U+FFFD.
    static func unescaped(_ raw: ArraySlice<UInt8>) -> String {
        if JSONRun.isPlain(raw) { return String(decoding: raw, as: UTF8.self) }
        var content: [UInt8] = []
        content.reserveCapacity(raw.count)
        var index = raw.startIndex
        while index < raw.endIndex {
            let byte = raw[index]
            index += 1
            guard byte == 0x5c else {
                content.append(byte)
                continue
            }
            let letter = raw[index]
            index += 1
            switch letter {
            case 0x62: content.append(0x08)
            case 0x66: content.append(0x0c)
            case 0x6e: content.append(0x0a)
            case 0x72: content.append(0x0d)
            case 0x74: content.append(0x09)
            case 0x75: content.append(contentsOf: "\(character(raw, &index))".utf8)
            default: content.append(letter)
            }
        }
        return String(decoding: content, as: UTF8.self)
    }

    private static func character(
        _ raw: ArraySlice<UInt8>, _ index: inout Int
    ) -> Unicode.Scalar {
        let unit = codeUnit(raw, &index)
        if let scalar = Unicode.Scalar(unit) { return scalar }
        let before = index
        if unit < 0xdc00, raw.endIndex - index >= 6, raw[index] == 0x5c, raw[index + 1] == 0x75 {
            index += 2
            let low = codeUnit(raw, &index)
            let joined = 0x1_0000 + (unit - 0xd800) << 10 + (low & 0x3ff)
            if low & 0xfc00 == 0xdc00, let scalar = Unicode.Scalar(joined) { return scalar }
        }
        index = before
        return "\u{FFFD}"
    }

    private static func codeUnit(_ raw: ArraySlice<UInt8>, _ index: inout Int) -> UInt32 {
        defer { index += 4 }
        return UInt32(String(decoding: raw[index..<index + 4], as: UTF8.self), radix: 16) ?? 0
    }
}
