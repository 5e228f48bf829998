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
    /// By its scheme; nil without one.
    let isSecure: Bool?

    /// The `:authority` of calls.
    var authority: String {
        switch target {
        case .host(let host): "\(host)"
        case .unix: "localhost"
        }
    }

    init(_ text: String) throws(ClientError) {
        self.text = text
        if text.hasPrefix("unix:") || text.hasPrefix("unixs:") {
            let rest = text[(text.firstIndex(of: ":") ?? text.startIndex)...]
            guard let address = SocketAddress("unix" + rest), rest.utf8.count > 3 else {
                throw .badEndpoint(text, reason: "no path; write unix:///path/of/socket")
            }
            isSecure = text.hasPrefix("unixs:")
            target = .unix(address)
            return
        }
        var bare = Substring(text)
        var isSecure: Bool?
        for (scheme, secures) in [("http://", false), ("https://", true)]
        where bare.hasPrefix(scheme) {
            bare = bare.dropFirst(scheme.count)
            isSecure = secures
        }
        self.isSecure = isSecure
        if bare.hasSuffix("/") { bare = bare.dropLast() }
        guard let host = HostPort(String(bare)), !host.host.isEmpty, !bare.contains("/") else {
            throw .badEndpoint(text, reason: "not an address; write host:port")
        }
        target = .host(host)
    }
}
