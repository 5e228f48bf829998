// SPDX-License-Identifier: Apache-2.0

/// Reading the head of an HTTP/1.1 message (RFC 9112). Strict where leniency lets two readers
/// disagree about where a message ends: lines end in CR LF, nothing is folded, lengths are digits.
enum HTTP1Head {
    /// Where the head that starts at `start` ends (after its empty line), looking on from `scanned`.
    static func end(_ bytes: [UInt8], from start: Int, scanned: Int) -> Int? {
        var at = max(start, scanned - 3)
        while at + 4 <= bytes.count {
            if bytes[at + 3] > 0x0d {
                at += 4
            } else if bytes[at] == 0x0d, bytes[at + 1] == 0x0a, bytes[at + 2] == 0x0d,
                bytes[at + 3] == 0x0a
            {
                return at + 4
            } else {
                at += 1
            }
        }
        return nil
    }

    struct Lines {
        var first: ArraySlice<UInt8>
        var fields: [HeaderField]
    }

    /// `head` ends with the empty line.
    static func lines(_ head: ArraySlice<UInt8>) throws(HTTPError) -> Lines {
        var rest = head
        let first = try line(&rest)
        var fields: [HeaderField] = []
        while true {
            let next = try line(&rest)
            if next.isEmpty { break }
            fields.append(try field(next))
        }
        return Lines(first: first, fields: fields)
    }

    /// Three parts between single spaces; the last may hold more of them when `isStatus`.
    static func words(
        _ line: ArraySlice<UInt8>, isStatus: Bool
    ) throws(HTTPError) -> [ArraySlice<UInt8>] {
        let words = line.split(
            separator: 0x20, maxSplits: isStatus ? 2 : 3, omittingEmptySubsequences: false)
        guard words.count == 3 || isStatus && words.count == 2, words.allSatisfy(isClean),
            !words[0].isEmpty, !words[1].isEmpty
        else { throw .malformed("bad first line") }
        return words
    }

    /// True for `HTTP/1.1` and later minor versions, false for `HTTP/1.0`.
    static func isPersistent(_ version: ArraySlice<UInt8>) throws(HTTPError) -> Bool {
        guard version.count == 8, version.starts(with: Array("HTTP/".utf8)) else {
            throw .malformed("bad version")
        }
        let (major, minor) = (version[version.startIndex + 5], version[version.startIndex + 7])
        guard major == 0x31, version[version.startIndex + 6] == 0x2e, 0x30...0x39 ~= minor else {
            throw .unsupported("version is not HTTP/1.x")
        }
        return minor != 0x30
    }

    /// A content-length: digits only, and few enough to be a number.
    static func length(_ text: String) -> Int? {
        let digits = text.utf8
        guard !digits.isEmpty, digits.count <= 18 else { return nil }
        var value = 0
        for digit in digits {
            guard 0x30...0x39 ~= digit else { return nil }
            value = value * 10 + Int(digit - 0x30)
        }
        return value
    }

    /// Whether a comma-separated list names `token` (lower case).
    static func lists(_ token: String, in fields: [HeaderField], under name: String) -> Bool {
        for field in fields where field.name == name {
            for part in field.value.utf8.split(separator: 0x2c) {
                let word = part.drop { $0 == 0x20 || $0 == 0x09 }
                let trimmed = word.prefix { $0 != 0x20 && $0 != 0x09 }
                if trimmed.elementsEqual(token.utf8, by: { lowered($0) == $1 }) { return true }
            }
        }
        return false
    }

    static func text(_ bytes: ArraySlice<UInt8>) -> String {
        String(decoding: bytes, as: UTF8.self)
    }

    private static func line(
        _ rest: inout ArraySlice<UInt8>
    ) throws(HTTPError) -> ArraySlice<UInt8> {
        guard let end = rest.firstIndex(of: 0x0a), end > rest.startIndex, rest[end - 1] == 0x0d
        else { throw .malformed("a line does not end in CR LF") }
        let line = rest[..<(end - 1)]
        rest = rest[(end + 1)...]
        return line
    }

    private static func field(_ line: ArraySlice<UInt8>) throws(HTTPError) -> HeaderField {
        guard let colon = line.firstIndex(of: 0x3a), colon > line.startIndex else {
            throw .malformed("a header line without a name")
        }
        let name = line[..<colon].map(lowered)
        var value = line[(colon + 1)...]
        while let byte = value.first, byte == 0x20 || byte == 0x09 { value.removeFirst() }
        while let byte = value.last, byte == 0x20 || byte == 0x09 { value.removeLast() }
        let field = name.withView { name in
            Array(value).withView { value in HeaderField(wireName: name, value: value) }
        }
        if field.isMalformed { throw .malformed("a header line with a forbidden character") }
        return field
    }

    private static func isClean(_ word: ArraySlice<UInt8>) -> Bool {
        word.allSatisfy { $0 >= 0x20 && $0 != 0x7f || $0 == 0x09 }
    }

    private static func lowered(_ byte: UInt8) -> UInt8 {
        0x41...0x5a ~= byte ? byte | 0x20 : byte
    }
}
