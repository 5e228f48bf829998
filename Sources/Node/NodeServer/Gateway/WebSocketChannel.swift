// SPDX-License-Identifier: Apache-2.0
internal import Bytes
internal import EtcdAPI
internal import Formats
internal import HTTP
internal import Net
internal import Posix

/// A gateway call over a WebSocket: each message of the client holds JSON for the request, each
/// line of the answer is a text message. The connection ends with the call.
final class WebSocketChannel: GatewaySink {
    private unowned let client: ClientConnection
    private let server: WebSocketServer
    private var call: GatewayCall?

    init(_ client: ClientConnection, _ head: HTTPRequestHead, _ target: Gateway.Target) {
        self.client = client
        server = WebSocketServer(maxMessageBytes: client.port.settings.maxBodyBytes)
        switch target {
        case .rpc(let rpc):
            call = GatewayCall(
                rpc, WebSocketChannel.request(head), client: client, sink: self)
        case .nothing: respond(Gateway.notFound)
        }
    }

    /// The fields of the 101 answer.
    static func answer(to key: String, _ head: HTTPRequestHead) -> [HeaderField] {
        let digest = Digest(.sha1)
        digest.update(Array((key + WebSocketHandshake.salt).utf8))
        var fields = [HeaderField("sec-websocket-accept", Base64.encode(digest.finish()))]
        if bearer(head) != nil { fields.append(HeaderField("sec-websocket-protocol", "Bearer")) }
        return fields
    }

    /// The token in `Sec-WebSocket-Protocol: Bearer, TOKEN`; empty if there is none behind the word.
    private static func bearer(_ head: HTTPRequestHead) -> String? {
        let offered = WebSocketHandshake.subprotocols(head)
        return offered.first == "Bearer" ? offered.dropFirst().joined(separator: ",") : nil
    }

    private static func cookie(_ head: HTTPRequestHead) -> String? {
        let name = "token="
        for field in head.headers where field.name == "cookie" {
            for pair in field.value.split(separator: ";") {
                let trimmed = pair.drop { $0 == " " }
                if trimmed.hasPrefix(name) { return String(trimmed.dropFirst(name.count)) }
            }
        }
        return nil
    }

    /// As a POST; a browser's token comes as a sub-protocol or a cookie.
    private static func request(_ head: HTTPRequestHead) -> HTTPRequestHead {
        var request = head
        request.method = "POST"
        if let token = cookie(head) ?? bearer(head), !token.isEmpty {
            request.headers.removeAll { $0.name == "authorization" }
            request.headers.append(HeaderField("authorization", "Bearer \(token)"))
        }
        return request
    }

    var isOver: Bool { server.isOver && server.queuedBytes == 0 }

    /// What the client makes this channel hold in memory, about.
    var weight: Int { server.weight + (call?.heldBytes ?? 0) }

    var unreadBytes: Int { server.queuedBytes }

    // MARK: In

    func receive(_ bytes: [UInt8]) {
        for event in server.receive(bytes) {
            switch event {
            case .message(let message):
                call?.receive(message + [0x0a])
                if let call, call.hasWholeRequest { call.inputEnded() }
            case .closed: cancelled()
            }
        }
        client.needsFlush()
    }

    func cancelled() {
        let call = self.call
        self.call = nil
        call?.cancelled()
    }

    func drained() { call?.drained() }
    func draining() { call?.draining() }

    // MARK: Out

    func takeOutput() -> [UInt8] { server.takeOutput() }

    var queuedBytes: Int { server.queuedBytes + client.connection.pendingBytes }

    func respond(_ response: HTTPResponse) {
        write(response.body)
        finish()
    }

    func begin(_ head: HTTPResponseHead) {}

    func write(_ bytes: [UInt8]) {
        for line in bytes.split(separator: 0x0a) { server.send(text: Array(line)) }
        client.needsFlush()
    }

    func finish() {
        server.close(WebSocketServer.CloseCode.normal)
        call = nil
        client.needsFlush()
    }
}
