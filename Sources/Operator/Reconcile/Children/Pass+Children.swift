// SPDX-License-Identifier: Apache-2.0
internal import Bytes
internal import Formats
internal import Kube

extension Pass {
    /// Makes the first child that is missing, or mends the first that says something else. True if
    /// this pass has its step.
    mutating func planChildren() -> Bool {
        let plain = PlainChildren(desired: desired, owner: observation.cluster)
        let there = observation
        return takeChild(plain.serviceAccount(), there.serviceAccount)
            || takeChild(plain.peersService(), service(desired.peersName))
            || takeChild(plain.clientService(), service(desired.name))
            || takeToken(plain.adminSecret())
            || takeCertificates()
            || takeMembership()
            || takeStatefulSet()
            || takeBudget(plain)
            || takeMonitors()
            || takeMarks()
    }

    private func service(_ name: String) -> KubeObject? {
        observation.services.first { $0.name == name }
    }

    mutating func setStep(_ step: Step, _ id: String) -> Bool {
        // A child that cannot be made must not keep members from being cared for.
        if let outcome = observation.outcome, outcome.operationID == id, outcome.failure != nil {
            return false
        }
        self.step = step
        stepID = id
        requeue = .zero
        return true
    }

    mutating func takeChild(_ wanted: KubeObject, _ there: KubeObject?) -> Bool {
        let id = "child/\(wanted.kind)/\(wanted.name)"
        var wanted = Child.stamped(wanted)
        guard let there else { return setStep(.create(wanted), id) }
        guard !there.isBeingDeleted, !Child.isSame(wanted, as: there) else { return false }
        wanted.resourceVersion = there.resourceVersion
        return setStep(.apply(wanted), id)
    }

    private mutating func takeToken(_ wanted: KubeObject) -> Bool {
        guard !observation.secrets.contains(where: { $0.name == wanted.name }) else { return false }
        return setStep(.createToken(wanted), "child/Secret/\(wanted.name)")
    }

    // MARK: The membership

    /// The map is made when a cluster is founded. If it was deleted since, it is made again from
    /// the live list: the facts in it are not to be guessed.
    private mutating func takeMembership() -> Bool {
        guard observation.configMap == nil else { return false }
        let id = "child/ConfigMap/\(desired.membershipName)"
        if let type = operation?.type, type == .bootstrap || type == .restore {
            return writeMap(Membership(clusterUID: founder), id)
        }
        guard hasHistory, ClaimMarks(observation.claims).problem == nil else { return false }
        guard survey.isListKnown, let clusterID = survey.clusterID else {
            return false
        }
        var rebuilt = Membership(clusterUID: founder)
        rebuilt.clusterID = clusterID
        rebuilt.restoreGeneration = restoreGeneration
        for member in survey.members {
            guard let listed = member.listed else { continue }
            rebuilt.set(
                member.name,
                Ticket(
                    .resume, clusterUID: founder, generation: nextGeneration,
                    restoreGeneration: restoreGeneration, memberID: listed.id))
        }
        return writeMap(rebuilt, id)
    }

    /// The UID that the cluster's disks carry: the first sign of it that there is.
    private var founder: String {
        let signs = [
            latchedClusterUID, ClaimMarks(observation.claims).clusterUID ?? "",
            survey.members.compactMap { $0.identity?.clusterUID }.first { !$0.isEmpty } ?? "",
        ]
        return signs.first { !$0.isEmpty } ?? desired.uid
    }

    private mutating func writeMap(_ map: Membership, _ id: String) -> Bool {
        setStep(
            MembershipWriter.step(map, over: nil, desired, observation.cluster), id)
    }

    // MARK: The stateful set

    /// Tickets say how many pods there are; while a cluster is founded, one. Hibernation, none.
    var wantedReplicas: Int? {
        guard let membership else { return nil }
        if desired.isHibernating, operation == nil { return 0 }
        let founding =
            operation?.type == .bootstrap || operation?.type == .adopt
            || (operation?.type == .restore && operation?.step != .checkArtefact)
        return max(membership.replicas(desired), founding ? 1 : 0)
    }

