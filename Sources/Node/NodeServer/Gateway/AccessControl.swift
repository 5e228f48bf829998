// SPDX-License-Identifier: Apache-2.0
internal import HTTP

/// What a browser is allowed: pages of which origins may ask (`--cors`), and which names of this
/// host they may have asked for (`--host-whitelist`). The second keeps out pages whose own name
/// was made to point here after they were loaded; over TLS the certificate does that.
///
/// Guards all plain HTTP of the client port, gRPC not.
struct AccessControl {
    /// Empty, or with `*` among them: all.
    let origins: [String]
    let hosts: [String]

    init(origins: [String] = [], hosts: [String] = []) {
        self.origins = origins
        self.hosts = hosts
    }

    /// The header fields for the answer, and the answer itself if it is decided already.
    ///
    /// `commonName` is of the client's certificate, where users count: the gateway cannot act for
    /// it, so whoever has one is told.
    func admit(
        _ head: HTTPRequestHead, isSecure: Bool, commonName: String? = nil
    ) -> (fields: [HeaderField], answer: HTTPResponse?) {
        if let commonName, !commonName.isEmpty, head.target.hasPrefix("/v3/") {
            return ([], HTTPEndpoints.error(400, AccessControl.namedCertificate))
        }
        let host = AccessControl.hostName(head.authority)
        if !isSecure, !hosts.isEmpty, !hosts.contains("*"), !hosts.contains(host) {
            return ([], AccessControl.misdirected(host))
        }
        let fields = AccessControl.fields(allowing: allowedOrigin(head))
        if head.method == "OPTIONS" { return (fields, HTTPResponse(status: 200)) }
        return (fields, nil)
    }

    /// The value for the answer; nil if the page may not read it.
    private func allowedOrigin(_ head: HTTPRequestHead) -> String? {
        if origins.isEmpty || origins.contains("*") { return "*" }
        guard let origin = head.headers.value(of: "origin") else { return nil }
        return origins.contains(origin) ? origin : nil
    }

    private static func fields(allowing origin: String?) -> [HeaderField] {
        guard let origin else { return [] }
        return [
            HeaderField("access-control-allow-headers", "accept, content-type, authorization"),
            HeaderField("access-control-allow-methods", "POST, GET, OPTIONS, PUT, DELETE"),
            HeaderField("access-control-allow-origin", origin),
        ]
    }

    /// Clients look for these words of etcd's.
    private static let namedCertificate =
        "CommonName of client sending a request against gateway "
        + "will be ignored and not used as expected"

    private static func misdirected(_ host: String) -> HTTPResponse {
        HTTPEndpoints.error(
            421,
            "The host name \"\(host)\" is not one that this member answers to. A page whose name "
                + "was pointed at this address after it was loaded is kept out this way.\n"
                + "Ask over TLS, or allow the name: --host-whitelist=\(host)")
    }

    /// Without the port, and without the brackets of an IPv6 address if there is one.
    static func hostName(_ authority: String) -> String {
        if authority.hasPrefix("["), let end = authority.firstIndex(of: "]") {
            let rest = authority[authority.index(after: end)...]
            guard rest.hasPrefix(":") else { return authority }
            return String(authority[authority.index(after: authority.startIndex)..<end])
        }
        let parts = authority.split(separator: ":", omittingEmptySubsequences: false)
        return parts.count == 2 ? String(parts[0]) : authority
    }

    /// Clients of etcd 3.3 ask under `/v3beta/`.
    static func present(_ target: String) -> String {
        guard target.hasPrefix("/v3beta/") else { return target }
        return "/v3/" + target.dropFirst("/v3beta/".count)
    }
}
