// SPDX-License-Identifier: Apache-2.0
internal import Glibc

/// Where a socket listens or connects to.
package enum SocketAddress: Hashable, Sendable {
    /// `host` in the order of its digits: 127.0.0.1 is 0x7f000001.
    case v4(host: UInt32, port: UInt16)
    /// Sixteen bytes; `scope` is the interface of a link-local address, otherwise 0.
    case v6(host: [UInt8], port: UInt16, scope: UInt32)
    case unix(path: String)

    /// From an address in digits, IPv6 with or without brackets. Nil if it is none, such as a name.
    package init?(host: String, port: UInt16) {
        var bare = Substring(host)
        if bare.hasPrefix("["), bare.hasSuffix("]") { bare = bare.dropFirst().dropLast() }
        let parts = bare.split(separator: "%", maxSplits: 1)
        guard let digits = parts.first.map(String.init) else { return nil }
        var scope: UInt32 = 0
        if parts.count == 2 {
            scope = unsafe UInt32(parts[1]) ?? if_nametoindex(String(parts[1]))
            if scope == 0 { return nil }
        }
        var bytes = [UInt8](repeating: 0, count: 16)
        if parts.count == 1, unsafe inet_pton(AF_INET, digits, &bytes) == 1 {
            self = .v4(host: bytes[..<4].reduce(0) { $0 << 8 | UInt32($1) }, port: port)
        } else if unsafe inet_pton(AF_INET6, digits, &bytes) == 1 {
            self = .v6(host: bytes, port: port, scope: scope)
        } else {
            return nil
        }
    }

    /// From "127.0.0.1:2379", "[::1]:2379" or "unix:/path". Nil if it is none of these.
    package init?(_ text: String) {
        if text.hasPrefix("unix:") {
            let path = text.dropFirst("unix:".count)
            self = .unix(path: String(path.hasPrefix("//") ? path.dropFirst(2) : path))
            return
        }
        guard let endpoint = HostPort(text) else { return nil }
        self.init(host: endpoint.host, port: endpoint.port)
    }

    package static func loopback(port: UInt16) -> SocketAddress {
        .v4(host: 0x7F00_0001, port: port)
    }

    /// 0 for a unix socket.
    package var port: UInt16 {
        switch self {
        case .v4(_, let port), .v6(_, let port, _): port
        case .unix: 0
        }
    }

    package var isUnix: Bool {
        if case .unix = self { true } else { false }
    }

    internal var family: Int32 {
        switch self {
        case .v4: AF_INET
        case .v6: AF_INET6
        case .unix: AF_UNIX
        }
    }

    /// As the kernel wants it: family (own byte order), then for IP the port (big endian), flow
    /// (IPv6 only), host, and scope; for unix the path and a zero.
    internal var kernelForm: [UInt8] {
        let family = UInt16(truncatingIfNeeded: family)
        var bytes = unsafe withUnsafeBytes(of: family) { unsafe Array($0) }
        switch self {
        case .v4(let host, let port):
            bytes += bigEndian(port) + bigEndian(host) + [UInt8](repeating: 0, count: 8)
        case .v6(let host, let port, let scope):
            bytes += bigEndian(port) + [0, 0, 0, 0] + host
            bytes += unsafe withUnsafeBytes(of: scope) { unsafe Array($0) }
        case .unix(let path):
            bytes += Array(path.utf8) + [0]
        }
        return bytes
    }

    internal init?(kernelForm bytes: [UInt8]) {
        guard bytes.count >= 2 else { return nil }
        let family = Int32(unsafe bytes.withUnsafeBytes { unsafe $0.load(as: UInt16.self) })
        switch family {
        case AF_INET where bytes.count >= 8:
            let host = bytes[4..<8].reduce(0) { $0 << 8 | UInt32($1) }
            self = .v4(host: host, port: UInt16(bytes[2]) << 8 | UInt16(bytes[3]))
        case AF_INET6 where bytes.count >= 28:
            let scope = unsafe bytes.withUnsafeBytes {
                unsafe $0.loadUnaligned(fromByteOffset: 24, as: UInt32.self)
            }
            self = .v6(
                host: Array(bytes[8..<24]), port: UInt16(bytes[2]) << 8 | UInt16(bytes[3]),
                scope: scope)
        case AF_UNIX:
            self = .unix(path: String(decoding: bytes[2...].prefix { $0 != 0 }, as: UTF8.self))
        default:
            return nil
        }
    }
}

private func bigEndian(_ number: some FixedWidthInteger) -> [UInt8] {
    unsafe withUnsafeBytes(of: number.bigEndian) { unsafe Array($0) }
}

extension SocketAddress: CustomStringConvertible {
    /// The host in digits, without port or brackets; the path of a unix socket.
    package var host: String {
        switch self {
        case .v4(let host, _):
            "\(host >> 24).\(host >> 16 & 255).\(host >> 8 & 255).\(host & 255)"
        case .v6(let host, _, let scope):
            printed(host) + (scope == 0 ? "" : "%\(scope)")
        case .unix(let path):
            path
        }
    }

    package var description: String {
        switch self {
        case .v4(_, let port): "\(host):\(port)"
        case .v6(_, let port, _): "[\(host)]:\(port)"
        case .unix(let path): "unix:\(path)"
        }
    }

    private func printed(_ host: [UInt8]) -> String {
        var text = [CChar](repeating: 0, count: 64)
        guard host.count == 16,
            unsafe inet_ntop(AF_INET6, host, &text, socklen_t(text.count)) != nil
        else { return "::" }
        return String(
            decoding: text.prefix { $0 != 0 }.map { UInt8(bitPattern: $0) }, as: UTF8.self)
    }
}

/// "host:port", the host a name or an address. Brackets around IPv6 are taken off.
package struct HostPort: Hashable, Sendable, CustomStringConvertible {
    /// Empty means every address of the machine.
    package var host: String
    package var port: UInt16

    package init(host: String, port: UInt16) {
        self.host = host
        self.port = port
    }

    /// Nil if the port is missing or no number, or if an IPv6 host lacks its brackets.
    package init?(_ text: String) {
        guard let colon = text.lastIndex(of: ":") else { return nil }
        let digits = text[text.index(after: colon)...]
        guard digits.allSatisfy({ $0.isASCII && $0.isNumber }), let port = UInt16(digits) else {
            return nil
        }
        var host = text[..<colon]
        if host.hasPrefix("["), host.hasSuffix("]") {
            host = host.dropFirst().dropLast()
        } else if host.contains(":") {
            return nil
        }
        self.init(host: String(host), port: port)
    }

    package var description: String {
        host.contains(":") ? "[\(host)]:\(port)" : "\(host):\(port)"
    }
}
