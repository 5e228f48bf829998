// SPDX-License-Identifier: Apache-2.0

/// Builds values out of libyaml's events.
struct YAMLReader {
    private let events: YAMLEvents
    private var depth = 0

    init(_ events: YAMLEvents) {
        self.events = events
    }

    mutating func documents() throws(FormatError) -> [JSONValue] {
        var documents: [JSONValue] = []
        while true {
            switch try events.next() {
            case .streamEnd: return documents
            case .documentStart, .documentEnd: continue
            case let event: documents.append(try value(event))
            }
        }
    }

    private mutating func value(_ event: YAMLEvent) throws(FormatError) -> JSONValue {
        switch event {
        case .scalar(let scalar): return try value(of: scalar)
        case .sequenceStart:
            return try nested { reader throws(FormatError) in
                try reader.sequence()
            }
        case .mappingStart:
            return try nested { reader throws(FormatError) in
                try reader.mapping()
            }
        case .alias: throw events.failure("aliases are not supported")
        case .documentStart, .documentEnd, .streamEnd, .sequenceEnd, .mappingEnd:
            throw events.failure("a value is missing")
        }
    }

    private mutating func nested(
        _ body: (inout YAMLReader) throws(FormatError) -> JSONValue
    ) throws(FormatError) -> JSONValue {
        guard depth < YAML.maxDepth else { throw events.failure("nested too deep") }
        depth += 1
        let value = try body(&self)
        depth -= 1
        return value
    }

    private mutating func sequence() throws(FormatError) -> JSONValue {
        var elements: [JSONValue] = []
        while true {
            let event = try events.next()
            if event == .sequenceEnd { return .array(elements) }
            elements.append(try value(event))
        }
    }

    private mutating func mapping() throws(FormatError) -> JSONValue {
        var members: [JSONObject.Member] = []
        var seen: Set<String> = []
        while true {
            let event = try events.next()
            if event == .mappingEnd { return .object(JSONObject(members)) }
            guard case .scalar(let key) = event else {
                throw events.failure("a key must be a plain word")
            }
            guard seen.insert(key.text).inserted else {
                throw events.failure("the key \"\(key.text)\" appears twice")
            }
            let value = try value(try events.next())
            members.append(JSONObject.Member(key: key.text, value: value))
        }
    }

    private func value(of scalar: YAMLScalar) throws(FormatError) -> JSONValue {
        switch scalar.tag {
        case "": scalar.isPlain ? YAMLWords.value(of: scalar.text) : .string(scalar.text)
        case "!", "tag:yaml.org,2002:str": .string(scalar.text)
        default: throw events.failure("the tag \"\(scalar.tag)\" is not supported")
        }
    }
}

/// What a word without quotes means.
enum YAMLWords {
    static func value(of text: String) -> JSONValue {
        switch text {
        case "", "~", "null", "Null", "NULL": return .null
        case "true", "True", "TRUE", "yes", "Yes", "YES", "on", "On", "ON", "y", "Y":
            return .bool(true)
        case "false", "False", "FALSE", "no", "No", "NO", "off", "Off", "OFF", "n", "N":
            return .bool(false)
        case ".inf", ".Inf", ".INF", "+.inf", "+.Inf", "+.INF": return .number(.infinity)
        case "-.inf", "-.Inf", "-.INF": return .number(-.infinity)
        case ".nan", ".NaN", ".NAN": return .number(.nan)
        default: return number(text) ?? .string(text)
        }
    }

    private static func number(_ text: String) -> JSONValue? {
        guard let first = text.utf8.first, "+-.0123456789".utf8.contains(first) else { return nil }
        let plain = text.replacing("_")
        if let whole = whole(plain) { return whole }
        guard isDecimal(plain), let value = Double(plain), value.isFinite else { return nil }
        return .number(value)
    }

    /// Decimal, or with the prefixes 0x, 0o, 0b, or octal by a leading zero.
    private static func whole(_ text: String) -> JSONValue? {
        let isNegative = text.hasPrefix("-")
        let digits = isNegative || text.hasPrefix("+") ? text.dropFirst() : text[...]
        let (body, radix) = radix(of: digits)
        guard let first = body.first, first.isHexDigit, let value = UInt64(body, radix: radix)
        else { return nil }
        guard isNegative else { return .unsigned64(value) }
        return Int64(exactly: value).map { .integer(-$0) }
            ?? (value == 1 << 63 ? .integer(.min) : nil)
    }

    private static func radix(of digits: Substring) -> (Substring, Int) {
        guard digits.count > 1, digits.first == "0" else { return (digits, 10) }
        switch digits.dropFirst().first {
        case "x", "X": return (digits.dropFirst(2), 16)
        case "o", "O": return (digits.dropFirst(2), 8)
        case "b", "B": return (digits.dropFirst(2), 2)
        default: return (digits.dropFirst(), 8)
        }
    }

    /// Digits with at most one point among them and perhaps an exponent: what `Double` would also
    /// read (hexadecimal, "nan") is no number here.
    private static func isDecimal(_ text: String) -> Bool {
        var hasDigit = false
        for byte in text.utf8 {
            switch byte {
            case UInt8(ascii: "0")...UInt8(ascii: "9"): hasDigit = true
            case UInt8(ascii: "+"), UInt8(ascii: "-"), UInt8(ascii: "."), UInt8(ascii: "e"),
                UInt8(ascii: "E"):
                continue
            default: return false
            }
        }
        return hasDigit
    }
}

extension String {
    /// Without the underscores that may stand between digits.
    fileprivate func replacing(_ underscore: Character) -> String {
        contains(underscore) ? filter { $0 != underscore } : self
    }
}
