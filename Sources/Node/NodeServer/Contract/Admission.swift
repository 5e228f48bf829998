// SPDX-License-Identifier: Apache-2.0
internal import Bytes
internal import EtcdAPI
internal import Formats
internal import Net
internal import Posix
internal import Program

/// From a data directory and tickets to a member that can start, however long it takes.
struct Admission {
    let config: NodeConfig
    let contract: NodeConfig.Contract
    let folder: ContractFolder
    let desk: TicketDesk
    let report: NodeReport
    let reactor: Reactor
    let dialer: Dialer
    let logger: Logger
    let salt: UInt64
    let isStopping: () -> Bool
    /// Told now and then while it waits.
    let onWaiting: (String) -> Void

    struct Admitted {
        var start: Bootstrap.Start
        /// Holds its lock; to be kept as long as the process lives.
        var directory: DataDirectory
    }

    /// How late a new ticket in the file is seen.
    private static let pause = Duration.milliseconds(500)
    /// After something that failed for a reason that may go away.
    private static let retryPause = Duration.seconds(5)

    func begin() throws(StartFailure) -> Admitted {
        report.podUID = contract.podUID
        while true {
            if isStopping() { throw .stopped }
            _ = desk.look()
            let facts = try folder.facts(podUID: contract.podUID)
            if let identity = facts.identity { report.take(identity) }
            let decision = StartTable.decide(facts, desk.ticket)
            if let admitted = try carryOut(decision, facts) { return admitted }
        }
    }

    /// Nil when the table is to be asked again.
    private func carryOut(
        _ decision: StartTable.Decision, _ facts: StartTable.Facts
    ) throws(StartFailure) -> Admitted? {
        switch decision {
        case .wait(let reason, let isDataLost):
            wait(desk.complaint.isEmpty ? reason : desk.complaint, isDataLost: isDataLost)
            return nil
        case .refuse(let refusal): throw failure(refusal)
        case .start:
            begins("starts from its data directory")
            if facts.intent != nil { try folder.forgetIntent() }
            return try start(nil)
        case .complete(let ticket):
            begins("finishes what an earlier start had begun")
            return try finish(ticket, try start(ticket))
        case .adopt(let ticket): return try adopt(ticket)
        case .found(let ticket):
            begins("founds a cluster")
            try folder.begin(ticket)
            let directory = try openDirectory()
            let start = try bootstrap(ticket, directory).found()
            return try finish(ticket, Admitted(start: start, directory: directory))
        case .join(let ticket): return try join(ticket)
        case .restore(let ticket):
            begins("restores a snapshot")
            try folder.begin(ticket)
            return try make(ticket) { work throws(StartFailure) in try work.restore() }
        case .forceNewCluster(let ticket):
            begins("makes a cluster of its own of what it has")
            try folder.begin(ticket)
            return try make(ticket) { work throws(StartFailure) in try work.forceNewCluster() }
        }
    }

    private func failure(_ refusal: StartTable.Refusal) -> StartFailure {
        switch refusal {
        case .foreign(let own, let wanted):
            .foreign(
                "the data directory \(config.dataDirectory) belongs to cluster \(own), the ticket "
                    + "is for cluster \(wanted); nothing was changed")
        case .removed:
            .removed(
                "this member was removed from its cluster, and stays out; to use the volume "
                    + "again, delete it and add a new member")
        case .etcds:
            .refused(
                "\(config.dataDirectory) was written by etcd, whose log has another format; "
                    + "convert it with `keelsonctl import`, or start with an empty --data-dir")
        }
    }

    // MARK: Waiting

    private func begins(_ what: String) {
        report.state = .starting
        report.reason = ""
        report.isDataLost = false
        logger.info("the member \(what)")
    }

    private func wait(_ reason: String, isDataLost: Bool, for pause: Duration = Self.pause) {
        if report.state != .awaitingTicket || report.reason != reason {
            logger.warn(
                isDataLost ? "the data is lost; waiting to be told" : "waiting for a ticket",
                ["reason": .string(reason), "pod-uid": .string(contract.podUID)])
        }
        report.state = .awaitingTicket
        report.reason = reason
        report.isDataLost = isDataLost
        onWaiting(reason)
        rest(pause)
    }

    /// Ends early when there is another ticket.
    private func rest(_ pause: Duration) {
        let known = desk.ticket
        let end = MonotonicClock.now + pause
        while MonotonicClock.now < end, desk.ticket == known, !isStopping() {
            ClusterFetch.rest(.milliseconds(50), on: reactor)
            _ = desk.look()
        }
    }

    // MARK: From disk

    private func openDirectory() throws(StartFailure) -> DataDirectory {
        try DataDirectory(
            path: config.dataDirectory, walPath: config.logDirectory, syncs: config.syncsToDisk)
    }

    private func start(_ ticket: Ticket?) throws(StartFailure) -> Admitted {
        let directory = try openDirectory()
        let start = try bootstrap(ticket, directory).begin()
        return Admitted(start: start, directory: directory)
    }

    private func bootstrap(_ ticket: Ticket?, _ directory: DataDirectory) -> Bootstrap {
        var config = config
        if let ticket {
            if !ticket.initialCluster.isEmpty { config.initialCluster = ticket.initialCluster }
            if !ticket.clusterToken.isEmpty { config.initialClusterToken = ticket.clusterToken }
            config.initialClusterState = ticket.action == .bootstrap ? .new : .existing
        }
        return Bootstrap(
            config: config, directory: directory, reactor: reactor, dialer: dialer,
            logger: logger, salt: salt, isStopping: isStopping)
    }

