// SPDX-License-Identifier: Apache-2.0
internal import Bytes
internal import EtcdAPI
// SPDX-License-Identifier: Apache-2.0
internal import Formats
internal import HTTP
internal import Net
internal import Posix
internal import Program

/// Asks the members of a running cluster who they are, before this member exists.
final class ClusterFetch {
    struct Answer {
        var clusterID: ClusterID
        var members: [EtcdAPI.Member]
    }

    private let reactor: Reactor
    private let dialer: Dialer
    private let deadline: Instant
    private let logger: Logger?
    private var answer: Answer?
    private var isOver = false

    private static let timeout = Duration.seconds(10)

    private init(on reactor: Reactor, dialer: Dialer, patience: Duration, logger: Logger?) {
        self.reactor = reactor
        self.dialer = dialer
        self.logger = logger
        deadline = MonotonicClock.now + patience
    }

    /// Runs the reactor until the first good answer, or all URLs have failed, or patience is over.
    /// The URLs are asked in order.
    static func waitForAnswer(
        on reactor: Reactor, dialer: Dialer, urls: [String], patience: Duration, logger: Logger,
        isQuiet: Bool, isStopping: () -> Bool
    ) -> Answer? {
        let fetch = ClusterFetch(
            on: reactor, dialer: dialer, patience: patience, logger: isQuiet ? nil : logger)
        fetch.ask(urls[...])
        while !fetch.isOver, !isStopping(), MonotonicClock.now < fetch.deadline {
            guard turn(reactor, until: fetch.deadline) else { break }
        }
        fetch.isOver = true
        return fetch.answer
    }

    /// Lets the reactor run for a while.
    static func rest(_ time: Duration, on reactor: Reactor) {
        let end = MonotonicClock.now + time
        while MonotonicClock.now < end, turn(reactor, until: end) {}
    }

    /// False if the reactor cannot go on; running the member will say why.
    private static func turn(_ reactor: Reactor, until end: Instant) -> Bool {
        do throws(NetError) {
            try reactor.runTurn(timeout: max(.zero, end - MonotonicClock.now))
            return true
        } catch {
            return false
        }
    }

    private func ask(_ urls: ArraySlice<String>) {
        guard let url = urls.first, !isOver else {
            isOver = true
            return
        }
        let left = deadline - MonotonicClock.now
        let client = PeerClient(reactor: reactor, dialer: dialer)
        client.send(
            "GET", "/members", to: url,
            timeout: max(.milliseconds(1), min(ClusterFetch.timeout, left))
        ) { [weak self] result in
            guard let self else { return }
            switch result {
            case .success(let response):
                if self.take(response, from: url) { return }
            case .failure(let error): self.tell(url, "\(error)")
            }
            self.ask(urls.dropFirst())
        }
    }

    private func take(_ response: HTTPResponse, from url: String) -> Bool {
        guard response.head.status == 200,
            let header = response.head.headers.value(of: "x-etcd-cluster-id"),
            let clusterID = UInt64(header, radix: 16),
            let members = MemberJSON.members(response.body), !members.isEmpty
        else {
            tell(url, "status \(response.head.status), and no list of members")
            return false
        }
        answer = Answer(clusterID: ClusterID(clusterID), members: members)
        isOver = true
        return true
    }

    private func tell(_ url: String, _ reason: String) {
        logger?.info(
            "could not ask a member for the list of members",
            ["url": .string(url), "error": .string(reason)])
    }
}
