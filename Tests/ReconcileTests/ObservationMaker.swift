// SPDX-License-Identifier: Apache-2.0
import Bytes
import Formats
import Kube

@testable import Reconcile

/// Observations by chance, from one seed: clusters of any size in any state of health, with records
/// of any operation at any of its steps. They need not be reachable; a guard holds for all of them.
struct ObservationMaker {
    static let now = Instant(nanoseconds: 1_800_000_000_000_000_000)
    static let clusterID = ClusterID(0xabc)

    private var random: Random
    private var seen: Observation
    private var tickets: [(String, Ticket)] = []
    private var lines: [JSONValue] = []
    private var leader = MemberID.none

    init(seed: UInt64) {
        random = Random(seed: seed)
        var cluster = KubeObject(.etcdCluster, namespace: "ns", name: "demo")
        cluster.uid = "uid-1"
        cluster.resourceVersion = "7"
        cluster.generation = 1
        cluster.finalizers = [Names.finalizer]
        seen = Observation(cluster: cluster)
    }

    static func make(seed: UInt64) -> Observation {
        var maker = ObservationMaker(seed: seed)
        return maker.make()
    }

    private mutating func chance(_ percent: Int) -> Bool { random.chance(percent: percent) }

    private mutating func pick<Element>(_ choices: [Element]) -> Element {
        choices[random.below(choices.count)]
    }

    private mutating func make() -> Observation {
        wish()
        let size = random.below(6)
        let ids = (0..<size).map { MemberID(0x101 + UInt64($0)) }
        if let first = ids.first, chance(90) { leader = chance(80) ? first : pick(ids) }
        let learner = chance(25) && size > 1 ? size - 1 : nil
        let quality = pick([95, 95, 70, 40, 0])
        var list: [ListedMember] = []
        for (ordinal, id) in ids.enumerated() {
            let isListed = chance(92)
            let isLearner = ordinal == learner
            if isListed {
                list.append(
                    ListedMember(
                        id: id, name: "demo-\(ordinal)",
                        peerURLs: ["http://demo-\(ordinal).demo-peers.ns.svc:2380"],
                        isLearner: isLearner))
            }
            member(ordinal, id, isLearner: isLearner, isListed: isListed, quality)
        }
        if chance(4) {
            list.append(
                ListedMember(
                    id: MemberID(0x999), name: "", peerURLs: ["http://stranger:2380"],
                    isLearner: chance(50)))
        }
        if chance(80), !list.isEmpty {
            seen.etcd.members = .known(list)
            seen.etcd.clusterID = chance(97) ? Self.clusterID : ClusterID(0xdef)
        } else if chance(50) {
            seen.etcd.members = .unknown("no quorum")
        }
        if chance(92) { map() }
        past(ids)
        children()
        // Somebody else changes its size, or what is known of it is old.
        if seen.statefulSet != nil, chance(20) {
            seen.statefulSet?["spec", "replicas"] = .integer(Int64(random.below(6)))
        }
        return seen
    }

    // MARK: Parts

    private mutating func wish() {
        var spec: [(String, JSONValue)] = [
            ("replicas", .integer(Int64(1 + random.below(5)))),
            ("tls", ["mode": "Disabled"]), ("image", "keelson:1"), ("version", "3.5.1"),
        ]
        if chance(3) { spec.append(("paused", true)) }
        if chance(4) { spec.append(("hibernate", true)) }
        if chance(5) { spec.append(("repair", ["mode": "Manual"])) }
        if chance(5) { spec.append(("repair", ["nodeLost": "Replace"])) }
        if chance(5) { spec.append(("storage", ["size": "16Gi"])) }
        if chance(5) {
            spec.append(("storage", ["retentionPolicy": ["whenScaled": "Retain"]]))
        }
        if chance(5) { spec.append(("deletionPolicy", "Delete")) }
        seen.cluster["spec"] = .object(spec)
        if chance(3) { seen.cluster.deletionTimestamp = KubeTime.seconds(Self.now.nanoseconds) }
        let notes = [
            ("keelson.dev/replace-member", "demo-1"), ("keelson.dev/move-leader", "auto"),
            ("keelson.dev/fenced", "demo-0"), ("keelson.dev/defrag-now", "1"),
            ("keelson.dev/approve-quorum-recovery", Self.clusterID.description),
        ]
        for (note, value) in notes where chance(4) { seen.cluster.annotations[note] = value }
    }

