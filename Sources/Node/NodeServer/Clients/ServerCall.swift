// SPDX-License-Identifier: Apache-2.0
internal import Bytes
internal import EtcdAPI
internal import HTTP
internal import Net
internal import NodeCore

/// What brings a call here and takes its answers away: a gRPC stream, or an exchange of the JSON
/// gateway. Told the end of each call exactly once, by `reply` or `finish`.
protocol CallCarrier: AnyObject {
    var member: LocalMember { get }
    /// The answer of a unary call, with status OK.
    func reply(_ stream: StreamID, _ message: [UInt8])
    func send(_ stream: StreamID, _ message: [UInt8])
    func sendHead(_ stream: StreamID)
    func finish(_ stream: StreamID, code: Int, message: String)
    /// Sent, and not yet on its way to the client.
    func queuedBytes(_ stream: StreamID) -> Int
}

/// What a method does with a call. Ends through its context, exactly once.
protocol ServerCall: AnyObject {
    var context: CallContext { get }
    func receive(_ message: [UInt8])
    func inputEnded()
    /// The client gave up or is gone; nothing may be sent any more.
    func cancelled()
    /// What was queued for the client has gone out.
    func drained()
    /// The server is about to end; a call without an end of its own must end now.
    func draining()
}

extension ServerCall {
    func inputEnded() {}
    func cancelled() {}
    func drained() {}
    func draining() {}
}

/// One call as its handler sees it.
final class CallContext {
    private weak var carrier: (any CallCarrier)?
    let stream: StreamID
    let rpc: RPC
    let requiresLeader: Bool
    let member: LocalMember
    var deadline: TimerID?
    private(set) var isOver = false
    private let begunAt: Instant

    init(carrier: any CallCarrier, stream: StreamID, rpc: RPC, head: GRPCCallHead) {
        self.carrier = carrier
        self.stream = stream
        self.rpc = rpc
        member = carrier.member
        begunAt = member.reactor.now
        requiresLeader = head.metadata.value(of: "hasleader") == "true"
    }

    /// The answer of a unary call, with status OK.
    func reply(_ message: [UInt8]) {
        guard !isOver, let carrier else { return }
        close(code: 0)
        carrier.reply(stream, message)
    }

    func send(_ message: [UInt8]) {
        guard !isOver, let carrier else { return }
        carrier.send(stream, message)
    }

    func sendHead() {
        guard !isOver, let carrier else { return }
        carrier.sendHead(stream)
    }

    var queuedBytes: Int { carrier?.queuedBytes(stream) ?? 0 }

    func finish() {
        finish(code: 0, message: "")
    }

    func fail(_ error: EtcdError) {
        finish(code: error.code, message: error.text)
    }

    func finish(code: Int, message: String) {
        guard !isOver, let carrier else { return }
        close(code: code)
        carrier.finish(stream, code: code, message: message)
    }

    /// Nothing more will be sent.
    func close(code: Int = 1) {
        guard !isOver else { return }
        isOver = true
        if let deadline { member.reactor.cancel(deadline) }
        member.metrics.handled(rpc, code: code, member.reactor.now - begunAt)
    }
}
