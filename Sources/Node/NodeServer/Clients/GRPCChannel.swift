// SPDX-License-Identifier: Apache-2.0
internal import Bytes
internal import EtcdAPI
internal import HTTP
internal import Net
internal import NodeCore

/// The gRPC side of a client's connection: calls by stream, each handled by what its method needs.
final class GRPCChannel: CallCarrier {
    unowned let client: ClientConnection
    let server: GRPCServer
    let member: LocalMember
    private var calls: [StreamID: any ServerCall] = [:]
    private var exchanges: [StreamID: PlainStream] = [:]
    private var refused = RefusedCalls()
    private var events: [GRPCServer.Event] = []
    /// Events from `handled` on wait for the next turn.
    private var backlog: [GRPCServer.Event] = []
    private var handled = 0
    private var isHandling = false
    /// The client has left; its calls end one after the other.
    private var isEnding = false
    private var keepAlive: TimerID?
    private var awaitedPing: UInt64?
    private var lastPing: UInt64 = 0
    /// Calls were told to wait until less is queued for this client.
    private var isCrowded = false

    /// A call with more in its queue than this hears of it when there is room again.
    static let highWater = 128 << 10
    /// Calls of a client that has left which are ended in one turn.
    private static let endedPerTurn = 64
    /// Bytes that such a client has not read, of one turn.
    private static let releasedPerTurn = 512 << 10
    /// Both take as long as encoding so many.
    private static let leavingPrice = 64 << 10
    /// Requests handled where nothing else is said.
    private static let eventsAtOnce = 100

    init(_ client: ClientConnection) {
        self.client = client
        member = client.port.member
        let limits = client.port.settings
        var settings = GRPCServerSettings()
        settings.maxMessageBytes = limits.maxRequestBytes + 512 * 1_024
        settings.maxPlainBodyBytes = limits.maxBodyBytes
        settings.http2.maxConcurrentStreams = min(
            limits.maxConcurrentStreams, ClientPort.Settings.streamsMax)
        settings.http2.highWater = GRPCChannel.highWater
        settings.http2.pingPolicy = PingPolicy(
            minInterval: limits.keepAliveMinTime, permitsWithoutStreams: false)
        server = GRPCServer(settings: settings)
        if limits.keepAliveInterval > .zero {
            keepAlive = member.reactor.every(limits.keepAliveInterval) { [unowned self] in
                self.ping(within: limits.keepAliveTimeout)
            }
        }
    }

    var isOver: Bool { server.isClosed && !server.hasOutput }
    var isIdle: Bool { calls.isEmpty && server.openCallCount == 0 }
    var weight: Int { server.weight }
    var isOverweight: Bool { server.weight > client.port.settings.maxConnectionBytes }

    // MARK: In

    func receive(_ bytes: UnsafeRawBufferPointer) {
        unsafe server.receive(bytes, now: member.reactor.now)
        member.metrics.clientReceived(bytes.count)
        handleEvents(quota: client.connection.requestQuota)
    }

    /// With what was left of the last turn.
    func goOn() {
        handleEvents(quota: client.connection.requestQuota)
    }

    func transportEnded() {
        if let keepAlive { member.reactor.cancel(keepAlive) }
        keepAlive = nil
        // Nobody is there for the answers.
        backlog = []
        handled = 0
        server.transportEnded()
        handleEvents()
        endAll()
    }

    private func endAll() {
        if isEnding { return }
        isEnding = true
        refused.removeAll(on: member.reactor)
        for stream in exchanges.keys.sorted() {
            exchanges.removeValue(forKey: stream)?.cancelled()
        }
        leave(Array(calls.keys)[...], server.takeRemains())
    }

    /// A client may leave with thousands of calls and many megabytes that it has not read, and the
    /// others are not to wait until all of that is gone.
    private func leave(_ streams: ArraySlice<StreamID>, _ remains: HTTP2Remains) {
        for stream in streams.prefix(GRPCChannel.endedPerTurn) { end(stream) }
        remains.release(GRPCChannel.releasedPerTurn)
        let rest = streams.dropFirst(GRPCChannel.endedPerTurn)
        if rest.isEmpty, remains.isEmpty { return }
        member.answerTurns.took(GRPCChannel.leavingPrice)
        member.answerTurns.wait { [client] in
            withExtendedLifetime(client) { self.leave(rest, remains) }
        }
    }

    private func handleEvents(quota: Int = GRPCChannel.eventsAtOnce) {
        takeEvents()
        handleBacklog(quota)
        client.needsFlush()
    }

    private func takeEvents() {
        server.takeEvents(into: &events)
        if backlog.isEmpty {
            swap(&backlog, &events)
        } else {
            backlog += events
        }
    }

    /// In order, until so many requests were handled. What an event leads to may bring more.
    private func handleBacklog(_ quota: Int) {
        if isHandling { return }
        isHandling = true
        defer { isHandling = false }
        var left = quota
        while handled < backlog.count {
            if left <= 0 { return client.connection.leavesBacklog() }
            let event = backlog[handled]
            handled += 1
            if event.isRequest { left -= 1 }
            handle(event)
        }
        handled = 0
        backlog.removeAll(keepingCapacity: backlog.capacity <= 256)
    }

