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
        member.reactor.atTurnEnd { [unowned self] in self.flush() }
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
                if let reception { reception.accept(socket) } else { self.accept(socket) }
            })
    }

    private func makeReception(_ certificates: CertificateReload) -> TLSReception {
        TLSReception(
            on: member.reactor, certificates, HandshakeLimits(),
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
