// SPDX-License-Identifier: Apache-2.0

/// A line of interactive input as words, as etcdctl takes it apart: "…" with Go's escapes, '…' as
/// it stands, anything else up to the next blank.
enum Words {
    /// Nil if a quoted word is broken.
    static func split(_ line: String) -> [String]? {
        var words: [String] = []
        var rest = Substring(line).utf8
        while let first = rest.first {
            switch first {
            case 0x20, 0x09...0x0d: rest = rest.dropFirst()
            case UInt8(ascii: "\""):
                guard let bytes = GoQuote.read(&rest) else { return nil }
                words.append(String(decoding: bytes, as: UTF8.self))
            case UInt8(ascii: "'"):
                let body = rest.dropFirst().prefix { $0 != UInt8(ascii: "'") }
                guard body.endIndex < rest.endIndex else { return nil }
                words.append(String(Substring(body)))
                rest = rest[body.endIndex...].dropFirst()
            default:
                let word = rest.prefix { !($0 == 0x20 || (0x09...0x0d).contains($0)) }
                words.append(String(Substring(word)))
                rest = rest[word.endIndex...]
            }
        }
        return words
    }

    static func trimmed(_ line: String) -> String {
        let isBlank = { (byte: UInt8) in byte == 0x20 || (0x09...0x0d).contains(byte) }
        let start = line.utf8.drop(while: isBlank)
        guard let last = start.lastIndex(where: { !isBlank($0) }) else { return "" }
        return String(line[start.startIndex...last])
    }
}
