// SPDX-License-Identifier: Apache-2.0
import Bytes
import EtcdAPI

@testable import NodeCore

/// A call, and what it takes by the rules as documented. Written without the code under test.
struct Probe {
    enum Need {
        case nothing
        case aUser
        case root
        /// These rights on these keys; with none of them just a user.
        case rights([(Right, String, String)])
        /// Root, or `user` itself.
        case rootOrUser
    }

    enum Right {
        case read, write
    }

    enum Form {
        case request(Request)
        case watch(String, String)
    }

    var rpc: RPC
    var name: String
    var form: Form
    var need: Need

    /// Whether somebody who reads r…, writes w… and does both with b… may.
    static func userMay(_ right: Right, _ key: String, _ end: String) -> Bool {
        guard let letter = key.first else { return false }
        let isHeld =
            switch right {
            case .read: letter == "r" || letter == "b"
            case .write: letter == "w" || letter == "b"
            }
        if !isHeld || end.isEmpty { return isHeld }
        // An end beyond the letter's last key reaches keys of others.
        let next = ["r": "s", "b": "c", "w": "x"][String(letter)] ?? ""
        return end != "\0" && end <= next
    }
}

enum Probes {
    static func put(_ key: String, lease: Int64 = 0, prevKV: Bool = false) -> RequestOp {
        .put(PutRequest(key: bytes(key), value: bytes("n"), lease: lease, prevKV: prevKV))
    }

    static func get(_ key: String, _ end: String = "", serializable: Bool = false) -> RequestOp {
        .range(
            RangeRequest(key: bytes(key), rangeEnd: bytes(end), serializable: serializable))
    }

    static func delete(_ key: String, _ end: String = "", prevKV: Bool = false) -> RequestOp {
        .deleteRange(
            DeleteRangeRequest(key: bytes(key), rangeEnd: bytes(end), prevKV: prevKV))
    }

    typealias Rights = [(Probe.Right, String, String)]

    /// Lease 1 holds b2, lease 2 z2, lease 3 nothing.
    static let operations: [(String, RequestOp, Rights)] = [
        ("put w1", put("w1"), [(.write, "w1", "")]),
        ("put r1", put("r1"), [(.write, "r1", "")]),
        ("put b1", put("b1"), [(.write, "b1", "")]),
        ("put z1", put("z1"), [(.write, "z1", "")]),
        ("put w1 prev", put("w1", prevKV: true), [(.write, "w1", ""), (.read, "w1", "")]),
        ("put b1 prev", put("b1", prevKV: true), [(.write, "b1", ""), (.read, "b1", "")]),
        ("put w1 lease 1", put("w1", lease: 1), [(.write, "w1", ""), (.write, "b2", "")]),
        ("put w1 lease 2", put("w1", lease: 2), [(.write, "w1", ""), (.write, "z2", "")]),
        ("put w1 lease 3", put("w1", lease: 3), [(.write, "w1", "")]),
        ("get r1", get("r1"), [(.read, "r1", "")]),
        ("get w1", get("w1"), [(.read, "w1", "")]),
        ("get z1", get("z1"), [(.read, "z1", "")]),
        ("get r-s", get("r", "s"), [(.read, "r", "s")]),
        ("get r-t", get("r", "t"), [(.read, "r", "t")]),
        ("get r-end", get("r", "\0"), [(.read, "r", "\0")]),
        ("get local r1", get("r1", serializable: true), [(.read, "r1", "")]),
        ("get local z1", get("z1", serializable: true), [(.read, "z1", "")]),
        ("delete w1", delete("w1"), [(.write, "w1", "")]),
        ("delete r1", delete("r1"), [(.write, "r1", "")]),
        ("delete w-x", delete("w", "x"), [(.write, "w", "x")]),
        ("delete w-end", delete("w", "\0"), [(.write, "w", "\0")]),
        (
            "delete w1 prev", delete("w1", prevKV: true),
            [(.write, "w1", ""), (.read, "w1", "")]
        ),
        (
            "delete b-c prev", delete("b", "c", prevKV: true),
            [(.write, "b", "c"), (.read, "b", "c")]
        ),
    ]

