// SPDX-License-Identifier: Apache-2.0
internal import Posix

/// `https://host:port/path`, taken apart.
struct ServerURL: Equatable {
    var isSecure: Bool
    var host: String
    var port: UInt16
    /// Without a slash at its end; usually empty.
    var basePath: String

    init(_ text: String) throws(KubeError) {
        var rest = text[...]
        if text.hasPrefix("https://") {
            isSecure = true
            rest = rest.dropFirst("https://".count)
        } else if text.hasPrefix("http://") {
            isSecure = false
            rest = rest.dropFirst("http://".count)
        } else {
            throw .badServer("the server \"\(text)\" is no http or https URL")
        }
        let slash = rest.firstIndex(of: "/") ?? rest.endIndex
        let authority = rest[..<slash]
        var path = String(rest[slash...])
        while path.hasSuffix("/") { path.removeLast() }
        basePath = path
        if let endpoint = HostPort(String(authority)), !endpoint.host.isEmpty {
            host = endpoint.host
            port = endpoint.port
        } else {
            guard !authority.isEmpty, !authority.contains(":") || authority.hasSuffix("]") else {
                throw .badServer("the server \"\(text)\" has no good host and port")
            }
            host = authority.filter { $0 != "[" && $0 != "]" }
            port = isSecure ? 443 : 80
        }
    }

    /// What the `host` header says.
    var authority: String { "\(HostPort(host: host, port: port))" }
}
