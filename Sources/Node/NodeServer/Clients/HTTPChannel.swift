// SPDX-License-Identifier: Apache-2.0
internal import Bytes
internal import HTTP
internal import Net

/// Plain HTTP/1.1 on a client's connection: one request at a time.
final class HTTPChannel {
    private unowned let client: ClientConnection
    let server: HTTP1Server
    private var requestSince: Instant?
    private var isHandling = false
    private var request: HTTPRequest?
    private var isAnswering = false
    private var isDraining = false

    /// Bodies are small here: the paths of this port take none, or a line of JSON.
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
        noteRequest()
    }

    /// Since when a request has been coming in.
    private func noteRequest() {
        if !server.isReadingRequest {
            requestSince = nil
        } else if requestSince == nil {
            requestSince = client.port.member.reactor.now
        }
    }

    var weight: Int { server.weight + (request?.body.count ?? 0) }

    func overdue(at now: Instant) -> String? {
        guard let requestSince else { return nil }
        let settings = client.port.settings
        let limit = server.isReadingHead ? settings.headTimeout : settings.requestTimeout
        return now - requestSince > limit ? "a request did not end in time" : nil
    }

    func transportEnded() {
        server.transportEnded()
    }

    func takeOutput() -> [UInt8] {
        let bytes = server.takeOutput()
        // A pipelined request may have waited for room. It has its turn when the others had theirs.
        if server.hasEvents {
            client.port.member.reactor.after(.zero) { [weak self] in self?.handleEvents() }
        }
        return bytes
    }

    func drain() {
        isDraining = true
    }

    private func handleEvents() {
        client.needsFlush()
        // An answer may come at once, and the next request with it.
        if isHandling { return }
        isHandling = true
        defer { isHandling = false }
        while server.hasEvents {
            for event in server.takeEvents() { handle(event) }
        }
    }

    private func handle(_ event: HTTP1Server.Event) {
        switch event {
        case .head(let head): request = HTTPRequest(head: head)
        case .body(let bytes): request?.body += bytes
        case .end:
            requestSince = nil
            answer()
        case .failed(let error): client.port.note(client, "\(error)")
        }
    }

    private func answer() {
        guard let whole = request else { return }
        request = nil
        client.port.endpoints.answer(whole) { [weak self] response in
            guard let self else { return }
            self.server.respond(response)
            self.client.hasBeenServed = true
            // A pipelined request may have waited for this answer.
            self.handleEvents()
        }
    }
}
