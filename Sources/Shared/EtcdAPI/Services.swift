// SPDX-License-Identifier: Apache-2.0

/// Every method an etcd server has. The row of each is in `Services`.
package enum RPC: CaseIterable, Hashable, Sendable {
    case range, rangeStream, put, deleteRange, txn, compact
    case watch
    case leaseGrant, leaseRevoke, leaseKeepAlive, leaseTimeToLive, leaseLeases
    case memberAdd, memberRemove, memberUpdate, memberList, memberPromote
    case alarm, status, defragment, hash, hashKV, snapshot, moveLeader, downgrade
    case authEnable, authDisable, authStatus, authenticate, userAdd, userGet, userList,
        userDelete, userChangePassword, userGrantRole, userRevokeRole, roleAdd, roleGet,
        roleList, roleDelete, roleGrantPermission, roleRevokePermission
    case lock, unlock
    case electionCampaign, electionProclaim, electionLeader, electionObserve, electionResign
    case healthCheck, healthWatch, healthList

    package var row: Services.Row { Services.rows[Services.index(of: self)] }
    /// `/package.Service/Method`, the `:path` of gRPC.
    package var path: String { row.path }
}

/// The table of methods.
package enum Services {
    package struct Row: Sendable {
        package let rpc: RPC
        /// With its package: `etcdserverpb.KV`.
        package let service: String
        package let method: String
        package let streaming: Streaming
        /// Where the JSON gateway answers the method by POST; empty if nowhere.
        package let gatewayPaths: [String]

        package var path: String { "/\(service)/\(method)" }
    }

    /// Who sends more than one message.
    package enum Streaming: Sendable {
        case nobody
        case server
        case both
    }

    package static func rpc(path: String) -> RPC? { byPath[path] }
    package static func rpc(gatewayPath: String) -> RPC? { byGatewayPath[gatewayPath] }

    /// What a server answers to a path that is no method of it.
    package static func unknown(path: String) -> EtcdError {
        let name = path.hasPrefix("/") ? path.dropFirst() : path[...]
        guard let slash = name.lastIndex(of: "/") else { return .malformedMethod(path: path) }
        let (service, method) = (String(name[..<slash]), String(name[slash...].dropFirst()))
        let known = rows.contains { $0.service == service }
        return known
            ? .unknownRPC(method: method, service: service)
            : .unknownService(name: service)
    }

    static func index(of rpc: RPC) -> Int { indices[rpc] ?? 0 }

    private static let indices = Dictionary(
        rows.enumerated().map { ($0.element.rpc, $0.offset) },
        uniquingKeysWith: { first, _ in first })
    private static let byPath = Dictionary(
        rows.map { ($0.path, $0.rpc) }, uniquingKeysWith: { first, _ in first })
    private static let byGatewayPath = Dictionary(
        rows.flatMap { row in row.gatewayPaths.map { ($0, row.rpc) } },
        uniquingKeysWith: { first, _ in first })

    private static let kv = "etcdserverpb.KV"
    private static let watch = "etcdserverpb.Watch"
    private static let lease = "etcdserverpb.Lease"
    private static let cluster = "etcdserverpb.Cluster"
    private static let maintenance = "etcdserverpb.Maintenance"
    private static let auth = "etcdserverpb.Auth"
    private static let lock = "v3lockpb.Lock"
    private static let election = "v3electionpb.Election"
    private static let health = "grpc.health.v1.Health"

    package static let rows: [Row] = [
        row(.range, kv, "Range", ["/v3/kv/range"]),
        row(.rangeStream, kv, "RangeStream", .server),
        row(.put, kv, "Put", ["/v3/kv/put"]),
        row(.deleteRange, kv, "DeleteRange", ["/v3/kv/deleterange"]),
        row(.txn, kv, "Txn", ["/v3/kv/txn"]),
        row(.compact, kv, "Compact", ["/v3/kv/compaction"]),
        row(.watch, watch, "Watch", .both, ["/v3/watch"]),
        row(.leaseGrant, lease, "LeaseGrant", ["/v3/lease/grant"]),
        row(.leaseRevoke, lease, "LeaseRevoke", ["/v3/lease/revoke", "/v3/kv/lease/revoke"]),
        row(.leaseKeepAlive, lease, "LeaseKeepAlive", .both, ["/v3/lease/keepalive"]),
        row(
            .leaseTimeToLive, lease, "LeaseTimeToLive",
            ["/v3/lease/timetolive", "/v3/kv/lease/timetolive"]),
        row(.leaseLeases, lease, "LeaseLeases", ["/v3/lease/leases", "/v3/kv/lease/leases"]),
        row(.memberAdd, cluster, "MemberAdd", ["/v3/cluster/member/add"]),
        row(.memberRemove, cluster, "MemberRemove", ["/v3/cluster/member/remove"]),
        row(.memberUpdate, cluster, "MemberUpdate", ["/v3/cluster/member/update"]),
        row(.memberList, cluster, "MemberList", ["/v3/cluster/member/list"]),
        row(.memberPromote, cluster, "MemberPromote", ["/v3/cluster/member/promote"]),
        row(.alarm, maintenance, "Alarm", ["/v3/maintenance/alarm"]),
        row(.status, maintenance, "Status", ["/v3/maintenance/status"]),
        row(.defragment, maintenance, "Defragment", ["/v3/maintenance/defragment"]),
        row(.hash, maintenance, "Hash", ["/v3/maintenance/hash"]),
        row(.hashKV, maintenance, "HashKV", ["/v3/maintenance/hashkv"]),
        row(.snapshot, maintenance, "Snapshot", .server, ["/v3/maintenance/snapshot"]),
        row(.moveLeader, maintenance, "MoveLeader", ["/v3/maintenance/transfer-leadership"]),
        row(.downgrade, maintenance, "Downgrade", ["/v3/maintenance/downgrade"]),
        row(.authEnable, auth, "AuthEnable", ["/v3/auth/enable"]),
        row(.authDisable, auth, "AuthDisable", ["/v3/auth/disable"]),
        row(.authStatus, auth, "AuthStatus", ["/v3/auth/status"]),
        row(.authenticate, auth, "Authenticate", ["/v3/auth/authenticate"]),
        row(.userAdd, auth, "UserAdd", ["/v3/auth/user/add"]),
        row(.userGet, auth, "UserGet", ["/v3/auth/user/get"]),
        row(.userList, auth, "UserList", ["/v3/auth/user/list"]),
        row(.userDelete, auth, "UserDelete", ["/v3/auth/user/delete"]),
        row(.userChangePassword, auth, "UserChangePassword", ["/v3/auth/user/changepw"]),
        row(.userGrantRole, auth, "UserGrantRole", ["/v3/auth/user/grant"]),
        row(.userRevokeRole, auth, "UserRevokeRole", ["/v3/auth/user/revoke"]),
        row(.roleAdd, auth, "RoleAdd", ["/v3/auth/role/add"]),
        row(.roleGet, auth, "RoleGet", ["/v3/auth/role/get"]),
        row(.roleList, auth, "RoleList", ["/v3/auth/role/list"]),
        row(.roleDelete, auth, "RoleDelete", ["/v3/auth/role/delete"]),
        row(.roleGrantPermission, auth, "RoleGrantPermission", ["/v3/auth/role/grant"]),
        row(.roleRevokePermission, auth, "RoleRevokePermission", ["/v3/auth/role/revoke"]),
        row(.lock, lock, "Lock", ["/v3/lock/lock"]),
        row(.unlock, lock, "Unlock", ["/v3/lock/unlock"]),
        row(.electionCampaign, election, "Campaign", ["/v3/election/campaign"]),
        row(.electionProclaim, election, "Proclaim", ["/v3/election/proclaim"]),
        row(.electionLeader, election, "Leader", ["/v3/election/leader"]),
        row(.electionObserve, election, "Observe", .server, ["/v3/election/observe"]),
        row(.electionResign, election, "Resign", ["/v3/election/resign"]),
        row(.healthCheck, health, "Check"),
        row(.healthWatch, health, "Watch", .server),
        row(.healthList, health, "List"),
    ]

    private static func row(
        _ rpc: RPC, _ service: String, _ method: String, _ streaming: Streaming = .nobody,
        _ gatewayPaths: [String] = []
    ) -> Row {
        Row(
            rpc: rpc, service: service, method: method, streaming: streaming,
            gatewayPaths: gatewayPaths)
    }

    private static func row(
        _ rpc: RPC, _ service: String, _ method: String, _ gatewayPaths: [String]
    ) -> Row {
        row(rpc, service, method, .nobody, gatewayPaths)
    }
}
