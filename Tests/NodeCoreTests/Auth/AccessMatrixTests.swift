// SPDX-License-Identifier: Apache-2.0
import Bytes
import EtcdAPI
import Replicated
import Testing

@testable import NodeCore

/// Every method, by everybody, plain and nested, with all that it reads on the side.
@Suite struct AccessMatrixTests {
    enum Who: CaseIterable {
        case nobody, badToken, expiredToken, badSignature
        case withoutRight, withRight, root
        case certificateOfUser, certificateOfRoot, certificateOfNobody
        case signedUser, signedRoot, signedUserOld, signedRootOld

        /// The user there is; nil for none.
        var user: String? {
            switch self {
            case .nobody, .badToken, .expiredToken, .badSignature, .certificateOfNobody: nil
            case .withoutRight: "none"
            case .withRight, .certificateOfUser, .signedUser, .signedUserOld: "user"
            case .root, .certificateOfRoot, .signedRoot, .signedRootOld: "root"
            }
        }

        var isOld: Bool { self == .signedUserOld || self == .signedRootOld }

        /// Without a user it is this, whatever is asked.
        var refusal: EtcdError {
            switch self {
            case .nobody: .userEmpty
            case .badToken, .expiredToken, .badSignature: .invalidAuthToken
            default: .permissionDenied
            }
        }
    }

    private struct World {
        let cluster: Cluster
        let tokens: [Who: Identity]

        init() {
            cluster = Cluster().ready()
            cluster.enableAuth()
            var tokens: [Who: Identity] = [
                .nobody: .anonymous, .badToken: .token("xxxxxxxxxxxxxxxx.1"),
                .badSignature: .invalid,
                .certificateOfUser: .certificate(commonName: "user"),
                .certificateOfRoot: .certificate(commonName: "root"),
                .certificateOfNobody: .certificate(commonName: "ghost"),
            ]
            tokens[.expiredToken] = cluster.token("root", "expired")
            cluster.pass(.seconds(301))
            tokens[.withoutRight] = cluster.token("none", "none")
            tokens[.withRight] = cluster.token("user", "user")
            let root = cluster.token("root", "root")
            tokens[.root] = root
            let now = cluster.authRevision
            tokens[.signedUser] = .signed(user: "user", authRevision: now)
            tokens[.signedRoot] = .signed(user: "root", authRevision: now)
            tokens[.signedUserOld] = .signed(user: "user", authRevision: now - 1)
            tokens[.signedRootOld] = .signed(user: "root", authRevision: now - 1)
            self.tokens = tokens
            fill(root)
        }

        private func fill(_ root: Identity) {
            for key in ["r1", "w1", "b1", "z1"] {
                _ = cluster.ask(cluster.first, .put(key), as: root)
            }
            for (id, key) in [(1, "b2"), (2, "z2"), (3, "")] as [(Int64, String)] {
                _ = cluster.ask(
                    cluster.first, .leaseGrant(LeaseGrantRequest(ttl: 500, id: id)), as: root)
                if !key.isEmpty {
                    _ = cluster.ask(cluster.first, .put(key, lease: id), as: root)
                }
            }
        }

        /// What the caller is refused with; nil for anything else that comes of it.
        func refusal(_ probe: Probe, _ who: Who) -> EtcdError? {
            let identity = tokens[who] ?? .invalid
            switch probe.form {
            case .request(let request):
                guard let answer = cluster.ask(cluster.first, request, as: identity) else {
                    fatalError("\(probe.rpc) \(probe.name) by \(who) has no answer")
                }
                return answer.failure.flatMap { $0.isOfAuth ? $0 : nil }
            case .watch(let key, let end):
                let stream = cluster.open(cluster.first)
                let create = WatchCreateRequest(key: bytes(key), rangeEnd: bytes(end))
                cluster.watch(cluster.first, stream, create, as: identity)
                guard let answer = cluster.responses(cluster.first, stream).first else {
                    fatalError("no answer to the watch")
                }
                return EtcdError.plain.first {
                    WatchCancelReason.refused($0).text == answer.cancelReason
                }
            }
        }
    }

