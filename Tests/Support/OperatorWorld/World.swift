// SPDX-License-Identifier: Apache-2.0
package import Bytes
internal import Controllers
internal import Formats
internal import Kube
internal import Reconcile

// One cluster, its operators and its Kubernetes in one thread, in simulated time, from one seed.
//
//   Nemesis ──► SmallAPI ◄── Kubelet (stateful set, pods, claims)     EtcdModel (members, disks)
//               │      ▲                                                  │  ▲
//     lists and │      │ at most one step                           asked │  │
//     watches   ▼      │                                                  ▼  │
//          ListWatch ──┴─► Observation ───► Reconciler.plan ──────────► Executor ──► Rules
//
// The operator is the real one: its planner, its caches, its election. What can go wrong around it:
//
//   its watches    late, each kind by itself; closed; with events that are never told but by a new
//                  list; their version expired (410), so that they list again; refused
//   its requests   409; 429 with Retry-After; 5xx; no answer; done and not answered; sent long after
//                  they were decided on; the API gone for a while
//   itself         killed before or after any write and started anew; frozen, also between a check
//                  and the request; down; two of them, with a lease that each respects, and two
//                  that do not ask for the lease at all
//   its members    cut off, unreachable, crashed, slow, without a disk, gone with their host, added
//                  and removed by others; full, corrupt and fragmented stores
//   its objects    edited, stripped, deleted and made anew by people
//
// Not there: lists that are older than what was read before (it asks for consistent ones).
//
// `Rules` looks at each write that the API takes, with the truth at hand: was it allowed? It looks
// at the members after each step too. At the end all is healed, and then the cluster must be whole,
// nothing that was acknowledged may be missing, and the operator must have nothing more to write.
// `Plant` breaks one rule at a time, to show that each is really looked at.

package struct WorldFailure: Equatable, Sendable {
    package var rule: String
    package var reason: String
    package var second: Int64
}

package struct WorldReport: Sendable {
    package var seed: UInt64
    package var failure: WorldFailure?
    package var seconds: Int64
    package var writeCount: Int
    package var kills: Int
    package var acknowledged: Int
    package var counters: SortedMap<String, Int>
}

package final class World {
    var api = SmallAPI()
    var etcd = EtcdModel()
    var random: Random
    package var knobs: WorldKnobs
    package private(set) var now: Instant
    private let began: Instant
    let seed: UInt64
    var trace: (@Sendable (String) -> Void)?
    package private(set) var failure: WorldFailure?

    // What the controllers and kubelets remember.
    var restarts = SortedMap<String, Int>()
    var hostCount = 0
    var clusterUIDs: [String] = []
    var isOrphaned = false
    var template = (set: "", revision: "")
    var reports = SortedMap<String, PodReport>()
    var nodeList: [KubeObject]?
    private var map = (version: "", tickets: [Membership.Line]())

    var operators: [OperatorProcess] = []
    private var startCount = 0
    var operatorIsDown = false
    var apiIsDown = false

    var writeCount = 0
    var kills = 0
    var counters = SortedMap<String, Int>()
    var events: [ClusterEvent] = []
    var watchdog = Watchdog()
    /// By an operator with a planted bug.
    var remembered: [ListedMember] = []
    /// A person approved a recovery: what only the lost disks had may be missing.
    var lossIsAllowed = false
    var deletesEverything = false
    var listedOutside = false
    var replicasWereTouched = false

    package init(
        seed: UInt64, knobs: WorldKnobs = WorldKnobs(), trace: (@Sendable (String) -> Void)? = nil
    ) {
        self.seed = seed
        random = Random(seed: seed)
        self.knobs = knobs
        self.trace = trace
        // 2026-09-21T14:13:20Z.
        now = Instant(nanoseconds: 1_790_000_000_000_000_000)
        began = now
        etcd.plant = knobs.plant
        for _ in 0..<knobs.operatorCount { operators.append(freshOperator(after: .zero)) }
    }

    package var second: Int64 { (now - began).nanoseconds / 1_000_000_000 }

    /// What happened since it was last taken, for stories.
    package var log: [String]?

    func note(_ text: @autoclosure () -> String) {
        if let trace { trace("\(second)s \(text())") }
        if log != nil { log?.append(text()) }
    }

    func count(_ what: String) { counters[what] = (counters[what] ?? 0) + 1 }

    func chance(_ percent: Int) -> Bool { percent > 0 && random.chance(percent: percent) }

    func fail(_ rule: String, _ reason: String) {
        guard failure == nil else { return }
        failure = WorldFailure(rule: rule, reason: reason, second: second)
        note("BROKEN \(rule): \(reason)")
    }

    // MARK: Time

    /// One second of everything.
    package func tick(writes: Bool = true) {
        now = now + .seconds(1)
        runControllers()
        etcd.tick(writes: writes && second % 3 == 0, tickets: second % 7 == 0 ? tickets() : [])
        for process in operators { run(process) }
        watch()
    }

    package func run(seconds: Int, writes: Bool = true, until done: (() -> Bool)? = nil) {
        for _ in 0..<seconds {
            if failure != nil || done?() == true { return }
            tick(writes: writes)
        }
    }

    /// What the kubelets have put before the members.
    private func tickets() -> [Membership.Line] {
        guard let found = api.get(key(.configMap, "demo-membership")) else { return [] }
        if map.version != found.resourceVersion {
            map = (found.resourceVersion, Membership(found).tickets)
        }
        return map.tickets
    }

    // MARK: Operators

    func freshOperator(after pause: Duration) -> OperatorProcess {
        startCount += 1
        return OperatorProcess(
            name: "operator-\(startCount)", hasRivals: knobs.operatorCount > 1,
            startsAt: now + pause, now: now, seed: seed &+ UInt64(startCount) &* 1000)
    }

    /// Several passes a second, as long as each wants the next one at once.
    private func run(_ process: OperatorProcess) {
        guard !operatorIsDown, now >= process.frozenUntil, failure == nil else { return }
        disturb(process)
        elect(process)
        for _ in 0..<3 {
            feed(process)
            guard process.inHand != nil || leads(process), isDue(process),
                let pause = pass(process)
            else { return }
            process.resumeAt = now + pause
            if pause > .zero { return }
        }
    }

    private func leads(_ process: OperatorProcess) -> Bool {
        mayWrite(process) && process.isSynced
    }

    private func isDue(_ process: OperatorProcess) -> Bool {
        if let hand = process.inHand { return now >= hand.until }
        guard process.hasNews || now >= process.resumeAt, !process.isBehind(Self.namespace) else {
            return false
        }
        return true
    }

    /// How long to wait; nil if the operator died in it, or stands still.
    private func pass(_ process: OperatorProcess) -> Duration? {
        if let hand = process.inHand {
            process.inHand = nil
            return carry(out: hand.plan, hand.view, process, from: hand.stage, isLate: true)
        }
        process.hasNews = false
        guard let seen = observe(process) else { return .seconds(30) }
        let view = knobs.plant == nil ? seen : misread(seen)
        let plan = sabotaged(Reconciler.plan(view, now: now), view)
        judge(plan, view, process)
        return carry(out: plan, view, process, from: .status, isLate: false)
    }

    func kill(_ process: OperatorProcess) {
        kills += 1
        note("\(process.name) killed")
        guard let index = operators.firstIndex(where: { $0 === process }) else { return }
        operators[index] = freshOperator(after: .seconds(Int64(1 + random.below(5))))
    }
}