    private func handle(_ event: GRPCServer.Event) {
        switch event {
        case .call(let stream, let head):
            client.connection.chargeRequest()
            begin(stream, head)
        case .message(let stream, let message):
            guard let call = calls[stream] else { return }
            // The first one was paid for with the call.
            if call.context.hasMessage { client.connection.chargeRequest() }
            call.context.hasMessage = true
            call.receive(message)
        case .halfClosed(let stream):
            calls[stream]?.inputEnded()
            answerRefused(stream)
        case .cancelled(let stream):
            end(stream)
            refused.take(stream, on: member.reactor)
            exchanges.removeValue(forKey: stream)?.cancelled()
        case .plain(let stream, let request): answer(stream, request)
        case .writable(let stream):
            calls[stream]?.drained()
            exchanges[stream]?.drained()
        case .pingAcknowledged(let payload): if payload == awaitedPing { awaitedPing = nil }
        case .closed(let reason):
            if case .failed(.connection(_, let text)) = reason { client.port.note(client, text) }
            endAll()
        }
    }

    private func begin(_ stream: StreamID, _ head: GRPCCallHead) {
        guard let rpc = Services.rpc(path: head.path), ServiceTable.serves(rpc) else {
            let error = Services.unknown(path: head.path)
            refuse(stream, error)
            return
        }
        if isOverweight {
            let error = EtcdError.tooManyRequests
            server.finish(stream, code: error.code, message: error.text)
            return
        }
        let handler = ServiceTable.begin(
            CallContext(carrier: self, stream: stream, rpc: rpc, head: head), head)
        if let handler { calls[stream] = handler }
    }

    /// The answer waits for the end of the request, though not for long: some clients that have not
    /// sent all of it yet see nothing of an answer with a reset behind it.
    private func refuse(_ stream: StreamID, _ error: EtcdError) {
        let timer = member.reactor.after(RefusedCalls.patience) { [weak self] in
            self?.answerRefused(stream)
            self?.client.needsFlush()
        }
        refused.add(stream, error, timer)
    }

    private func answerRefused(_ stream: StreamID) {
        guard let error = refused.take(stream, on: member.reactor) else { return }
        server.finish(stream, code: error.code, message: error.text)
    }

    private func answer(_ stream: StreamID, _ request: HTTPRequest) {
        let exchange = PlainStream(self, stream)
        exchanges[stream] = exchange
        exchange.answer(request)
    }

    func forget(_ exchange: StreamID) {
        exchanges.removeValue(forKey: exchange)
    }

    // MARK: Out

    func takeOutput() -> [UInt8] {
        let bytes = server.takeOutput()
        member.metrics.clientSent(bytes.count)
        // Sending makes room in the queues of slow calls.
        let isWaiting = !backlog.isEmpty
        takeEvents()
        if !isWaiting, !backlog.isEmpty { handleBacklog(GRPCChannel.eventsAtOnce) }
        if isCrowded, server.weight < client.port.settings.maxConnectionBytes / 4 {
            isCrowded = false
            for stream in calls.keys.sorted() { calls[stream]?.drained() }
        }
        return bytes
    }

    /// So much is queued for this client that its endless calls must wait.
    func crowds() -> Bool {
        if server.weight > client.port.settings.maxConnectionBytes / 2 { isCrowded = true }
        return isCrowded
    }

    /// Ends calls whose request has not come to its end in time.
    func cutUnfinished(at now: Instant) -> Int {
        let limit = client.port.settings.requestTimeout
        var count = server.cutUnfinished(olderThan: limit, at: now)
        let late = calls.filter { $0.value.context.awaitsRequest(for: limit, at: now) }
        for stream in late.keys.sorted() {
            calls[stream]?.context.finish(code: 4, message: "the request did not come in time")
            count += 1
        }
        if count > 0 { handleEvents() }
        return count
    }

    /// The call is over, whoever ended it.
    func end(_ stream: StreamID) {
        guard let call = calls.removeValue(forKey: stream) else { return }
        call.cancelled()
        call.context.close()
    }

    // MARK: Carrier

    func reply(_ stream: StreamID, _ message: [UInt8]) {
        server.reply(stream, message)
        calls.removeValue(forKey: stream)
        client.needsFlush()
    }

    func send(_ stream: StreamID, _ message: [UInt8]) {
        server.sendMessage(stream, message)
        client.needsFlush()
    }

    var takesPieces: Bool { true }

    func send(_ stream: StreamID, byteCount: Int, beginning piece: [UInt8]) {
        client.connection.charge(byteCount: piece.count)
        server.sendMessage(stream, byteCount: byteCount, beginning: piece)
        client.needsFlush()
    }

    func sendPiece(_ stream: StreamID, _ piece: [UInt8]) {
        client.connection.charge(byteCount: piece.count)
        server.sendMessagePart(stream, piece)
        client.needsFlush()
    }

    func sendHead(_ stream: StreamID) {
        server.sendHead(stream)
        client.needsFlush()
    }

    func finish(_ stream: StreamID, code: Int, message: String) {
        server.finish(stream, code: code, message: message)
        end(stream)
        client.needsFlush()
    }

