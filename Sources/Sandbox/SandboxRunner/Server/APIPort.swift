// SPDX-License-Identifier: Apache-2.0
internal import Formats
internal import HTTP
internal import Kube
internal import Net
internal import Posix
internal import Program
internal import SandboxAPI

/// The API over HTTPS: HTTP/1.1 with connections kept, watches in chunks, commands in pods over
/// WebSockets.
///
///     Listener ─► TLSReception ─► APIConnection ─► Sandbox.api
///                                      ├─ LogStream     a log, as it grows
///                                      └─ ExecChannel   a command in a pod
final class APIPort {
    let sandbox: Sandbox
    private var listener: Listener?
    private var reception: TLSReception?
    private var connections: [ObjectIdentifier: APIConnection] = [:]
    private var watches: [Int: APIConnection] = [:]
    private var logs: [LogStream] = []

    /// Requests beyond this are refused with 413, as etcd's limit makes real servers do.
    static let bodyLimit = 3 << 20

    init(_ sandbox: Sandbox) {
        self.sandbox = sandbox
        sandbox.reactor.every(.milliseconds(100)) { [unowned self] in
            for log in self.logs { log.poll() }
        }
    }

    func listen(
        on address: SocketAddress, _ certificates: CertificateReload
    ) throws(NetError) -> UInt16 {
        let reception = TLSReception(
            on: sandbox.reactor, certificates, HandshakeLimits(),
            established: { [unowned self] connection in
                let made = APIConnection(connection, port: self)
                self.connections[ObjectIdentifier(made)] = made
                connection.delegate = made
            },
            refused: { [unowned self] address, error in
                self.sandbox.logger.debug(
                    "a client was refused", ["error": .string("\(error)")])
            })
        self.reception = reception
        let listener = try Listener(on: sandbox.reactor, addresses: [address]) { socket in
            reception.accept(socket)
        }
        self.listener = listener
        return listener.port
    }

    func close() {
        listener?.close()
        reception?.close()
        for connection in connections.values { connection.close() }
    }

    func forget(_ connection: APIConnection) {
        connections[ObjectIdentifier(connection)] = nil
    }

    // MARK: Who asks

    /// By token or by certificate. Nil for a token that nobody was given.
    func identity(_ head: HTTPRequestHead, _ connection: Connection) -> Identity? {
        if let field = head.headers.value(of: "authorization") {
            let words = field.split(separator: " ", maxSplits: 1)
            guard words.count == 2, words[0].lowercased() == "bearer" else { return nil }
            let token = String(words[1])
            return sandbox.tokens.identity(token) ?? sandbox.api.identity(ofToken: token)
        }
        guard let certificate = connection.peerCertificate else { return .anonymous }
        if certificate.commonName == Sandbox.administratorName { return .administrator }
        return Identity(name: certificate.commonName, groups: ["system:authenticated"])
    }

    // MARK: Watches and logs

    func attach(_ watch: WatchID, _ connection: APIConnection) {
        watches[watch.number] = connection
    }

    func detach(_ watch: WatchID) {
        watches[watch.number] = nil
        sandbox.api.closeWatch(watch)
    }

    func deliver(_ output: WatchOutput) {
        guard let connection = watches[output.id.number] else { return }
        if output.isEnd { watches[output.id.number] = nil }
        connection.deliver(output)
    }

    func add(_ log: LogStream) {
        logs.append(log)
    }

    func remove(_ log: LogStream) {
        logs.removeAll { $0 === log }
    }
}
