// SPDX-License-Identifier: Apache-2.0
import Bytes
import EtcdAPI
import Replicated
import Testing

/// Whose entry is carried out. `r` reads `r…`, `w` writes `w…`, both read and write `b…`.
@Suite struct RuleTests {
    private func world() -> Scribe {
        var scribe = Scribe()
        scribe.beginAuth()
        scribe.add(
            "user", [(.read, "r", "s"), (.write, "w", "x"), (.readWrite, "b", "c")])
        for key in ["r1", "w1", "b1", "z1"] {
            scribe.apply(as: "root", .put(PutRequest(key: bytes(key), value: bytes("v"), lease: 0)))
        }
        for (id, key) in [(1, "b2"), (2, "z2"), (3, "w2")] as [(Int64, String)] {
            scribe.apply(as: "root", .leaseGrant(LeaseGrantRequest(ttl: 100, id: id)))
            scribe.apply(
                as: "root", .put(PutRequest(key: bytes(key), value: bytes("v"), lease: id)))
        }
        scribe.apply(as: "root", .leaseGrant(LeaseGrantRequest(ttl: 100, id: 4)))
        return scribe
    }

    private func put(_ key: String, lease: Int64 = 0, prevKV: Bool = false) -> PutRequest {
        PutRequest(key: bytes(key), value: bytes("n"), lease: lease, prevKV: prevKV)
    }

    private func delete(_ key: String, _ end: String = "", prevKV: Bool = false)
        -> DeleteRangeRequest
    {
        DeleteRangeRequest(key: bytes(key), rangeEnd: bytes(end), prevKV: prevKV)
    }

    private func range(_ key: String, _ end: String = "") -> RangeRequest {
        RangeRequest(key: bytes(key), rangeEnd: bytes(end))
    }

    private func compare(_ key: String, _ end: String = "") -> Compare {
        .with {
            $0.key = bytes(key)
            $0.rangeEnd = bytes(end)
            $0.result = .equal
            $0.target = .version
        }
    }

    private func txn(
        _ compares: [Compare] = [], _ success: [RequestOp] = [], _ failure: [RequestOp] = []
    ) -> TxnRequest {
        .with {
            $0.compare = compares
            $0.success = success
            $0.failure = failure
        }
    }

    /// Each operation and whether `user` may; then the same inside transactions.
    private func operations() -> [(RequestOp, Bool)] {
        [
            (.put(put("w1")), true), (.put(put("b1")), true), (.put(put("r1")), false),
            (.put(put("z1")), false), (.put(put("w1", prevKV: true)), false),
            (.put(put("b1", prevKV: true)), true), (.put(put("w1", lease: 4)), true),
            (.put(put("w1", lease: 1)), true), (.put(put("w1", lease: 2)), false),
            (.put(put("w1", lease: 3)), true), (.deleteRange(delete("w1")), true),
            (.deleteRange(delete("w", "x")), true), (.deleteRange(delete("w", "y")), false),
            (.deleteRange(delete("w1", prevKV: true)), false),
            (.deleteRange(delete("b", "c", prevKV: true)), true),
            (.deleteRange(delete("r1")), false), (.deleteRange(delete("w", "\0")), false),
            (.range(range("r1")), true), (.range(range("r", "s")), true),
            (.range(range("r", "t")), false), (.range(range("r", "\0")), false),
            (.range(range("w1")), false), (.range(range("b", "c")), true),
        ]
    }

    private func command(_ operation: RequestOp) -> Command {
        switch operation {
        case .put(let put): .put(put)
        case .deleteRange(let delete): .deleteRange(delete)
        case .range(let range): .range(range)
        case .txn(let txn): .txn(txn)
        case .none: .none
        }
    }

    /// Refused on every member alike, with nothing changed.
    private func expect(
        _ command: Command, as user: String, at revision: UInt64? = nil, _ expected: EtcdError?,
        _ label: String
    ) {
        for isProposer in [true, false] {
            var scribe = world()
            scribe.isProposer = isProposer
            let before = contentHash(scribe.ledger)
            let applied = scribe.apply(as: user, at: revision, command)
            #expect(applied.failure == expected, "\(label) proposer \(isProposer)")
            if expected != nil {
                #expect(contentHash(scribe.ledger) == before, "\(label) changed something")
                #expect(applied.changes.isEmpty)
            }
        }
    }

    @Test func `operations need rights on all they touch, plain and nested`() {
        var count = 0
        for (number, (operation, isAllowed)) in operations().enumerated() {
            let expected: EtcdError? = isAllowed ? nil : .permissionDenied
            var wrapped = operation
            expect(command(operation), as: "user", expected, "operation \(number)")
            for depth in 1...3 {
                // The branch that does not run counts as well.
                let isFailure = (number + depth) % 2 == 0
                wrapped = .txn(
                    txn([], isFailure ? [] : [wrapped], isFailure ? [wrapped] : []))
                expect(command(wrapped), as: "user", expected, "operation \(number) in \(depth)")
                expect(command(wrapped), as: "root", nil, "root \(number) in \(depth)")
                count += 2
            }
        }
        print("\(count) nested operations were decided")
    }

