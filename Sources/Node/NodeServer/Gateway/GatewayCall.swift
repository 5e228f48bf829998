// SPDX-License-Identifier: Apache-2.0
internal import Bytes
internal import EtcdAPI
internal import HTTP
internal import Net
internal import NodeCore

/// One call over the gateway: a handler of gRPC's on one side, JSON on the other.
final class GatewayCall: CallCarrier {
    private enum State {
        /// The handler of a client's stream exists from its first message on, another's from the
        /// end of the request on; until then it is the request that waits here.
        case reading(first: Result<[UInt8], JSONFailure>?)
        case running(any ServerCall)
        case over
    }

    unowned let client: ClientConnection
    private let rpc: RPC
    private let head: HTTPRequestHead
    private weak var sink: (any GatewaySink)?
    private var state = State.reading(first: nil)
    private var input: JSONStream
    private var hasBegun = false
    private var inputIsOver = false

    /// gRPC's limit for a message of the client.
    private let messageLimit: Int

    init(
        _ rpc: RPC, _ head: HTTPRequestHead, client: ClientConnection, sink: any GatewaySink
    ) {
        self.rpc = rpc
        self.head = head
        self.client = client
        self.sink = sink
        messageLimit = client.port.settings.maxRequestBytes + 512 * 1_024
        input = JSONStream(maxBytes: messageLimit * 2)
    }

    private var isClientStream: Bool { rpc.row.streaming == .both }
    private var isStream: Bool { rpc.row.streaming != .nobody }

    /// From now on the client may be silent for as long as it likes.
    var isServing: Bool {
        if case .running = state { return true }
        return false
    }

    /// The request of a call that takes one is there; a WebSocket does not say so itself.
    var hasWholeRequest: Bool {
        if case .reading(.some) = state { return !inputIsOver }
        return false
    }

    /// Bytes of requests that wait here.
    var heldBytes: Int {
        if case .reading(.success(let message)?) = state { return input.heldBytes + message.count }
        return input.heldBytes
    }

    // MARK: In

    func receive(_ bytes: [UInt8]) {
        if inputIsOver { return }
        input.append(bytes)
        readInput()
    }

    func inputEnded() {
        if inputIsOver { return }
        input.end()
        readInput()
        if inputIsOver { return }
        inputIsOver = true
        switch state {
        case .reading(let first):
            if isClientStream {
                // Nothing came: a stream that is closed on this side at once.
                begin()
                inputOfHandlerEnded()
            } else {
                ask(first ?? GatewayCall.translated(rpc, .null))
            }
        case .running(let handler): if isClientStream { handler.inputEnded() }
        case .over: break
        }
    }

    private func readInput() {
        do throws(JSONFailure) {
            while !inputIsOver, let node = try input.next() { try take(node) }
        } catch {
            refuse(error)
        }
    }

    private func take(_ node: JSONNode) throws(JSONFailure) {
        switch state {
        case .over: inputIsOver = true
        case .reading(let first):
            if isClientStream {
                let message = try GatewayMessages.request(rpc, node)
                begin()
                give(message)
            } else if first == nil {
                // What follows the first value of a unary request is of no interest. Kept as bytes:
                // the tree of a hostile value is many times as large.
                state = .reading(first: GatewayCall.translated(rpc, node))
            }
        case .running: give(try GatewayMessages.request(rpc, node))
        }
    }

    /// Bad JSON. Where it follows messages of a stream, etcd ends the client's side without a word.
    private func refuse(_ failure: JSONFailure) {
        inputIsOver = true
        switch state {
        case .reading(let first?) where !isClientStream:
            // The request was read; what is behind it need not be JSON.
            inputIsOver = false
            state = .reading(first: first)
        case .reading:
            state = .over
            let code = failure == JSONStream.tooLarge ? 8 : isClientStream ? 2 : 3
            respond(code: code, failure.text)
        case .running: inputOfHandlerEnded()
        case .over: break
        }
    }

    private static func translated(
        _ rpc: RPC, _ node: JSONNode
    ) -> Result<[UInt8], JSONFailure> {
        do throws(JSONFailure) {
            return .success(try GatewayMessages.request(rpc, node))
        } catch {
            return .failure(error)
        }
    }

    private func ask(_ request: Result<[UInt8], JSONFailure>) {
        switch request {
        case .success(let message):
            begin()
            give(message)
            inputOfHandlerEnded()
        case .failure(let failure):
            state = .over
            respond(code: 3, failure.text)
        }
    }

    private func inputOfHandlerEnded() {
        if case .running(let handler) = state { handler.inputEnded() }
    }

    private func give(_ message: [UInt8]) {
        guard case .running(let handler) = state else { return }
        guard message.count <= messageLimit else {
            state = .over
            handler.cancelled()
            handler.context.close(code: 8)
            let error = EtcdError.messageTooLarge(count: message.count, limit: messageLimit)
            hasBegun ? endStream(code: error.code, error.text) : respond(error)
            return
        }
        handler.receive(message)
    }

