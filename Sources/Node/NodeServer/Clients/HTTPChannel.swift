// SPDX-License-Identifier: Apache-2.0
internal import HTTP

/// Plain HTTP/1.1 on a client's connection: one request at a time.
final class HTTPChannel {
    private unowned let client: ClientConnection
    private let server: HTTP1Server
    private var request: HTTPRequest?
    private var exchange: HTTPExchange?
    private var isDraining = false

    /// Bodies are small here: the paths of this port take none, a line of JSON, or one value.
    private static let bodyLimit = 2 << 20

    init(_ client: ClientConnection) {
        self.client = client
        var limits = HTTP1Server.Limits()
        limits.bodyBytes = HTTPChannel.bodyLimit
        server = HTTP1Server(limits: limits)
    }

    var isOver: Bool { server.closesAfterOutput || (isDraining && server.isIdle) }
    var isIdle: Bool { server.isIdle }

    func receive(_ bytes: UnsafeRawBufferPointer) {
        unsafe server.receive(bytes)
        handleEvents()
    }

    /// The client sends no more, but may still read.
    func transportEnded() {
        // Who waits in pieces says by this that it has enough.
        exchange?.end()
        server.transportEnded()
    }

    func connectionClosed() {
        exchange?.abandon()
        server.transportEnded()
    }

    func takeOutput() -> [UInt8] {
        server.takeOutput()
    }

    func drain() {
        isDraining = true
        exchange?.end()
    }

    private func handleEvents() {
        for event in server.takeEvents() {
            switch event {
            case .head(let head): request = HTTPRequest(head: head)
            case .body(let bytes): request?.body += bytes
            case .end: answer()
            case .failed: break
            }
        }
        client.needsFlush()
    }

    private func answer() {
        guard let whole = request else { return }
        request = nil
        let made = HTTPExchange(server, client) { [weak self] in
            self?.exchange = nil
            // A pipelined request may have waited for this answer.
            self?.handleEvents()
        }
        exchange = made
        if let second = client.port.second, V2Endpoints.owns(whole.head.path) {
            second.answer(whole, made)
        } else {
            client.port.endpoints.answer(whole) { made.respond($0) }
        }
    }
}
