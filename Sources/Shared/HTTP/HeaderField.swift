// SPDX-License-Identifier: Apache-2.0

/// One line of a header. Names are lower case; values are as sent.
///
/// Fields that come from a compression table are copies of the table's own, so a header that is
/// repeated costs no new string.
package struct HeaderField: Equatable, Sendable, CustomStringConvertible {
    package let name: String
    package let value: String
    let kind: HeaderKind
    /// The name or the value holds a byte that HTTP does not allow there.
    let isMalformed: Bool
    /// RFC 7541, section 4.1: both lengths and 32.
    let size: Int32

    /// `name` must be lower case.
    package init(_ name: String, _ value: String) {
        self.init(name, value, kind: HeaderKind(name))
    }

    init(_ name: String, _ value: String, kind: HeaderKind) {
        self.name = name
        self.value = value
        self.kind = kind
        isMalformed = false
        size = Int32(clamping: name.utf8.count + value.utf8.count + 32)
    }

    /// A name from the wire.
    init(wireName: ByteView, value: ByteView) {
        name = wireName.text
        self.value = value.text
        kind = HeaderKind(name)
        isMalformed = !Self.isName(wireName) || !Self.isValue(value)
        size = Int32(clamping: wireName.count + value.count + 32)
    }

    /// A value from the wire under a name that is known already.
    init(named other: HeaderField, value: ByteView) {
        name = other.name
        self.value = value.text
        kind = other.kind
        isMalformed =
            !Self.isValue(value) || (other.isMalformed && !other.name.utf8.allSatisfy(Self.isToken))
        size = Int32(clamping: other.name.utf8.count + value.count + 32)
    }

    package static func == (left: HeaderField, right: HeaderField) -> Bool {
        left.name == right.name && left.value == right.value
    }

    package var description: String { "\(name): \(value)" }

    /// RFC 9113, section 8.2.1: lower case tokens; a colon may stand in front.
    private static func isName(_ name: ByteView) -> Bool {
        if name.isEmpty { return false }
        for index in 0..<name.count where !isToken(name[index]) {
            if index == 0, name[0] == 0x3a { continue }
            return false
        }
        return true
    }

    private static func isValue(_ value: ByteView) -> Bool {
        for index in 0..<value.count {
            let byte = value[index]
            if byte < 0x20 && byte != 0x09 || byte == 0x7f { return false }
        }
        return true
    }

    /// A token character that is not an upper case letter.
    static func isToken(_ byte: UInt8) -> Bool {
        switch byte {
        case 0x30...0x39, 0x61...0x7a: true  // 0-9 a-z
        case 0x21, 0x23...0x27, 0x2a, 0x2b, 0x2d, 0x2e, 0x5e...0x60, 0x7c, 0x7e: true
        default: false
        }
    }
}

extension [HeaderField] {
    /// The value of the first field with this (lower case) name.
    package func value(of name: String) -> String? {
        for field in self where field.name == name { return field.value }
        return nil
    }
}

/// Names that the machines care about, told apart once when a field is made.
enum HeaderKind: UInt8 {
    case method, scheme, path, authority, status, unknownPseudo
    case contentType, contentLength, trailersAccepted, userAgent, host
    case timeout, encoding, acceptEncoding, grpcStatus, grpcMessage
    case connectionSpecific, other

    init(_ name: String) {
        switch name {
        case ":method": self = .method
        case ":scheme": self = .scheme
        case ":path": self = .path
        case ":authority": self = .authority
        case ":status": self = .status
        case "content-type": self = .contentType
        case "content-length": self = .contentLength
        case "te": self = .trailersAccepted
        case "user-agent": self = .userAgent
        case "host": self = .host
        case "grpc-timeout": self = .timeout
        case "grpc-encoding": self = .encoding
        case "grpc-accept-encoding": self = .acceptEncoding
        case "grpc-status": self = .grpcStatus
        case "grpc-message": self = .grpcMessage
        case "connection", "keep-alive", "proxy-connection", "transfer-encoding", "upgrade":
            self = .connectionSpecific
        default: self = name.utf8.first == 0x3a ? .unknownPseudo : .other
        }
    }

    var isPseudo: Bool { rawValue <= HeaderKind.unknownPseudo.rawValue }
}
