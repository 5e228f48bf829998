// SPDX-License-Identifier: Apache-2.0
internal import Bytes
internal import EtcdAPI
internal import NodeCore
internal import Raft
internal import Replicated

/// One simulated cluster, its clients, and everything that happens to them.
final class World {
    let seed: UInt64
    let profile: Profile
    let plant: Plant?
    let truth: Truth
    private(set) var now = Instant(nanoseconds: 0)
    /// All jumps of time so far.
    private var jumped = Duration.zero
    private(set) var failure: SimulationFailure?
    lazy var network = SimNetwork(world: self, profile: profile.network, seed: seed ^ 0x5eed_0002)
    var members: [SimMember] = []
    var clients: [SimClient] = []
    var watchers: [WatchSession] = []
    var nemesis: Nemesis?
    var spaceKeeper: SpaceKeeper?
    var trace = Trace()
    var counters = SortedMap<String, Int>()
    private var queue = EventQueue()
    private var seeds: Random

    static let clusterID = ClusterID(0xc1)

    init(seed: UInt64, profile: Profile, plant: Plant?) {
        self.seed = seed
        self.profile = profile
        self.plant = plant
        seeds = Random(seed: seed)
        truth = Truth(minimumTTL: 2)
    }

    func nextSeed() -> UInt64 { seeds.next() }

    // MARK: Time

    func at(_ time: Int64, _ body: @escaping () -> Void) {
        queue.add(at: max(time, now.nanoseconds), body)
    }

    func after(_ delay: Duration, _ body: @escaping () -> Void) {
        at((now + delay).nanoseconds, body)
    }

    /// Lets things happen until `end`, a failure, or until `isDone` says so.
    func run(until end: Instant, isDone: () -> Bool = { false }) {
        let before = jumped
        while failure == nil, let next = queue.nextTime,
            next <= (end + (jumped - before)).nanoseconds, !isDone()
        {
            guard let event = queue.take() else { break }
            now = Instant(nanoseconds: event.at)
            event.body()
        }
        if failure == nil, !isDone() { now = max(now, end + (jumped - before)) }
    }

    /// Nothing happens for a while, to anybody: all clocks go on, and what was due is due later. So
    /// leases of many minutes pass in no time.
    func jump(by duration: Duration) {
        say("time jumps by \(duration)")
        count("time jumped")
        truth.leases.jumped(at: now, by: duration)
        now = now + duration
        jumped = jumped + duration
        queue.shift(by: duration.nanoseconds)
        network.shift(by: duration.nanoseconds)
        for member in members { member.shift(by: duration.nanoseconds) }
    }

    /// Lets go of all that waits, so that nothing holds anything else.
    func end() {
        queue = EventQueue()
        for member in members { member.letGo() }
    }

    // MARK: Members

    func member(_ id: MemberID) -> SimMember? { members.first { $0.id == id } }

    /// What the member has that has applied most.
    var newestLedger: Ledger? {
        members.filter { $0.node != nil }.max {
            ($0.appliedIndex, $1.place) < ($1.appliedIndex, $0.place)
        }?.node?.ledger
    }

    /// Members that the cluster knows, as far as anyone has applied.
    var wanted: [SimMember] {
        guard let ledger = newestLedger else { return members }
        return members.filter { ledger.members.contains($0.id) }
    }

    var leader: SimMember? {
        members.filter { $0.isRunning && $0.node?.raft.role == .leader }
            .max { ($0.node?.raft.term ?? .zero) < ($1.node?.raft.term ?? .zero) }
    }

    // MARK: News

    func fail(_ kind: SimulationFailure.Kind, _ reason: String) {
        guard failure == nil else { return }
        failure = SimulationFailure(kind: kind, reason: reason, at: now)
        say("FAILED \(kind.rawValue): \(reason)")
    }

    /// Fails when there is something to say.
    func check(_ kind: SimulationFailure.Kind, _ problem: String?) {
        if let problem { fail(kind, problem) }
    }

    func count(_ what: String) {
        if counters.update(what, { $0 += 1 }) == nil { counters[what] = 1 }
    }

    func say(_ line: @autoclosure () -> String) {
        guard let sink = trace.sink else { return }
        let micros = now.nanoseconds / 1_000
        sink(
            "\(micros / 1_000_000).\(String(micros % 1_000_000 + 1_000_000).dropFirst()) \(line())")
    }
}