    private func adopt(_ ticket: Ticket) throws(StartFailure) -> Admitted? {
        begins("takes over data that had no identity yet")
        let admitted = try start(nil)
        let own = admitted.start.recovered.memberID
        guard ticket.memberID == 0 || ticket.memberID == own.number else {
            wait(
                "the data is that of member \(own), the ticket is for member "
                    + String(ticket.memberID, radix: 16), isDataLost: false)
            return nil
        }
        return try finish(ticket, admitted)
    }

    /// The data is there; now it says whose it is.
    private func finish(_ ticket: Ticket, _ admitted: Admitted) throws(StartFailure) -> Admitted {
        let found = admitted.start.recovered
        let identity = NodeIdentity(
            clusterUID: ticket.clusterUID, clusterID: found.clusterID.number,
            memberID: found.memberID.number, podUID: contract.podUID,
            ticketGeneration: ticket.generation)
        try folder.finish(identity)
        report.take(identity)
        return admitted
    }

    // MARK: Joining

    /// The ticket's list may be old by now: whoever of it answers says who belongs to the cluster.
    private func join(_ ticket: Ticket) throws(StartFailure) -> Admitted? {
        let peers = JoinPlan.peerURLs(of: ticket, without: config.name)
        guard !peers.isEmpty else {
            wait("the ticket names no other member to join", isDataLost: false)
            return nil
        }
        if report.state != .awaitingTicket {
            report.state = .awaitingTicket
            report.reason = "asking the members of the cluster"
        }
        let answer = ClusterFetch.waitForAnswer(
            on: reactor, dialer: dialer, urls: peers, patience: .seconds(5), logger: logger,
            isQuiet: true, isStopping: { isStopping() || desk.look() || desk.ticket != ticket })
        let own = config.advertisePeerURLs.map(\.description)
        switch JoinPlan.decide(ticket, answer?.members, ownURLs: own) {
        case .wait(let reason, let isDataLost):
            wait(reason, isDataLost: isDataLost)
            return nil
        case .join(let others):
            guard let clusterID = answer?.clusterID else { return nil }
            begins("joins a cluster")
            try folder.begin(ticket)
            let directory = try openDirectory()
            let start = try bootstrap(ticket, directory).create(
                MemberID(ticket.memberID), clusterID, founders: [], remotes: others)
            return try finish(ticket, Admitted(start: start, directory: directory))
        }
    }

    // MARK: Making

    /// Long work, on a thread of its own: probes are answered meanwhile. What fails is tried again,
    /// for the file may come later, and a new ticket may be better.
    private func make(
        _ ticket: Ticket,
        _ body: @escaping @Sendable (NewMember) throws(StartFailure) -> Void
    ) throws(StartFailure) -> Admitted? {
        let work = NewMember(config: config, ticket: ticket, salt: salt)
        let outcome = Outcome()
        do throws(PosixError) {
            try Thread.start(name: "new member") {
                do throws(StartFailure) {
                    try body(work)
                    outcome.end(nil)
                } catch {
                    outcome.end("\(error)")
                }
            }
        } catch {
            throw .posix(error)
        }
        while !outcome.isOver { ClusterFetch.rest(.milliseconds(20), on: reactor) }
        if let problem = outcome.problem {
            report.state = .refused
            report.reason = problem
            logger.error(
                "the ticket cannot be followed",
                ["action": .string(ticket.action.rawValue), "error": .string(problem)])
            onWaiting(problem)
            rest(Self.retryPause)
            return nil
        }
        return try finish(ticket, try start(ticket))
    }

    /// Set by the thread that works, read by the one that waits.
    private final class Outcome: @unchecked Sendable {
        private let lock = Lock()
        private var isDone = false
        private var failure: String?

        func end(_ failure: String?) {
            lock.withLock {
                isDone = true
                self.failure = failure
            }
        }

        var isOver: Bool { lock.withLock { isDone } }
        var problem: String? { lock.withLock { failure } }
    }
}

/// Whether the member that a ticket names may be made of an empty disk.
enum JoinPlan {
    enum Decision: Equatable {
        case join([EtcdAPI.Member])
        case wait(String, isDataLost: Bool)
    }

    static func peerURLs(of ticket: Ticket, without name: String) -> [String] {
        var urls: [String] = []
        for pair in ticket.initialCluster.split(separator: ",") {
            let parts = pair.split(separator: "=", maxSplits: 1)
            if parts.count == 2, parts[0] != name { urls.append(String(parts[1])) }
        }
        return urls
    }

    /// `members` as one of them lists them now; nil if none answered.
    static func decide(
        _ ticket: Ticket, _ members: [EtcdAPI.Member]?, ownURLs: [String]
    ) -> Decision {
        let id = String(ticket.memberID, radix: 16)
        guard let members else {
            return .wait("no member of the cluster answers", isDataLost: false)
        }
        guard let own = members.first(where: { $0.id == ticket.memberID }) else {
            return .wait("member \(id) is not one of the cluster's members", isDataLost: false)
        }
        guard own.peerURLs.sorted() == ownURLs.sorted() else {
            return .wait(
                "member \(id) has the peer URLs \(own.peerURLs.joined(separator: ",")), this one "
                    + ownURLs.joined(separator: ","), isDataLost: false)
        }
        // It has told its client URLs, so it has lived: an empty disk has forgotten its promises.
        guard own.clientURLs.isEmpty else {
            return .wait(
                "member \(id) has run before, and this disk is empty: remove it and add a new one",
                isDataLost: true)
        }
        return .join(members.filter { $0.id != ticket.memberID })
    }
}
