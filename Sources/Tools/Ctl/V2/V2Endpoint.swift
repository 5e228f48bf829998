// SPDX-License-Identifier: Apache-2.0
internal import Posix

/// The address of a server as this tool writes and reads it.
struct V2Endpoint: Equatable, Sendable {
    let text: String
    let host: String
    let port: UInt16
    let isSecure: Bool
    /// In front of every path; without a slash at its end.
    let prefix: String

    /// Refusals in the words of Go's net/url, as far as it has any.
    init(_ given: String) throws(V2Failure) {
        var text = given
        if !text.contains("://") {
            let segment = text.prefix { $0 != "/" }
            if let colon = segment.firstIndex(of: ":") {
                throw .plain("parse \(GoQuote.text(text)): \(Self.complaint(segment[..<colon]))")
            }
            text = "http://" + text
        }
        isSecure = text.hasPrefix("https://")
        guard isSecure || text.hasPrefix("http://") else {
            throw .plain("unsupported protocol scheme in \(given); give http:// endpoints")
        }
        let rest = text.dropFirst(isSecure ? "https://".count : "http://".count)
        let authority = rest.prefix { $0 != "/" }
        var path = rest.dropFirst(authority.count)
        while path.hasSuffix("/") { path = path.dropLast() }
        let hasPort = authority.hasSuffix("]") ? false : authority.contains(":")
        guard
            let host = HostPort(
                hasPort ? String(authority) : "\(authority):\(isSecure ? 443 : 80)"),
            !host.host.isEmpty
        else { throw .plain("parse \(GoQuote.text(text)): invalid host or port") }
        self.text = text
        self.host = host.host
        port = host.port
        prefix = String(path)
    }

    private static func complaint(_ scheme: Substring) -> String {
        if scheme.isEmpty { return "missing protocol scheme" }
        let isScheme = scheme.allSatisfy { $0.isASCII && ($0.isLetter || "+-.".contains($0)) }
        return isScheme
            ? "unsupported protocol scheme; write http:// in front"
            : "first path segment in URL cannot contain colon"
    }
}

/// Text for URLs, percent-encoded as Go's net/url does it.
enum V2URL {
    static func path(_ text: String) -> String { encoded(text, keeping: "-_.~$&+,/:;=@") }

    /// `a=b&c=d`, sorted by name.
    static func query(_ fields: [(name: String, value: String)]) -> String {
        let sorted = fields.enumerated().sorted {
            ($0.element.name, $0.offset) < ($1.element.name, $1.offset)
        }
        return sorted.map { component($0.element.name) + "=" + component($0.element.value) }
            .joined(separator: "&")
    }

    private static func component(_ text: String) -> String {
        encoded(text, keeping: "-_.~ ").replacing(" ", with: "+")
    }

    private static func encoded(_ text: String, keeping others: String) -> String {
        let kept = Array(others.utf8)
        let digits = Array("0123456789ABCDEF".utf8)
        var output: [UInt8] = []
        for byte in text.utf8 {
            switch byte {
            case 0x30...0x39, 0x41...0x5a, 0x61...0x7a: output.append(byte)
            default:
                if kept.contains(byte) {
                    output.append(byte)
                } else {
                    output += [0x25, digits[Int(byte >> 4)], digits[Int(byte & 15)]]
                }
            }
        }
        return String(decoding: output, as: UTF8.self)
    }

    /// Without `.`, `..` and doubled slashes; a slash at the end stays.
    static func canonical(_ path: String) -> String {
        var parts: [Substring] = []
        for part in path.split(separator: "/") where part != "." {
            if part == ".." { _ = parts.popLast() } else { parts.append(part) }
        }
        let joined = "/" + parts.joined(separator: "/")
        return path.hasSuffix("/") && joined != "/" ? joined + "/" : joined
    }
}
