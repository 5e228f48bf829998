// SPDX-License-Identifier: Apache-2.0
internal import Bytes
internal import Formats
internal import HTTP
internal import MVCC
internal import Net

/// Asks the other members for the hash of their stores at a revision (`GET /members/hashkv`).
final class HashPoll {
    enum Outcome {
        case hash(KeyspaceHash)
        /// It has none for that revision: it is behind, or has compacted.
        case none
        case noAnswer

        var hash: KeyspaceHash? {
            if case .hash(let hash) = self { return hash }
            return nil
        }
    }

    private unowned let port: PeerPort

    /// A hash of a large store takes its time.
    private static let timeout = Duration.seconds(20)

    init(port: PeerPort) {
        self.port = port
    }

    /// `then` is called once, not within this call, with an outcome for each other member.
    func ask(at revision: Int64, then: @escaping ([MemberID: Outcome]) -> Void) {
        let peers = port.peers
        guard !peers.isEmpty, !port.isStopped else {
            port.member.reactor.soon { then([:]) }
            return
        }
        let round = Round(waiting: peers.count)
        for peer in peers {
            let id = peer.id
            ask(peer.address.urls, revision) { outcome in
                round.outcomes[id] = outcome
                round.waiting -= 1
                if round.waiting == 0 { then(round.outcomes) }
            }
        }
    }

    private func ask(_ urls: [String], _ revision: Int64, then: @escaping (Outcome) -> Void) {
        guard let url = urls.first else {
            port.member.reactor.soon { then(.noAnswer) }
            return
        }
        let client = PeerClient(reactor: port.member.reactor, dialer: port.dialer)
        client.send(
            "GET", "/members/hashkv", to: url, headers: [port.identity.clusterHeader],
            body: Array("{\"revision\":\(revision)}".utf8), timeout: HashPoll.timeout
        ) { [weak self] result in
            switch result {
            case .success(let response): then(HashPoll.read(response, revision))
            case .failure:
                guard let self else { return then(.noAnswer) }
                self.ask(Array(urls.dropFirst()), revision, then: then)
            }
        }
    }

    private static func read(_ response: HTTPResponse, _ revision: Int64) -> Outcome {
        guard response.head.status == 200, let body = try? JSON.parse(response.body),
            body["header"]?.object != nil
        else { return .none }
        let hash = UInt32(exactly: body["hash"]?.int64 ?? 0)
        // Only 3.6 says for which revision it is. Those before it take the one that was asked for.
        let hashed = body["hash_revision"]?.int64 ?? revision
        guard let hash, hashed == revision else { return .none }
        return .hash(
            KeyspaceHash(
                hash: hash, revision: revision,
                compactRevision: body["compact_revision"]?.int64 ?? 0))
    }

    private final class Round {
        var waiting: Int
        var outcomes: [MemberID: Outcome] = [:]

        init(waiting: Int) {
            self.waiting = waiting
        }
    }
}
