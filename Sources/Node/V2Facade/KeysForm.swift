// SPDX-License-Identifier: Apache-2.0

/// Fields of a query string or a form, in order.
struct FormFields {
    private var fields: [(name: String, value: String)] = []

    /// Those of the body come first, as Go has it.
    init(query: String, body: String?) throws(KeysError) {
        if let body { try add(body) }
        try add(query)
    }

    private mutating func add(_ text: String) throws(KeysError) {
        for pair in text.split(separator: "&") {
            let parts = pair.split(separator: "=", maxSplits: 1, omittingEmptySubsequences: false)
            let value = parts.count == 2 ? try PercentText.field(parts[1]) : ""
            fields.append((try PercentText.field(parts[0]), value))
        }
    }

    func first(_ name: String) -> String? { fields.first { $0.name == name }?.value }
    func has(_ name: String) -> Bool { first(name) != nil }

    /// False without the field; nil if it is no truth value.
    func bool(_ name: String) -> Bool? {
        switch first(name) {
        case nil, "0", "f", "F", "false", "FALSE", "False": false
        case "1", "t", "T", "true", "TRUE", "True": true
        default: nil
        }
    }

    /// 0 without the field; nil if it is no number.
    func number(_ name: String) -> UInt64? {
        guard let text = first(name) else { return 0 }
        guard !text.isEmpty, text.utf8.allSatisfy({ (48...57).contains($0) }) else { return nil }
        return UInt64(text)
    }
}

enum PercentText {
    static func field(_ text: Substring) throws(KeysError) -> String {
        try decoded(text.utf8, plusIsSpace: true)
    }

    /// Nil for a bad escape.
    static func path(_ text: String) -> String? {
        try? decoded(text[...].utf8, plusIsSpace: false)
    }

    private static func decoded(
        _ text: Substring.UTF8View, plusIsSpace: Bool
    ) throws(KeysError) -> String {
        var bytes: [UInt8] = []
        var rest = text
        while let byte = rest.first {
            if byte == UInt8(ascii: "%") {
                let escape = rest.prefix(3)
                let digits = escape.dropFirst()
                guard digits.count == 2, digits.allSatisfy(isHexDigit),
                    let value = UInt8(String(decoding: digits, as: UTF8.self), radix: 16)
                else {
                    let shown = String(decoding: escape, as: UTF8.self)
                    throw KeysError(.invalidForm, "invalid URL escape \"\(shown)\"")
                }
                bytes.append(value)
                rest = rest.dropFirst(3)
            } else {
                bytes.append(plusIsSpace && byte == UInt8(ascii: "+") ? 0x20 : byte)
                rest = rest.dropFirst()
            }
        }
        return String(decoding: bytes, as: UTF8.self)
    }

    private static func isHexDigit(_ byte: UInt8) -> Bool {
        switch byte {
        case 0x30...0x39, 0x41...0x46, 0x61...0x66: true
        default: false
        }
    }
}

/// A request of /v2/keys as it came.
package struct KeysForm {
    package var method: String
    /// Behind /v2/keys, still encoded.
    package var path: String
    package var query: String
    /// Nil if it is no form.
    package var body: String?

    package init(method: String, path: String, query: String, body: String?) {
        self.method = method
        self.path = path
        self.query = query
        self.body = body
    }

    /// The checks and their order are etcd's.
    package func request(_ moment: Moment) throws(KeysError) -> KeysRequest {
        let fields = try FormFields(query: query, body: body)
        guard let path = PercentText.path(path) else {
            throw KeysError(.invalidForm, "invalid URL escape")
        }
        var request = KeysRequest(method: method, path: NodePath.clean(path))
        request.previousIndex = try Self.number(fields, "prevIndex")
        request.waitIndex = try Self.number(fields, "waitIndex")
        request.isRecursive = try Self.bool(fields, "recursive")
        _ = try Self.bool(fields, "sorted")
        request.isWait = try Self.bool(fields, "wait")
        request.isDirectory = try Self.bool(fields, "dir")
        request.isQuorum = try Self.bool(fields, "quorum")
        request.isStream = try Self.bool(fields, "stream")
        if request.isWait, method != "GET" {
            throw KeysError(.invalidField, "\"wait\" can only be used with GET requests")
        }
        request.previousValue = fields.first("prevValue") ?? ""
        if fields.has("prevValue"), request.previousValue.isEmpty {
            throw KeysError(.previousValueRequired, "\"prevValue\" cannot be empty")
        }
        request.dropsNodes = try Self.bool(fields, "noValueOnSuccess")
        request.value = fields.first("value") ?? ""
        try Self.readTTL(fields, &request, moment)
        return request
    }

    private static func readTTL(
        _ fields: FormFields, _ request: inout KeysRequest, _ moment: Moment
    ) throws(KeysError) {
        if let text = fields.first("ttl"), !text.isEmpty {
            guard let ttl = fields.number("ttl") else {
                throw KeysError(.ttlNotANumber, "invalid value for \"ttl\"")
            }
            request.ttl = TimeToLive(seconds: ttl, moment)
        }
        if fields.has("prevExist") {
            guard let exists = fields.bool("prevExist") else {
                throw KeysError(.invalidField, "invalid value for prevExist")
            }
            request.previousExists = exists
        }
        guard fields.has("refresh") else { return }
        guard let isRefresh = fields.bool("refresh") else {
            throw KeysError(.invalidField, "invalid value for refresh")
        }
        request.isRefresh = isRefresh
        if isRefresh, !request.value.isEmpty {
            throw KeysError(.refreshValue, "A value was provided on a refresh")
        }
        if isRefresh, request.ttl == nil {
            throw KeysError(.refreshTTLRequired, "No TTL value set")
        }
    }

    private static func number(_ fields: FormFields, _ name: String) throws(KeysError) -> UInt64 {
        guard let number = fields.number(name) else {
            throw KeysError(.indexNotANumber, "invalid value for \"\(name)\"")
        }
        return number
    }

    private static func bool(_ fields: FormFields, _ name: String) throws(KeysError) -> Bool {
        guard let bool = fields.bool(name) else {
            throw KeysError(.invalidField, "invalid value for \"\(name)\"")
        }
        return bool
    }
}