    static func plain(_ operation: RequestOp) -> (RPC, Request) {
        switch operation {
        case .put(let put): (.put, .put(put))
        case .range(let range): (.range, .range(range))
        case .deleteRange(let delete): (.deleteRange, .deleteRange(delete))
        case .txn(let txn): (.txn, .txn(txn))
        case .none: fatalError("no operation")
        }
    }

    /// Wrapped in that many transactions, in the branch that runs or in the other.
    static func wrapped(_ operation: RequestOp, _ depth: Int, inFailure: Bool) -> RequestOp {
        guard depth > 0 else { return operation }
        var txn = TxnRequest()
        let inner = wrapped(operation, depth - 1, inFailure: inFailure)
        if inFailure { txn.failure = [inner] } else { txn.success = [inner] }
        return .txn(txn)
    }

    static func compare(_ key: String, _ end: String, depth: Int) -> Request {
        var txn = TxnRequest()
        var compare = Compare()
        compare.key = bytes(key)
        compare.rangeEnd = bytes(end)
        txn.compare = [compare]
        guard case .txn(let whole) = wrapped(.txn(txn), depth, inFailure: false) else {
            fatalError("no transaction")
        }
        return .txn(whole)
    }

    static var all: [Probe] {
        var probes = other
        for (name, operation, rights) in operations {
            for depth in 0...3 {
                for inFailure in depth == 0 ? [false] : [false, true] {
                    let (rpc, request) = plain(wrapped(operation, depth, inFailure: inFailure))
                    probes.append(
                        Probe(
                            rpc: rpc, name: "\(name) depth \(depth) failure \(inFailure)",
                            form: .request(request), need: .rights(rights)))
                }
            }
        }
        for (key, end) in [("r1", ""), ("w1", ""), ("r", "s"), ("r", "\0")] {
            for depth in 0...3 {
                probes.append(
                    Probe(
                        rpc: .txn, name: "compare \(key) depth \(depth)",
                        form: .request(compare(key, end, depth: depth)),
                        need: .rights([(.read, key, end)])))
            }
        }
        for (key, end) in [
            ("r1", ""), ("w1", ""), ("z1", ""), ("r", "s"), ("r", "t"), ("r1", "\0"), ("b", "c"),
        ] {
            probes.append(
                Probe(
                    rpc: .watch, name: "watch \(key) \(end)", form: .watch(key, end),
                    need: .rights([(.read, key, end)])))
        }
        return probes
    }

    private static func lease(_ id: Int64, keys: Bool) -> Request {
        .leaseTimeToLive(
            .with {
                $0.id = id
                $0.keys = keys
            })
    }

    private static func alarm(_ action: AlarmRequest.AlarmAction) -> Request {
        .alarm(
            .with {
                $0.action = action
                $0.alarm = .noSpace
                $0.memberID = 77
            })
    }