    private mutating func takeStatefulSet() -> Bool {
        guard let replicas = wantedReplicas else { return false }
        let restoring = operation?.type == .restore
        let builder = StatefulSetBuilder(
            desired: desired, owner: observation.cluster,
            restore: restoring ? RestoreSource(desired.restore) : nil)
        let id = "child/StatefulSet/\(desired.name)"
        guard let there = observation.statefulSet else {
            guard replicas > 0 || !(membership?.isVirgin ?? true), hasCertificates else {
                return false
            }
            return setStep(.create(Child.stampedSet(builder.build(replicas: replicas))), id)
        }
        guard !there.isBeingDeleted else { return false }
        let current = there.int("spec", "replicas") ?? 1
        var wanted = Child.stampedSet(
            builder.build(
                replicas: mayShrink(from: current, to: replicas)
                    ? grown(from: current, to: replicas) : current))
        // What cannot be changed stays; `Resize` makes the set anew.
        wanted["spec", "volumeClaimTemplates"] = there["spec", "volumeClaimTemplates"]
        wanted["spec", "serviceName"] = there["spec", "serviceName"]
        wanted["spec", "selector"] = there["spec", "selector"]
        if specProblem != nil {
            wanted["spec", "template"] = there["spec", "template"]
            wanted.annotations[Names.appliedNote] = there.annotations[Names.appliedNote]
        }
        guard !Child.isSame(wanted, as: there) else { return false }
        wanted.resourceVersion = there.resourceVersion
        return setStep(.apply(wanted), id)
    }

    /// Fewer only when those that go are not in the list, by a quorum read of this pass.
    private func mayShrink(from current: Int, to replicas: Int) -> Bool {
        guard replicas < current else { return true }
        if desired.isHibernating, replicas == 0 { return true }
        guard survey.isListKnown else { return false }
        return !survey.members.contains { $0.ordinal >= replicas && $0.listed != nil }
    }

    /// Tickets may be older than the set, or outlive their members: it grows for who is in the list,
    /// and not for who has left it, whatever operation is on record (I7).
    private func grown(from current: Int, to replicas: Int) -> Int {
        guard replicas > current, current > 0, survey.isListKnown else { return replicas }
        let last = (current..<replicas).last { survey.member($0)?.listed != nil }
        return last.map { $0 + 1 } ?? current
    }

    // MARK: The budget and the marks

    private mutating func takeBudget(_ plain: PlainChildren) -> Bool {
        let id = "child/PodDisruptionBudget/\(desired.name)"
        let voters = max(
            survey.count.voters,
            survey.isListKnown ? 0 : memory.members.filter { $0.memberID != nil }.count)
        let planned = min(desired.replicas, voters + 1)
        let wanted =
            desired.hasDisruptionBudget && !desired.isHibernating
            ? Guards.minAvailable(voters: voters, desired: planned) : nil
        guard let wanted else {
            guard let there = observation.disruptionBudget, !there.isBeingDeleted,
                survey.isListKnown || desired.isHibernating
            else { return false }
            return setStep(
                .delete(there.key(as: .podDisruptionBudget), uid: there.uid, Deletion()), id)
        }
        guard survey.isListKnown || observation.disruptionBudget == nil else { return false }
        return takeChild(plain.disruptionBudget(minAvailable: wanted), observation.disruptionBudget)
    }

    /// Pods say whether they vote; claims say whose data they hold.
    private mutating func takeMarks() -> Bool {
        guard survey.isListKnown, let clusterID = latchedClusterID, let membership else {
            return false
        }
        for member in survey.members {
            guard let listed = member.listed else { continue }
            let role = listed.isLearner ? "learner" : "voter"
            if let pod = member.pod, !pod.isBeingDeleted, pod.labels[Names.roleLabel] != role {
                let step = Patches.metadata(of: pod, .pod, "labels", [(Names.roleLabel, role)])
                if setStep(step, "mark/Pod/\(pod.name)") { return true }
            }
            guard member.isHealthy, let claim = member.claim, !claim.isBeingDeleted else {
                continue
            }
            let wanted = [
                (Membership.clusterUIDNote, membership.clusterUID),
                (Membership.clusterIDNote, clusterID.description),
                (Membership.memberIDNote, listed.id.description),
            ]
            guard wanted.contains(where: { claim.annotations[$0.0] != $0.1 }) else { continue }
            let step = Patches.metadata(
                of: claim, .persistentVolumeClaim, "annotations", wanted.map { ($0.0, $0.1) })
            if setStep(step, "mark/Claim/\(claim.name)") { return true }
        }
        return false
    }
}

extension Child {
    /// The note of a stateful set speaks of what may change without its replicas.
    static func stampedSet(_ set: KubeObject) -> KubeObject {
        var bare = set
        bare["spec", "replicas"] = nil
        bare["spec", "volumeClaimTemplates"] = nil
        var stamped = set
        stamped.annotations[Names.appliedNote] =
            Child.stamped(bare).annotations[Names.appliedNote]
        return stamped
    }
}
