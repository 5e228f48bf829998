// SPDX-License-Identifier: Apache-2.0
internal import EtcdAPI
internal import Formats
internal import HTTP
internal import NodeCore
internal import Program

/// What is answered on --listen-metrics-urls. With a member it is what the client URLs answer; until
/// then the process is alive and not ready. Under the contract come /identity and /ticket.
final class HealthAnswers {
    typealias Respond = (HTTPResponse) -> Void

    private let report: NodeReport
    private let metrics: NodeMetrics
    /// Nil without the contract.
    private let desk: TicketDesk?
    /// Set when there is a member.
    var endpoints: HTTPEndpoints?
    /// The client port is served: before that nobody should be sent here.
    var isServing = false
    /// A good ticket for what already runs: true if it was taken, and the process will act on it.
    var onTicketWhileRunning: (Ticket) -> Bool = { _ in false }

    init(_ report: NodeReport, _ metrics: NodeMetrics, _ desk: TicketDesk?) {
        self.report = report
        self.metrics = metrics
        self.desk = desk
    }

    func answer(_ request: HTTPRequest, _ respond: @escaping Respond) {
        let path = request.head.path
        if let desk {
            switch path {
            case "/identity": return respond(onGet(request) { HTTPEndpoints.json(report.json) })
            case "/ticket": return respond(take(request, desk))
            default: break
            }
        }
        guard let endpoints else { return respond(withoutMember(request)) }
        if desk != nil, path == "/readyz" || path.hasPrefix("/readyz/") {
            return endpoints.answer(request, asLocal: isServing, respond)
        }
        endpoints.answer(request, respond)
    }

    private func onGet(_ request: HTTPRequest, _ body: () -> HTTPResponse) -> HTTPResponse {
        if request.head.method == "GET" { return body() }
        return wrongMethod(allowed: "GET")
    }

    private func wrongMethod(allowed: String) -> HTTPResponse {
        var response = HTTPEndpoints.error(405, "Method Not Allowed")
        response.head.headers.append(HeaderField("allow", allowed))
        return response
    }

    // MARK: No member yet

    private func withoutMember(_ request: HTTPRequest) -> HTTPResponse {
        let path = request.head.path
        let reason = report.reason.isEmpty ? "the member is starting" : report.reason
        if path == "/livez" || path.hasPrefix("/livez/") {
            return onGet(request) {
                HTTPResponse(status: 200, contentType: "text/plain; charset=utf-8", text: "ok\n")
            }
        }
        if path == "/readyz" || path.hasPrefix("/readyz/") {
            return onGet(request) {
                HTTPEndpoints.error(503, "[-]started failed: \(reason)\nhealth check failed")
            }
        }
        switch path {
        case "/health":
            return onGet(request) {
                HTTPEndpoints.error(
                    503,
                    JSON.text(.object([("health", "false"), ("reason", .string(reason))])))
            }
        case "/version":
            return onGet(request) {
                HTTPEndpoints.json(
                    .object([
                        ("etcdserver", .string(NodeProgram.version)),
                        ("etcdcluster", "not_decided"), ("storage", "unknown"),
                    ]))
            }
        case "/metrics": return HTTPEndpoints.metrics(metrics)
        default: return HTTPEndpoints.error(404, "404 page not found")
        }
    }

    // MARK: /ticket

    private func take(_ request: HTTPRequest, _ desk: TicketDesk) -> HTTPResponse {
        guard request.head.method == "POST" else { return wrongMethod(allowed: "POST") }
        guard desk.admits(request.head.headers.value(of: "authorization")) else {
            var response = problem(401, "the admin token is missing or wrong")
            response.head.headers.append(HeaderField("www-authenticate", "Bearer"))
            return response
        }
        let ticket: Ticket
        do throws(TicketError) {
            ticket = try Ticket.read(request.body)
        } catch {
            return problem(422, "no ticket: \(error)")
        }
        if let conflict = conflict(ticket, desk) { return problem(409, conflict) }
        switch report.state {
        case .awaitingTicket, .refused: desk.take(ticket)
        case .starting, .running:
            if ticket != desk.ticket, !isAgreeing(ticket), !onTicketWhileRunning(ticket) {
                return problem(409, "the member has started already")
            }
        }
        return HTTPEndpoints.json(report.json)
    }

    private func conflict(_ ticket: Ticket, _ desk: TicketDesk) -> String? {
        if !report.clusterUID.isEmpty, report.clusterUID != ticket.clusterUID {
            return "the data is that of cluster \(report.clusterUID), not \(ticket.clusterUID)"
        }
        if ticket.isBoundToPod, ticket.podUID != report.podUID {
            return "the ticket is for pod \(ticket.podUID), this is \(report.podUID)"
        }
        if desk.isOlder(ticket) {
            return "generation \(ticket.generation) is older than the ticket that is known"
        }
        return nil
    }

    /// It asks for nothing but what is.
    private func isAgreeing(_ ticket: Ticket) -> Bool {
        switch ticket.action {
        case .resume: true
        case .join: ticket.memberID == UInt64(report.memberID, radix: 16)
        case .bootstrap, .restore: ticket.generation == report.ticketGeneration
        case .forceNewCluster: ticket.generation <= report.ticketGeneration
        case .hold: false
        }
    }

    private func problem(_ status: Int, _ text: String) -> HTTPResponse {
        HTTPResponse(
            status: status, headers: [HeaderField("content-type", "application/json")],
            body: JSON.bytes(.object([("error", .string(text))])))
    }
}
