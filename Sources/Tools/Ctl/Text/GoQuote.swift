// SPDX-License-Identifier: Apache-2.0

/// Strings as Go writes and reads them between double quotes.
enum GoQuote {
    static func text(_ text: String) -> String { self.text(Array(text.utf8)) }

    /// Go's `%q`: what is not UTF-8 comes out as `\xNN`.
    static func text(_ bytes: [UInt8]) -> String {
        var output = "\""
        var rest = bytes[...]
        while let first = rest.first {
            if first < 0x80 {
                output += ascii(first)
                rest = rest.dropFirst()
                continue
            }
            var decoder = UTF8()
            var iterator = rest.makeIterator()
            if case .scalarValue(let scalar) = decoder.decode(&iterator) {
                output += beyond(scalar)
                rest = rest.dropFirst(UTF8.width(scalar))
            } else {
                output += "\\x" + hex(UInt32(first), 2)
                rest = rest.dropFirst()
            }
        }
        return output + "\""
    }

    private static func ascii(_ byte: UInt8) -> String {
        switch byte {
        case 0x22: "\\\""
        case 0x5c: "\\\\"
        case 0x07: "\\a"
        case 0x08: "\\b"
        case 0x0c: "\\f"
        case 0x0a: "\\n"
        case 0x0d: "\\r"
        case 0x09: "\\t"
        case 0x0b: "\\v"
        case ..<0x20, 0x7f: "\\x" + hex(UInt32(byte), 2)
        default: String(Unicode.Scalar(byte))
        }
    }

    private static func beyond(_ scalar: Unicode.Scalar) -> String {
        if isPrintable(scalar) { return String(scalar) }
        return scalar.value < 0x10000
            ? "\\u" + hex(scalar.value, 4) : "\\U" + hex(scalar.value, 8)
    }

    /// Go's `unicode.IsPrint`: letters, marks, numbers, punctuation and symbols.
    private static func isPrintable(_ scalar: Unicode.Scalar) -> Bool {
        switch scalar.properties.generalCategory {
        case .control, .format, .surrogate, .privateUse, .unassigned, .spaceSeparator,
            .lineSeparator, .paragraphSeparator:
            false
        default: true
        }
    }

    private static func hex(_ number: UInt32, _ width: Int) -> String {
        let digits = String(number, radix: 16)
        return String(repeating: "0", count: max(0, width - digits.count)) + digits
    }

    /// Reads a quoted string at the start of `rest` and takes it away. Nil if there is none.
    static func read(_ rest: inout Substring.UTF8View) -> [UInt8]? {
        guard let quote = rest.first else { return nil }
        var input = rest.dropFirst()
        var bytes: [UInt8] = []
        if quote == UInt8(ascii: "`") {
            while let byte = input.popFirst(), byte != quote { bytes.append(byte) }
            rest = input
            return bytes
        }
        guard quote == UInt8(ascii: "\"") else { return nil }
        while let byte = input.popFirst() {
            if byte == quote {
                rest = input
                return bytes
            }
            if byte != UInt8(ascii: "\\") {
                bytes.append(byte)
            } else if !escape(&input, &bytes) {
                return nil
            }
        }
        return nil
    }

    private static func escape(
        _ input: inout Substring.UTF8View, _ bytes: inout [UInt8]
    ) -> Bool {
        guard let letter = input.popFirst() else { return false }
        switch letter {
        case UInt8(ascii: "a"): bytes.append(7)
        case UInt8(ascii: "b"): bytes.append(8)
        case UInt8(ascii: "f"): bytes.append(12)
        case UInt8(ascii: "n"): bytes.append(10)
        case UInt8(ascii: "r"): bytes.append(13)
        case UInt8(ascii: "t"): bytes.append(9)
        case UInt8(ascii: "v"): bytes.append(11)
        case UInt8(ascii: "\\"), UInt8(ascii: "\""): bytes.append(letter)
        case UInt8(ascii: "x"):
            guard let value = number(&input, 2, 16) else { return false }
            bytes.append(UInt8(truncatingIfNeeded: value))
        case UInt8(ascii: "u"), UInt8(ascii: "U"):
            guard let value = number(&input, letter == UInt8(ascii: "u") ? 4 : 8, 16),
                let scalar = Unicode.Scalar(value)
            else { return false }
            bytes += Array(String(scalar).utf8)
        case UInt8(ascii: "0")...UInt8(ascii: "3"):
            guard let value = number(&input, 2, 8) else { return false }
            bytes.append((letter - UInt8(ascii: "0")) << 6 | UInt8(truncatingIfNeeded: value))
        default: return false
        }
        return true
    }

    private static func number(
        _ input: inout Substring.UTF8View, _ width: Int, _ radix: Int
    ) -> UInt32? {
        let digits = String(Substring(input.prefix(width)))
        guard digits.utf8.count == width, digits.allSatisfy(\.isHexDigit) else { return nil }
        input = input.dropFirst(width)
        return UInt32(digits, radix: radix)
    }
}

/// Numbers as Go's strconv reads them, with its complaints.
enum GoParse {
    static func int64(
        _ text: String, radix: Int, _ failure: (String) -> CtlError
    ) throws(CtlError) -> Int64 {
        if let complaint = complaint(text, radix: radix, "ParseInt") { throw failure(complaint) }
        return Int64(text, radix: radix) ?? 0
    }

    static func uint64(
        _ text: String, radix: Int, _ failure: (String) -> CtlError
    ) throws(CtlError) -> UInt64 {
        let isSigned = text.hasPrefix("-") || text.hasPrefix("+")
        guard !isSigned, let value = UInt64(text, radix: radix) else {
            throw failure(words(text, radix, "ParseUint"))
        }
        return value
    }

    /// Nil if it is a number that fits. Radix 0 takes other bases by their prefix.
    static func complaint(_ text: String, radix: Int, _ function: String) -> String? {
        if radix == 0, case .some = prefixed(text) { return nil }
        return Int64(text, radix: radix == 0 ? 10 : radix) == nil
            ? words(text, radix, function) : nil
    }

    private static func words(_ text: String, _ radix: Int, _ function: String) -> String {
        let digits = text.hasPrefix("-") || text.hasPrefix("+") ? text.dropFirst() : text[...]
        let isWhole =
            !digits.isEmpty
            && digits.allSatisfy { digit in
                digit.isASCII && digit.hexDigitValue.map { $0 < (radix == 0 ? 10 : radix) } == true
            }
        let isSigned = digits.utf8.count != text.utf8.count && function == "ParseUint"
        return "strconv.\(function): parsing \(GoQuote.text(text)): "
            + (isWhole && !isSigned ? "value out of range" : "invalid syntax")
    }

    private static func prefixed(_ text: String) -> Int64? {
        let body = text.lowercased()
        for (prefix, radix) in [("0x", 16), ("0o", 8), ("0b", 2)] where body.hasPrefix(prefix) {
            return Int64(body.dropFirst(2), radix: radix)
        }
        return nil
    }
}
