// SPDX-License-Identifier: Apache-2.0
internal import HTTP

/// The answer to one request: whole, or a head and pieces. Everything is ignored once it is over.
final class HTTPExchange {
    private weak var sink: (any GatewaySink)?
    /// Of the client's certificate, which the handshake has verified.
    let commonName: String?
    private(set) var isOver = false
    private var hasBegun = false
    private var isEnding = false
    /// The client left, or the member stops: no more pieces are wanted.
    var onGone: (() -> Void)?

    /// More than this waiting for a client that reads slowly ends the answer.
    private static let backlogMax = 1 << 20

    init(_ sink: any GatewaySink, commonName: String?) {
        self.sink = sink
        self.commonName = commonName
    }

    func respond(_ response: HTTPResponse) {
        guard !isOver, !hasBegun else { return }
        abandon()
        sink?.respond(response)
    }

    /// The head goes out at once, for the client to know that it is being served.
    func begin(_ head: HTTPResponseHead) {
        guard !isOver, !hasBegun else { return }
        hasBegun = true
        sink?.begin(head)
        if isEnding { end() }
    }

    func send(_ bytes: [UInt8]) {
        guard !isOver, hasBegun, let sink else { return }
        if sink.queuedBytes > Self.backlogMax { return end() }
        sink.write(bytes)
    }

    /// No more pieces; an answer that is whole is still to come.
    func end() {
        guard !isOver else { return }
        guard hasBegun else {
            isEnding = true
            return
        }
        abandon()
        sink?.finish()
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
