// SPDX-License-Identifier: Apache-2.0
import Bytes
import Formats
import Kube
import Testing

@testable import Reconcile

/// What a plan may never be, whatever was observed. The arithmetic of the guards is done here once
/// more, from the observation alone.
@Suite struct PropertyTests {
    private static let batch: UInt64 = 200

    /// Ten times so many, each with its seed. And a world that stands still is not written to for
    /// ever: after a few statuses there is a step, or nothing more to say.
    @Test(arguments: 0..<UInt64(10))
    func `no plan breaks a guard, the same is planned twice, and it comes to rest`(
        number: UInt64
    ) {
        for seed in number * Self.batch..<(number + 1) * Self.batch {
            var seen = ObservationMaker.make(seed: seed)
            var isSettled = false
            var isFirst = true
            for _ in 0..<12 where !isSettled {
                let plan = Reconciler.plan(seen, now: ObservationMaker.now)
                if let broken = PlanCheck(seen, plan).broken() {
                    Issue.record("seed \(seed): \(broken): \(String(describing: plan.step))")
                }
                if isFirst, seed % 4 == 0, plan != Reconciler.plan(seen, now: ObservationMaker.now)
                {
                    Issue.record("seed \(seed): two plans for one observation")
                }
                isFirst = false
                seen.outcome = nil
                isSettled = plan.step != nil || plan.status == nil
                seen.cluster["status"] = plan.status ?? seen.cluster["status"]
            }
            if !isSettled { Issue.record("seed \(seed): it writes one status after the other") }
        }
    }
}

extension PropertyTests {
    /// Plans that nobody should make, for whatever was observed.
    @Test func `the checks see what is wrong`() {
        var doctored = 0
        for seed in UInt64(0)..<200 {
            let seen = ObservationMaker.make(seed: seed)
            guard let list = seen.etcd.members.value, let member = list.first,
                seen.cluster.bool("spec", "paused") != true, !seen.cluster.isBeingDeleted
            else { continue }
            for step in Self.wrongSteps(seen, member) {
                doctored += 1
                let plan = Plan(step: step, operationID: "mark/nothing")
                #expect(PlanCheck(seen, plan).broken() != nil, "seed \(seed): \(step)")
            }
        }
        #expect(doctored > 300)
    }

    private static func wrongSteps(_ seen: Observation, _ member: ListedMember) -> [Step] {
        let asking = Asking(["demo-0"])
        var steps: [Step] = [
            .etcd(.remove(MemberID(0x5555)), asking), .etcd(.promote(MemberID(0x5555)), asking),
            .etcd(.addLearner(peerURLs: member.peerURLs), asking),
            .etcd(.moveLeader(to: MemberID(0x5555)), asking),
            .patch(ObjectKey(.pod, namespace: "ns", name: "demo-0"), ["metadata": ["uid": "1"]]),
            .delete(ObjectKey(.pod, namespace: "ns", name: "demo-0"), uid: "", Deletion()),
        ]
        if var set = seen.statefulSet, let replicas = set.int("spec", "replicas"), replicas > 0 {
            set["spec", "replicas"] = 9
            steps.append(.apply(set))
        }
        let claim = "data-\(PlanCheck.podName(member))"
        let key = ObjectKey(.persistentVolumeClaim, namespace: "ns", name: claim)
        steps.append(.delete(key, uid: "uid", Deletion()))
        return steps
    }
}

/// One plan beside what it was made from.
private struct PlanCheck {
    let seen: Observation
    let plan: Plan
    let list: [ListedMember]?
    let voters: Int
    let healthy: [MemberID]

    init(_ seen: Observation, _ plan: Plan) {
        self.seen = seen
        self.plan = plan
        list = seen.etcd.members.value
        let all = (list ?? []).filter { !$0.isLearner }
        voters = all.count
        healthy = all.filter { Self.answers($0, seen) }.map(\.id)
    }

    /// It answered a linearizable read, as itself, in this cluster.
    private static func answers(_ member: ListedMember, _ seen: Observation) -> Bool {
        seen.etcd.probes.contains { probe in
            probe.isLinearizable && podName(member) == probe.podName
                && probe.status.value?.memberID == member.id
                && probe.status.value?.clusterID == seen.etcd.clusterID
        }
    }

    static func podName(_ member: ListedMember) -> String {
        let host = member.peerURLs.first?.split(separator: "/").last ?? ""
        return String(host.split(separator: ".").first ?? "")
    }

    private func quorum(_ voters: Int) -> Int { voters / 2 + 1 }

    private var isQuorate: Bool { voters > 0 && healthy.count >= quorum(voters) }

    private var record: JSONValue? { (plan.status ?? seen.cluster["status"])?["operation"] }

    /// What is wrong with it; nil if nothing is.
    func broken() -> String? {
        guard plan.requeueAfter >= .zero, plan.requeueAfter <= .seconds(60) else {
            return "it looks again after \(plan.requeueAfter)"
        }
        guard let step = plan.step else { return nil }
        if seen.cluster.bool("spec", "paused") == true, !seen.cluster.isBeingDeleted {
            return "it acts while paused"
        }
        let isPlain = ["child/", "mark/", "renew/"].contains { plan.operationID.hasPrefix($0) }
        if !isPlain, plan.operationID != "deletion", plan.operationID != "finalizer",
            record?["id"]?.string != plan.operationID
        {
            return "\(plan.operationID) is not on record"
        }
        switch step {
        case .etcd(let call, let asking):
            return asking.pods.isEmpty && call != .defragment ? "nobody is asked" : broken(call)
        case .delete(let key, let uid, let options): return broken(key, uid, options)
        case .apply(let object):
            if object.kind == "StatefulSet" { return brokenReplicas(object) }
            return object.resourceVersion.isEmpty ? "an apply without a version" : nil
        case .patch(_, let patch):
            let metadata = patch["metadata"]
            return metadata?["uid"] == nil || metadata?["resourceVersion"] == nil
                ? "a patch without a version" : nil
        case .create, .sendTicket, .createToken, .issueCertificates: return nil
        }
    }

