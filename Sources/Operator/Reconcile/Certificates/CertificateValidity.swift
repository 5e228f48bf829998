// SPDX-License-Identifier: Apache-2.0
package import Bytes
internal import Formats
internal import Kube

/// From when until when a certificate is good: of the first one in a PEM text.
///
///     Certificate    ::= SEQUENCE { TBSCertificate, … }                     RFC 5280, 4.1
///     TBSCertificate ::= SEQUENCE { [0] version OPTIONAL, serialNumber INTEGER,
///                                   signature SEQUENCE, issuer SEQUENCE,
///                                   validity SEQUENCE { Time, Time }, … }
///     Time           ::= UTCTime (YYMMDDHHMMSSZ) or GeneralizedTime (YYYYMMDDHHMMSSZ)
package struct CertificateValidity: Equatable, Sendable {
    package var notBefore: Instant
    package var notAfter: Instant

    package init(notBefore: Instant, notAfter: Instant) {
        self.notBefore = notBefore
        self.notAfter = notAfter
    }

    /// Nil if this is no certificate.
    package init?(pem: [UInt8]) {
        guard let der = Self.firstBlock(pem) else { return nil }
        self.init(der: der)
    }

    package init?(der: [UInt8]) {
        var outer = DERReader(der[...])
        guard var certificate = outer.open(DERReader.sequence),
            var body = certificate.open(DERReader.sequence)
        else { return nil }
        _ = body.open(DERReader.version)
        guard body.open(DERReader.integer) != nil, body.open(DERReader.sequence) != nil,
            body.open(DERReader.sequence) != nil, var validity = body.open(DERReader.sequence),
            let begin = Self.time(&validity), let end = Self.time(&validity), begin <= end
        else { return nil }
        self.init(notBefore: begin, notAfter: end)
    }

    private static func firstBlock(_ pem: [UInt8]) -> [UInt8]? {
        var isInside = false
        var body = ""
        for line in String(decoding: pem, as: UTF8.self).split(whereSeparator: \.isNewline) {
            if line.hasPrefix("-----BEGIN CERTIFICATE") {
                isInside = true
            } else if line.hasPrefix("-----END ") {
                if isInside { return Base64.decode(body) }
            } else if isInside {
                body += line.filter { !$0.isWhitespace }
            }
        }
        return nil
    }

    private static func time(_ reader: inout DERReader) -> Instant? {
        if let short = reader.open(DERReader.utcTime) {
            guard let digits = digits(short.rest, 12), let year = number(digits[..<2]) else {
                return nil
            }
            return instant(year: year < 50 ? 2000 + year : 1900 + year, digits[2...])
        }
        guard let long = reader.open(DERReader.generalizedTime),
            let digits = digits(long.rest, 14), let year = number(digits[..<4])
        else { return nil }
        return instant(year: year, digits[4...])
    }

    /// `count` digits and a Z.
    private static func digits(_ bytes: ArraySlice<UInt8>, _ count: Int) -> [UInt8]? {
        guard bytes.count == count + 1, bytes.last == UInt8(ascii: "Z"),
            bytes.dropLast().allSatisfy({ (48...57).contains($0) })
        else { return nil }
        return Array(bytes.dropLast())
    }

    private static func number(_ digits: ArraySlice<UInt8>) -> Int? {
        Int(String(decoding: digits, as: UTF8.self))
    }

    /// What lasts longer than nanoseconds can be counted ends in 2200.
    private static func instant(year: Int, _ rest: ArraySlice<UInt8>) -> Instant? {
        if year > 2200 { return instant(year: 2200, [48, 49, 48, 49, 48, 48, 48, 48, 48, 48]) }
        let digits = rest.map { String(decoding: [$0], as: UTF8.self) }
        guard digits.count == 10, year >= 1950 else { return nil }
        func pair(_ index: Int) -> String { digits[index] + digits[index + 1] }
        let text = "\(year)-\(pair(0))-\(pair(2))T\(pair(4)):\(pair(6)):\(pair(8))Z"
        return KubeTime.parse(text).map { Instant(nanoseconds: $0) }
    }
}

/// One level of DER. Every length is checked against what there is.
private struct DERReader {
    static let integer: UInt8 = 0x02
    static let utcTime: UInt8 = 0x17
    static let generalizedTime: UInt8 = 0x18
    static let sequence: UInt8 = 0x30
    static let version: UInt8 = 0xa0

    private(set) var rest: ArraySlice<UInt8>

    init(_ bytes: ArraySlice<UInt8>) {
        rest = bytes
    }

    /// The content of what comes next, if it has this tag; else nothing is read.
    mutating func open(_ tag: UInt8) -> DERReader? {
        guard rest.first == tag else { return nil }
        var after = rest.dropFirst()
        guard let first = after.popFirst() else { return nil }
        var length = Int(first)
        if first >= 0x80 {
            let count = Int(first & 0x7f)
            guard (1...3).contains(count), after.count >= count else { return nil }
            length = after.prefix(count).reduce(0) { $0 << 8 | Int($1) }
            after = after.dropFirst(count)
        }
        guard length <= after.count else { return nil }
        rest = after.dropFirst(length)
        return DERReader(after.prefix(length))
    }
}
