// SPDX-License-Identifier: Apache-2.0
import Bytes
import EtcdAPI
import Raft
import Replicated
import Testing

@testable import NodeCore

/// Authentication through restarts, snapshots, forwarding and the member's own upkeep; and what has
/// gone wrong in etcd, each by its name.
@Suite struct AuthLifeTests {
    private func entries(_ member: TestMember) -> [InternalRaftRequest] {
        member.log.compactMap { entry in
            entry.kind == .normal && !entry.data.isEmpty
                ? try? InternalRaftRequest(decoding: entry.data) : nil
        }
    }

    @Test func `an entry says in whose name it is`() {
        let cluster = Cluster(3).ready()
        cluster.put("before")
        cluster.enableAuth()
        let token = cluster.token("user", "abc")
        _ = cluster.ask(cluster.follower, .put("w1"), as: token)
        let headers = entries(cluster.head).compactMap { request -> String? in
            guard case .put(let put) = request.command else { return nil }
            return "\(text(put.key)) \(request.header?.username ?? "") "
                + "\(request.header?.authRevision ?? 0)"
        }
        #expect(headers == ["before  0", "w1 user \(cluster.authRevision)"])
    }

    @Test func `leases end by root's word while authentication is on`() {
        let cluster = Cluster(3).ready()
        cluster.enableAuth()
        let root = cluster.token("root", "root")
        let grant = Request.leaseGrant(LeaseGrantRequest(ttl: 3, id: 5))
        _ = cluster.ask(cluster.head, grant, as: root)
        _ = cluster.ask(cluster.head, .put("z1", lease: 5), as: root)
        cluster.tick(45)
        #expect(cluster.members.allSatisfy { !$0.node.ledger.lessor.contains(5) })
        #expect(
            cluster.ask(cluster.head, .get("z1"), as: root)?.message(RangeResponse.self)?.count == 0
        )
        let revocations = entries(cluster.head).compactMap { request -> RequestHeader? in
            guard case .leaseRevoke = request.command else { return nil }
            return request.header
        }
        #expect(revocations.map(\.username) == ["root"])
        #expect(revocations.map(\.authRevision) == [cluster.authRevision])
    }

    /// Known bug: 13976.
    @Test func `a restart replays users, rules and the switch`() {
        let cluster = Cluster(3).ready()
        cluster.enableAuth()
        let root = cluster.token("root", "root")
        cluster.addUser("late", as: root)
        cluster.settle()
        let restarted = cluster.follower
        restarted.restart(now: cluster.now)
        cluster.tick(30)
        #expect(restarted.node.ledger.auth.isEnabled)
        #expect(restarted.node.ledger.auth.revision == cluster.authRevision)
        let hashes = Set(cluster.members.map { $0.node.ledger.stateHash() })
        #expect(hashes.count == 1)
        #expect(
            cluster.ask(restarted, .range(RangeRequest(key: bytes("a"), serializable: true)))?
                .failure == .userEmpty)
    }

    /// Known bug: 14571.
    @Test func `a snapshot with users is enforced at once, and old tokens are forgotten`() {
        let cluster = Cluster(3) {
            $0.snapshotCount = 20
            $0.catchUpEntries = 5
        }.ready()
        let behind = cluster.follower
        cluster.cut = [behind.id]
        cluster.tick(30)
        cluster.enableAuth()
        let root = cluster.token("root", "root")
        for number in 0..<60 {
            _ = cluster.ask(cluster.head, .put("b\(number)"), as: root)
        }
        cluster.tick(5)
        cluster.cut = []
        cluster.tick(30)
        #expect(behind.notes.contains { if case .snapshotRestored = $0 { true } else { false } })
        #expect(behind.node.ledger.auth.isEnabled)
        #expect(cluster.ask(behind, .get("b1"))?.failure == .userEmpty)
        // It did not see the log-in.
        #expect(cluster.ask(behind, .get("b1"), as: root)?.failure == .invalidAuthToken)
        #expect(cluster.ask(cluster.head, .get("b1"), as: root)?.failure == nil)
        #expect(behind.node.ledger.stateHash() == cluster.head.node.ledger.stateHash())
    }

    @Test func `a password changed while a member was away ends the tokens it knows`() {
        let cluster = Cluster(3) {
            $0.snapshotCount = 20
            $0.catchUpEntries = 5
        }.ready()
        cluster.enableAuth()
        let root = cluster.token("root", "root")
        let token = cluster.token("user", "user")
        let away = cluster.follower
        #expect(cluster.ask(away, .get("r1"), as: token)?.failure == nil)
        cluster.cut = [away.id]
        cluster.tick(30)
        var change = AuthUserChangePasswordRequest()
        change.name = "user"
        _ = cluster.ask(cluster.head, .administer(.changePassword(change, hash: "AA==")), as: root)
        for number in 0..<60 {
            _ = cluster.ask(cluster.head, .put("b\(number)"), as: root)
        }
        cluster.tick(5)
        cluster.cut = []
        cluster.tick(30)
        #expect(away.notes.contains { if case .snapshotRestored = $0 { true } else { false } })
        #expect(cluster.ask(away, .get("r1"), as: token)?.failure == .invalidAuthToken)
    }

    @Test func `what a follower passes on is asked of its own client`() {
        let cluster = Cluster(3).ready()
        cluster.enableAuth()
        let root = cluster.token("root", "root")
        let user = cluster.token("user", "user")
        let none = cluster.token("none", "none")
        for (id, key) in [(1, "b2"), (2, "z2")] as [(Int64, String)] {
            _ = cluster.ask(
                cluster.head, .leaseGrant(LeaseGrantRequest(ttl: 500, id: id)), as: root)
            _ = cluster.ask(cluster.head, .put(key, lease: id), as: root)
        }
        let follower = cluster.follower
        func renew(_ id: Int64, _ who: Identity) -> EtcdError? {
            cluster.ask(follower, .leaseKeepAlive(id), as: who)?.failure
        }
        #expect(renew(1, user) == nil)
        #expect(renew(2, user) == .permissionDenied)
        #expect(renew(2, root) == nil)
        #expect(renew(1, none) == .permissionDenied)
        #expect(renew(1, .anonymous) == .userEmpty)
        #expect(
            cluster.ask(follower, .memberPromote(MemberID(9)), as: user)?.failure
                == .permissionDenied)
        // Keys that the leader named are looked at once more.
        #expect(follower.node.refusal(of: user, reading: [bytes("b2")]) == nil)
        #expect(
            follower.node.refusal(of: user, reading: [bytes("b2"), bytes("z2")])
                == .permissionDenied)
        #expect(follower.node.refusal(of: root, reading: [bytes("z2")]) == nil)
        #expect(follower.node.refusal(of: .anonymous, reading: []) == .userEmpty)
    }

    @Test func `a read by an identity of another auth revision is refused`() {
        let cluster = Cluster().ready()
        cluster.enableAuth()
        let now = cluster.authRevision
        for (revision, isRefused) in [(now - 1, true), (now, false), (now + 1, true)] {
            let identity = Identity.signed(user: "root", authRevision: revision)
            let expected: EtcdError? = isRefused ? .authOldRevision : nil
            #expect(cluster.ask(cluster.first, .get("a"), as: identity)?.failure == expected)
        }
    }

    /// Known bug: CVE-2026-33413.
    @Test func `a method without a rule is shut`() {
        let cluster = Cluster().ready()
        for rpc in RPC.allCases { #expect(!cluster.first.node.isShut(rpc)) }
        cluster.enableAuth()
        for rpc in RPC.allCases {
            #expect(cluster.first.node.isShut(rpc) == (AccessRules.access(to: rpc) == nil))
        }
    }

    // MARK: By name

    private func refused(_ request: Request, _ who: (Cluster) -> Identity = { _ in .anonymous })
        -> EtcdError?
    {
        let cluster = Cluster().ready()
        cluster.enableAuth()
        let root = cluster.token("root", "root")
        for (id, key) in [(1, "b2"), (2, "z2")] as [(Int64, String)] {
            _ = cluster.ask(
                cluster.head, .leaseGrant(LeaseGrantRequest(ttl: 500, id: id)), as: root)
            _ = cluster.ask(cluster.head, .put(key, lease: id), as: root)
        }
        return cluster.ask(cluster.first, request, as: who(cluster))?.failure
    }

    private let user: (Cluster) -> Identity = { $0.token("user", "user") }

    /// Known bug: TOB-2020-12.
    @Test func `CVE-2021-28235: no password travels or stays in clear`() {
        var add = AuthUserAddRequest()
        add.name = "u"
        add.password = "secret"
        var change = AuthUserChangePasswordRequest()
        change.name = "u"
        change.password = "secret"
        let cluster = Cluster().ready()
        _ = cluster.ask(cluster.first, .administer(.addUser(add, hash: "AA==")))
        _ = cluster.ask(cluster.first, .administer(.changePassword(change, hash: "AQ==")))
        cluster.enableAuth()
        _ = cluster.token("root", "root")
        for entry in cluster.first.log {
            #expect(!text(entry.data).contains("secret"))
        }
        let shown = "\(AuthRequest.addUser(add, hash: "AA=="))"
        #expect(!shown.contains("secret"))
    }

    @Test func `CVE-2023-32082: the keys of a lease are read with rights only`() {
        let asked = LeaseTimeToLiveRequest.with {
            $0.id = 2
            $0.keys = true
        }
        #expect(refused(.leaseTimeToLive(asked)) == .userEmpty)
        #expect(refused(.leaseTimeToLive(asked), user) == .permissionDenied)
        #expect(refused(.leaseLeases, user) == .permissionDenied)
    }

    @Test func `CVE-2026-33413: members, alarms, leases and compactions ask who calls`() {
        let requests: [Request] = [
            .memberList(linearizable: false), .memberList(linearizable: true),
            .alarm(AlarmRequest()), .leaseGrant(LeaseGrantRequest(ttl: 9, id: 9)),
            .leaseRevoke(LeaseRevokeRequest(id: 2)), .leaseKeepAlive(2),
            .leaseTimeToLive(.with { $0.id = 2 }), .leaseLeases,
            .compact(CompactionRequest(revision: 1)),
        ]
        for request in requests { #expect(refused(request) == .userEmpty, "\(request)") }
        #expect(refused(.compact(CompactionRequest(revision: 1)), user) == .permissionDenied)
    }

    @Test func `CVE-2026-33343: a nested transaction is no way around the rules`() {
        for depth in 1...3 {
            for inFailure in [false, true] {
                for operation in [Probes.put("z1"), Probes.get("z1"), Probes.delete("z1")] {
                    let (_, request) = Probes.plain(
                        Probes.wrapped(operation, depth, inFailure: inFailure))
                    #expect(refused(request, user) == .permissionDenied)
                }
            }
        }
    }

    @Test func `CVE-2026-44283: a put inside a transaction reads and attaches with rights only`() {
        for operation in [Probes.put("w1", prevKV: true), Probes.put("w1", lease: 2)] {
            let (_, request) = Probes.plain(Probes.wrapped(operation, 1, inFailure: false))
            #expect(refused(request, user) == .permissionDenied)
        }
    }

    @Test func `GHSA-xg4h-6gfc-h4m8: a watch of one key is not a watch of all later keys`() {
        let cluster = Cluster().ready()
        cluster.enableAuth()
        let root = cluster.token("root", "root")
        let user = cluster.token("user", "user")
        let stream = cluster.open(cluster.first)
        cluster.watch(
            cluster.first, stream, WatchCreateRequest(key: bytes("r1"), rangeEnd: [0]), as: user)
        let answers = cluster.responses(cluster.first, stream)
        #expect(answers.map(\.canceled) == [true])
        #expect(answers.map(\.watchID) == [-1])
        #expect(
            answers.map(\.cancelReason) == [
                "rpc error: code = PermissionDenied desc = etcdserver: permission denied"
            ])
        cluster.watch(cluster.first, stream, WatchCreateRequest(key: bytes("r1")), as: user)
        for key in ["r1", "r2", "z1"] { _ = cluster.ask(cluster.first, .put(key), as: root) }
        let events = cluster.responses(cluster.first, stream).flatMap(\.summary)
        #expect(events.count == 1)
        #expect(events.first?.hasPrefix("PUT r1@") == true)
    }
}
