// SPDX-License-Identifier: Apache-2.0
internal import HTTP

/// A request over HTTP/2 that is no gRPC. It is here as a whole before it is looked at, so a
/// client's stream over the gateway holds what its body held.
final class PlainStream: GatewaySink {
    private unowned let channel: GRPCChannel
    private let stream: StreamID
    private var call: GatewayCall?
    private var exchange: HTTPExchange?
    private var extraHeaders: [HeaderField] = []

    init(_ channel: GRPCChannel, _ stream: StreamID) {
        self.channel = channel
        self.stream = stream
    }

    func answer(_ given: HTTPRequest) {
        var request = given
        let port = channel.client.port
        if let access = port.settings.access {
            request.head.target = AccessControl.present(request.head.target)
            let (fields, refusal) = access.admit(
                request.head, isSecure: channel.client.isSecure,
                commonName: channel.client.userOfCertificate)
            extraHeaders = fields
            if let refusal {
                respond(refusal)
                return
            }
        }
        switch port.settings.gateway?.route(request.head) {
        case .answer(let response)?: respond(response)
        case .call(let rpc)?:
            let call = GatewayCall(rpc, request.head, client: channel.client, sink: self)
            self.call = call
            call.receive(request.body)
            call.inputEnded()
        // HTTP/2 has no upgrades.
        case .webSocket?: respond(HTTPEndpoints.error(405, "Method Not Allowed"))
        case .elsewhere?, nil:
            let exchange = HTTPExchange(self, commonName: channel.client.verifiedCommonName)
            self.exchange = exchange
            port.answer(request, exchange)
        }
    }

    func cancelled() {
        let call = self.call
        self.call = nil
        call?.cancelled()
        exchange?.abandon()
    }

    func drained() { call?.drained() }

    func draining() {
        call?.draining()
        exchange?.end()
    }

    // MARK: Out

    var queuedBytes: Int { channel.server.queuedBytes(stream) }

    func respond(_ response: HTTPResponse) {
        var whole = response
        whole.head.headers += extraHeaders
        channel.server.respond(stream, whole)
        over()
    }

    func begin(_ response: HTTPResponseHead) {
        var head = response
        head.headers += extraHeaders
        channel.server.sendHead(stream, head)
        channel.client.needsFlush()
    }

    func write(_ bytes: [UInt8]) {
        channel.server.sendBody(stream, bytes)
        channel.client.needsFlush()
    }

    func finish() {
        channel.server.sendEnd(stream)
        over()
    }

    private func over() {
        channel.client.needsFlush()
        channel.forget(stream)
    }
}
