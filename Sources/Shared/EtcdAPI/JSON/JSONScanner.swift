// SPDX-License-Identifier: Apache-2.0

// Messages as the JSON gateway writes and reads them: protobuf's JSON mapping with the names of
// the .proto files.
//
//   JSONScanner      where a value ends, byte by byte; what is wrong with it, in Go's words
//   JSONRun          the bytes of a string that need no such look, eight at a time
//   JSONStream       values that come one after another, in pieces
//   JSONNode         the value as a tree; numbers and strings stay as they were written
//   JSONReader       visitor: JSONNode ─▶ message
//   JSONPrinter      visitor: message ─▶ JSON text
//   GatewayMessages  by method: JSON request ─▶ protobuf, protobuf response ─▶ JSON
//   GatewayStatus    gRPC codes as HTTP statuses, and the bodies of errors
//
// Out: 64-bit numbers as strings, bytes as base64, enumerations by name, defaults left out. In: all
// that and numbers as numbers, enumerations by number, camelCase names, URL-safe and unpadded
// base64; null is as if the field were not there; unknown fields are passed over. The reader never
// traps, and refuses what is nested deeper than `JSONScanner.maxDepth`.

/// Why a text is not the message it should be, in the words that etcd's clients know.
package struct JSONFailure: Error, Equatable, Sendable {
    package let text: String

    package init(_ text: String) {
        self.text = text
    }
}

/// Follows one JSON value through its bytes.
struct JSONScanner {
    /// Of arrays and objects inside each other; the tree is built by recursion.
    static let maxDepth = 300

    enum Step {
        case goesOn
        /// The value ends with this byte.
        case endsHere
        /// It ended before this byte, which belongs to what follows.
        case endedBefore
    }

    private enum State {
        case value, valueOrEnd, key, keyOrEnd, afterKey, afterValue, over
        case string, escape, hex(Int)
        case minus, zero, digits, point, fraction, exponent, exponentSign, exponentDigits
        case word(StaticString, Int)
    }

    private enum Floor { case array, objectKey, objectValue }

    private var state = State.value
    private var floors: [Floor] = []

    /// Nothing but space has come.
    private(set) var isUntouched = true

    mutating func step(_ byte: UInt8) throws(JSONFailure) -> Step {
        switch state {
        case .string: return try inString(byte)
        case .escape: return try inEscape(byte)
        case .hex(let count):
            guard JSONScanner.isHex(byte) else {
                throw invalid(byte, "in \\u hexadecimal character escape")
            }
            state = count == 3 ? .string : .hex(count + 1)
            return .goesOn
        case .minus, .zero, .digits, .point, .fraction, .exponent, .exponentSign, .exponentDigits:
            return try inNumber(byte)
        case .word(let word, let index): return try inWord(byte, word, index)
        case .value, .valueOrEnd, .key, .keyOrEnd, .afterKey, .afterValue, .over:
            if JSONScanner.isSpace(byte) { return .goesOn }
            isUntouched = false
            return try between(byte)
        }
    }

    /// Where the string at hand, if this is inside of one, needs `step` again.
    func endOfPlain(_ text: [UInt8], from start: Int, to end: Int) -> Int {
        guard case .string = state else { return start }
        return JSONRun.endOfPlain(text, from: start, to: end)
    }

    /// The text ends here; true if that ends a value (a number has no end of its own).
    mutating func finish() throws(JSONFailure) -> Bool {
        if isUntouched { return false }
        switch state {
        case .zero, .digits, .fraction, .exponentDigits: if floors.isEmpty { return true }
        case .over: return true
        default: break
        }
        throw JSONFailure("unexpected EOF")
    }

    // MARK: Between tokens

    private mutating func between(_ byte: UInt8) throws(JSONFailure) -> Step {
        switch state {
        case .value: return try beginValue(byte)
        case .valueOrEnd: return byte == 0x5d ? close() : try beginValue(byte)
        case .keyOrEnd where byte == 0x7d:
            return close()
        case .key, .keyOrEnd:
            guard byte == 0x22 else {
                throw invalid(byte, "looking for beginning of object key string")
            }
            state = .string
        case .afterKey:
            guard byte == 0x3a else { throw invalid(byte, "after object key") }
            floors[floors.count - 1] = .objectValue
            state = .value
        case .afterValue: return try afterValue(byte)
        default: return .endedBefore
        }
        return .goesOn
    }

    private mutating func beginValue(_ byte: UInt8) throws(JSONFailure) -> Step {
        switch byte {
        case 0x7b:
            try open(.objectKey)
            state = .keyOrEnd
        case 0x5b:
            try open(.array)
            state = .valueOrEnd
        case 0x22: state = .string
        case 0x2d: state = .minus
        case 0x30: state = .zero
        case 0x31...0x39: state = .digits
        case 0x74: state = .word("true", 1)
        case 0x66: state = .word("false", 1)
        case 0x6e: state = .word("null", 1)
        default: throw invalid(byte, "looking for beginning of value")
        }
        return .goesOn
    }

