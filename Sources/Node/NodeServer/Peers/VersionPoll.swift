// SPDX-License-Identifier: Apache-2.0
internal import Bytes
internal import Formats
internal import HTTP
internal import Net
internal import NodeCore

/// The leader's question which version each member runs, from which it settles the cluster's.
final class VersionPoll {
    private unowned let port: PeerPort
    private var timer: TimerID?
    private var isUnderWay = false

    private static let interval = Duration.seconds(4)
    private static let timeout = Duration.seconds(1)

    init(port: PeerPort) {
        self.port = port
    }

    func start() {
        timer = port.member.reactor.every(VersionPoll.interval) { [weak self] in self?.poll() }
    }

    func stop() {
        if let timer { port.member.reactor.cancel(timer) }
        timer = nil
    }

    /// Not within the call that made this member the leader.
    func pollSoon() {
        port.member.reactor.after(.zero) { [weak self] in self?.poll() }
    }

    private func poll() {
        guard port.member.node.isLeader, !isUnderWay, !port.isStopped else { return }
        let peers = port.peers
        let round = Round(waiting: peers.count)
        guard !peers.isEmpty else {
            port.member.receive(.versionsSeen([:]))
            return
        }
        isUnderWay = true
        for peer in peers {
            let id = peer.id
            ask(peer.address.urls) { [weak self] version in
                round.versions[id] = .some(version)
                round.waiting -= 1
                if round.waiting == 0 { self?.finish(round.versions) }
            }
        }
    }

    private func finish(_ versions: [MemberID: String?]) {
        isUnderWay = false
        guard !port.isStopped else { return }
        port.member.receive(.versionsSeen(versions))
    }

    private func ask(_ urls: [String], then: @escaping (String?) -> Void) {
        guard let url = urls.first else {
            port.member.reactor.soon { then(nil) }
            return
        }
        let client = PeerClient(reactor: port.member.reactor, dialer: port.dialer)
        client.send("GET", "/version", to: url, timeout: VersionPoll.timeout) {
            [weak self] result in
            if case .success(let response) = result, response.head.status == 200,
                let version = (try? JSON.parse(response.body))?["etcdserver"]?.string
            {
                then(version)
            } else if let self {
                self.ask(Array(urls.dropFirst()), then: then)
            } else {
                then(nil)
            }
        }
    }

    private final class Round {
        var waiting: Int
        var versions: [MemberID: String?] = [:]

        init(waiting: Int) {
            self.waiting = waiting
        }
    }
}

/// Measures the way to each peer and back, on a connection of its own.
final class PeerProber {
    private unowned let port: PeerPort
    private var timer: TimerID?

    private static let interval = Duration.seconds(4)
    private static let timeout = Duration.seconds(2)

    init(port: PeerPort) {
        self.port = port
    }

    func start() {
        timer = port.member.reactor.every(PeerProber.interval) { [weak self] in self?.probe() }
    }

    func stop() {
        if let timer { port.member.reactor.cancel(timer) }
        timer = nil
    }

    private func probe() {
        for peer in port.peers {
            let began = port.member.reactor.now
            let client = PeerClient(reactor: port.member.reactor, dialer: port.dialer)
            client.send(
                "GET", "/raft/probing", to: peer.address.current, timeout: PeerProber.timeout
            ) { [weak self, id = peer.id] result in
                guard case .success(let response) = result, response.head.status == 200,
                    let port = self?.port
                else { return }
                port.member.metrics.peers.roundTrip(port.member.reactor.now - began, to: id)
            }
        }
    }
}
