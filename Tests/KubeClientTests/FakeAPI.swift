// SPDX-License-Identifier: Apache-2.0
import Bytes
import Formats
import HTTP
import Kube
import Net
import Posix
import TestKit

@testable import KubeClient

/// An HTTP server on loopback whose answers are a closure. It runs on a thread of its own and ends
/// with this value.
final class FakeAPI: Sendable {
    typealias Handler = @Sendable (HTTPRequest, FakeLine) -> Void

    private final class Box: @unchecked Sendable {
        let lock = Lock()
        var start: (port: UInt16, handle: ReactorHandle)?
        var failure: NetError?
        var connectionCount = 0
    }

    let port: UInt16
    private let handle: ReactorHandle
    private let box = Box()

    var server: String { "http://127.0.0.1:\(port)" }
    /// How many connections were taken.
    var connectionCount: Int { box.lock.withLock { box.connectionCount } }

    init(tls policy: TLSPolicy? = nil, _ handler: @escaping Handler) throws {
        let box = box
        try Thread.start(name: "api") {
            do throws(NetError) {
                let reactor = try Reactor()
                let certificates: CertificateReload?
                if let policy {
                    certificates = try CertificateReload(policy, .server) { _ in }
                } else {
                    certificates = nil
                }
                let listener = try Listener(on: reactor, addresses: [.loopback(port: 0)]) {
                    box.lock.withLock { box.connectionCount += 1 }
                    FakeLine.take($0, on: reactor, certificates, handler)
                }
                box.lock.withLock {
                    box.start = (listener.port, reactor.handle)
                    box.lock.signalAll()
                }
                try reactor.run()
            } catch {
                box.lock.withLock {
                    box.failure = error
                    box.lock.signalAll()
                }
            }
        }
        let start = try box.lock.withLock {
            while true {
                if let start = box.start { return start }
                if let failure = box.failure { throw failure }
                box.lock.wait()
            }
        }
        port = start.port
        handle = start.handle
    }

    deinit {
        handle.stop()
    }

    /// A client of it; of `localhost` if TLS is spoken.
    func client(
        _ user: KubeUser = KubeUser(), authority: String? = nil, stop: KubeStop? = nil,
        _ change: (inout KubeClientSettings) -> Void = { _ in }
    ) throws -> KubeClient {
        var cluster = KubeCluster(
            server: authority == nil ? server : "https://localhost:\(port)/base/")
        cluster.authorityFile = authority ?? ""
        var settings = KubeClientSettings(userAgent: "test/1")
        settings.lookup = NameLookup(hosts: ["localhost": ["127.0.0.1"]])
        change(&settings)
        return try KubeClient(KubeAccess(cluster: cluster, user: user), settings, stop: stop)
    }
}

/// One connection of the server.
final class FakeLine: ConnectionDelegate {
    let http = HTTP1Server()
    private let handler: FakeAPI.Handler
    private var connection: Connection?
    private var request: HTTPRequest?
    /// Which request on this connection it is; 1 is the first.
    private(set) var count = 0
    var clientName: String { connection?.peerCertificate?.commonName ?? "" }

    static func take(
        _ socket: Socket, on reactor: Reactor, _ certificates: CertificateReload?,
        _ handler: @escaping FakeAPI.Handler
    ) {
        let made = FakeLine(handler)
        let session = try? certificates?.serverSession(now: reactor.now)
        made.connection = try? Connection(
            on: reactor, socket: socket, session: session, delegate: made)
    }

    private init(_ handler: @escaping FakeAPI.Handler) {
        self.handler = handler
    }

    func connection(_ connection: Connection, received bytes: UnsafeRawBufferPointer) {
        unsafe http.receive(bytes)
        for event in http.takeEvents() {
            switch event {
            case .head(let head): request = HTTPRequest(head: head)
            case .body(let piece): request?.body += piece
            case .end:
                guard let request else { return }
                count += 1
                handler(request, self)
            case .failed: connection.close()
            }
        }
        flush()
    }

    func connectionClosed(_ connection: Connection, _ reason: Net.CloseReason) {
        self.connection = nil
    }

    func flush() {
        connection?.write(http.takeOutput())
        if http.closesAfterOutput { connection?.closeAfterFlush() }
    }

    func answer(_ response: KubeResponse) {
        http.respond(
            HTTPResponse(
                status: response.code,
                headers: response.headers.map { HeaderField($0.0.lowercased(), $0.1) },
                body: response.body))
        flush()
    }

    func answer(_ object: KubeObject) { answer(.json(.object(object.json))) }

    func beginWatch() {
        http.sendHead(HTTPResponseHead(status: 200), length: .chunked)
        flush()
    }

    func tell(_ event: WatchEvent, _ kind: ResourceKind = .pod) {
        http.sendBody(event.line(kind))
        flush()
    }

    func endWatch() {
        http.sendEnd()
        flush()
    }

    func hangUp() { connection?.close() }
}

/// What the server saw.
final class Seen<Value: Sendable>: @unchecked Sendable {
    private let lock = Lock()
    private var values: [Value] = []

    var all: [Value] { lock.withLock { values } }

    @discardableResult
    func add(_ value: Value) -> Int {
        lock.withLock {
            values.append(value)
            return values.count
        }
    }
}

func pod(_ name: String, _ version: Int = 1) -> KubeObject {
    var pod = KubeObject(.pod, namespace: "ns", name: name)
    pod.resourceVersion = "\(version)"
    return pod
}
