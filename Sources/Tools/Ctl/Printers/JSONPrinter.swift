// SPDX-License-Identifier: Apache-2.0
internal import EtcdAPI
internal import Formats

/// The structs of etcd's client as Go writes them: a line of JSON.
enum JSONPrinter {
    static func bytes(_ answer: Answer, hex: Bool) -> [UInt8] {
        JSON.bytes(value(answer, hex: hex)) + [0x0a]
    }

    private static func value(_ answer: Answer, hex: Bool) -> JSONValue {
        switch answer {
        case .get(let response, _): MessageJSON.object(response)
        case .put(let response): MessageJSON.object(response)
        case .delete(let response): MessageJSON.object(response)
        case .txn(let response): MessageJSON.object(response)
        case .watch(let response): watch(response)
        case .leaseGranted, .leaseRevoked, .leaseKept, .leaseLife, .leases: lease(answer)
        case .members(let response): hex ? hexMembers(response) : MessageJSON.object(response)
        case .memberAdded(let response, _, _): MessageJSON.object(response)
        case .memberRemoved(_, let response): MessageJSON.object(response)
        case .memberUpdated(_, let response): MessageJSON.object(response)
        case .memberPromoted(_, let response): MessageJSON.object(response)
        case .health(let list): .array(list.map(health))
        case .status(let list):
            list.isEmpty
                ? .null
                : .array(
                    list.map { entry in
                        .object([
                            ("Endpoint", .string(entry.endpoint)),
                            ("Status", MessageJSON.object(entry.status)),
                        ])
                    })
        case .hashes(let list):
            list.isEmpty
                ? .null
                : .array(
                    list.map { entry in
                        .object([
                            ("Endpoint", .string(entry.endpoint)),
                            ("HashKV", MessageJSON.object(entry.hash)),
                        ])
                    })
        case .alarms(let response): MessageJSON.object(response)
        case .leaderMoved(_, _, let response): MessageJSON.object(response)
        case .acknowledged(_, let header), .revoked(_, _, _, let header):
            MessageJSON.object(AuthRoleAddResponse.with { $0.header = header })
        case .authStatus(let response): MessageJSON.object(response)
        case .user(_, let response): MessageJSON.object(response)
        case .users(let response): MessageJSON.object(response)
        case .role(_, let response): MessageJSON.object(response)
        case .roles(let response): MessageJSON.object(response)
        case .downgrade(_, let response): MessageJSON.object(response)
        case .snapshot(let summary):
            .object(
                [
                    ("hash", .integer(Int64(summary.hash))),
                    ("revision", .integer(summary.revision)),
                    ("totalKey", .integer(summary.keyCount)),
                    ("totalSize", .integer(summary.size)),
                ] + (summary.version.map { [("version", .string($0))] } ?? []))
        }
    }

    private static func header(_ header: ResponseHeader?) -> [(String, JSONValue)] {
        header.map { MessageJSON.members($0) } ?? []
    }

    private static func watch(_ response: WatchResponse) -> JSONValue {
        .object([
            ("Header", .object(header(response.header))),
            ("Events", .array(response.events.map { MessageJSON.object($0) })),
            ("CompactRevision", .integer(response.compactRevision)),
            ("Canceled", .bool(response.canceled)), ("Created", .bool(response.created)),
        ])
    }

    /// Their structs hold the header's fields themselves, and leave nothing out.
    private static func lease(_ answer: Answer) -> JSONValue {
        switch answer {
        case .leaseGranted(let response):
            .object(
                header(response.header) + [
                    ("ID", .integer(response.id)), ("TTL", .integer(response.ttl)),
                    ("Error", .string(response.error)),
                ])
        case .leaseKept(let response):
            .object(
                header(response.header) + [
                    ("ID", .integer(response.id)), ("TTL", .integer(response.ttl)),
                ])
        case .leaseLife(let response, _):
            .object(
                header(response.header) + [
                    ("id", .integer(response.id)), ("ttl", .integer(response.ttl)),
                    ("granted-ttl", .integer(response.grantedTTL)),
                    (
                        "keys",
                        response.keys.isEmpty
                            ? .null : .array(response.keys.map { .string(Base64.encode($0)) })
                    ),
                ])
        case .leases(let response):
            .object(
                header(response.header) + [
                    (
                        "leases",
                        .array(response.leases.map { .object([("id", .integer($0.id))]) })
                    )
                ])
        case .leaseRevoked(_, let response): MessageJSON.object(response)
        default: .null
        }
    }

    private static func health(_ entry: EndpointHealth) -> JSONValue {
        var members: [(String, JSONValue)] = [
            ("endpoint", .string(entry.endpoint)), ("health", .bool(entry.isHealthy)),
            ("took", .string(entry.took)),
        ]
        if !entry.error.isEmpty { members.append(("error", .string(entry.error))) }
        return .object(members)
    }

    /// With --hex; the spelling of clientURLS is etcdctl's.
    private static func hexMembers(_ response: MemberListResponse) -> JSONValue {
        func hex(_ id: UInt64) -> JSONValue { .string(String(id, radix: 16)) }
        func list(_ texts: [String]) -> JSONValue {
            texts.isEmpty ? .null : .array(texts.map(JSONValue.string))
        }
        let header = response.header ?? ResponseHeader()
        return .object([
            (
                "header",
                .object([
                    ("cluster_id", hex(header.clusterID)), ("member_id", hex(header.memberID)),
                    ("raft_term", .unsigned64(header.raftTerm)),
                ])
            ),
            (
                "members",
                .array(
                    response.members.map { member in
                        .object([
                            ("ID", hex(member.id)), ("name", .string(member.name)),
                            ("peerURLs", list(member.peerURLs)),
                            ("clientURLS", list(member.clientURLs)),
                        ])
                    })
            ),
        ])
    }
}
