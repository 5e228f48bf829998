// SPDX-License-Identifier: Apache-2.0
internal import Bytes
internal import EtcdAPI
internal import Formats
internal import HTTP
internal import NodeCore
internal import Posix
internal import Raft
internal import Replicated
internal import V2Facade

/// Everything under /v2: which path is whose, and the headers that all answers have.
final class V2Endpoints {
    let member: LocalMember
    let statistics: V2Statistics
    private let callers: V2Callers

    init(_ member: LocalMember, _ authenticator: Authenticator) {
        self.member = member
        callers = V2Callers(member, authenticator)
        statistics = V2Statistics(member)
    }

    static func owns(_ path: String) -> Bool { path.hasPrefix("/v2/") }

    func answer(_ request: HTTPRequest, _ exchange: HTTPExchange) {
        let path = request.head.path
        if let clean = Self.cleaned(path) {
            redirect(request, to: clean, exchange)
        } else if let rest = Self.rest(of: path, behind: "/v2/keys") {
            if refuses(request, ["HEAD", "GET", "PUT", "POST", "DELETE"], exchange) { return }
            identify(request, exchange, or: { self.keysRefusal(KeysError($0)) }) { identity in
                V2KeysCall(self, exchange, identity).start(request, path: rest)
            }
        } else if let rest = Self.rest(of: path, behind: "/v2/members") {
            if refuses(request, ["GET", "POST", "DELETE", "PUT"], exchange) { return }
            identify(request, exchange, or: refusal) { identity in
                V2MembersCall(self, exchange, identity).start(request, path: rest)
            }
        } else if let rest = Self.rest(of: path, behind: "/v2/auth") {
            V2AuthCall(self, exchange).start(request, path: rest)
        } else if path == "/v2/machines" {
            if refuses(request, ["GET", "HEAD"], exchange) { return }
            identify(request, exchange, or: refusal) { self.machines(exchange, $0) }
        } else if let kind = Self.rest(of: path, behind: "/v2/stats") {
            statistics.answer(kind, request, self, exchange)
        } else {
            exchange.respond(HTTPEndpoints.error(404, "404 page not found"))
        }
    }

    /// What a path with empty parts or dots means; nil if it has none.
    static func cleaned(_ path: String) -> String? {
        var parts: [Substring] = []
        for part in path.split(separator: "/") where part != "." {
            if part == ".." { _ = parts.popLast() } else { parts.append(part) }
        }
        let joined = "/" + parts.joined(separator: "/")
        let clean = path.hasSuffix("/") && joined != "/" ? joined + "/" : joined
        return clean == path ? nil : clean
    }

    /// As Go's multiplexer does it.
    private func redirect(
        _ request: HTTPRequest, to path: String, _ exchange: HTTPExchange
    ) {
        let query = request.head.query
        let target = path + (query.isEmpty ? "" : "?" + query)
        var response = HTTPResponse(status: 301, headers: [HeaderField("location", target)])
        if ["GET", "HEAD"].contains(request.head.method) {
            response.head.headers.append(HeaderField("content-type", "text/html; charset=utf-8"))
        }
        if request.head.method == "GET" {
            let shown = target.replacing("&", with: "&amp;").replacing("\"", with: "&#34;")
            response.body = Array("<a href=\"\(shown)\">Moved Permanently</a>.\n\n".utf8)
        }
        exchange.respond(response)
    }

    /// Nil for another path; begins with a slash otherwise, or is empty.
    private static func rest(of path: String, behind prefix: String) -> String? {
        guard path.hasPrefix(prefix) else { return nil }
        let rest = path.dropFirst(prefix.count)
        return rest.isEmpty || rest.hasPrefix("/") ? String(rest) : nil
    }

    /// Answers a method that is not among those that are known.
    func refuses(
        _ request: HTTPRequest, _ methods: [String], _ exchange: HTTPExchange
    ) -> Bool {
        if methods.contains(request.head.method) { return false }
        var response = HTTPEndpoints.error(405, "Method Not Allowed")
        response.head.headers.append(HeaderField("allow", methods.joined(separator: ",")))
        exchange.respond(response)
        return true
    }

    private func identify(
        _ request: HTTPRequest, _ exchange: HTTPExchange,
        or refuse: @escaping (EtcdError) -> HTTPResponse,
        then: @escaping (NodeCore.Identity) -> Void
    ) {
        callers.identify(request.head, commonName: exchange.commonName) { result in
            // The client may have left while its password was looked at.
            if exchange.isOver { return }
            switch result {
            case .success(let identity): then(identity)
            case .failure(let error): exchange.respond(refuse(error))
            }
        }
    }

    private func machines(_ exchange: HTTPExchange, _ identity: NodeCore.Identity) {
        if let error = member.node.refusal(of: identity, for: .memberList) {
            return exchange.respond(refusal(error))
        }
        let urls = member.node.ledger.members.list.flatMap(\.clientURLs)
        exchange.respond(
            HTTPResponse(
                status: 200, contentType: "text/plain; charset=utf-8",
                text: urls.joined(separator: ", ")))
    }

    // MARK: Answers

    private var cluster: HeaderField {
        HeaderField(
            "x-etcd-cluster-id", String(member.node.settings.clusterID.number, radix: 16))
    }

    func keysRefusal(_ error: KeysError) -> HTTPResponse {
        let answer = error.answer
        return HTTPResponse(
            status: answer.status, headers: keysHead(answer).headers,
            body: Array(answer.body.utf8))
    }

    /// Of a path beside /v2/keys.
    func refusal(_ error: EtcdError) -> HTTPResponse {
        let refusal = KeysError(error)
        return refusal.code == .unauthorized
            ? message(401, refusal.cause) : message(500, "Internal Server Error")
    }

    func keysHead(_ answer: KeysAnswer) -> HTTPResponseHead {
        var headers = [
            HeaderField("content-type", "application/json"), cluster,
            HeaderField("x-etcd-index", "\(answer.index)"),
        ]
        if answer.isSuccess {
            headers.append(
                HeaderField("x-raft-index", "\(member.node.ledger.appliedIndex.number)"))
            headers.append(HeaderField("x-raft-term", "\(member.node.raft.term.number)"))
        }
        return HTTPResponseHead(status: answer.status, headers: headers)
    }

    func json(_ status: Int, _ text: String) -> HTTPResponse {
        ofCluster(HTTPResponse(status: status, contentType: "application/json", text: text))
    }

    func ofCluster(_ response: HTTPResponse) -> HTTPResponse {
        var response = response
        response.head.headers.append(cluster)
        return response
    }

    /// `{"message": …}` without a newline, as etcd has it.
    func message(_ status: Int, _ text: String) -> HTTPResponse {
        json(status, JSON.text(.object([("message", .string(text))])))
    }

    var moment: Moment { Moment(now: WallClock.nanoseconds) }
}
