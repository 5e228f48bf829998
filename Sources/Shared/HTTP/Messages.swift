// SPDX-License-Identifier: Apache-2.0

/// A request as far as its head tells, of either HTTP version.
package struct HTTPRequestHead: Equatable, Sendable {
    package var method: String
    /// Path and query, as sent: `/v3/kv/range?x=y`.
    package var target: String
    /// Host and port that the client asked for; may be empty.
    package var authority: String
    /// Without pseudo headers.
    package var headers: [HeaderField]

    package init(
        method: String, target: String, authority: String = "", headers: [HeaderField] = []
    ) {
        self.method = method
        self.target = target
        self.authority = authority
        self.headers = headers
    }

    /// The target up to its query.
    package var path: String {
        guard let end = target.utf8.firstIndex(of: 0x3f) else { return target }
        return String(target[..<end])
    }

    /// What follows the question mark; empty without one.
    package var query: String {
        guard let end = target.utf8.firstIndex(of: 0x3f) else { return "" }
        return String(target[target.index(after: end)...])
    }
}

/// A whole request.
package struct HTTPRequest: Equatable, Sendable {
    package var head: HTTPRequestHead
    package var body: [UInt8]

    package init(head: HTTPRequestHead, body: [UInt8] = []) {
        self.head = head
        self.body = body
    }
}

package struct HTTPResponseHead: Equatable, Sendable {
    package var status: Int
    package var headers: [HeaderField]

    package init(status: Int, headers: [HeaderField] = []) {
        self.status = status
        self.headers = headers
    }
}

/// A whole response.
package struct HTTPResponse: Equatable, Sendable {
    package var head: HTTPResponseHead
    package var body: [UInt8]

    package init(status: Int, headers: [HeaderField] = [], body: [UInt8] = []) {
        head = HTTPResponseHead(status: status, headers: headers)
        self.body = body
    }

    /// With `content-type`.
    package init(status: Int, contentType: String, text: String) {
        self.init(
            status: status, headers: [HeaderField("content-type", contentType)],
            body: Array(text.utf8))
    }
}

package enum HTTPStatus {
    /// The phrase of RFC 9110, section 15; empty for numbers that have none.
    package static func phrase(_ status: Int) -> String { phrases[status] ?? "" }

    private static let phrases: [Int: String] = [
        100: "Continue", 101: "Switching Protocols", 200: "OK", 201: "Created", 202: "Accepted",
        204: "No Content", 206: "Partial Content", 301: "Moved Permanently", 302: "Found",
        304: "Not Modified", 307: "Temporary Redirect", 400: "Bad Request", 401: "Unauthorized",
        403: "Forbidden", 404: "Not Found", 405: "Method Not Allowed", 408: "Request Timeout",
        409: "Conflict", 410: "Gone", 411: "Length Required", 412: "Precondition Failed",
        413: "Request Entity Too Large", 415: "Unsupported Media Type",
        417: "Expectation Failed", 422: "Unprocessable Entity", 429: "Too Many Requests",
        431: "Request Header Fields Too Large", 499: "Client Closed Request",
        500: "Internal Server Error", 501: "Not Implemented", 502: "Bad Gateway",
        503: "Service Unavailable", 504: "Gateway Timeout",
        505: "HTTP Version Not Supported", 507: "Insufficient Storage",
    ]
}
