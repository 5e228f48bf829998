// SPDX-License-Identifier: Apache-2.0
internal import Bytes
internal import EtcdAPI
internal import Formats
internal import HTTP
internal import NodeCore
internal import Posix
// SPDX-License-Identifier: Apache-2.0
internal import Program
internal import Replicated

/// What members ask each other beside raft's messages.
final class PeerEndpoints {
    typealias Respond = (HTTPResponse) -> Void

    private unowned let port: PeerPort
    private let member: LocalMember
    private static let promotePrefix = "/members/promote/"

    init(port: PeerPort) {
        self.port = port
        member = port.member
    }

    func answer(_ request: HTTPRequest, _ respond: @escaping Respond) {
        switch request.head.path {
        case "/raft/probing": respond(probing())
        case "/members": on("GET", request, respond) { respond(self.members()) }
        case "/members/hashkv": on("GET", request, respond) { self.hash(request, respond) }
        case "/version":
            on("GET", request, respond) {
                respond(HTTPEndpoints(member: self.member).version())
            }
        case "/downgrade/enabled": on("GET", request, respond) { self.downgrade(respond) }
        case "/leases":
            on("POST", request, respond, allows: false) { self.keepAlive(request, respond) }
        case "/leases/internal":
            on("POST", request, respond, allows: false) { self.timeToLive(request, respond) }
        case let path where path.hasPrefix(PeerEndpoints.promotePrefix):
            on("POST", request, respond) { self.promote(path, respond) }
        default: respond(HTTPEndpoints.error(404, "404 page not found"))
        }
    }

    private func on(
        _ method: String, _ request: HTTPRequest, _ respond: Respond, allows: Bool = true,
        _ body: () -> Void
    ) {
        if request.head.method == method {
            body()
            return
        }
        var response = HTTPEndpoints.error(405, "Method Not Allowed")
        if allows { response.head.headers.append(HeaderField("allow", method)) }
        respond(response)
    }

    private func json(_ value: JSONValue) -> HTTPResponse {
        var response = HTTPEndpoints.json(value)
        response.body.append(0x0a)
        response.head.headers.append(port.identity.clusterHeader)
        return response
    }

    private func error(_ status: Int, _ text: String) -> HTTPResponse {
        var response = HTTPEndpoints.error(status, text)
        response.head.headers.append(port.identity.clusterHeader)
        return response
    }

    // MARK: Plain facts

    private func probing() -> HTTPResponse {
        let now = Timestamp.nanoseconds(WallClock.nanoseconds)
        return HTTPResponse(
            status: 200, contentType: "text/plain; charset=utf-8",
            text: "{\"OK\":true,\"Now\":\"\(now)\"}\n")
    }

    private func members() -> HTTPResponse {
        json(MemberJSON.list(member.node.ledger.members.list))
    }

    private func downgrade(_ respond: @escaping Respond) {
        member.call(.linearizableProbe) { [weak self] answer in
            guard let self else { return }
            if case .failure = answer {
                respond(self.error(500, "failed to get the downgrade status"))
                return
            }
            let isEnabled = self.member.node.ledger.downgrade?.isEnabled == true
            var response = HTTPResponse(
                status: 200, contentType: "text/plain", text: isEnabled ? "true" : "false")
            response.head.headers.append(self.port.identity.clusterHeader)
            respond(response)
        }
    }

    // MARK: Hash

    private func hash(_ request: HTTPRequest, _ respond: @escaping Respond) {
        if PeerHeaders(request.head.headers).contradicts(port.identity) {
            respond(error(412, "cluster ID mismatch"))
            return
        }
        guard let body = try? JSON.parse(request.body), body.object != nil else {
            respond(error(400, "error unmarshalling request"))
            return
        }
        let asked = body["revision"] ?? .null
        guard let revision = asked == .null ? 0 : asked.int64 else {
            respond(error(400, "error unmarshalling request"))
            return
        }
        let request = Request.hashKV(revision: revision)
        member.call(request, identity: .peer) { [weak self] answer in
            self?.hash(answer, respond)
        }
    }

    private func hash(_ answer: Answer, _ respond: @escaping Respond) {
        switch answer {
        case .compute(.hashKV(let view, let revision, let header)):
            member.compute({ HashKVAnswer.make(view, revision, header) }) { [weak self] result in
                self?.tellHash(result, respond)
            }
        case .message(let bytes): tellHash(.success(bytes), respond)
        case .failure(let failure): tellHash(.failure(failure), respond)
        case .compute, .list, .members, .done: respond(error(500, "no hash"))
        }
    }