    private mutating func member(
        _ ordinal: Int, _ id: MemberID, isLearner: Bool, isListed: Bool, _ quality: Int
    ) {
        let name = "demo-\(ordinal)"
        let isWell = chance(quality)
        if isWell || chance(70) { pod(name, isWell: isWell) }
        if isWell || chance(70) { claim(name, id) }
        if isWell || chance(50) { probe(name, id, isLearner: isLearner, isWell: isWell) }
        if chance(90) {
            let action: TicketAction =
                isLearner
                ? pick([.join, .resume]) : pick([.resume, .resume, .resume, .join, .hold])
            tickets.append(
                (
                    name,
                    Ticket(
                        action, clusterUID: "uid-1", generation: Int64(ordinal) + 1,
                        restoreGeneration: 0, memberID: id)
                ))
        }
        guard chance(85) else { return }
        let since = Self.now + .seconds(-Int64(random.below(2000)))
        lines.append([
            "name": .string(name), "ordinal": .integer(Int64(ordinal)),
            "memberID": .string(id.description),
            "state": .string(pick(["Healthy", "Unreachable", "Joining"])),
            "podUID": .string("pod-\(ordinal)"),
            "pvcUID": .string(chance(85) ? "claim-\(name)" : "claim-of-old"),
            "recreates": .integer(Int64(random.below(5))),
            "lastTransitionTime": .string(KubeTime.seconds(since.nanoseconds)),
        ])
    }

    private mutating func pod(_ name: String, isWell: Bool) {
        var pod = KubeObject(.pod, namespace: "ns", name: name)
        pod.uid = "pod-\(name)"
        pod.resourceVersion = "11"
        pod.labels["controller-revision-hash"] = chance(85) ? "rev-1" : "rev-0"
        if chance(85) { pod.labels[Names.roleLabel] = "voter" }
        if chance(6) { pod.deletionTimestamp = KubeTime.seconds(Self.now.nanoseconds) }
        let since = Self.now + .seconds(-Int64(random.below(1200)))
        var container: [(String, JSONValue)] = [("name", "etcd")]
        if !isWell, chance(50) {
            let reason = pick(["CrashLoopBackOff", "ImagePullBackOff", "ContainerCreating"])
            container.append(("state", ["waiting": ["reason": .string(reason)]]))
            container.append(("restartCount", .integer(Int64(random.below(9)))))
            let code = pick([0, 1, 3, 4])
            container.append(("lastState", ["terminated": ["exitCode": .integer(Int64(code))]]))
        }
        pod["spec", "nodeName"] = .string(pick(["host-0", "host-1", "host-2"]))
        pod["status"] = [
            "phase": .string(isWell ? "Running" : pick(["Running", "Pending", "Failed"])),
            "conditions": [
                [
                    "type": "Ready", "status": .string(isWell || chance(20) ? "True" : "False"),
                    "lastTransitionTime": .string(KubeTime.seconds(since.nanoseconds)),
                ]
            ],
            "containerStatuses": [.object(container)],
        ]
        seen.pods.append(pod)
    }

    private mutating func claim(_ name: String, _ id: MemberID) {
        var claim = KubeObject(.persistentVolumeClaim, namespace: "ns", name: "data-\(name)")
        claim.uid = "claim-\(name)"
        claim.resourceVersion = "12"
        claim["spec", "resources", "requests", "storage"] = "8Gi"
        claim["status"] = ["phase": chance(95) ? "Bound" : "Lost", "capacity": ["storage": "8Gi"]]
        if chance(5) { claim.deletionTimestamp = KubeTime.seconds(Self.now.nanoseconds) }
        if chance(85) {
            claim.annotations = [
                Membership.clusterUIDNote: chance(95) ? "uid-1" : "uid-2",
                Membership.clusterIDNote: Self.clusterID.description,
                Membership.memberIDNote: id.description,
            ]
        }
        seen.claims.append(claim)
    }

    private mutating func probe(
        _ name: String, _ id: MemberID, isLearner: Bool, isWell: Bool
    ) {
        var probe = MemberProbe(podName: name)
        let isEmpty = !isWell && chance(40)
        if isWell || chance(60) {
            var identity = NodeIdentity(
                state: isEmpty ? .awaitingTicket : pick([.running, .running, .refused]),
                podUID: chance(95) ? "pod-\(name)" : "another")
            if !isEmpty {
                identity.clusterUID = chance(97) ? "uid-1" : "uid-2"
                identity.clusterID = Self.clusterID
                identity.memberID = id
            }
            identity.dataLost = isEmpty && chance(50)
            probe.identity = .known(identity)
        }
        if isWell || (!isEmpty && chance(30)) {
            var status = NodeStatus(
                clusterID: chance(97) ? Self.clusterID : ClusterID(0xdef),
                memberID: chance(97) ? id : MemberID(0x777), leader: chance(95) ? leader : .none,
                term: Term(chance(90) ? 5 : 4), raftIndex: LogIndex(5000),
                appliedIndex: LogIndex(chance(80) ? 5000 : 100), revision: 4000,
                dbSizeBytes: chance(90) ? 64 << 20 : 900 << 20, dbInUseBytes: 60 << 20,
                version: "3.5.1", isLearner: isLearner)
            if chance(4) { status.alarms = .known([MemberAlarm(kind: .corrupt, memberID: id)]) }
            if chance(3) { status.alarms = .known([MemberAlarm(kind: .noSpace, memberID: id)]) }
            if chance(3) { status.alarms = .unknown("it did not answer") }
            probe.status = .known(status)
        }
        probe.isLinearizable = isWell && !isLearner && leader != .none
        seen.etcd.probes.append(probe)
    }

