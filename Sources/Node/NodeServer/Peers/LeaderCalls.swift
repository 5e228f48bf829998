// SPDX-License-Identifier: Apache-2.0
internal import Bytes
internal import EtcdAPI
internal import HTTP
internal import MVCC
internal import Net
internal import NodeCore
// SPDX-License-Identifier: Apache-2.0
internal import Raft
internal import Replicated

/// What only the leader can answer, asked of it over the peer port for this member's clients. A
/// call goes on, also past a change of leaders, until it has an answer or its time is up.
final class LeaderCalls {
    private unowned let port: PeerPort
    private let member: LocalMember

    private static let timeout = Duration.seconds(5)
    private static let retryDelay = Duration.milliseconds(50)

    private final class Pending {
        let request: ForwardedRequest
        let token: String?
        let deadline: Instant
        let then: (Answer) -> Void

        init(
            _ request: ForwardedRequest, token: String?, deadline: Instant,
            then: @escaping (Answer) -> Void
        ) {
            self.request = request
            self.token = token
            self.deadline = deadline
            self.then = then
        }
    }

    init(port: PeerPort) {
        self.port = port
        member = port.member
    }

    func forward(
        _ request: ForwardedRequest, token: String?, _ then: @escaping (Answer) -> Void
    ) {
        let deadline = member.reactor.now + LeaderCalls.timeout + port.dialTimeout
        attempt(Pending(request, token: token, deadline: deadline, then: then))
    }

    private func attempt(_ call: Pending) {
        guard member.reactor.now < call.deadline, !port.isStopped else {
            call.then(.failure(member.node.leader == nil ? .noLeader : .timeout))
            return
        }
        guard let leader = member.node.leader else {
            tryLater(call)
            return
        }
        if leader == port.identity.memberID {
            answerHere(call)
        } else if let link = port.link(to: leader) {
            ask(call, link.address.urls)
        } else {
            tryLater(call)
        }
    }

    private func tryLater(_ call: Pending) {
        member.reactor.after(LeaderCalls.retryDelay) { [weak self] in self?.attempt(call) }
    }

    /// Leadership came here meanwhile.
    private func answerHere(_ call: Pending) {
        let request: Request =
            switch call.request {
            case .leaseKeepAlive(let id): .leaseKeepAlive(id)
            case .leaseTimeToLive(let asked): .leaseTimeToLive(asked)
            case .memberPromote(let id): .memberPromote(id)
            }
        member.call(request, identity: .peer, then: call.then)
    }

    private func ask(_ call: Pending, _ urls: [String]) {
        guard let url = urls.first else {
            tryLater(call)
            return
        }
        let (path, type, body) = LeaderCalls.question(call.request)
        let client = PeerClient(
            reactor: member.reactor, dialer: port.dialer, bodyLimit: 100 << 20)
        let left = max(.milliseconds(1), call.deadline - member.reactor.now)
        client.send(
            "POST", path, to: url, headers: LeaderCalls.fields(call, type), body: body,
            timeout: left
        ) { [weak self] result in
            guard let self else { return }
            if case .success(let response) = result, let answer = self.answer(call, response) {
                call.then(answer)
            } else {
                self.ask(call, Array(urls.dropFirst()))
            }
        }
    }

    /// Leaders since 3.5.28 promote only for a token of root's; older ones do not look.
    private static func fields(_ call: Pending, _ type: String) -> [HeaderField] {
        var fields = [HeaderField("content-type", type)]
        if case .memberPromote = call.request, let token = call.token {
            fields.append(HeaderField("authorization", token))
        }
        return fields
    }

    private static func question(
        _ request: ForwardedRequest
    ) -> (path: String, type: String, body: [UInt8]) {
        switch request {
        case .leaseKeepAlive(let id):
            var body = LeaseKeepAliveRequest()
            body.id = id
            return ("/leases", "application/protobuf", body.encoded())
        case .leaseTimeToLive(let asked):
            var body = LeaseInternalRequest()
            body.leaseTimeToLiveRequest = asked
            return ("/leases/internal", "application/protobuf", body.encoded())
        case .memberPromote(let id):
            return ("/members/promote/\(id.number)", "application/json", [])
        }
    }

    // MARK: Answers

    /// Nil when another URL, or another moment, may give a better one.
    private func answer(_ call: Pending, _ response: HTTPResponse) -> Answer? {
        switch call.request {
        case .leaseKeepAlive(let id): keepAlive(id, response)
        case .leaseTimeToLive(let asked): timeToLive(asked, response)
        case .memberPromote: promotion(response)
        }
    }

    private var header: ResponseHeader {
        let node = member.node
        return ResponseHeader(
            clusterID: node.settings.clusterID.number, memberID: node.settings.memberID.number,
            revision: node.ledger.keyspace.revision, raftTerm: node.raft.term.number)
    }

    private func keepAlive(_ id: Int64, _ response: HTTPResponse) -> Answer? {
        var answer = LeaseKeepAliveResponse()
        answer.id = id
        answer.header = header
        if response.head.status == 200 {
            guard let told = try? LeaseKeepAliveResponse(decoding: response.body) else {
                return nil
            }
            answer.ttl = told.ttl
        } else if !LeaderCalls.isNotFound(response) {
            return nil
        }
        return .message(answer.encoded())
    }

    private func timeToLive(
        _ asked: LeaseTimeToLiveRequest, _ response: HTTPResponse
    ) -> Answer? {
        var answer = LeaseTimeToLiveResponse()
        answer.id = asked.id
        answer.ttl = -1
        if response.head.status == 200 {
            guard let told = try? LeaseInternalResponse(decoding: response.body),
                let lease = told.leaseTimeToLiveResponse
            else { return nil }
            answer = lease
        } else if !LeaderCalls.isNotFound(response) {
            return nil
        }
        answer.header = header
        return .message(answer.encoded())
    }

    private static func isNotFound(_ response: HTTPResponse) -> Bool {
        response.head.status == 404 && response.bodyText == "lease not found"
    }

    private func promotion(_ response: HTTPResponse) -> Answer? {
        switch response.head.status {
        case 200:
            guard let members = MemberJSON.members(response.body) else { return nil }
            var answer = MemberPromoteResponse()
            answer.header = header
            answer.members = members
            return .message(answer.encoded())
        case 404: return .failure(.memberNotFound)
        case 412:
            return .failure(
                response.bodyText.contains("in sync with leader")
                    ? .learnerNotReady : .memberNotLearner)
        default: return nil
        }
    }
}