    @Test func `compares read`() {
        for (key, end, isAllowed) in [
            ("r1", "", true), ("b1", "", true), ("w1", "", false), ("r", "s", true),
            ("r", "\0", false), ("q", "s", false),
        ] {
            let expected: EtcdError? = isAllowed ? nil : .permissionDenied
            var nested = txn([compare(key, end)])
            expect(.txn(nested), as: "user", expected, "\(key) \(end)")
            nested = txn([], [.txn(nested)])
            expect(.txn(nested), as: "user", expected, "nested \(key) \(end)")
        }
    }

    @Test func `whoever is nobody, unknown or of an older revision is refused`() {
        let now = world().ledger.auth.revision
        for (number, (operation, _)) in operations().enumerated() {
            let command = command(operation)
            expect(command, as: "", .userEmpty, "nobody \(number)")
            expect(command, as: "root", at: 0, .userEmpty, "revision 0 \(number)")
            expect(command, as: "ghost", .permissionDenied, "ghost \(number)")
            expect(command, as: "user", at: now - 1, .authOldRevision, "old \(number)")
            expect(command, as: "root", at: now - 1, .authOldRevision, "old root \(number)")
            expect(command, as: "root", at: now + 1, nil, "root of tomorrow \(number)")
        }
        expect(.txn(txn()), as: "", .userEmpty, "an empty transaction")
        expect(.txn(txn()), as: "ghost", .permissionDenied, "an empty transaction")
    }

    @Test func `ending a lease is deleting its keys`() {
        func revoke(_ id: Int64) -> Command { .leaseRevoke(LeaseRevokeRequest(id: id)) }
        for (id, expected) in [
            (1, nil), (2, .permissionDenied), (3, nil), (4, nil), (9, .leaseNotFound),
        ] as [(Int64, EtcdError?)] {
            expect(revoke(id), as: "user", expected, "lease \(id)")
        }
        expect(revoke(2), as: "root", nil, "root")
        expect(revoke(2), as: "", .userEmpty, "nobody")
    }

    @Test func `only root administers, but everybody may look at their own`() {
        let commands: [Command] = [
            enableAuth(), disableAuth(), authStatus(), addUser("n"), deleteUser("user"),
            changePassword("user", hash: "AA=="), grantRole("user", "root"),
            revokeRole("user", "user"), listUsers(), listRoles(), addRole("n"),
            deleteRole("user"), permit("user", .read, "z"), withdraw("user", "r", "s"),
            getUser("root"), getRole("root"),
            .compaction(CompactionRequest(revision: 2)),
            .alarm(
                .with {
                    $0.action = .activate
                    $0.alarm = .noSpace
                }),
        ]
        for (number, command) in commands.enumerated() {
            expect(command, as: "user", .permissionDenied, "command \(number)")
            expect(command, as: "ghost", .permissionDenied, "ghost \(number)")
        }
        for command in commands.dropLast(2) { expect(command, as: "", .userEmpty, "nobody") }
        expect(getUser("user"), as: "user", nil, "oneself")
        expect(getRole("user"), as: "user", nil, "one's role")
        expect(getUser(""), as: "", .userEmpty, "nobody is nobody's self")
    }

    @Test func `members keep the cluster up without a name`() {
        expect(.compaction(CompactionRequest(revision: 2)), as: "", at: 0, nil, "compaction")
        expect(
            .alarm(
                .with {
                    $0.action = .activate
                    $0.alarm = .noSpace
                    $0.memberID = 7
                }), as: "", at: 0, nil, "alarm")
    }

    @Test func `with authentication off nobody is asked`() {
        var scribe = world()
        scribe.apply(as: "root", disableAuth())
        for (operation, _) in operations() {
            #expect(scribe.apply(as: "", command(operation)).failure == nil)
        }
    }

    @Test func `a right that is withdrawn or a role that is deleted ends at once`() {
        let allowed = Command.put(put("w1"))
        for change in [
            withdraw("user", "w", "x"), revokeRole("user", "user"), deleteRole("user"),
            deleteUser("user"), permit("user", .read, "w", "x"),
        ] {
            var scribe = world()
            #expect(scribe.apply(as: "user", allowed).failure == nil)
            #expect(scribe.apply(as: "root", change).failure == nil)
            #expect(scribe.apply(as: "user", allowed).failure == .permissionDenied)
        }
    }

    @Test func `alarms come before permissions, permissions before everything else`() {
        var scribe = world()
        scribe.apply(
            as: "root",
            .alarm(
                .with {
                    $0.action = .activate
                    $0.alarm = .noSpace
                    $0.memberID = 7
                }))
        #expect(scribe.apply(as: "user", .put(put("z1"))).failure == .noSpace)
        // Deletes are let through by the alarm, not by the rule.
        #expect(scribe.apply(as: "user", .deleteRange(delete("z1"))).failure == .permissionDenied)
        expect(.put(put("z1", lease: 77)), as: "user", .permissionDenied, "unknown lease")
        expect(.put(put("w1", lease: 77)), as: "user", .leaseNotFound, "unknown lease")
    }
}
