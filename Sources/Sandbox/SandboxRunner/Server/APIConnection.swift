// SPDX-License-Identifier: Apache-2.0
internal import Formats
internal import HTTP
internal import Kube
internal import Net
internal import Posix
internal import SandboxAPI

/// One client's connection: one request after the other, until a command takes it over.
final class APIConnection: ConnectionDelegate {
    private enum Work {
        case none
        case watch(WatchID)
        case log(LogStream)
        case exec(ExecChannel)
    }

    let connection: Connection
    private unowned let port: APIPort
    private let server: HTTP1Server
    private var request: HTTPRequest?
    private var work = Work.none
    private var isHandling = false

    init(_ connection: Connection, port: APIPort) {
        self.connection = connection
        self.port = port
        var limits = HTTP1Server.Limits()
        limits.bodyBytes = APIPort.bodyLimit
        server = HTTP1Server(limits: limits)
    }

    // MARK: Bytes

    func connection(_ connection: Connection, received bytes: UnsafeRawBufferPointer) {
        if case .exec(let channel) = work {
            channel.receive(unsafe Array(bytes))
            return
        }
        unsafe server.receive(bytes)
        handle()
    }

    func connectionInputEnded(_ connection: Connection) {
        server.transportEnded()
        leave()
        connection.closeAfterFlush()
    }

    func connectionClosed(_ connection: Connection, _ reason: Net.CloseReason) {
        leave()
        port.forget(self)
    }

    func close() {
        leave()
        connection.close()
    }

    private func leave() {
        let left = work
        work = .none
        switch left {
        case .none: break
        case .watch(let id): port.detach(id)
        case .log(let log): port.remove(log)
        case .exec(let channel): channel.cancel()
        }
    }

    private func handle() {
        if isHandling { return }
        isHandling = true
        while true {
            let events = server.takeEvents()
            if events.isEmpty { break }
            for event in events {
                switch event {
                case .head(let head): request = HTTPRequest(head: head)
                case .body(let bytes): request?.body += bytes
                case .end:
                    if let whole = request { answer(whole) }
                    request = nil
                case .failed: request = nil
                }
            }
        }
        isHandling = false
        flush()
    }

    private func flush() {
        let bytes = server.takeOutput()
        if !bytes.isEmpty { connection.write(bytes) }
        if case .exec = work { return }
        if server.closesAfterOutput { connection.closeAfterFlush() }
    }

    // MARK: Requests

    private func answer(_ request: HTTPRequest) {
        guard let path = PercentCoding.decode(request.head.path),
            let query = PercentCoding.query(request.head.query)
        else { return respond(.failure(.badRequest("the URL cannot be read"))) }
        guard let identity = port.identity(request.head, connection) else {
            return respond(.failure(.unauthorized))
        }
        if request.head.headers.value(of: "upgrade")?.lowercased().hasPrefix("spdy") == true {
            return respond(.failure(.badRequest(APIConnection.noSPDY)))
        }
        let asked = KubeRequest(
            method: request.head.method, path: path, query: query,
            headers: request.head.headers.map { ($0.name, $0.value) }, body: request.body)
        let sandbox = port.sandbox
        let answer = sandbox.api.receive(asked, as: identity, now: sandbox.now)
        sandbox.touch()
        switch answer {
        case .response(let response): respond(response)
        case .watch(let id, let contentType):
            begin(contentType)
            work = .watch(id)
            port.attach(id, self)
        case .log(let wish): log(wish)
        case .exec(let wish): exec(wish, request.head)
        case .hangUp: connection.close()
        }
    }

    private static let noSPDY =
        "the sandbox speaks WebSockets here, not SPDY: exec needs kubectl 1.31 or newer, and "
        + "attach, cp and port-forward are not done; the address of a pod can be reached directly"

    private func respond(_ response: KubeResponse) {
        var headers = response.headers.map { HeaderField($0.0.lowercased(), $0.1) }
        if headers.value(of: "content-type") == nil {
            headers.append(HeaderField("content-type", "application/json"))
        }
        server.respond(
            HTTPResponse(status: response.code, headers: headers, body: response.body))
    }

    private func begin(_ contentType: String) {
        server.sendHead(
            HTTPResponseHead(
                status: 200, headers: [HeaderField("content-type", contentType)]),
            length: .chunked)
    }

    // MARK: Watches

    func deliver(_ output: WatchOutput) {
        server.sendBody(output.bytes)
        if output.isEnd {
            work = .none
            server.sendEnd()
            handle()
        }
        flush()
    }

    // MARK: Logs

    private func log(_ wish: LogRequest) {
        do throws(StatusError) {
            let stream = try LogStream(wish, kubelet: port.sandbox.kubelet, connection: self)
            if wish.follow {
                begin("text/plain")
                work = .log(stream)
                server.sendBody(stream.first)
                port.add(stream)
            } else {
                server.respond(
                    HTTPResponse(
                        status: 200, headers: [HeaderField("content-type", "text/plain")],
                        body: stream.first))
            }
        } catch {
            respond(.failure(error))
        }
    }

    func deliver(log bytes: [UInt8]) {
        server.sendBody(bytes)
        flush()
    }

    func endLog() {
        guard case .log(let stream) = work else { return }
        work = .none
        port.remove(stream)
        server.sendEnd()
        handle()
        flush()
    }

    // MARK: Commands

    private func exec(_ wish: ExecRequest, _ head: HTTPRequestHead) {
        guard WebSocketHandshake.isAsked(head) else {
            return respond(.failure(.badRequest(APIConnection.noSPDY)))
        }
        switch WebSocketHandshake.check(head) {
        case .refused(let response): server.respond(response)
        case .key(let key):
            let offered = WebSocketHandshake.subprotocols(head)
            guard
                let chosen = ["v5.channel.k8s.io", "v4.channel.k8s.io"].first(
                    where: offered.contains)
            else {
                return respond(
                    .failure(
                        .badRequest("none of the sub-protocols \(offered) is spoken here")))
            }
            do throws(StatusError) {
                let channel = try ExecChannel(
                    wish, kubelet: port.sandbox.kubelet, connection: connection)
                let early = server.upgrade(
                    to: "websocket",
                    [
                        HeaderField("sec-websocket-accept", ExecChannel.accept(key)),
                        HeaderField("sec-websocket-protocol", chosen),
                    ])
                work = .exec(channel)
                connection.write(server.takeOutput())
                channel.begin(early)
            } catch {
                respond(.failure(error))
            }
        }
    }
}
