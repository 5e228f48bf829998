// SPDX-License-Identifier: Apache-2.0
package import Bytes
internal import Formats
internal import Kube
internal import Reconcile

// One cluster, its operator and its Kubernetes in one thread, in simulated time, from one seed.
//
//   Nemesis ──► SmallAPI ◄── Kubelet (stateful set, pods, claims)     EtcdModel (members, disks)
//                  │  ▲                                                   │  ▲
//                  ▼  │ at most one step                                  ▼  │
//               Observation ─────────────► Reconciler.plan ─────────► Executor ──► Rules
//
// The operator is the real one. It is killed between any two of its writes; its writes collide, or
// are done and not answered; its view of Kubernetes may be old. `Rules` looks at each write, with
// the truth at hand: was it allowed? At the end all is healed, and then the cluster must be whole,
// nothing that was acknowledged may be missing, and the operator must have nothing more to write.

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

package struct WorldKnobs: Sendable {
    package var mendsPendingClaims = true
    package var slowStarts = false
    package var killPercent = 0
    package var conflictPercent = 0
    package var lostReplyPercent = 0
    package var stalePercent = 0
    /// Kill the operator after exactly this write; for running through them all.
    package var killAfterWrite: Int?
    package var crashing: String?

    package init() {}
}

package final class World {
    var api = SmallAPI()
    var etcd = EtcdModel()
    var random: Random
    package var knobs: WorldKnobs
    package private(set) var now: Instant
    private let began: Instant
    var restarts = SortedMap<String, Int>()
    var hostCount = 0
    var isOrphaned = false
    var trace: (@Sendable (String) -> Void)?
    package private(set) var failure: WorldFailure?

    // The operator's memory, which a kill empties.
    var outcome: StepOutcome?
    private var resumeAt: Instant
    private var lastChange = -1
    private var oldView: Observation?
    var operatorIsDown = false

    var writeCount = 0
    var kills = 0
    var counters = SortedMap<String, Int>()
    var events: [ClusterEvent] = []
    /// A person approved a recovery: what only the lost disks had may be missing.
    var lossIsAllowed = false
    var deletesEverything = false
    var listedOutside = false
    var replicasWereTouched = false

    package init(
        seed: UInt64, knobs: WorldKnobs = WorldKnobs(), trace: (@Sendable (String) -> Void)? = nil
    ) {
        random = Random(seed: seed)
        self.knobs = knobs
        self.trace = trace
        // 2026-09-21T14:13:20Z.
        now = Instant(nanoseconds: 1_790_000_000_000_000_000)
        began = now
        resumeAt = now
    }

    package var second: Int64 { (now - began).nanoseconds / 1_000_000_000 }

    /// What happened since it was last taken, for stories.
    package var log: [String]?

    func note(_ text: @autoclosure () -> String) {
        trace?("\(second)s \(text())")
        log?.append(text())
    }

    func count(_ what: String) { counters[what] = (counters[what] ?? 0) + 1 }

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
        let map = api.get(key(.configMap, "demo-membership")).map { Membership($0) }
        let isFiled = second % 7 == 0
        etcd.tick(writes: writes && second % 3 == 0) { pod in
            isFiled ? map?.ticket(pod)?.ticket : nil
        }
        runOperator()
    }

    package func run(seconds: Int, writes: Bool = true, until done: (() -> Bool)? = nil) {
        for _ in 0..<seconds {
            if failure != nil || done?() == true { return }
            tick(writes: writes)
        }
    }

    /// Several passes a second, as long as each wants the next one at once.
    private func runOperator() {
        guard !operatorIsDown, api.get(clusterKey) != nil else { return }
        for _ in 0..<3 {
            guard now >= resumeAt || lastChange != api.changeCount else { return }
            lastChange = api.changeCount
            guard let pause = pass() else { return }
            resumeAt = now + pause
            if pause > .zero { return }
        }
    }

    /// Nil if the operator died in it.
    private func pass() -> Duration? {
        guard let view = observe() else { return .seconds(1) }
        let plan = Reconciler.plan(view, now: now)
        judge(plan, view)
        return execute(plan, view)
    }

    func kill() -> Duration? {
        kills += 1
        outcome = nil
        oldView = nil
        note("operator killed")
        resumeAt = now + .seconds(Int64(1 + random.below(5)))
        lastChange = api.changeCount
        return nil
    }

    // MARK: What the operator sees

    private func observe() -> Observation? {
        guard let cluster = api.get(clusterKey) else { return nil }
        var view = Observation(cluster: cluster, etcd: probe())
        if let oldView, random.chance(percent: knobs.stalePercent) {
            // The cache is behind; the cluster object itself is read anew before any write.
            view = oldView
            view.cluster = cluster
            view.etcd = probe()
        } else {
            view.statefulSet = api.get(key(.statefulSet, "demo"))
            view.pods = api.list(.pod)
            view.claims = api.list(.persistentVolumeClaim)
            view.configMap = api.get(key(.configMap, "demo-membership"))
            view.disruptionBudget = api.get(key(.podDisruptionBudget, "demo"))
            view.serviceAccount = api.get(key(.serviceAccount, "demo"))
            view.services = api.list(.service)
            view.secrets = api.list(.secret)
            view.jobs = api.list(.job)
            view.backups = api.list(.etcdBackup)
            view.backupSchedules = api.list(.etcdBackupSchedule)
            view.nodes = .known(nodes())
            oldView = view
        }
        view.outcome = outcome
        return view
    }

    private func nodes() -> [KubeObject] {
        (0..<7).map { number in
            var node = KubeObject(.node, name: "host-\(number)")
            let isDown = etcd.downHosts.contains("host-\(number)")
            node["status", "conditions"] = [
                [
                    "type": "Ready", "status": .string(isDown ? "Unknown" : "True"),
                    "lastTransitionTime": .string(timestamp),
                ]
            ]
            return node
        }
    }

    private func probe() -> EtcdView {
        var view = EtcdView(probes: api.list(.pod).map { probe($0) })
        for process in etcd.processes.values where etcd.isUp(process) && !process.isHidden {
            guard let id = etcd.disk(process)?.clusterID, !process.isCut,
                let list = etcd.quorumList(id)
            else { continue }
            view.members = .known(list)
            view.clusterID = id
            return view
        }
        return view
    }

    private func probe(_ pod: KubeObject) -> MemberProbe {
        var probe = MemberProbe(podName: pod.name)
        guard let process = etcd.processes[pod.name], process.podUID == pod.uid,
            etcd.isUp(process), !process.isHidden, let disk = etcd.disk(process),
            process.delay == 0
        else { return probe }
        var identity = NodeIdentity(
            state: disk.isEmpty ? .awaitingTicket : .running, podUID: pod.uid)
        identity.clusterUID = disk.clusterUID
        identity.clusterID = disk.clusterID
        identity.memberID = disk.memberID
        let action = process.ticket?.action
        identity.dataLost = disk.isEmpty && (action == nil || action == .resume)
        probe.identity = .known(identity)
        guard let clusterID = disk.clusterID, let memberID = disk.memberID else { return probe }
        let leader = etcd.leader(of: clusterID)
        let leaderID = leader.flatMap { etcd.disk($0)?.memberID }
        let isListed = etcd.quorumList(clusterID)?.contains { $0.id == memberID } ?? false
        let told: MemberID = process.isCut ? .none : leaderID ?? .none
        probe.status = .known(
            NodeStatus(
                clusterID: clusterID, memberID: memberID, leader: told,
                term: Term(disk.term), raftIndex: LogIndex(disk.index),
                appliedIndex: LogIndex(disk.index), revision: Int64(disk.log.count),
                dbSizeBytes: disk.sizeBytes, dbInUseBytes: disk.inUseBytes, version: "3.5.1",
                alarms: told == .none ? .unknown("it has no leader") : .known(etcd.alarms)))
        probe.isLinearizable = leader != nil && !process.isCut && isListed
        return probe
    }
}
