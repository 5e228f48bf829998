// SPDX-License-Identifier: Apache-2.0

/// Where a member listens or is reached: scheme, host and port, nothing more.
package struct ServiceURL: Hashable, Sendable, CustomStringConvertible {
    package enum Scheme: String, Sendable {
        case http
        case https
        case unix
        case unixs

        package var isSecure: Bool { self == .https || self == .unixs }
        package var isUnix: Bool { self == .unix || self == .unixs }
    }

    package let scheme: Scheme
    /// Without the brackets of an IPv6 address. For unix sockets everything behind the slashes.
    package let host: String
    /// Zero for unix sockets.
    package let port: Int
    /// As it was written.
    package let description: String

    /// The list in ascending order, as etcd keeps lists of URLs. Errors are etcd's and Go's texts.
    package static func list(_ text: String) throws(ConfigError) -> [ServiceURL] {
        var urls: [ServiceURL] = []
        for part in text.split(separator: ",", omittingEmptySubsequences: false) {
            urls.append(try ServiceURL(String(part)))
        }
        return urls.sorted { $0.description < $1.description }
    }

    package init(_ written: String) throws(ConfigError) {
        let text = Self.trimmed(written)
        guard text.utf8.allSatisfy({ $0 >= 0x20 && $0 != 0x7f }) else {
            throw .invalid("parse \"\(text)\": net/url: invalid control character in URL")
        }
        let (name, rest) = try Self.split(text)
        guard let scheme = Scheme(rawValue: name.lowercased()) else {
            throw .invalid("URL scheme must be http, https, unix, or unixs: \(text)")
        }
        self.scheme = scheme
        description = text
        let hasSlashes = rest.hasPrefix("//")
        let location = hasSlashes ? rest.dropFirst(2) : rest
        if scheme.isUnix {
            host = String(location)
            port = 0
            return
        }
        let end = location.firstIndex { "/?#".contains($0) } ?? location.endIndex
        let address = hasSlashes ? location[..<end] : ""
        guard let (host, port) = Self.hostAndPort(address) else {
            throw .invalid("URL address does not have the form \"host:port\": \(text)")
        }
        guard end == location.endIndex else {
            throw .invalid("URL must not contain a path: \(text)")
        }
        guard port.utf8.allSatisfy({ (48...57).contains($0) }), let number = UInt16(port) else {
            throw .invalid("parse \"\(text)\": invalid port \":\(port)\" after host")
        }
        guard host.utf8.allSatisfy(Self.isHostByte) else {
            throw .invalid("parse \"\(text)\": invalid host \"\(host)\"")
        }
        self.host = String(host)
        self.port = Int(number)
    }

    /// The host is a number or `localhost`, so a listener can bind to it.
    package var isBindable: Bool { scheme.isUnix || host == "localhost" || isAddress }

    /// The host is an IP address.
    package var isAddress: Bool { Self.isIPv4(host) || Self.isIPv6(host) }

    // MARK: Parts

    private static func trimmed(_ text: String) -> String {
        let blank: (Character) -> Bool = { $0.isWhitespace }
        guard let first = text.firstIndex(where: { !blank($0) }),
            let last = text.lastIndex(where: { !blank($0) })
        else { return "" }
        return String(text[first...last])
    }

    /// Scheme and rest, the way of Go's url.Parse.
    private static func split(
        _ text: String
    ) throws(ConfigError) -> (name: String, rest: Substring) {
        let end = text.firstIndex {
            !($0.isASCII && ($0.isLetter || $0.isNumber || "+-.".contains($0)))
        }
        if let end, text[end] == ":" {
            guard end != text.startIndex else {
                throw .invalid("parse \"\(text)\": missing protocol scheme")
            }
            if text.first?.isLetter == true {
                return (String(text[..<end]), text[text.index(after: end)...])
            }
        }
        if text.prefix(while: { $0 != "/" }).contains(":") {
            throw .invalid(
                "parse \"\(text)\": first path segment in URL cannot contain colon")
        }
        return ("", text[...])
    }

    /// Escapes and user names have no place in the address of a member.
    private static func isHostByte(_ byte: UInt8) -> Bool {
        switch byte {
        case 0x30...0x39, 0x41...0x5a, 0x61...0x7a, 0x80...: true
        default: "-._~:".utf8.contains(byte)
        }
    }

    private static func hostAndPort(_ address: Substring) -> (host: Substring, port: Substring)? {
        guard let colon = address.lastIndex(of: ":") else { return nil }
        let (host, port) = (address[..<colon], address[address.index(after: colon)...])
        if host.hasPrefix("[") {
            guard host.hasSuffix("]") else { return nil }
            return (host.dropFirst().dropLast(), port)
        }
        return host.contains(":") || host.contains("]") ? nil : (host, port)
    }

    static func isIPv4(_ host: String) -> Bool {
        let parts = host.split(separator: ".", omittingEmptySubsequences: false)
        return parts.count == 4
            && parts.allSatisfy { part in
                part.utf8.count <= 3 && part.utf8.allSatisfy { (48...57).contains($0) }
                    && UInt8(part) != nil && (part.utf8.count == 1 || part.first != "0")
            }
    }

    static func isIPv6(_ host: String) -> Bool {
        let halves = halves(of: host)
        guard host.contains(":"), halves.count <= 2 else { return false }
        var count = 0
        for (index, half) in halves.enumerated() where !half.isEmpty {
            let groups = half.split(separator: ":", omittingEmptySubsequences: false)
            for (place, group) in groups.enumerated() {
                let isLast = index == halves.count - 1 && place == groups.count - 1
                if isLast, isIPv4(String(group)) {
                    count += 2
                } else {
                    guard (1...4).contains(group.count), group.allSatisfy(\.isHexDigit) else {
                        return false
                    }
                    count += 1
                }
            }
        }
        return halves.count == 2 ? count <= 7 : count == 8
    }

    /// What stands around "::".
    private static func halves(of host: String) -> [Substring] {
        var halves: [Substring] = []
        var rest = host[...]
        while let colon = rest.indices.first(where: { rest[$0...].hasPrefix("::") }) {
            halves.append(rest[..<colon])
            rest = rest[rest.index(colon, offsetBy: 2)...]
        }
        return halves + [rest]
    }
}
