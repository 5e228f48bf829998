// SPDX-License-Identifier: Apache-2.0
internal import Bytes
internal import Formats
internal import HTTP
internal import Net
internal import Posix
internal import Program

/// Where clients come in: gRPC and plain HTTP on one port, told apart by the first bytes.
///
///     Listener ─► ClientConnection ─┬─► GRPCChannel ─► services ─► LocalMember
///                                   └─► HTTPChannel ─┬─► HTTPEndpoints
///                                                    ├─► V2Endpoints
///                                                    └─► Gateway ─► services, as above
final class ClientPort {
    let member: LocalMember
    let endpoints: HTTPEndpoints
    let settings: Settings
    let authenticator: Authenticator
    /// Serves /v2; nil where it is not wanted.
    var second: V2Endpoints?
    private var listeners: [Listener] = []
    private var receptions: [TLSReception] = []
    private(set) lazy var refusals = RefusalLog(
        member.logger, listener: settings.servesGRPC ? "client" : "metrics")
    private var connections: [ObjectIdentifier: ClientConnection] = [:]
    private var unflushed: [ClientConnection] = []
    /// What all clients together make this member hold in memory.
    private var weight = 0
    private var lastSerial: UInt64 = 0
    private var cutLog: CutLog
    private var sweepCount = 0

    private static let sweepsPerCallSweep = 3
    private var isDraining = false
    private var onDrained: (() -> Void)?

    struct Settings {
        var maxRequestBytes = 1_572_864
        var maxConcurrentStreams = Int(UInt32.max)
        var keepAliveMinTime = Duration.seconds(5)
        var keepAliveInterval = Duration.seconds(7_200)
        var keepAliveTimeout = Duration.seconds(20)
        /// False on listeners for metrics and health alone.
        var servesGRPC = true
        /// Nil: the paths of the JSON gateway are not found.
        var gateway: Gateway?
        /// Nil: any page may ask, under any name of this host.
        var access: AccessControl?
        /// A connection that has said nothing by then is closed.
        var firstByteTimeout = Duration.seconds(30)
        /// A head or a frame that has begun must have come to its end by then.
        var headTimeout = Duration.seconds(10)
        /// The same for a whole request; a call that waits for further messages is none.
        var requestTimeout = Duration.seconds(30)
        /// A client that takes nothing of what waits for it is closed.
        var stallTimeout = Duration.seconds(60)
        /// What one connection may make this member hold before its calls are refused.
        var maxConnectionBytes = 64 << 20
        /// The same for all; beyond it the heaviest client is cut off.
        var maxBufferedBytes = 512 << 20
        /// Beyond it the clients that have been idle longest give way.
        var maxConnections = Int.max
        /// Streams of one connection where the flag does not say less.
        static let streamsMax = 16_384

        /// A JSON request: base64 makes the largest message a third longer, and there is space
        /// between the tokens.
        var maxBodyBytes: Int { (maxRequestBytes + 512 * 1_024) * 2 + 65_536 }
    }

    init(
        member: LocalMember, endpoints: HTTPEndpoints, authenticator: Authenticator,
        settings: Settings
    ) {
        self.member = member
        self.authenticator = authenticator
        self.endpoints = endpoints
        self.settings = settings
        cutLog = CutLog(member.logger)
        member.reactor.atTurnEnd { [unowned self] in self.flush() }
        // Not weak: each call's look at its port would go through a table of references from then on.
        member.reactor.every(.seconds(1)) { [unowned self] in self.sweep() }
    }

    /// With certificates the addresses speak TLS.
    func listen(
        on addresses: [SocketAddress], _ options: Socket.ListenOptions,
        _ certificates: CertificateReload? = nil
    ) throws(NetError) {
        let reception = certificates.map(makeReception)
        if let reception { receptions.append(reception) }
        listeners.append(
            try Listener(on: member.reactor, addresses: addresses, options: options) {
                [unowned self] socket in
                if self.isDraining { return }
                guard self.makeRoom() else { return socket.close() }
                if let reception { reception.accept(socket) } else { self.accept(socket) }
            })
    }

    private func makeReception(_ certificates: CertificateReload) -> TLSReception {
        var limits = HandshakeLimits()
        limits.halfOpen = min(limits.halfOpen, max(1, settings.maxConnections / 4))
        return TLSReception(
            on: member.reactor, certificates, limits,
            established: { [unowned self] connection in
                if self.isDraining { return connection.close() }
                self.serve(connection)
            },
            refused: { [unowned self] address, error in
                self.refusals.tell(address, "\(error)", now: self.member.reactor.now)
            })
    }

    var connectionCount: Int { connections.count }

