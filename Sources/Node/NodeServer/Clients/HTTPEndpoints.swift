// SPDX-License-Identifier: Apache-2.0
internal import EtcdAPI
internal import Formats
internal import HTTP
internal import Net
internal import NodeCore
internal import Program
internal import Replicated

/// What is served over plain HTTP beside gRPC: /version, /health, /livez, /readyz, /metrics.
final class HTTPEndpoints {
    typealias Respond = (HTTPResponse) -> Void

    private let member: LocalMember
    /// Nil on ports that are not for those who run the member.
    private let debug: DebugEndpoints?
    private static let plainText = "text/plain; charset=utf-8"

    init(member: LocalMember, logSwitch: LogSwitch? = nil) {
        self.member = member
        debug = logSwitch.map { DebugEndpoints(member: member, logSwitch: $0) }
    }

    func answer(_ request: HTTPRequest, _ respond: @escaping Respond) {
        let path = request.head.path
        switch path {
        case "/version": onGet(request, respond) { respond(self.version()) }
        case "/health": onGet(request, respond) { self.health(request, respond) }
        case "/debug/vars" where debug != nil:
            if let debug { onGet(request, respond) { respond(debug.variables()) } }
        case "/config/local/log" where debug != nil:
            if let debug { respond(debug.setLogLevel(request)) }
        case "/metrics": respond(HTTPEndpoints.metrics(member.metrics))
        default:
            if path.hasPrefix("/livez") || path.hasPrefix("/readyz") {
                onGet(request, respond) { HealthChecks(self.member).answer(request, respond) }
            } else {
                respond(HTTPEndpoints.error(404, "404 page not found"))
            }
        }
    }

    private func onGet(_ request: HTTPRequest, _ respond: Respond, _ body: () -> Void) {
        if request.head.method == "GET" {
            body()
        } else {
            var response = HTTPEndpoints.error(405, "Method Not Allowed")
            response.head.headers.append(HeaderField("allow", "GET"))
            respond(response)
        }
    }

    /// /readyz as pods want it: of this member alone, unless `?linearizable=true` asks for more.
    func answer(_ request: HTTPRequest, asLocal isServing: Bool, _ respond: @escaping Respond) {
        onGet(request, respond) {
            HealthChecks(member, isLocal: true, isServing: isServing).answer(request, respond)
        }
    }

    static func metrics(_ metrics: NodeMetrics) -> HTTPResponse {
        HTTPResponse(
            status: 200,
            headers: [HeaderField("content-type", "text/plain; version=0.0.4; charset=utf-8")],
            body: metrics.scrape())
    }

    /// As Go's `http.Error` writes it.
    static func error(_ status: Int, _ text: String) -> HTTPResponse {
        HTTPResponse(
            status: status,
            headers: [
                HeaderField("content-type", plainText),
                HeaderField("x-content-type-options", "nosniff"),
            ],
            body: Array("\(text)\n".utf8))
    }

    static func json(_ value: JSONValue) -> HTTPResponse {
        HTTPResponse(
            status: 200, headers: [HeaderField("content-type", "application/json")],
            body: JSON.bytes(value))
    }

    func version() -> HTTPResponse {
        let node = member.node
        let cluster = node.ledger.clusterVersion ?? "not_decided"
        return HTTPEndpoints.json(
            .object([
                ("etcdserver", .string(node.settings.version)),
                ("etcdcluster", .string(cluster)),
                ("storage", .string(node.ledger.storageVersion ?? "unknown")),
            ]))
    }

    // MARK: /health

    private func health(_ request: HTTPRequest, _ respond: @escaping Respond) {
        let query = Query(request.head.query)
        let excluded = query.values(of: "exclude")
        for alarm in member.node.ledger.alarms.list {
            let name = alarm.alarm == .noSpace ? "NOSPACE" : "CORRUPT"
            if !excluded.contains(name) {
                report(false, "ALARM \(name)", respond)
                return
            }
        }
        if query.values(of: "serializable") == ["true"] {
            report(true, "", respond)
            return
        }
        guard member.node.leader != nil else {
            report(false, "RAFT NO LEADER", respond)
            return
        }
        member.call(.linearizableProbe) { [weak self] answer in
            if case .failure(let error) = answer {
                self?.report(false, "RANGE ERROR:\(error.text)", respond)
            } else {
                self?.report(true, "", respond)
            }
        }
    }

    private func report(_ isHealthy: Bool, _ reason: String, _ respond: Respond) {
        member.metrics.healthChecked(isHealthy)
        let body = JSONValue.object([
            ("health", .string(isHealthy ? "true" : "false")), ("reason", .string(reason)),
        ])
        if isHealthy {
            respond(
                HTTPResponse(
                    status: 200, headers: [HeaderField("content-type", HTTPEndpoints.plainText)],
                    body: JSON.bytes(body)))
        } else {
            respond(HTTPEndpoints.error(503, JSON.text(body)))
        }
    }
}

/// The pairs of a query string, in order, percent-decoded.
struct Query {
    private let pairs: [(name: String, value: String)]

    init(_ text: String) {
        pairs = text.split(separator: "&").map { pair in
            let parts = pair.split(separator: "=", maxSplits: 1, omittingEmptySubsequences: false)
            return (
                Query.decoded(parts[0]), parts.count == 2 ? Query.decoded(parts[1]) : ""
            )
        }
    }

    func values(of name: String) -> [String] {
        pairs.filter { $0.name == name }.map(\.value)
    }

    func has(_ name: String) -> Bool {
        pairs.contains { $0.name == name }
    }

    private static func decoded(_ text: Substring) -> String {
        var bytes: [UInt8] = []
        var rest = text.utf8[...]
        while let byte = rest.popFirst() {
            if byte == 0x2b {
                bytes.append(0x20)
            } else if byte == 0x25, rest.count >= 2,
                let value = UInt8(String(decoding: rest.prefix(2), as: UTF8.self), radix: 16)
            {
                bytes.append(value)
                rest = rest.dropFirst(2)
            } else {
                bytes.append(byte)
            }
        }
        return String(decoding: bytes, as: UTF8.self)
    }
}