    private func begin() {
        guard ServiceTable.serves(rpc) else {
            let error = EtcdError.unknownRPC(method: rpc.row.method, service: rpc.row.service)
            state = .over
            inputIsOver = true
            respond(error)
            return
        }
        guard let callHead = GatewayHead.callHead(rpc, head) else {
            state = .over
            inputIsOver = true
            let value = head.headers.value(of: "grpc-timeout") ?? ""
            respond(code: 3, "invalid grpc-timeout: \(value)")
            return
        }
        let context = CallContext(carrier: self, stream: StreamID(0), rpc: rpc, head: callHead)
        if let handler = ServiceTable.begin(context, callHead) { state = .running(handler) }
    }

    // MARK: Ends

    /// The client is gone.
    func cancelled() {
        inputIsOver = true
        guard case .running(let handler) = state else {
            state = .over
            return
        }
        state = .over
        handler.cancelled()
        handler.context.close()
    }

    func drained() {
        if case .running(let handler) = state { handler.drained() }
    }

    func draining() {
        if case .running(let handler) = state { handler.draining() }
    }

    // MARK: Answers of the handler

    func reply(_ stream: StreamID, _ message: [UInt8]) {
        if isStream {
            send(stream, message)
            finish(stream, code: 0, message: "")
            return
        }
        state = .over
        var body: [UInt8] = []
        guard translate(message, to: &body) else { return }
        sink?.respond(
            HTTPResponse(status: 200, headers: GatewayHead.successFields, body: body))
    }

    func send(_ stream: StreamID, _ message: [UInt8]) {
        var line = Array("{\"result\":".utf8)
        guard translate(message, to: &line) else { return }
        line += [0x7d, 0x0a]
        if !hasBegun {
            hasBegun = true
            sink?.begin(HTTPResponseHead(status: 200, headers: GatewayHead.successFields))
        }
        sink?.write(line)
    }

    private func translate(_ message: [UInt8], to output: inout [UInt8]) -> Bool {
        do throws(WireError) {
            try GatewayMessages.appendResponse(rpc, message, to: &output)
            return true
        } catch {
            invariantBroken("\(rpc) was answered with \(error)", file: #fileID, line: #line)
        }
    }

    /// The head of a stream goes out with its first message.
    func sendHead(_ stream: StreamID) {}

    func finish(_ stream: StreamID, code: Int, message: String) {
        let handler: (any ServerCall)?
        if case .running(let running) = state { handler = running } else { handler = nil }
        state = .over
        inputIsOver = true
        isStream ? endStream(code: code, message) : respond(code: code, message)
        handler?.cancelled()
    }

    func queuedBytes(_ stream: StreamID) -> Int { sink?.queuedBytes ?? 0 }

    private func endStream(code: Int, _ message: String) {
        let status = GatewayStatus.http(code)
        if !hasBegun {
            hasBegun = true
            sink?.begin(HTTPResponseHead(status: status, headers: [GatewayHead.json]))
        }
        if code != 0 {
            sink?.write(
                GatewayStatus.streamBody(
                    code: code, message: message, phrase: HTTPStatus.phrase(status)))
        }
        sink?.finish()
    }

    private func respond(_ error: EtcdError) {
        respond(code: error.code, error.text)
    }

    private func respond(code: Int, _ message: String) {
        inputIsOver = true
        sink?.respond(
            HTTPResponse(
                status: GatewayStatus.http(code), headers: [GatewayHead.json],
                body: GatewayStatus.body(code: code, message: message)))
    }
}

/// Header fields on their way between HTTP and gRPC.
enum GatewayHead {
    static let json = HeaderField("content-type", "application/json")
    static let successFields = [
        json, HeaderField("grpc-metadata-content-type", "application/grpc"),
    ]

    /// Nil if its timeout cannot be read.
    static func callHead(_ rpc: RPC, _ head: HTTPRequestHead) -> GRPCCallHead? {
        var result = GRPCCallHead(path: rpc.path, authority: head.authority)
        for field in head.headers {
            if field.name == "authorization" {
                result.metadata.append(field)
            } else if field.name == "grpc-timeout" {
                guard let timeout = GRPCTimeout.parse(field.value) else { return nil }
                result.timeout = timeout
            } else if field.name == "user-agent" {
                result.userAgent = field.value
            } else if field.name.hasPrefix("grpc-metadata-") {
                let name = String(field.name.dropFirst("grpc-metadata-".utf8.count))
                result.metadata.append(HeaderField(name, field.value))
            }
        }
        result.metadata.append(
            HeaderField("grpcgateway-accept", head.headers.value(of: "accept") ?? "*/*"))
        return result
    }
}
