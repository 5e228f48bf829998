// SPDX-License-Identifier: Apache-2.0
internal import EtcdAPI

/// The lines of a transaction: `mod("key") > "3"` and `put key "a value"`.
enum TxnText {
    static func compare(_ line: String) throws(CtlError) -> Compare {
        let halves = line.split(separator: "(", maxSplits: 1, omittingEmptySubsequences: false)
        guard halves.count == 2 else { throw malformed(line) }
        let target = String(halves[0])
        var rest = halves[1].utf8
        var (key, sign, value): ([UInt8], String, [UInt8]) = ([], "", [])
        guard read(&rest, &key, &sign, &value) else {
            throw malformed(
                line,
                "; got \(target)(\(GoQuote.text(key))) \(sign) \(GoQuote.text(value))")
        }
        var compare = Compare()
        compare.key = key
        (compare.target, compare.targetUnion) = try union(target, value, line)
        switch sign {
        case "=": compare.result = .equal
        case "!=": compare.result = .notEqual
        case ">": compare.result = .greater
        case "<": compare.result = .less
        default: throw malformed(line, " (unknown operator \(sign))")
        }
        return compare
    }

    /// `"key") sign "value"`; what could be read stays read.
    private static func read(
        _ rest: inout Substring.UTF8View, _ key: inout [UInt8], _ sign: inout String,
        _ value: inout [UInt8]
    ) -> Bool {
        skipBlanks(&rest)
        guard let first = GoQuote.read(&rest) else { return false }
        key = first
        guard rest.popFirst() == UInt8(ascii: ")"), rest.first == 0x20 else { return false }
        skipBlanks(&rest)
        let word = rest.prefix { $0 != 0x20 && $0 != 0x09 }
        sign = String(Substring(word))
        rest = rest[word.endIndex...]
        skipBlanks(&rest)
        guard !sign.isEmpty, let second = GoQuote.read(&rest) else { return false }
        value = second
        return true
    }

    private static func union(
        _ target: String, _ value: [UInt8], _ line: String
    ) throws(CtlError) -> (Compare.CompareTarget, Compare.TargetUnion) {
        func number(_ radix: Int) throws(CtlError) -> Int64 {
            try GoParse.int64(String(decoding: value, as: UTF8.self), radix: radix) { _ in
                .failed(.invalidInput, "invalid txn compare request: \(line)")
            }
        }
        switch target {
        case "ver", "version": return (.version, .version(try number(10)))
        case "c", "create": return (.create, .createRevision(try number(10)))
        case "m", "mod": return (.mod, .modRevision(try number(10)))
        case "val", "value": return (.value, .value(value))
        case "lease": return (.lease, .lease(try number(16)))
        default: throw malformed(line, " (unknown target \(target))")
        }
    }

    private static func skipBlanks(_ rest: inout Substring.UTF8View) {
        while let byte = rest.first, byte == 0x20 || byte == 0x09 { rest = rest.dropFirst() }
    }

    private static func malformed(_ line: String, _ more: String = "") -> CtlError {
        .failed(.invalidInput, "malformed comparison: \(line)\(more)")
    }

    static func operation(_ line: String) throws(CtlError) -> RequestOp {
        let wrong = CtlError.failed(.invalidInput, "invalid txn request: \(line)")
        guard let words = Words.split(line) else { throw wrong }
        guard words.count >= 2 else {
            throw .failed(.invalidInput, "invalid txn compare request: \(line)")
        }
        func flags(_ table: [CtlFlag]) throws(CtlError) -> FlagSet {
            do throws(FlagFailure) {
                return try FlagSet(parsing: Array(words.dropFirst()), table)
            } catch {
                throw wrong
            }
        }
        switch words[0] {
        case "put": return .put(try PutCommand.request(try flags(PutCommand.flags), nil))
        case "get": return .range(try GetCommand.request(try flags(GetCommand.flags)))
        case "del": return .deleteRange(try DelCommand.request(try flags(DelCommand.flags)))
        default: throw wrong
        }
    }
}
