// SPDX-License-Identifier: Apache-2.0
internal import Bytes
internal import EtcdAPI
internal import Net
internal import NodeCore
internal import Posix
internal import Program
internal import Raft
internal import Replicated

final class PeerPort: PeerTransport {
    var onRemovedByPeers: () -> Void = {}
    let member: LocalMember
    init(member: LocalMember, lookup: NameLookup, ownPeerURLs: [String]) throws(NetError) {
        self.member = member
        member.reactor.after(.milliseconds(100)) { member.receive(.versionsSeen([:])) }
        member.reactor.every(.seconds(4)) { member.receive(.versionsSeen([:])) }
    }
    func listen(on addresses: [SocketAddress]) throws(NetError) {}
    func setRemotes(_ members: [EtcdAPI.Member]) {}
    func stop() {}
    func send(_ message: Message) {}
    func sendSnapshot(_ message: Message, _ view: LedgerView) {}
    func membersChanged() {}
    func leaderChanged(_ leader: MemberID?) {}
    func forward(
        _ request: ForwardedRequest, to leader: MemberID, then: @escaping (Answer) -> Void
    ) {}
}

enum ClusterFetch {
    struct Answer {
        var clusterID: ClusterID
        var members: [EtcdAPI.Member]
    }
    static func waitForAnswer(
        on reactor: Reactor, lookup: NameLookup, urls: [String], patience: Duration, logger: Logger
    ) -> Answer? { nil }
}