    private func tellHash(_ result: Result<[UInt8], EtcdError>, _ respond: Respond) {
        switch result {
        case .success(let bytes):
            guard let hash = try? HashKVResponse(decoding: bytes) else {
                respond(error(500, "no hash"))
                return
            }
            respond(json(PeerEndpoints.hashJSON(hash)))
        case .failure(let failure):
            respond(refusal(failure))
        }
    }

    /// In the words of etcd's store, not of its API.
    private func refusal(_ failure: EtcdError) -> HTTPResponse {
        let text =
            switch failure {
            case .compacted: "mvcc: required revision has been compacted"
            case .futureRevision: "mvcc: required revision is a future revision"
            default: failure.text
            }
        return error(400, text)
    }

    /// Only the header's revision, as etcd answers; zero fields are left out.
    private static func hashJSON(_ hash: HashKVResponse) -> JSONValue {
        let revision = JSONValue.integer(hash.header?.revision ?? 0)
        var fields: [(String, JSONValue)] = [("header", .object([("revision", revision)]))]
        if hash.hash != 0 { fields.append(("hash", .integer(Int64(hash.hash)))) }
        if hash.compactRevision != 0 {
            fields.append(("compact_revision", .integer(hash.compactRevision)))
        }
        if hash.hashRevision != 0 { fields.append(("hash_revision", .integer(hash.hashRevision))) }
        return .object(fields)
    }

    // MARK: For the leader alone

    private func promote(_ path: String, _ respond: @escaping Respond) {
        let text = path.dropFirst(PeerEndpoints.promotePrefix.count)
        guard let id = UInt64(text) else {
            respond(error(404, "member \(text) not found in cluster"))
            return
        }
        member.call(.peerMemberPromote(MemberID(id))) { [weak self] answer in
            guard let self else { return }
            switch answer {
            case .members(let members): respond(self.json(MemberJSON.list(members)))
            case .failure(let failure): respond(self.promotionError(failure))
            case .message, .list, .compute, .done: respond(self.error(500, "no members"))
            }
        }
    }

    private func promotionError(_ failure: EtcdError) -> HTTPResponse {
        switch failure {
        case .memberNotFound: return error(404, "membership: ID not found")
        case .learnerNotReady: return error(412, failure.text)
        case .memberNotLearner:
            return error(412, "membership: can only promote a learner member")
        default:
            var response = json(["message": "Internal Server Error"])
            response.head.status = 500
            return response
        }
    }

    private func keepAlive(_ request: HTTPRequest, _ respond: @escaping Respond) {
        guard let asked = try? LeaseKeepAliveRequest(decoding: request.body) else {
            respond(error(400, "error unmarshalling request"))
            return
        }
        member.call(.peerLeaseKeepAlive(asked.id)) { [weak self] answer in
            guard let self else { return }
            guard case .message(let bytes) = answer,
                let renewed = try? LeaseKeepAliveResponse(decoding: bytes)
            else {
                respond(self.leaseError(answer, otherwise: 400))
                return
            }
            guard renewed.ttl > 0 else {
                respond(self.error(404, "lease not found"))
                return
            }
            var response = LeaseKeepAliveResponse()
            response.id = renewed.id
            response.ttl = renewed.ttl
            respond(self.protobuf(response.encoded()))
        }
    }

    private func timeToLive(_ request: HTTPRequest, _ respond: @escaping Respond) {
        guard let whole = try? LeaseInternalRequest(decoding: request.body),
            let asked = whole.leaseTimeToLiveRequest
        else {
            respond(error(400, "error unmarshalling request"))
            return
        }
        member.call(.peerLeaseTimeToLive(asked)) { [weak self] answer in
            guard let self else { return }
            guard case .message(let bytes) = answer,
                let lease = try? LeaseTimeToLiveResponse(decoding: bytes)
            else {
                respond(self.leaseError(answer, otherwise: 500))
                return
            }
            guard lease.grantedTTL != 0 else {
                respond(self.error(404, "lease not found"))
                return
            }
            var response = LeaseInternalResponse()
            response.leaseTimeToLiveResponse = lease
            respond(self.protobuf(response.encoded()))
        }
    }

    private func protobuf(_ bytes: [UInt8]) -> HTTPResponse {
        HTTPResponse(
            status: 200, headers: [HeaderField("content-type", "application/protobuf")],
            body: bytes)
    }

    private func leaseError(_ answer: Answer, otherwise status: Int) -> HTTPResponse {
        guard case .failure(let failure) = answer else { return error(status, "no lease") }
        switch failure {
        case .timeout, .timeoutDueToLeaderFail, .timeoutDueToConnectionLost:
            return error(
                408, "waiting for node to catch up its applied index has timed out")
        case .notPrimaryLessor: return error(status, "not a primary lessor")
        default: return error(status, failure.text)
        }
    }
}