    private func broken(_ call: EtcdCall) -> String? {
        guard let list else { return "a call without a member list" }
        switch call {
        case .addLearner(let urls):
            if !isQuorate { return "a learner without a quorum" }
            if list.contains(where: \.isLearner) { return "a second learner" }
            if list.contains(where: { $0.peerURLs == urls }) { return "a member twice" }
            let isRepair = record?["type"] == "Replace"
            return isRepair || healthy.count == voters ? nil : "a learner beside a sick voter"
        case .promote(let id):
            if !list.contains(where: { $0.id == id && $0.isLearner }) { return "no learner" }
            return isQuorate ? nil : "a promotion without a quorum"
        case .remove(let id): return brokenRemoval(id, list)
        case .moveLeader(let id): return healthy.contains(id) ? nil : "an heir that is not healthy"
        case .defragment, .compact, .disarm: return isQuorate ? nil : "care without a quorum"
        }
    }

    /// safeToRemove.
    private func brokenRemoval(_ id: MemberID, _ list: [ListedMember]) -> String? {
        guard let member = list.first(where: { $0.id == id }) else { return "it is not listed" }
        if !Self.podName(member).hasPrefix("demo-") { return "a stranger is removed" }
        if !isQuorate { return "a removal without a quorum" }
        if member.isLearner { return nil }
        let rest = healthy.filter { $0 != id }.count
        if voters < 2 { return "the last voter is removed" }
        if rest < quorum(voters - 1) { return "\(rest) of \(voters - 1) voters would be healthy" }
        let isPlanned = record?["type"] == "ScaleIn"
        let isSpared = rest - 1 >= quorum(voters - 1) || (voters <= 3 && rest == voters - 1)
        return !isPlanned || isSpared ? nil : "a planned removal leaves none to spare"
    }

    private func broken(_ key: ObjectKey, _ uid: String, _ options: Deletion) -> String? {
        if uid.isEmpty { return "a deletion without a UID" }
        switch key.kind {
        case .pod: return brokenStop(key.name, options)
        case .persistentVolumeClaim:
            if seen.cluster.isBeingDeleted { return nil }
            guard let list else { return "a claim goes and nobody knows the list" }
            if !isQuorate { return "a claim goes without a quorum" }
            if list.contains(where: { "data-\(Self.podName($0))" == key.name }) {
                return "the claim of a listed member goes"
            }
            let claim = seen.claims.first { $0.name == key.name }
            let mark = claim?.annotations[Membership.clusterUIDNote] ?? "uid-1"
            return mark == "uid-1" ? nil : "another cluster's claim goes"
        default: return nil
        }
    }

    /// safeToDisrupt. Of whom nothing is known, only a pod in which nothing runs may be stopped.
    private func brokenStop(_ name: String, _ options: Deletion) -> String? {
        let probe = seen.etcd.probes.first { $0.podName == name }
        guard let list else {
            let isMute = probe.map { !$0.identity.isKnown && !$0.status.isKnown } ?? true
            let pod = seen.pods.first { $0.name == name }
            let isReady = pod?.condition("Ready")?.isTrue == true
            let isWaiting =
                pod?.list("status", "containerStatuses").first?["state"]?["waiting"] != nil
            let isPending = pod?.string("status", "phase") == "Pending"
            if isMute, isReady, !isWaiting, !isPending { return "an unknown member is stopped" }
            return probe?.isLinearizable == true ? "a member that answers is stopped" : nil
        }
        guard let member = list.first(where: { Self.podName($0) == name }) else { return nil }
        if options.gracePeriodSeconds == 0 { return "a listed member's pod is forced" }
        guard !member.isLearner, healthy.contains(member.id) else { return nil }
        if healthy.count - 1 >= quorum(voters) { return nil }
        return voters <= 2 && healthy.count == voters ? nil : "a voter that the quorum needs"
    }

    /// Fewer only when those that go have left the list, more only for who is in it.
    private func brokenReplicas(_ object: KubeObject) -> String? {
        if object.resourceVersion.isEmpty { return "an apply without a version" }
        let old = seen.statefulSet?.int("spec", "replicas") ?? 0
        let new = object.int("spec", "replicas") ?? 0
        if let list, old > 0, new > old,
            !list.contains(where: { Self.podName($0) == "demo-\(new - 1)" })
        {
            return "\(new) replicas and demo-\(new - 1) is not listed"
        }
        guard new < old, !(new == 0 && seen.cluster.bool("spec", "hibernate") == true) else {
            return nil
        }
        guard let list else { return "fewer replicas and nobody knows the list" }
        for ordinal in new..<old
        where list.contains(where: { Self.podName($0) == "demo-\(ordinal)" }) {
            return "fewer replicas while demo-\(ordinal) is listed"
        }
        return nil
    }
}
