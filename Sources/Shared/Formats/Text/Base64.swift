// SPDX-License-Identifier: Apache-2.0

/// Base64 (RFC 4648), padded. Reading is strict, except that line ends are passed over, as Go does.
package enum Base64 {
    package enum Alphabet: Sendable {
        case standard
        /// `-` and `_` in place of `+` and `/`, without padding.
        case url
    }

    package static func encode(_ bytes: [UInt8], _ alphabet: Alphabet = .standard) -> String {
        let letters = letters(of: alphabet)
        var output: [UInt8] = []
        output.reserveCapacity((bytes.count + 2) / 3 * 4)
        var index = 0
        while index < bytes.count {
            let group = bytes[index..<min(index + 3, bytes.count)]
            let bits = group.reduce(0) { $0 << 8 | UInt32($1) } << UInt32(8 * (3 - group.count))
            for place in 0...group.count {
                output.append(letters[Int(bits >> UInt32(18 - 6 * place) & 63)])
            }
            if alphabet == .standard {
                for _ in group.count..<3 { output.append(UInt8(ascii: "=")) }
            }
            index += 3
        }
        return String(decoding: output, as: UTF8.self)
    }

    /// Nil if the text is not base64.
    package static func decode(_ text: String, _ alphabet: Alphabet = .standard) -> [UInt8]? {
        var letters = text.utf8.filter { $0 != 0x0a && $0 != 0x0d }
        if alphabet == .standard {
            guard letters.count % 4 == 0 else { return nil }
            for _ in 0..<2 where letters.last == UInt8(ascii: "=") { letters.removeLast() }
        }
        guard letters.count % 4 != 1 else { return nil }
        var output: [UInt8] = []
        output.reserveCapacity(letters.count * 3 / 4)
        var (bits, count): (UInt32, UInt32) = (0, 0)
        for letter in letters {
            guard let value = value(of: letter, alphabet) else { return nil }
            bits = bits << 6 | value
            count += 6
            if count >= 8 {
                count -= 8
                output.append(UInt8(truncatingIfNeeded: bits >> count))
            }
        }
        return output
    }

    private static func letters(of alphabet: Alphabet) -> [UInt8] {
        let common = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789"
        return Array((common + (alphabet == .standard ? "+/" : "-_")).utf8)
    }

    private static func value(of letter: UInt8, _ alphabet: Alphabet) -> UInt32? {
        switch letter {
        case UInt8(ascii: "A")...UInt8(ascii: "Z"): UInt32(letter) - 65
        case UInt8(ascii: "a")...UInt8(ascii: "z"): UInt32(letter) - 97 + 26
        case UInt8(ascii: "0")...UInt8(ascii: "9"): UInt32(letter) - 48 + 52
        case UInt8(ascii: "+") where alphabet == .standard: 62
        case UInt8(ascii: "/") where alphabet == .standard: 63
        case UInt8(ascii: "-") where alphabet == .url: 62
        case UInt8(ascii: "_") where alphabet == .url: 63
        default: nil
        }
    }
}
