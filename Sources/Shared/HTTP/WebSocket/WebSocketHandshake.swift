// SPDX-License-Identifier: Apache-2.0

/// What a request for a WebSocket says (RFC 6455, section 4.2.1). The answer needs a SHA-1, which
/// is the shell's.
package enum WebSocketHandshake {
    /// Appended to the client's key before it is hashed.
    package static let salt = "258EAFA5-E914-47DA-95CA-C5AB0DC85B11"

    /// The request asks for a WebSocket, well or badly.
    package static func isAsked(_ head: HTTPRequestHead) -> Bool {
        HTTP1Head.lists("upgrade", in: head.headers, under: "connection")
            && HTTP1Head.lists("websocket", in: head.headers, under: "upgrade")
    }

    package enum Verdict: Equatable, Sendable {
        case key(String)
        case refused(HTTPResponse)
    }

    package static func check(_ head: HTTPRequestHead) -> Verdict {
        guard head.method == "GET" else { return refusal("the method of a handshake is GET") }
        guard head.headers.value(of: "sec-websocket-version") == "13" else {
            return refusal("the WebSocket version is not 13")
        }
        // Sixteen bytes in base64.
        guard let key = head.headers.value(of: "sec-websocket-key"), key.utf8.count == 24,
            key.hasSuffix("==")
        else { return refusal("the WebSocket key is missing or has a wrong length") }
        return .key(key)
    }

    private static func refusal(_ text: String) -> Verdict {
        var response = HTTPResponse(
            status: 400, contentType: "text/plain; charset=utf-8", text: text + "\n")
        response.head.headers.append(HeaderField("sec-websocket-version", "13"))
        return .refused(response)
    }

    /// The sub-protocols asked for, in order. Browsers cannot send an Authorization header, so
    /// etcd takes a token from here: `bearer, TOKEN`.
    package static func subprotocols(_ head: HTTPRequestHead) -> [String] {
        head.headers.filter { $0.name == "sec-websocket-protocol" }.flatMap { field in
            field.value.split(separator: ",").map { part in
                String(part.drop { $0 == " " }.prefix { $0 != " " })
            }
        }
    }
}
