// SPDX-License-Identifier: Apache-2.0
internal import Bytes
internal import EtcdAPI
internal import Formats
internal import Replicated

/// The tree of etcd's second API as far as members of etcd up to 3.6 need it in a snapshot:
/// membership and the cluster's version.
///
///     /0/members/<id>/raftAttributes   {"peerURLs":[..],"isLearner":true}
///     /0/members/<id>/attributes       {"name":"..","clientURLs":[..]}
///     /0/removed_members/<id>
///     /0/version
///     /1
enum StoreTree {
    static func json(of view: LedgerView) -> [UInt8] {
        var members: [EtcdAPI.Member] = []
        var removed: [String] = []
        var version: String?
        unsafe view.forEachRow(in: "members") { _, value in
            if let json = unsafe try? JSON.parse(Array(value)), let row = MemberJSON.member(json) {
                members.append(row)
            }
        }
        unsafe view.forEachRow(in: "members_removed") { key, _ in
            removed.append(unsafe String(decoding: key, as: UTF8.self))
        }
        unsafe view.forEachRow(in: "cluster") { key, value in
            if unsafe String(decoding: key, as: UTF8.self) == "clusterVersion" {
                version = unsafe String(decoding: value, as: UTF8.self)
            }
        }
        return json(members: members, removed: removed, version: version)
    }

    static func json(
        members: [EtcdAPI.Member], removed: [String], version: String?
    ) -> [UInt8] {
        var cluster: [(String, JSONValue)] = []
        let memberNodes = members.map { member in
            let id = String(member.id, radix: 16)
            return (id, memberNode(member, "/0/members/\(id)"))
        }
        cluster.append(("members", directory("/0/members", memberNodes)))
        let path = "/0/removed_members"
        cluster.append(
            ("removed_members", directory(path, removed.map { ($0, leaf("\(path)/\($0)", "")) })))
        if let version { cluster.append(("version", leaf("/0/version", version))) }
        let root = directory(
            "/", [("0", directory("/0", cluster)), ("1", directory("/1", []))])
        return JSON.bytes(.object([("Root", root), ("CurrentVersion", 2)]))
    }

    private static func memberNode(_ member: EtcdAPI.Member, _ path: String) -> JSONValue {
        var raft: [(String, JSONValue)] = [
            ("peerURLs", .array(member.peerURLs.map { .string($0) }))
        ]
        if member.isLearner { raft.append(("isLearner", true)) }
        var nodes = [("raftAttributes", leaf("\(path)/raftAttributes", JSON.text(.object(raft))))]
        if !member.name.isEmpty || !member.clientURLs.isEmpty {
            let attributes = JSONValue.object([
                ("name", .string(member.name)),
                ("clientURLs", .array(member.clientURLs.map { .string($0) })),
            ])
            nodes.append(("attributes", leaf("\(path)/attributes", JSON.text(attributes))))
        }
        return directory(path, nodes)
    }

    private static func directory(
        _ path: String, _ children: [(String, JSONValue)]
    ) -> JSONValue {
        .object([("Path", .string(path)), ("Children", .object(children))])
    }

    private static func leaf(_ path: String, _ value: String) -> JSONValue {
        .object([("Path", .string(path)), ("Value", .string(value))])
    }
}