    private static var other: [Probe] {
        let rows: [(RPC, String, Request, Probe.Need)] = [
            (.txn, "empty", .txn(TxnRequest()), .aUser),
            (.compact, "", .compact(CompactionRequest(revision: 2)), .root),
            (.leaseGrant, "", .leaseGrant(LeaseGrantRequest(ttl: 100, id: 9)), .aUser),
            (.leaseRevoke, "1", .leaseRevoke(.init(id: 1)), .rights([(.write, "b2", "")])),
            (.leaseRevoke, "2", .leaseRevoke(.init(id: 2)), .rights([(.write, "z2", "")])),
            (.leaseRevoke, "3", .leaseRevoke(.init(id: 3)), .aUser),
            (.leaseKeepAlive, "1", .leaseKeepAlive(1), .rights([(.write, "b2", "")])),
            (.leaseKeepAlive, "2", .leaseKeepAlive(2), .rights([(.write, "z2", "")])),
            (.leaseKeepAlive, "3", .leaseKeepAlive(3), .aUser),
            (.leaseTimeToLive, "2", lease(2, keys: false), .aUser),
            (.leaseTimeToLive, "1 keys", lease(1, keys: true), .rights([(.read, "b2", "")])),
            (.leaseTimeToLive, "2 keys", lease(2, keys: true), .rights([(.read, "z2", "")])),
            (
                .leaseLeases, "", .leaseLeases, .rights([(.read, "b2", ""), (.read, "z2", "")])
            ),
            (.memberList, "", .memberList(linearizable: false), .aUser),
            (.memberList, "linearizable", .memberList(linearizable: true), .aUser),
            (
                .memberAdd, "", .memberAdd(.with { $0.peerURLs = ["http://x:1"] }, id: .init(88)),
                .root
            ),
            (.memberRemove, "", .memberRemove(.init(77)), .root),
            (.memberUpdate, "", .memberUpdate(.with { $0.id = 77 }), .root),
            (.memberPromote, "", .memberPromote(.init(77)), .root),
            (.alarm, "get", alarm(.get), .aUser),
            (.alarm, "activate", alarm(.activate), .root),
            (.alarm, "deactivate", alarm(.deactivate), .root),
            (.alarm, "unknown", alarm(.unknown(9)), .root),
            (.status, "", .status, .aUser),
            (.defragment, "", .defragment, .root),
            (.hash, "", .hash, .root),
            (.hashKV, "", .hashKV(revision: 0), .root),
            (.snapshot, "", .snapshot, .root),
            (.moveLeader, "", .moveLeader(to: .init(77)), .root),
            (.authenticate, "credentials", .credentials(name: "user"), .nothing),
            (
                .authenticate, "log in",
                .logIn(name: "user", tokenPrefix: "q", revision: 0), .nothing
            ),
            (.userAdd, "", .administer(.addUser(.with { $0.name = "n" }, hash: "")), .root),
            (
                .userChangePassword, "",
                .administer(.changePassword(.with { $0.name = "none" }, hash: "")), .root
            ),
        ]
        return rows.map {
            Probe(rpc: $0.0, name: $0.1, form: .request($0.2), need: $0.3)
        } + administration
    }

    private static var administration: [Probe] {
        func probe(
            _ rpc: RPC, _ message: some WireMessage, _ need: Probe.Need = .root,
            _ name: String = ""
        ) -> Probe {
            guard let request = try? AuthRequest.decode(rpc, message.encoded()) else {
                fatalError("\(rpc)")
            }
            return Probe(
                rpc: rpc, name: name, form: .request(.administer(request)), need: need)
        }
        return [
            probe(.authEnable, AuthEnableRequest()), probe(.authDisable, AuthDisableRequest()),
            probe(.authStatus, AuthStatusRequest()), probe(.userList, AuthUserListRequest()),
            probe(.roleList, AuthRoleListRequest()),
            probe(.userGet, AuthUserGetRequest.with { $0.name = "user" }, .rootOrUser, "user"),
            probe(.userGet, AuthUserGetRequest.with { $0.name = "root" }, .root, "root"),
            probe(.userGet, AuthUserGetRequest(), .root, "empty"),
            probe(.roleGet, AuthRoleGetRequest.with { $0.role = "user" }, .rootOrUser, "user"),
            probe(.roleGet, AuthRoleGetRequest.with { $0.role = "root" }, .root, "root"),
            probe(.userDelete, AuthUserDeleteRequest.with { $0.name = "none" }),
            probe(
                .userGrantRole,
                AuthUserGrantRoleRequest.with {
                    $0.user = "none"
                    $0.role = "root"
                }),
            probe(
                .userRevokeRole,
                AuthUserRevokeRoleRequest.with {
                    $0.name = "user"
                    $0.role = "user"
                }),
            probe(.roleAdd, AuthRoleAddRequest.with { $0.name = "n" }),
            probe(.roleDelete, AuthRoleDeleteRequest.with { $0.role = "user" }),
            probe(
                .roleGrantPermission,
                AuthRoleGrantPermissionRequest.with {
                    $0.name = "user"
                    $0.perm = Permission(permType: .readWrite, key: [0], rangeEnd: [0])
                }),
            probe(
                .roleRevokePermission,
                AuthRoleRevokePermissionRequest.with {
                    $0.role = "user"
                    $0.key = bytes("r")
                    $0.rangeEnd = bytes("s")
                }),
        ]
    }
}
