// SPDX-License-Identifier: Apache-2.0
import Bytes
import Formats
import Kube
import Reconcile
import Testing

@Suite struct RecordTests {
    static let now = Instant(nanoseconds: 1_790_000_000_000_000_000)

    @Test(arguments: OperationType.allCases) func `a record is read as it was written`(
        type: OperationType
    ) {
        for step in OperationStep.allCases {
            var record = RecordedOperation(
                type, target: "demo-1", step: step, now: Self.now, cause: "DiskLost",
                memberID: MemberID(0xabc), podUID: "p", claimUID: "c")
            record.attempts = 3
            record.attemptedAt = Self.now + .seconds(9)
            record.survivor = "demo-2"
            record.expectedKeys = 0
            record.expectedRevision = 1_000_000_007
            record.done = ["demo-0"]
            record.lastError = "no"
            #expect(RecordedOperation.read(record.json) == record)
        }
    }

    @Test func `what is no record of ours is none`() {
        #expect(RecordedOperation.read(nil) == nil)
        #expect(RecordedOperation.read(["type": "Replace", "step": "Dance"]) == nil)
    }

    @Test func `a ticket is read as it was written`() {
        var ticket = Ticket(
            .restore, clusterUID: "u", generation: 3, restoreGeneration: 1, podUID: "p",
            memberID: MemberID(7), initialCluster: "demo-0=http://x:2380")
        ticket.restorePath = "/restore/a.db"
        ticket.restoreSum = "ff"
        #expect(Ticket(ticket.json) == ticket)
        #expect(ticket.clusterToken == "u-1")
    }

    static func cluster(_ change: (inout KubeObject) -> Void = { _ in }) -> KubeObject {
        var cluster = KubeObject(.etcdCluster, namespace: "ns", name: "demo")
        cluster.uid = "uid-1"
        cluster.resourceVersion = "7"
        cluster.finalizers = ["keelson.dev/cluster"]
        cluster["spec"] = ["replicas": 3, "tls": ["mode": "Disabled"]]
        change(&cluster)
        return cluster
    }

    @Test func `members are known by their peer URL, whatever its scheme`() {
        let desired = DesiredCluster(Self.cluster())
        #expect(desired.podName(ofPeerURL: "https://demo-2.demo-peers.ns.svc:2380") == "demo-2")
        let long = "http://demo-2.demo-peers.ns.svc.cluster.local:2380"
        #expect(desired.podName(ofPeerURL: long) == "demo-2")
        for stranger in [
            "http://demo-2.other-peers.ns.svc:2380", "http://demo-2.demo-peers.else.svc:2380",
            "http://10.0.0.1:2380", "demo-2", "", "http://demo-02.demo-peers.ns.svc:2380",
            "http://demo-x.demo-peers.ns.svc:2380",
        ] {
            #expect(desired.podName(ofPeerURL: stranger) == nil, "\(stranger)")
        }
    }

    @Test func `the same observation gives the same plan`() {
        let seen = Observation(cluster: Self.cluster())
        #expect(Reconciler.plan(seen, now: Self.now) == Reconciler.plan(seen, now: Self.now))
    }

    @Test func `a paused cluster is looked at and left alone`() {
        let plan = Reconciler.plan(
            Observation(cluster: Self.cluster { $0["spec", "paused"] = true }), now: Self.now)
        #expect(plan.step == nil)
        #expect(plan.status?["phase"]?.string == "Paused")
    }

    @Test func `a deleted cluster with its claims kept needs nothing but its finalizer`() {
        let plan = Reconciler.plan(
            Observation(
                cluster: Self.cluster { $0.deletionTimestamp = "2026-01-01T00:00:00Z" }),
            now: Self.now)
        guard case .patch(let key, let patch)? = plan.step else {
            Issue.record("\(plan)")
            return
        }
        #expect(key.kind == .etcdCluster)
        #expect(patch["metadata"]?["finalizers"]?.array == [])
        #expect(patch["metadata"]?["uid"]?.string == "uid-1")
    }

    /// What is unreadable, and the words of the refusal that name it.
    static let spoiled: [(spoil: @Sendable (inout KubeObject) -> Void, named: String)] = [
        ({ $0["data", "demo-1"] = "nonsense" }, "the ticket of demo-1"),
        ({ $0["data", "demo-1"] = #"{"action":"fly"}"# }, "the ticket of demo-1"),
        ({ $0.annotations["keelson.dev/cluster-id"] = "no number" }, "cluster-id \"no number\""),
        ({ $0.annotations["keelson.dev/restore-generation"] = "x" }, "restore-generation \"x\""),
    ]

    @Test(arguments: spoiled.indices) func `a membership map that cannot be read stops everything`(
        row: Int
    ) {
        var map = KubeObject(.configMap, namespace: "ns", name: "demo-membership")
        map.annotations = [
            "keelson.dev/cluster-uid": "uid-1", "keelson.dev/cluster-id": "1",
            "keelson.dev/restore-generation": "0",
        ]
        for pod in ["demo-0", "demo-1"] {
            let ticket = Ticket(.resume, clusterUID: "uid-1", generation: 4, restoreGeneration: 0)
            map["data", pod] = .string(JSON.text(ticket.json))
        }
        #expect(Membership(map).problems.isEmpty)
        #expect(Membership(map).nextGeneration == 5)

        Self.spoiled[row].spoil(&map)
        var seen = Observation(cluster: Self.cluster())
        seen.configMap = map
        let plan = Reconciler.plan(seen, now: Self.now)
        #expect(plan.step == nil)
        let conditions = plan.status?["conditions"]?.array ?? []
        let told = conditions.first { $0["type"]?.string == "MembershipUnreadable" }
        #expect(
            told?["message"]?.string?.contains(Self.spoiled[row].named) == true, "\(conditions)")
    }

    @Test func `claims of another cluster forbid everything`() {
        var seen = Observation(cluster: Self.cluster())
        for (name, uid) in [("data-demo-0", "one"), ("data-demo-1", "two")] {
            var claim = KubeObject(.persistentVolumeClaim, namespace: "ns", name: name)
            claim.uid = name
            claim.annotations = [
                "keelson.dev/cluster-uid": uid, "keelson.dev/cluster-id": "1",
            ]
            seen.claims.append(claim)
        }
        // Run until only the founding is left to decide.
        var plan = Reconciler.plan(seen, now: Self.now)
        var account = KubeObject(.serviceAccount, namespace: "ns", name: "demo")
        for _ in 0..<20 {
            guard case .create(let made)? = plan.step else { break }
            switch made.kind {
            case "ServiceAccount":
                account = made
                seen.serviceAccount = account
            case "Service": seen.services.append(made)
            default: Issue.record("made \(made.kind) \(made.name)")
            }
            plan = Reconciler.plan(seen, now: Self.now)
            if case .createToken(let secret)? = plan.step {
                seen.secrets.append(secret)
                plan = Reconciler.plan(seen, now: Self.now)
            }
        }
        #expect(plan.step == nil)
        #expect(plan.status?["operation"] == nil)
        #expect(plan.events.contains { $0.reason == "InvalidSpec" })
    }
}
