// SPDX-License-Identifier: Apache-2.0
internal import Bytes
internal import EtcdAPI
internal import Formats
internal import HTTP
internal import NodeCore
internal import Posix
internal import Replicated

/// /v2/members: the list, the leader, and changes.
struct V2MembersCall {
    private let endpoints: V2Endpoints
    private let member: LocalMember
    private let exchange: HTTPExchange
    private let identity: NodeCore.Identity

    init(
        _ endpoints: V2Endpoints, _ exchange: HTTPExchange, _ identity: NodeCore.Identity
    ) {
        self.endpoints = endpoints
        member = endpoints.member
        self.exchange = exchange
        self.identity = identity
    }

    func start(_ request: HTTPRequest, path: String) {
        let name = path.hasPrefix("/") ? String(path.dropFirst()) : path
        switch request.head.method {
        case "GET": get(name)
        case "POST": add(request)
        case "DELETE": withID(name) { remove(name, $0) }
        default: withID(name) { update(request, name, $0) }
        }
    }

    private func get(_ name: String) {
        if let error = member.node.refusal(of: identity, for: .memberList) {
            return exchange.respond(endpoints.refusal(error))
        }
        let members = member.node.ledger.members.list
        if name.isEmpty {
            let list = JSONValue.object([("members", .array(members.map(Self.json)))])
            exchange.respond(endpoints.json(200, JSON.text(list) + "\n"))
        } else if name == "leader" {
            guard let leader = members.first(where: { $0.id == member.node.leader?.number })
            else { return respond(503, "During election") }
            exchange.respond(endpoints.json(200, JSON.text(Self.json(leader)) + "\n"))
        } else {
            respond(404, "Not found")
        }
    }

    private static func json(_ member: EtcdAPI.Member) -> JSONValue {
        .object([
            ("id", .string(String(member.id, radix: 16))), ("name", .string(member.name)),
            ("peerURLs", .array(member.peerURLs.map(JSONValue.string))),
            ("clientURLs", .array(member.clientURLs.map(JSONValue.string))),
        ])
    }

    private func respond(_ status: Int, _ text: String) {
        exchange.respond(endpoints.message(status, text))
    }

    private func withID(_ name: String, _ body: (MemberID) -> Void) {
        if name.isEmpty {
            return exchange.respond(
                endpoints.ofCluster(HTTPEndpoints.error(405, "Method Not Allowed")))
        }
        guard let number = UInt64(name, radix: 16) else {
            return respond(404, "No such member: \(name)")
        }
        body(MemberID(number))
    }

    // MARK: Changes

    private func add(_ asked: HTTPRequest) {
        guard let urls = peerURLs(asked) else { return }
        let id = Identity.memberID(
            peerURLs: urls, token: "", addedAt: WallClock.nanoseconds / 1_000_000_000)
        let exchange = self.exchange
        let request = Request.memberAdd(MemberAddRequest(peerURLs: urls), id: id)
        member.call(request, identity: identity) { answer in
            switch V2Outcome<MemberAddResponse>(answer) {
            case .success(let response):
                let added = Self.json(response.member ?? EtcdAPI.Member(id: id.number))
                exchange.respond(endpoints.json(201, JSON.text(added) + "\n"))
            case .failure(let error): refuse(error, String(id.number, radix: 16))
            }
        }
    }

    private func remove(_ name: String, _ id: MemberID) {
        if member.node.ledger.members.isRemoved(id) {
            return respond(410, "Member permanently removed: \(name)")
        }
        member.call(.memberRemove(id), identity: identity) { answer in
            switch V2Outcome<MemberRemoveResponse>(answer) {
            case .success: exchange.respond(endpoints.ofCluster(HTTPResponse(status: 204)))
            case .failure(let error): refuse(error, name)
            }
        }
    }

    private func update(_ request: HTTPRequest, _ name: String, _ id: MemberID) {
        guard let urls = peerURLs(request) else { return }
        let update = MemberUpdateRequest(id: id.number, peerURLs: urls)
        member.call(.memberUpdate(update), identity: identity) { answer in
            switch V2Outcome<MemberUpdateResponse>(answer) {
            case .success: exchange.respond(endpoints.ofCluster(HTTPResponse(status: 204)))
            case .failure(let error): refuse(error, name)
            }
        }
    }

    private func refuse(_ error: EtcdError, _ name: String) {
        switch error {
        case .memberExist: respond(409, "membership: ID exists")
        case .peerURLExist: respond(409, "membership: peerURL exists")
        case .memberNotFound: respond(404, "No such member: \(name)")
        default: exchange.respond(endpoints.refusal(error))
        }
    }

    /// Nil if the request was refused.
    private func peerURLs(_ request: HTTPRequest) -> [String]? {
        let type = request.head.headers.value(of: "content-type") ?? ""
        guard type == "application/json" else {
            respond(415, "Bad Content-Type \(type), accept application/json")
            return nil
        }
        let json: JSONValue
        do throws(FormatError) {
            json = try JSON.parse(request.body)
        } catch {
            respond(400, "the body is no JSON: \(error.reason)")
            return nil
        }
        let urls = (json["peerURLs"]?.array ?? []).compactMap(\.string)
        if urls.isEmpty {
            respond(400, "no valid URLs given")
            return nil
        }
        for url in urls {
            do throws(ConfigError) {
                _ = try ServiceURL(url)
            } catch {
                respond(400, error.text)
                return nil
            }
        }
        return urls
    }
}
