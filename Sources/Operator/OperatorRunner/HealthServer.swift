// SPDX-License-Identifier: Apache-2.0
internal import Formats
internal import HTTP
internal import Net
internal import Posix
internal import Program

/// /healthz, /readyz and /metrics, on a thread of its own.
struct HealthServer: Sendable {
    let store: ClusterStore
    let metrics: OperatorMetrics
    let addresses: [SocketAddress]
    let log: Logger

    func run() {
        do throws(NetError) {
            let reactor = try Reactor()
            let server = self
            let listener = try Listener(on: reactor, addresses: addresses) { socket in
                HealthConnection.take(socket, on: reactor, server)
            }
            log.info(
                "serving", ["address": .string("\(listener.addresses.first?.description ?? "")")])
            try reactor.run()
        } catch {
            log.error("the metrics port is lost", ["error": .string("\(error)")])
        }
    }

    func answer(_ head: HTTPRequestHead) -> HTTPResponse {
        guard head.method == "GET" || head.method == "HEAD" else {
            return HTTPResponse(status: 405, contentType: "text/plain", text: "only GET\n")
        }
        switch head.path {
        case "/healthz", "/livez":
            return HTTPResponse(status: 200, contentType: "text/plain", text: "ok\n")
        case "/readyz":
            return store.isSynced
                ? HTTPResponse(status: 200, contentType: "text/plain", text: "ok\n")
                : HTTPResponse(status: 503, contentType: "text/plain", text: "not synced yet\n")
        case "/metrics":
            return HTTPResponse(
                status: 200, headers: [HeaderField("content-type", MetricRegistry.contentType)],
                body: metrics.text())
        default: return HTTPResponse(status: 404, contentType: "text/plain", text: "not found\n")
        }
    }
}

private final class HealthConnection: ConnectionDelegate {
    private static let idleTimeout: Duration = .seconds(60)

    private let server: HealthServer
    private let http = HTTP1Server()
    private var head: HTTPRequestHead?

    static func take(_ socket: Socket, on reactor: Reactor, _ server: HealthServer) {
        let made = HealthConnection(server)
        do throws(NetError) {
            let connection = try Connection(on: reactor, socket: socket, delegate: made)
            connection.idleTimeout = idleTimeout
        } catch {
            server.log.warn(
                "a connection to the metrics port is lost", ["error": .string("\(error)")])
        }
    }

    private init(_ server: HealthServer) {
        self.server = server
    }

    func connection(_ connection: Connection, received bytes: UnsafeRawBufferPointer) {
        unsafe http.receive(bytes)
        while true {
            let events = http.takeEvents()
            if events.isEmpty { break }
            for event in events {
                switch event {
                case .head(let head): self.head = head
                case .body: break
                case .end:
                    if let head { http.respond(server.answer(head)) }
                case .failed: break
                }
            }
        }
        connection.write(http.takeOutput())
        if http.closesAfterOutput { connection.closeAfterFlush() }
    }

    func connectionClosed(_ connection: Connection, _ reason: Net.CloseReason) {}
}
