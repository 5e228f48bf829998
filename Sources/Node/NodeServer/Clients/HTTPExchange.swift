// SPDX-License-Identifier: Apache-2.0
internal import HTTP
internal import Net

/// The answer to one request: whole, or a head and pieces. Everything is ignored once it is over.
final class HTTPExchange {
    private let server: HTTP1Server
    private let client: ClientConnection
    private let onEnd: () -> Void
    private var isOver = false
    private var hasBegun = false
    /// The client left, or the member stops: no more pieces are wanted.
    var onGone: (() -> Void)?

    /// More than this waiting for a client that reads slowly ends the answer.
    private static let backlogMax = 1 << 20

    /// `onEnd` is called when the server may look at the next request.
    init(_ server: HTTP1Server, _ client: ClientConnection, onEnd: @escaping () -> Void) {
        self.server = server
        self.client = client
        self.onEnd = onEnd
    }

    func respond(_ response: HTTPResponse) {
        guard !isOver, !hasBegun else { return }
        isOver = true
        server.respond(response)
        finish()
    }

    /// The head goes out at once, for the client to know that it is being served.
    func begin(_ head: HTTPResponseHead) {
        guard !isOver, !hasBegun else { return }
        hasBegun = true
        client.connection.idleTimeout = nil
        server.sendHead(head, length: .chunked)
        client.needsFlush()
    }

    func send(_ bytes: [UInt8]) {
        guard !isOver, hasBegun else { return }
        if client.connection.pendingBytes > Self.backlogMax { return end() }
        server.sendBody(bytes)
        client.needsFlush()
    }

    func end() {
        guard !isOver, hasBegun else { return }
        isOver = true
        client.connection.idleTimeout = .seconds(300)
        server.sendEnd()
        finish()
    }

    private func finish() {
        let gone = onGone
        onGone = nil
        gone?()
        onEnd()
    }

    /// Nobody reads any more.
    func abandon() {
        guard !isOver else { return }
        isOver = true
        let gone = onGone
        onGone = nil
        gone?()
    }
}
