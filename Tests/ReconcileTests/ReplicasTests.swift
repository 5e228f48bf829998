// SPDX-License-Identifier: Apache-2.0
import Bytes
import Formats
import Kube
import Testing

@testable import Reconcile

/// Four members are wanted and three are there. The ticket of the fourth is written, and somebody
/// else takes its learner out of the list.
@Suite struct ReplicasTests {
    private static let now = RecordTests.now
    private static let clusterID = ClusterID(0xabc)

    private static func id(_ ordinal: Int) -> MemberID { MemberID(0x101 + UInt64(ordinal)) }

    /// Whole members in the list, and tickets for one more than these.
    private static func observation(
        replicas: Int = 3, listed: Int = 3, learner: Bool = false, _ record: RecordedOperation?
    ) -> Observation {
        var cluster = RecordTests.cluster { $0["spec", "replicas"] = 4 }
        var status: [(String, JSONValue)] = [
            ("clusterUID", "uid-1"), ("clusterID", .string(clusterID.description)),
        ]
        if let record { status.append(("operation", record.json)) }
        cluster["status"] = .object(status)
        var seen = Observation(cluster: cluster)
        let desired = DesiredCluster(cluster)
        var map = Membership(clusterUID: "uid-1")
        map.clusterID = clusterID
        for ordinal in 0..<4 {
            map.set(
                "demo-\(ordinal)",
                Ticket(
                    ordinal < 3 ? .resume : .join, clusterUID: "uid-1",
                    generation: Int64(ordinal) + 1, restoreGeneration: 0, memberID: id(ordinal)))
        }
        seen.configMap = known(MembershipWriter.object(map, desired, cluster))
        let builder = StatefulSetBuilder(desired: desired, owner: cluster, restore: nil)
        var set = known(Child.stampedSet(builder.build(replicas: replicas)))
        set["status"] = ["observedGeneration": 0, "updateRevision": "rev-1"]
        seen.statefulSet = set
        for ordinal in 0..<3 { member(ordinal, &seen) }
        seen.etcd.clusterID = clusterID
        seen.etcd.members = .known(
            (0..<listed).map { ordinal in
                ListedMember(
                    id: id(ordinal), name: "demo-\(ordinal)",
                    peerURLs: [desired.peerURL("demo-\(ordinal)")],
                    isLearner: learner && ordinal == listed - 1)
            })
        return seen
    }

    private static func known(_ object: KubeObject) -> KubeObject {
        var object = object
        object.uid = "uid-\(object.kind)"
        object.resourceVersion = "9"
        return object
    }

    private static func member(_ ordinal: Int, _ seen: inout Observation) {
        let name = "demo-\(ordinal)"
        var pod = KubeObject(.pod, namespace: "ns", name: name)
        pod.uid = "pod-\(ordinal)"
        pod.resourceVersion = "1"
        pod.labels = [Names.roleLabel: "voter", "controller-revision-hash": "rev-1"]
        pod["status"] = [
            "phase": "Running", "conditions": [["type": "Ready", "status": "True"]],
        ]
        seen.pods.append(pod)
        var claim = KubeObject(.persistentVolumeClaim, namespace: "ns", name: "data-\(name)")
        claim.uid = "claim-\(ordinal)"
        claim.resourceVersion = "1"
        claim.annotations = [
            Membership.clusterUIDNote: "uid-1", Membership.clusterIDNote: clusterID.description,
            Membership.memberIDNote: id(ordinal).description,
        ]
        claim["status"] = ["phase": "Bound"]
        seen.claims.append(claim)
        var probe = MemberProbe(podName: name, isLinearizable: true)
        probe.identity = .known(
            NodeIdentity(
                state: .running, clusterUID: "uid-1", clusterID: clusterID, memberID: id(ordinal),
                podUID: pod.uid))
        probe.status = .known(
            NodeStatus(
                clusterID: clusterID, memberID: id(ordinal), leader: id(0), term: Term(2),
                raftIndex: LogIndex(9), appliedIndex: LogIndex(9)))
        seen.etcd.probes.append(probe)
    }