    /// The rule, without the code under test.
    private func expected(_ probe: Probe, _ who: Who) -> EtcdError? {
        if case .nothing = probe.need {
            // A log-in checked at another revision is void for everybody.
            return probe.name == "log in" ? .authOldRevision : nil
        }
        guard let user = who.user else { return who.refusal }
        switch probe.need {
        // A transaction of nothing still is a read, and a read is of one state of users.
        case .aUser where probe.rpc == .txn && who.isOld: return .authOldRevision
        case .nothing, .aUser: return nil
        case .root: return user == "root" ? nil : .permissionDenied
        case .rootOrUser: return user == "none" ? .permissionDenied : nil
        case .rights(let rights):
            // A lease's keys are no concern of root, whatever revision the identity is of.
            if user == "root", isOfLeases(probe.rpc) { return nil }
            if who.isOld { return .authOldRevision }
            if user == "root" { return nil }
            let isAllowed =
                user == "user" && rights.allSatisfy { Probe.userMay($0.0, $0.1, $0.2) }
            return isAllowed ? nil : .permissionDenied
        }
    }

    private func isOfLeases(_ rpc: RPC) -> Bool {
        [.leaseRevoke, .leaseKeepAlive, .leaseTimeToLive, .leaseLeases].contains(rpc)
    }

    @Test func `every method asks everybody what the rules ask`() {
        var counts: [String: Int] = [:]
        var world = World()
        for probe in Probes.all {
            let before = world.cluster.first.node.ledger.view().hash()
            let isRefused = Who.allCases.filter { expected(probe, $0) != nil }
            for who in isRefused {
                #expect(
                    world.refusal(probe, who) == expected(probe, who),
                    "\(probe.rpc) \(probe.name) by \(who)")
                counts["refused", default: 0] += 1
            }
            // Log-ins are entries, but change nothing that a file holds.
            #expect(
                world.cluster.first.node.ledger.view().hash() == before,
                "\(probe.rpc) \(probe.name) changed something although it was refused")
            for who in Who.allCases where expected(probe, who) == nil {
                #expect(
                    world.refusal(probe, who) == nil, "\(probe.rpc) \(probe.name) by \(who)")
                counts["allowed", default: 0] += 1
                if world.cluster.first.node.ledger.view().hash() != before { world = World() }
            }
        }
        print("access matrix: \(counts["refused"] ?? 0) refused, \(counts["allowed"] ?? 0) allowed")
        #expect((counts["refused"] ?? 0) > 2_000)
        #expect((counts["allowed"] ?? 0) > 500)
    }

    @Test func `no method of the table is left out`() {
        let asked = Set(Probes.all.map(\.rpc))
        // Not made of a request of the core: refused as unknown, or open.
        let elsewhere: Set<RPC> = [
            .rangeStream, .downgrade, .lock, .unlock, .electionCampaign, .electionProclaim,
            .electionLeader, .electionObserve, .electionResign, .healthCheck, .healthWatch,
            .healthList,
        ]
        #expect(asked.isDisjoint(with: elsewhere))
        #expect(asked.union(elsewhere) == Set(RPC.allCases))
        for rpc in RPC.allCases {
            #expect(AccessRules.access(to: rpc) != nil, "\(rpc) is shut: is that meant?")
            #expect(AccessRules.rows.filter { $0.rpc == rpc }.count == 1)
        }
        let open = AccessRules.rows.filter { $0.access == .open }.map(\.rpc)
        #expect(Set(open) == [.authenticate, .healthCheck, .healthWatch, .healthList])
    }

    @Test func `with authentication off nobody is asked`() {
        let world = World()
        world.cluster.disableAuth(as: world.tokens[.root] ?? .anonymous)
        for probe in Probes.all {
            if case .request(.administer) = probe.form { continue }
            // A second member that never starts would take the quorum away.
            if probe.rpc == .memberAdd { continue }
            for who in [Who.nobody, .badToken, .certificateOfNobody, .signedUserOld] {
                #expect(world.refusal(probe, who) == nil, "\(probe.rpc) \(probe.name) by \(who)")
            }
        }
    }
}