    private mutating func open(_ floor: Floor) throws(JSONFailure) {
        guard floors.count < JSONScanner.maxDepth else { throw JSONFailure("exceeded max depth") }
        floors.append(floor)
    }

    private mutating func close() -> Step {
        floors.removeLast()
        return ended()
    }

    private mutating func ended() -> Step {
        state = floors.isEmpty ? .over : .afterValue
        return floors.isEmpty ? .endsHere : .goesOn
    }

    private mutating func afterValue(_ byte: UInt8) throws(JSONFailure) -> Step {
        switch (floors.last, byte) {
        case (.array, 0x2c): state = .value
        case (.array, 0x5d), (.objectValue, 0x7d): return close()
        case (.array, _): throw invalid(byte, "after array element")
        case (.objectValue, 0x2c):
            floors[floors.count - 1] = .objectKey
            state = .key
        default: throw invalid(byte, "after object key:value pair")
        }
        return .goesOn
    }

    // MARK: Inside tokens

    private mutating func inString(_ byte: UInt8) throws(JSONFailure) -> Step {
        switch byte {
        case 0x22:
            guard case .objectKey = floors.last else { return ended() }
            state = .afterKey
        case 0x5c: state = .escape
        case 0..<0x20: throw invalid(byte, "in string literal")
        default: break
        }
        return .goesOn
    }

    private mutating func inEscape(_ byte: UInt8) throws(JSONFailure) -> Step {
        switch byte {
        case 0x62, 0x66, 0x6e, 0x72, 0x74, 0x5c, 0x2f, 0x22: state = .string
        case 0x75: state = .hex(0)
        default: throw invalid(byte, "in string escape code")
        }
        return .goesOn
    }

    private mutating func inWord(
        _ byte: UInt8, _ word: StaticString, _ index: Int
    ) throws(JSONFailure) -> Step {
        let letters = Array("\(word)".utf8)
        guard byte == letters[index] else {
            let expected = Character(Unicode.Scalar(letters[index]))
            throw invalid(byte, "in literal \(word) (expecting '\(expected)')")
        }
        if index + 1 == letters.count { return ended() }
        state = .word(word, index + 1)
        return .goesOn
    }

    private mutating func inNumber(_ byte: UInt8) throws(JSONFailure) -> Step {
        let isDigit = 0x30...0x39 ~= byte
        let isExponent = byte == 0x65 || byte == 0x45
        switch state {
        case .minus:
            guard isDigit else { throw invalid(byte, "in numeric literal") }
            state = byte == 0x30 ? .zero : .digits
        case .digits where isDigit, .fraction where isDigit, .exponentDigits where isDigit: break
        case .zero where byte == 0x2e, .digits where byte == 0x2e: state = .point
        case .zero where isExponent, .digits where isExponent, .fraction where isExponent:
            state = .exponent
        case .point:
            guard isDigit else { throw invalid(byte, "after decimal point in numeric literal") }
            state = .fraction
        case .exponent where byte == 0x2b || byte == 0x2d: state = .exponentSign
        case .exponent, .exponentSign:
            guard isDigit else { throw invalid(byte, "in exponent of numeric literal") }
            state = .exponentDigits
        default:
            if case .endsHere = ended() { return .endedBefore }
            if JSONScanner.isSpace(byte) { return .goesOn }
            return try between(byte)
        }
        return .goesOn
    }

    // MARK: Bytes

    static func isSpace(_ byte: UInt8) -> Bool {
        byte == 0x20 || byte == 0x09 || byte == 0x0a || byte == 0x0d
    }

    private static func isHex(_ byte: UInt8) -> Bool {
        switch byte {
        case 0x30...0x39, 0x41...0x46, 0x61...0x66: true
        default: false
        }
    }

    private func invalid(_ byte: UInt8, _ place: String) -> JSONFailure {
        JSONScanner.invalid(byte, place)
    }

    static func invalid(_ byte: UInt8, _ place: String) -> JSONFailure {
        let shown: String
        switch byte {
        case 0x27: shown = "\\'"
        case 0x5c: shown = "\\\\"
        case 0x09: shown = "\\t"
        case 0x0a: shown = "\\n"
        case 0x0d: shown = "\\r"
        case 0x20...0x7e, 0xa1...0xac, 0xae...0xff: shown = "\(Unicode.Scalar(byte))"
        case 0x80...0xa0, 0xad: shown = "\\u00" + String(byte, radix: 16)
        default: shown = "\\x" + (byte < 0x10 ? "0" : "") + String(byte, radix: 16)
        }
        return JSONFailure("invalid character '\(shown)' \(place)")
    }
}