    private static func scaleOut(_ step: OperationStep, memberID: MemberID?) -> RecordedOperation {
        RecordedOperation(
            .scaleOut, target: "demo-3", step: step, now: now, memberID: memberID)
    }

    /// What it comes to after so many passes, whose children are made and whose records are kept.
    private static func run(
        _ start: Observation
    ) -> (replicas: Int, step: Step?, record: RecordedOperation?, events: [String]) {
        var (seen, step, events) = (start, Step?.none, [String]())
        for _ in 0..<20 {
            let plan = Reconciler.plan(seen, now: now)
            events += plan.events.map(\.reason)
            if let status = plan.status { seen.cluster["status"] = status }
            step = plan.step
            guard plan.requeueAfter == .zero, plan.operationID.hasPrefix("child/") || step == nil
            else { break }
            switch step {
            case .create(let made), .apply(let made), .createToken(let made): put(made, &seen)
            default: break
            }
        }
        return (
            seen.statefulSet?.int("spec", "replicas") ?? 0, step,
            RecordedOperation.read(seen.cluster["status", "operation"]), events
        )
    }

    private static func put(_ made: KubeObject, _ seen: inout Observation) {
        var made = known(made)
        switch made.kind {
        case "ServiceAccount": seen.serviceAccount = made
        case "Service": seen.services.append(made)
        case "Secret": seen.secrets.append(made)
        case "PodDisruptionBudget": seen.disruptionBudget = made
        case "StatefulSet":
            made["status"] = seen.statefulSet?["status"]
            seen.statefulSet = made
        default: Issue.record("what is \(made.kind)?")
        }
    }

    @Test func `replicas grow for a learner that is in the list`() {
        let end = Self.run(
            Self.observation(
                listed: 4, learner: true, Self.scaleOut(.join, memberID: Self.id(3))))
        #expect(end.replicas == 4)
    }

    @Test(arguments: [OperationStep.clean, .addLearner, .join, .start, .burn, .promote])
    func `replicas do not grow for a learner that has vanished, whatever its ticket says`(
        step: OperationStep
    ) {
        let end = Self.run(Self.observation(Self.scaleOut(step, memberID: Self.id(3))))
        #expect(end.replicas == 3)
        // And it is no dead end: who is missing is added again.
        #expect(end.record?.type == .scaleOut && end.record?.step == .addLearner)
        guard case .etcd(.addLearner(let urls), _)? = end.step else {
            Issue.record("\(String(describing: end.step))")
            return
        }
        #expect(urls == ["http://demo-3.demo-peers.ns.svc:2380"])
    }

    @Test func `the pod of a member that has vanished is waited for while the set has it`() {
        let end = Self.run(
            Self.observation(replicas: 4, Self.scaleOut(.join, memberID: Self.id(3))))
        #expect(end.events.contains("MemberVanished"))
        #expect(end.replicas == 4)
        #expect(end.record?.step == .clean)
        #expect(end.step == nil)
    }

    @Test(arguments: [true, false])
    func `a claim that was kept is emptied for who comes, marked or not`(isRetired: Bool) {
        var start = Self.observation(Self.scaleOut(.clean, memberID: nil))
        start.cluster["spec", "storage", "retentionPolicy", "whenScaled"] = "Retain"
        var claim = KubeObject(.persistentVolumeClaim, namespace: "ns", name: "data-demo-3")
        claim.uid = "claim-3"
        claim.resourceVersion = "1"
        if isRetired { claim.labels[Names.retiredLabel] = "104" }
        start.claims.append(claim)
        let end = Self.run(start)
        let key = claim.key(as: .persistentVolumeClaim)
        #expect((end.step == .delete(key, uid: "claim-3", Deletion())) == isRetired)
        #expect(end.record?.step == (isRetired ? .clean : .addLearner))
    }
}
