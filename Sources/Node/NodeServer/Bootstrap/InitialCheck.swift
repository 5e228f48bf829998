// SPDX-License-Identifier: Apache-2.0
internal import Bytes
internal import Formats
internal import MVCC
internal import Net
internal import NodeCore
internal import Program
internal import Replicated

/// Before the first client is served: does this member hold what the others hold? Asked when the
/// member has caught up, so that there is something to compare. Who cannot be asked is passed over,
/// as in etcd; but where a majority agrees with this member it serves, though another differs.
final class InitialCheck {
    private let member: LocalMember
    private unowned let peers: PeerPort
    private var triesLeft = 3

    private static let pause = Duration.milliseconds(500)

    init(member: LocalMember, peers: PeerPort) {
        self.member = member
        self.peers = peers
    }

    /// `then` gets the reason why the member must not serve, if there is one.
    func run(then: @escaping (String?) -> Void) {
        triesLeft -= 1
        let order = member.node.wholeStoreHash()
        member.compute({ order.run() }) { [self] hash in
            guard let hash else { return then(nil) }
            peers.pollHashes(at: hash.revision) { [self] outcomes in
                judge(hash, outcomes, then)
            }
        }
    }

    private func judge(
        _ hash: KeyspaceHash, _ outcomes: [MemberID: HashPoll.Outcome],
        _ then: @escaping (String?) -> Void
    ) {
        let own = member.node.settings.memberID
        let verdict = HashVerdict(
            own: own, hash, others: outcomes.compactMapValues(\.hash),
            memberCount: member.node.ledger.members.list.count)
        let isBehind = outcomes.values.contains { if case .none = $0 { true } else { false } }
        // A member that compacted meanwhile has answered for other rows; one that is behind will not
        // be for long.
        if isBehind || !verdict.wrong.isEmpty, triesLeft > 0 {
            member.reactor.after(InitialCheck.pause) { [self] in run(then: then) }
            return
        }
        let fields: Logger.Fields = [
            "revision": .integer(hash.revision), "hash": .unsigned(UInt64(hash.hash)),
            "compared": .integer(Int64(verdict.compared.count)),
            "differing": .array(verdict.wrong.map { .string("\($0)") }),
        ]
        if verdict.wrong.isEmpty {
            member.logger.info("initial corruption check passed", fields)
            return then(nil)
        }
        if verdict.hasMajority, !verdict.wrong.contains(own) {
            member.logger.warn(
                "initial corruption check: another member holds other data", fields)
            return then(nil)
        }
        member.logger.error("initial corruption check failed", fields)
        then("member \(own) holds other data than its peers at revision \(hash.revision)")
    }
}
