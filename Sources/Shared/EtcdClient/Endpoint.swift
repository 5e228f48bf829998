// SPDX-License-Identifier: Apache-2.0
internal import Posix

/// A server's address as the user wrote it, and what it means.
struct Endpoint: Equatable {
    enum Target: Equatable {
        case host(HostPort)
        case unix(SocketAddress)
    }

    let text: String
    let target: Target

    /// The `:authority` of calls.
    var authority: String {
        switch target {
        case .host(let host): "\(host)"
        case .unix: "localhost"
        }
    }

    init(_ text: String) throws(ClientError) {
        self.text = text
        if text.hasPrefix("https://") || text.hasPrefix("unixs:") {
            throw .badEndpoint(
                text, reason: "TLS is not supported yet; give a plain http:// endpoint")
        }
        if text.hasPrefix("unix:") {
            guard let address = SocketAddress(text), text.utf8.count > 7 else {
                throw .badEndpoint(text, reason: "no path; write unix:///path/of/socket")
            }
            target = .unix(address)
            return
        }
        var bare = Substring(text)
        if bare.hasPrefix("http://") { bare = bare.dropFirst("http://".count) }
        if bare.hasSuffix("/") { bare = bare.dropLast() }
        guard let host = HostPort(String(bare)), !host.host.isEmpty, !bare.contains("/") else {
            throw .badEndpoint(text, reason: "not an address; write host:port")
        }
        target = .host(host)
    }
}
