// SPDX-License-Identifier: Apache-2.0

/// The percent signs of URLs (RFC 3986).
package enum PercentCoding {
    package static func encode(_ text: String, keeping extra: String = "") -> String {
        var output: [UInt8] = []
        for byte in text.utf8 {
            if isUnreserved(byte) || extra.utf8.contains(byte) {
                output.append(byte)
            } else {
                output.append(UInt8(ascii: "%"))
                output.append(hexDigits[Int(byte >> 4)])
                output.append(hexDigits[Int(byte & 15)])
            }
        }
        return String(decoding: output, as: UTF8.self)
    }

    /// Nil if a percent sign has no two digits. With `plusIsBlank`, as queries have it.
    package static func decode(_ text: some StringProtocol, plusIsBlank: Bool = false) -> String? {
        var output: [UInt8] = []
        var bytes = text.utf8.makeIterator()
        while let byte = bytes.next() {
            switch byte {
            case UInt8(ascii: "%"):
                guard let high = bytes.next().flatMap(value), let low = bytes.next().flatMap(value)
                else { return nil }
                output.append(high << 4 | low)
            case UInt8(ascii: "+") where plusIsBlank: output.append(UInt8(ascii: " "))
            default: output.append(byte)
            }
        }
        return String(decoding: output, as: UTF8.self)
    }

    /// `a=b&c=d` as pairs in order; nil if it is no query.
    package static func query(_ text: some StringProtocol) -> [(String, String)]? {
        var pairs: [(String, String)] = []
        for part in text.split(separator: "&") {
            let equals = part.firstIndex(of: "=")
            let value = equals.map { part[part.index(after: $0)...] } ?? ""
            guard let name = decode(part[..<(equals ?? part.endIndex)], plusIsBlank: true),
                let decoded = decode(value, plusIsBlank: true)
            else { return nil }
            pairs.append((name, decoded))
        }
        return pairs
    }

    private static let hexDigits = Array("0123456789ABCDEF".utf8)

    private static func isUnreserved(_ byte: UInt8) -> Bool {
        switch byte {
        case UInt8(ascii: "a")...UInt8(ascii: "z"), UInt8(ascii: "A")...UInt8(ascii: "Z"),
            UInt8(ascii: "0")...UInt8(ascii: "9"), UInt8(ascii: "-"), UInt8(ascii: "."),
            UInt8(ascii: "_"), UInt8(ascii: "~"):
            true
        default: false
        }
    }

    private static func value(_ digit: UInt8) -> UInt8? {
        switch digit {
        case UInt8(ascii: "0")...UInt8(ascii: "9"): digit - 48
        case UInt8(ascii: "a")...UInt8(ascii: "f"): digit - 97 + 10
        case UInt8(ascii: "A")...UInt8(ascii: "F"): digit - 65 + 10
        default: nil
        }
    }
}