    private mutating func map() {
        var map = Membership(clusterUID: "uid-1")
        if chance(95) { map.clusterID = Self.clusterID }
        for (pod, ticket) in tickets { map.set(pod, ticket) }
        var object = MembershipWriter.object(map, DesiredCluster(seen.cluster), seen.cluster)
        object.uid = "uid-map"
        object.resourceVersion = "9"
        seen.configMap = object
    }

    private mutating func past(_ ids: [MemberID]) {
        guard chance(92) else { return }
        var status: [(String, JSONValue)] = [("members", .array(lines))]
        if chance(92) {
            status.append(("clusterUID", "uid-1"))
            status.append(("clusterID", .string(Self.clusterID.description)))
        }
        if chance(90) {
            status.append(
                (
                    "conditions",
                    [["type": "SpecValid", "status": "True", "observedGeneration": 1]]
                ))
        }
        if chance(55) { status.append(("operation", record(ids).json)) }
        seen.cluster["status"] = .object(status)
        guard let record = RecordedOperation.read(seen.cluster["status", "operation"]) else {
            return
        }
        if chance(40) {
            seen.outcome = StepOutcome(
                operationID: record.id, failure: chance(50) ? "it failed" : nil)
        }
    }

    static let steps: [(OperationType, [OperationStep])] = [
        (.bootstrap, [.awaitSeed, .permit, .startSeed, .latch]), (.adopt, [.adoptClaims]),
        (.quorumRecovery, [.chooseSurvivor, .holdOthers, .force, .awaitSurvivor, .dropOthers]),
        (
            .replace,
            [
                .handOver, .remove, .clean, .addLearner, .join, .start, .burn, .promote, .settle,
            ]
        ),
        (.reclaim, [.compact, .defragment, .disarm]), (.recreate, [.deletePod, .awaitPod]),
        (.retire, [.remove, .dropTicket, .shrink, .deleteClaim]),
        (.promote, [.join, .start, .burn, .promote, .settle]),
        (.roll, [.choose, .deletePod, .awaitPod]),
        (.resize, [.growClaims, .awaitClaims, .renewStatefulSet]),
        (.scaleOut, [.clean, .addLearner, .join, .start, .burn, .promote, .settle]),
        (.scaleIn, [.handOver, .remove, .dropTicket, .shrink, .deleteClaim]),
        (.defrag, [.defragment]), (.moveLeader, [.choose]),
    ]

    private mutating func record(_ ids: [MemberID]) -> RecordedOperation {
        let (type, steps) = pick(Self.steps)
        let ordinal = random.below(6)
        let began = Self.now + .seconds(-Int64(random.below(1000)))
        var record = RecordedOperation(
            type, target: "demo-\(ordinal)", step: pick(steps), now: began,
            cause: pick(["DiskLost", "Requested", "1"]),
            memberID: chance(90) ? MemberID(0x101 + UInt64(ordinal)) : ids.last,
            podUID: pick(["pod-demo-\(ordinal)", "old", ""]),
            claimUID: pick(["claim-demo-\(ordinal)", "old", ""]))
        record.survivor = "demo-\(ordinal)"
        record.attempts = random.below(3)
        if record.attempts > 0 { record.attemptedAt = began }
        return record
    }

    /// As a rule the objects around it are there already, and say what they should.
    private mutating func children() {
        guard chance(92) else { return }
        let desired = DesiredCluster(seen.cluster)
        let plain = PlainChildren(desired: desired, owner: seen.cluster)
        for child in [plain.serviceAccount(), plain.peersService(), plain.clientService()] {
            add(Child.stamped(child))
        }
        add(plain.adminSecret())
        let replicas = (tickets.compactMap { desired.ordinal(ofPod: $0.0) }.max() ?? -1) + 1
        let builder = StatefulSetBuilder(desired: desired, owner: seen.cluster, restore: nil)
        add(Child.stampedSet(builder.build(replicas: replicas)))
        // The budget, and a stateful set that follows the record.
        for _ in 0..<3 {
            let plan = Reconciler.plan(seen, now: Self.now)
            guard plan.operationID.hasPrefix("child/"), let step = plan.step else { return }
            switch step {
            case .create(let object), .apply(let object), .createToken(let object): add(object)
            case .delete: seen.disruptionBudget = nil
            case .patch, .sendTicket, .etcd, .issueCertificates: return
            }
        }
    }

    private mutating func add(_ object: KubeObject) {
        var object = object
        object.uid = "uid-\(object.name)"
        object.resourceVersion = "8"
        switch object.kind {
        case "ServiceAccount": seen.serviceAccount = object
        case "Service":
            seen.services.removeAll { $0.name == object.name }
            seen.services.append(object)
        case "Secret": seen.secrets.append(object)
        case "ConfigMap": seen.configMap = object
        case "PodDisruptionBudget": seen.disruptionBudget = object
        case "StatefulSet":
            object.generation = 1
            if chance(10) {
                object["spec", "replicas"] = .integer(Int64(random.below(6)))
            }
            object["status"] = ["observedGeneration": 1, "updateRevision": "rev-1"]
            seen.statefulSet = object
        default: break
        }
    }
}