    func queuedBytes(_ stream: StreamID) -> Int { server.queuedBytes(stream) }

    func pauseInput(_ stream: StreamID) { server.pause(stream) }

    func resumeInput(_ stream: StreamID) {
        server.resume(stream)
        client.needsFlush()
    }

    func drain() {
        server.drain()
        // Endless calls would keep the connection open for ever.
        for stream in calls.keys.sorted() { calls[stream]?.draining() }
        for stream in exchanges.keys.sorted() { exchanges[stream]?.draining() }
    }

    private func ping(within timeout: Duration) {
        guard client.connection.isOpen else { return }
        lastPing += 1
        let payload = lastPing
        awaitedPing = payload
        server.sendPing(payload)
        client.needsFlush()
        guard timeout > .zero else { return }
        member.reactor.after(timeout) { [weak self] in
            guard let self, self.awaitedPing == payload else { return }
            self.client.connection.close()
        }
    }
}

extension GRPCServer.Event {
    /// Whether the member has work to do for it.
    fileprivate var isRequest: Bool {
        switch self {
        case .call, .message, .plain: true
        case .halfClosed, .cancelled, .writable, .pingAcknowledged, .closed: false
        }
    }
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
    /// Until the call is over: the carrier holds its calls.
    private var carrier: (any CallCarrier)?
    let stream: StreamID
    let rpc: RPC
    let requiresLeader: Bool
    let member: LocalMember
    let authenticator: Authenticator
    private let token: String?
    private let commonName: String?
    private let isGateway: Bool
    var deadline: TimerID?
    private(set) var isOver = false
    private let begunAt: Instant
    var hasMessage = false
    /// Bytes that the core holds for this call.
    var coreBytes = 0 {
        didSet {
            if coreBytes != oldValue { carrier?.client.callHolds(coreBytes - oldValue) }
        }
    }

    init(carrier: any CallCarrier, stream: StreamID, rpc: RPC, head: GRPCCallHead) {
        self.carrier = carrier
        self.stream = stream
        self.rpc = rpc
        member = carrier.client.port.member
        authenticator = carrier.client.port.authenticator
        token = head.metadata.value(of: "token") ?? head.metadata.value(of: "authorization")
        commonName = carrier.client.verifiedCommonName
        isGateway = head.metadata.value(of: "grpcgateway-accept") != nil
        begunAt = member.reactor.now
        requiresLeader = head.metadata.value(of: "hasleader") == "true"
    }

    /// Who calls, as of now: a signed token may have ended since the call began.
    var identity: NodeCore.Identity {
        authenticator.identity(token: token, commonName: commonName, isGateway: isGateway)
    }

    /// Asks the core in the caller's name.
    func call(_ request: Request, then: @escaping (Answer) -> Void) -> CallNumber {
        member.call(
            request, requiresLeader: requiresLeader, identity: identity, token: token,
            client: carrier?.client, then: then)
    }

    /// Work on the passwords' thread, its result back here. False when there is no room for it.
    func checkPassword<Value: Sendable>(
        _ work: @escaping @Sendable () -> Value, then: @escaping (Value) -> Void
    ) -> Bool {
        authenticator.passwords.submit(member.bringingBack(work, then))
    }

    /// The answer of a unary call, with status OK.
    func reply(_ message: [UInt8]) {
        guard !isOver, let carrier else { return }
        if carrier.isOverweight { return fail(.tooManyRequests) }
        member.metrics.messageSent(rpc)
        close(code: 0)
        carrier.reply(stream, message)
        carrier.client.hasBeenServed = true
        carrier.client.weigh()
    }

    func awaitsRequest(for limit: Duration, at now: Instant) -> Bool {
        !hasMessage && rpc.row.streaming != .both && now - begunAt > limit
    }

    /// The client may send no more messages than it may already; until `resumeInput`.
    func pauseInput() {
        carrier?.pauseInput(stream)
    }

    func resumeInput() {
        carrier?.resumeInput(stream)
    }

    /// So much waits for this client that it is answered no more, but for this.
    var isOverweight: Bool { carrier?.isOverweight ?? false }

    /// Whether an endless call should wait before it sends more.
    var isCrowded: Bool { carrier?.crowds() ?? false }

    func send(_ message: [UInt8]) {
        guard !isOver, let carrier else { return }
        member.metrics.messageSent(rpc)
        carrier.send(stream, message)
    }

    /// Begins a message that `sendPiece` goes on with.
    func send(byteCount: Int, beginning piece: [UInt8]) {
        guard !isOver, let carrier else { return }
        member.metrics.messageSent(rpc)
        carrier.send(stream, byteCount: byteCount, beginning: piece)
    }

    func sendPiece(_ piece: [UInt8]) {
        guard !isOver, let carrier else { return }
        carrier.sendPiece(stream, piece)
    }

    var takesPieces: Bool { carrier?.takesPieces ?? false }

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
        coreBytes = 0
        carrier = nil
        if let deadline { member.reactor.cancel(deadline) }
        member.metrics.handled(rpc, code: code, member.reactor.now - begunAt)
    }
}