    /// Connections wait in the kernel's queue until `resume`.
    func pause() {
        for listener in listeners { listener.pause() }
    }

    func resume() {
        for listener in listeners { listener.resume() }
    }

    private func accept(_ socket: Socket) {
        do throws(NetError) {
            serve(try Connection(on: member.reactor, socket: socket))
        } catch {
            member.logger.warn(
                "could not take a client's connection", ["error": .string("\(error)")])
        }
    }

    private func serve(_ connection: Connection) {
        let client = ClientConnection(connection, port: self)
        connections[ObjectIdentifier(client)] = client
        connection.delegate = client
        member.metrics.clientConnected()
    }

    func forget(_ client: ClientConnection) {
        guard connections.removeValue(forKey: ObjectIdentifier(client)) != nil else { return }
        weight -= client.weight
        member.metrics.clientDisconnected()
        if isDraining, connections.isEmpty { finishDraining() }
    }

    /// A request that is neither gRPC's nor the gateway's.
    func answer(_ request: HTTPRequest, _ exchange: HTTPExchange) {
        if let second, V2Endpoints.owns(request.head.path) {
            second.answer(request, exchange)
        } else {
            endpoints.answer(request) { exchange.respond($0) }
        }
    }

    func nextSerial() -> UInt64 {
        lastSerial += 1
        return lastSerial
    }

    // MARK: Limits

    /// A line in the log about what was done to a client, unless there were many lately.
    func note(_ client: ClientConnection, _ reason: String) {
        cutLog.note(
            client.connection.peerAddress.map { "\($0)" } ?? "", reason,
            at: member.reactor.now)
    }

    private func cut(_ client: ClientConnection, _ reason: String) {
        note(client, reason)
        weight -= client.weight
        client.cut()
    }

    /// When all together are too heavy the heaviest goes: who is served and takes what it asked
    /// for is light.
    func weightChanged(by change: Int) {
        weight += change
        while weight > settings.maxBufferedBytes {
            let heaviest = connections.values.max {
                ($0.weight, $1.serial) < ($1.weight, $0.serial)
            }
            guard let heaviest, heaviest.weight > 0 else { return }
            cut(heaviest, "it made the member hold \(heaviest.weight) bytes")
        }
    }

    /// False when every connection is in use and there can be no more.
    private func makeRoom() -> Bool {
        let halfOpen = receptions.reduce(0) { $0 + $1.halfOpenCount }
        if connections.count + halfOpen < settings.maxConnections { return true }
        let idle = connections.values.filter(\.isIdle).sorted {
            let (left, right) = ($0.hasBeenServed ? 1 : 0, $1.hasBeenServed ? 1 : 0)
            return (left, $0.lastActive, $0.serial) < (right, $1.lastActive, $1.serial)
        }
        // Several at once, for the search is long.
        for client in idle.prefix(64) { cut(client, "there are too many connections") }
        if idle.isEmpty {
            cutLog.note("", "a connection was refused: too many are in use", at: member.reactor.now)
        }
        return !idle.isEmpty
    }

    /// Looks after clients that begin something and do not end it.
    private func sweep() {
        let now = member.reactor.now
        sweepCount += 1
        let late = connections.values.filter { $0.overdue(at: now) != nil }
        for client in late.sorted(by: { $0.serial < $1.serial }) {
            if let reason = client.overdue(at: now) { cut(client, reason) }
        }
        guard sweepCount % ClientPort.sweepsPerCallSweep == 0 else { return }
        let open = connections.values.filter { !$0.isIdle }
        for client in open.sorted(by: { $0.serial < $1.serial }) {
            client.cutUnfinishedCalls(at: now)
        }
    }

    // MARK: Output

    /// Something waits to be written on this connection; it goes out at the end of the turn.
    func needsFlush(_ client: ClientConnection) {
        unflushed.append(client)
    }

    private func flush() {
        guard !unflushed.isEmpty else { return }
        let clients = unflushed
        unflushed = []
        for client in clients { client.flush() }
    }

    // MARK: End

    /// Takes no more connections and calls; tells when the open calls are finished.
    func drain(within limit: Duration, then: @escaping () -> Void) {
        isDraining = true
        onDrained = then
        for listener in listeners { listener.close() }
        for reception in receptions { reception.close() }
        let open = connections.values.sorted { $0.serial < $1.serial }
        for client in open { client.drain() }
        if connections.isEmpty {
            finishDraining()
            return
        }
        member.reactor.after(limit) { [unowned self] in self.finishDraining() }
    }

    private func finishDraining() {
        guard let then = onDrained else { return }
        onDrained = nil
        for client in connections.values.sorted(by: { $0.serial < $1.serial }) { client.close() }
        then()
    }
}
