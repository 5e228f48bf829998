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
///                                   └─► HTTPChannel ─► HTTPEndpoints, V2Endpoints
final class ClientPort {
    let member: LocalMember
    let endpoints: HTTPEndpoints
    let settings: Settings
    /// Serves /v2; nil where it is not wanted.
    var second: V2Endpoints?
    private var listeners: [Listener] = []
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
        /// A connection that has said nothing by then is closed.
        var firstByteTimeout = Duration.seconds(30)
    }

    init(member: LocalMember, endpoints: HTTPEndpoints, settings: Settings) {
        self.member = member
        self.endpoints = endpoints
        self.settings = settings
        member.reactor.atTurnEnd { [unowned self] in self.flush() }
    }

    func listen(on addresses: [SocketAddress], _ options: Socket.ListenOptions) throws(NetError) {
        listeners.append(
            try Listener(on: member.reactor, addresses: addresses, options: options) {
                [unowned self] socket in
                self.accept(socket)
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
        guard !isDraining else { return }
        do throws(NetError) {
            let connection = try Connection(on: member.reactor, socket: socket)
            let client = ClientConnection(connection, port: self)
            connections[ObjectIdentifier(client)] = client
            connection.delegate = client
            member.metrics.clientConnected()
        } catch {
            member.logger.warn(
                "could not take a client's connection", ["error": .string("\(error)")])
        }
    }

    func forget(_ client: ClientConnection) {
        guard connections.removeValue(forKey: ObjectIdentifier(client)) != nil else { return }
        member.metrics.clientDisconnected()
        if isDraining, connections.isEmpty { finishDraining() }
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
