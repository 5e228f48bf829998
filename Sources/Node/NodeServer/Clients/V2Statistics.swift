// SPDX-License-Identifier: Apache-2.0
internal import Bytes
internal import EtcdAPI
internal import Formats
internal import HTTP
internal import NodeCore
internal import Posix
internal import Replicated
internal import V2Facade

/// /v2/stats: what this member counted since it began, for /v2/keys alone.
final class V2Statistics {
    private struct Count {
        var success: Int64 = 0
        var failure: Int64 = 0
    }

    private let member: LocalMember
    private let startedAt = WallClock.nanoseconds
    private var gets = Count()
    private var sets = Count()
    private var deletes = Count()
    private var updates = Count()
    private var creates = Count()
    private var swaps = Count()
    private var comparedDeletes = Count()
    private var watcherCount: Int64 = 0

    init(_ member: LocalMember) {
        self.member = member
    }

    func watchersChanged(by change: Int64) { watcherCount += change }

    func count(_ request: KeysRequest, _ result: Result<Void, KeysError>) {
        let isGood = if case .success = result { true } else { false }
        func add(_ count: inout Count) {
            if isGood { count.success += 1 } else { count.failure += 1 }
        }
        switch request.write {
        case nil: add(&gets)
        case .set: add(&sets)
        case .create, .createInOrder: add(&creates)
        case .update: add(&updates)
        case .compareAndSwap: add(&swaps)
        case .delete: add(&deletes)
        case .compareAndDelete: add(&comparedDeletes)
        }
    }

    func answer(
        _ kind: String, _ request: HTTPRequest, _ endpoints: V2Endpoints, _ exchange: HTTPExchange
    ) {
        guard ["/self", "/leader", "/store"].contains(kind) else {
            return exchange.respond(HTTPEndpoints.error(404, "404 page not found"))
        }
        if endpoints.refuses(request, ["GET"], exchange) { return }
        switch kind {
        case "/self": exchange.respond(HTTPEndpoints.json(own))
        case "/store": exchange.respond(HTTPEndpoints.json(store))
        default:
            exchange.respond(
                member.node.isLeader
                    ? HTTPEndpoints.json(leader)
                    : endpoints.message(403, "not current leader"))
        }
    }

    private var store: JSONValue {
        var members: [(String, JSONValue)] = []
        for (name, count) in [
            ("gets", gets), ("sets", sets), ("delete", deletes), ("update", updates),
            ("create", creates), ("compareAndSwap", swaps), ("compareAndDelete", comparedDeletes),
        ] {
            members.append((name + "Success", .integer(count.success)))
            members.append((name + "Fail", .integer(count.failure)))
        }
        members.append(("expireCount", 0))
        members.append(("watchers", .integer(watcherCount)))
        return .object(members)
    }

    private var own: JSONValue {
        let node = member.node
        let began = Timestamp.nanoseconds(startedAt)
        let uptime = GoDuration.text(max(0, WallClock.nanoseconds - startedAt))
        return .object([
            ("name", .string(node.settings.name)),
            ("id", .string(String(node.settings.memberID.number, radix: 16))),
            ("state", .string(node.isLeader ? "StateLeader" : "StateFollower")),
            ("startTime", .string(began)),
            (
                "leaderInfo",
                .object([
                    ("leader", .string(String(node.leader?.number ?? 0, radix: 16))),
                    ("uptime", .string(uptime)), ("startTime", .string(began)),
                ])
            ), ("recvAppendRequestCnt", 0), ("sendAppendRequestCnt", 0),
        ])
    }

    private var leader: JSONValue {
        let node = member.node
        let own = node.settings.memberID.number
        let nothing = JSONValue.object([
            (
                "latency",
                .object([
                    ("current", 0), ("average", 0), ("standardDeviation", 0), ("minimum", 0),
                    ("maximum", 0),
                ])
            ), ("counts", .object([("fail", 0), ("success", 0)])),
        ])
        let others = node.ledger.members.list.filter { $0.id != own }
        return .object([
            ("leader", .string(String(own, radix: 16))),
            ("followers", .object(others.map { (String($0.id, radix: 16), nothing) })),
        ])
    }
}
