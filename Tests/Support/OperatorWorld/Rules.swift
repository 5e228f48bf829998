// SPDX-License-Identifier: Apache-2.0
internal import Bytes
internal import Formats
internal import Kube
internal import Reconcile

// The invariants of the operator, by the numbers of its contract. Here: those of single writes,
// checked against the truth at the moment of each. `Watchdog` has those of the time between.
//
//   I1  one learner at a time              I10 nothing is done to members of whom nothing is known
//   I2  who stays is a quorum              I11 no disk goes below quorum
//   I3  voters are promoted learners       I12 no healthy voter is stopped that the quorum needs
//   I4  one bootstrap                      I13 the disruption budget is the quorum
//   I5  intent is on record first          I14 Available only with a quorum
//   I6  identity from this pass's list     I15 each write says what it rests on
//   I7  replicas follow the list           I16 deletion needs no members
//   I8  no claim of a listed member        I17 no pass holds up others
//   I9  never the last copy                I18 a steady world sees no write
//
// A request that was decided on in time and sent late (`isHeld`) is judged for what versions and
// UIDs can keep from happening: not for I7 and I12, where no object says what changed meanwhile.
extension World {
    /// The list as a quorum has it, with the cluster's ID.
    var truth: (id: ClusterID, list: [ListedMember])? {
        for id in etcd.clusterIDs {
            if let list = etcd.quorumList(id) { return (id, list) }
        }
        return nil
    }

    func podName(_ member: ListedMember) -> String {
        let url = member.peerURLs.first ?? ""
        let host = url.split(separator: "/").last ?? ""
        return String(host.split(separator: ".").first ?? "")
    }

    func isHealthy(_ member: ListedMember) -> Bool {
        guard let process = etcd.process(member.id) else { return false }
        return !process.isCut && etcd.isUp(process)
    }

    func healthyVoters(_ list: [ListedMember]) -> [ListedMember] {
        list.filter { !$0.isLearner && isHealthy($0) }
    }

    // MARK: A plan, before anything of it is done

    func judge(_ plan: Plan, _ view: Observation, _ process: OperatorProcess) {
        judgeAvailable(plan)
        // I6: the list that it goes by is a quorum's, and as old as this pass.
        if let list = view.etcd.members.value {
            let real = view.etcd.clusterID.flatMap { etcd.quorumList($0) } ?? []
            if list != real { fail("I6", "a member list that no quorum has: \(list.count)") }
        }
        // I10: without anything known of the members, nothing of theirs is changed.
        if let step = plan.step, !view.etcd.members.isKnown,
            view.etcd.probes.allSatisfy({ !$0.identity.isKnown }), isDestructive(step)
        {
            fail("I10", "\(World.words(step)) with nobody known")
        }
        // I17: whoever wants the next pass at once has changed something in this one.
        if plan.requeueAfter > .seconds(60) || plan.requeueAfter < .zero {
            fail("I17", "the next look is in \(plan.requeueAfter)")
        }
        let isIdle = plan.requeueAfter == .zero && plan.status == nil && plan.step == nil
        process.idleHurries = isIdle ? process.idleHurries + 1 : 0
        if process.idleHurries > 3 { fail("I17", "it goes round without a pause") }
    }

    /// I14: the condition Available is never True without a quorum that answered in this pass.
    private func judgeAvailable(_ plan: Plan) {
        for condition in plan.status?["conditions"]?.array ?? []
        where condition["type"]?.string == "Available" && condition["status"]?.string == "True" {
            if truth == nil { fail("I14", "Available without a quorum") }
        }
    }

    private func isDestructive(_ step: Step) -> Bool {
        switch step {
        case .delete(let key, _, _):
            key.kind == .persistentVolumeClaim && !deletesEverything
        case .etcd: true
        case .create, .apply, .patch, .sendTicket, .createToken, .issueCertificates: false
        }
    }

    // MARK: A step that is about to be sent

    func judgeIntent(_ step: Step, _ plan: Plan, _ view: Observation, isHeld: Bool) {
        judgeRecord(plan, view)
        judgePreconditions(step)
        guard !isHeld, case .etcd(let call, _) = step else { return }
        judge(call)
        judgeIdentity(call, plan, view)
    }

    /// I5: whatever belongs to an operation is on record before it is done. Children, marks and the
    /// finalizer are no operations: they are what the objects say already.
    private func judgeRecord(_ plan: Plan, _ view: Observation) {
        let id = plan.operationID
        let isPlain =
            id.hasPrefix("child/") || id.hasPrefix("mark/") || id.hasPrefix("renew/")
            || id == "finalizer" || id == "deletion"
        guard !isPlain else { return }
        let record = (plan.status ?? view.cluster["status"])?["operation"]
        if record?["id"]?.string != id || !watchdog.recorded.contains(Watchdog.key(record)) {
            fail("I5", "\(id) is not on record as it is done")
        }
    }

    /// I15: what an operator that was deposed writes must fail.
    private func judgePreconditions(_ step: Step) {
        switch step {
        case .delete(let key, let uid, _):
            if uid.isEmpty { fail("I15", "\(key) is deleted without its UID") }
        case .patch(let key, let patch):
            let metadata = patch["metadata"]
            if metadata?["uid"]?.string ?? "" == "" || metadata?["resourceVersion"] == nil {
                fail("I15", "\(key) is patched whatever it says")
            }
        case .apply(let object):
            guard object.resourceVersion.isEmpty,
                let kind = SmallAPI.kinds.first(where: { $0.kind == object.kind }),
                api.get(object.key(as: kind)) != nil
            else { return }
            fail("I15", "\(object.kind) \(object.name) is applied over whatever it says")
        case .create, .sendTicket, .etcd, .createToken, .issueCertificates: break
        }
    }

    /// I6: an ID is that of the operation's target in the list of this pass.
    private func judgeIdentity(_ call: EtcdCall, _ plan: Plan, _ view: Observation) {
        let id: MemberID
        switch call {
        case .remove(let member), .promote(let member): id = member
        case .addLearner, .moveLeader, .compact, .defragment, .disarm: return
        }
        let status = plan.status ?? view.cluster["status"]
        let target = status?["operation"]?["target"]?.string ?? ""
        guard let member = view.etcd.members.value?.first(where: { $0.id == id }) else {
            return fail("I6", "\(id) is not in the list of this pass")
        }
        if podName(member) != target { fail("I6", "\(id) is \(podName(member)), not \(target)") }
    }

    private func judge(_ call: EtcdCall) {
        guard let (_, list) = truth else { return }
        switch call {
        case .addLearner(let urls):
            count("learners added")
            // I1, with those that somebody else added not counted.
            if list.contains(where: \.isLearner), !listedOutside {
                fail("I1", "a second learner \(urls)")
            }
        case .remove(let id):
            count("members removed")
            let rest = list.filter { $0.id != id }
            let voters = rest.filter { !$0.isLearner }
            guard list.contains(where: { $0.id == id && !$0.isLearner }) else { return }
            let healthy = healthyVoters(rest).count
            if healthy < QuorumCount.quorum(of: voters.count) || voters.isEmpty {
                fail("I2", "\(healthy) healthy of \(voters.count) voters without \(id)")
            }
        case .promote(let id):
            count("members promoted")
            guard let process = etcd.process(id), let disk = etcd.disk(process),
                disk.index + 1000 >= leaderIndex
            else { return }
            // I4, the other half: a voter may never begin anew.
            let map = api.get(key(.configMap, "demo-membership")).map { Membership($0) }
            if map?.ticket(process.pod)?.ticket.action == .join {
                fail("I4", "\(process.pod) is promoted while it may begin with an empty disk")
            }
        case .moveLeader, .compact, .defragment, .disarm: break
        }
    }

    private var leaderIndex: UInt64 {
        truth.flatMap { etcd.leader(of: $0.id) }.flatMap { etcd.disk($0)?.index } ?? 0
    }

    // MARK: A step that the API took

    /// The world's own objects are as they were before it.
    func judgeDone(_ step: Step, _ view: Observation, isHeld: Bool) {
        switch step {
        case .delete(let key, let uid, let options):
            if key.kind == .persistentVolumeClaim { judgeClaim(key, uid) }
            if key.kind == .pod { judgePod(key, uid, options, isHeld: isHeld) }
            if key.kind == .podDisruptionBudget { judgeNoBudget(view) }
        case .apply(let object), .create(let object):
            if object.kind == "StatefulSet", !isHeld { judgeReplicas(object) }
            if object.kind == "PodDisruptionBudget" { judgeBudget(object, view) }
        case .patch(let key, let patch): if key.kind == .configMap { judgeTickets(patch) }
        case .sendTicket, .etcd, .createToken, .issueCertificates: break
        }
    }

    private func judgeClaim(_ key: ObjectKey, _ uid: String) {
        count("claims deleted")
        guard !deletesEverything, api.get(key)?.uid == uid, let disk = etcd.disks[uid] else {
            return
        }
        guard let (id, list) = truth else {
            // I11
            if !disk.isEmpty { fail("I11", "\(key.name) is deleted below quorum") }
            return
        }
        if let member = disk.memberID, disk.clusterID == id,
            list.contains(where: { $0.id == member })
        {
            fail("I8", "\(key.name) is deleted while \(member) is in the list")
        }
        // I9: somebody else has all that was acknowledged.
        let others = zip(etcd.disks.keys, etcd.disks.values).contains {
            $0.0 != uid && !$0.1.isEmpty && $0.1.log.count >= disk.log.count
        }
        if !disk.isEmpty, !others { fail("I9", "\(key.name) is the last copy") }
    }

    private func judgePod(_ key: ObjectKey, _ uid: String, _ options: Deletion, isHeld: Bool) {
        count("pods deleted")
        guard let pod = api.get(key), pod.uid == uid, let (_, list) = truth,
            let member = list.first(where: { podName($0) == key.name })
        else { return }
        if options.gracePeriodSeconds == 0 {
            fail("I8", "\(key.name) is forced while its member is in the list")
        }
        guard !member.isLearner, isHealthy(member), !isHeld else { return }
        let voters = list.filter { !$0.isLearner }
        let healthy = healthyVoters(list).count
        if voters.count > 1, healthy - 1 < QuorumCount.quorum(of: voters.count) {
            fail("I12", "\(key.name) is stopped with \(healthy) healthy of \(voters.count)")
        }
    }

    /// I7: a pod is made for a member that is in the list, and goes when it has left.
    private func judgeReplicas(_ object: KubeObject) {
        let new = object.int("spec", "replicas") ?? 0
        let old = api.get(key(.statefulSet, "demo"))?.int("spec", "replicas") ?? 0
        guard let (_, list) = truth else { return }
        let listed = list.compactMap { Int(podName($0).split(separator: "-").last ?? "") }
        if new < old, new != 0 {
            for ordinal in new..<old where listed.contains(ordinal) {
                fail("I7", "replicas fall to \(new) while demo-\(ordinal) is in the list")
            }
        }
        if new > old, old != 0 {
            for ordinal in old..<new where !listed.contains(ordinal) && !replicasWereTouched {
                fail("I7", "replicas rise to \(new) before demo-\(ordinal) is in the list")
            }
        }
    }

    /// I13, by the list that the pass went by. While it is not known the old one is better than a
    /// guess, and a missing one is better guessed.
    private func judgeBudget(_ object: KubeObject, _ view: Observation) {
        if object.string("spec", "selector", "matchLabels", "keelson.dev/role") != "voter" {
            fail("I13", "the budget does not select voters")
        }
        guard let list = view.etcd.members.value else { return }
        let voters = list.filter { !$0.isLearner }.count
        let wanted = view.cluster.int("spec", "replicas") ?? 3
        let quorum = QuorumCount.quorum(of: max(voters, min(wanted, voters + 1)))
        let written = object.int("spec", "minAvailable") ?? 0
        if written != quorum || voters < 2 {
            fail("I13", "minAvailable is \(written) with \(voters) voters, \(wanted) wanted")
        }
    }

    private func judgeNoBudget(_ view: Observation) {
        let isWanted =
            view.cluster.bool("spec", "hibernate") != true && !view.cluster.isBeingDeleted
            && view.cluster.bool("spec", "podDisruptionBudget", "enabled") != false
        let voters = (view.etcd.members.value ?? []).filter { !$0.isLearner }.count
        if isWanted, voters > 1 { fail("I13", "\(voters) voters are to have no budget") }
    }

    /// I4: the permission to bootstrap is gone before there is a second member.
    private func judgeTickets(_ patch: JSONValue) {
        let map = api.get(key(.configMap, "demo-membership")).map { Membership($0) }
        guard let tickets = map?.tickets, tickets.count == 1 else { return }
        let grants = (patch["data"]?.object?.members ?? []).filter { !$0.value.isNull }
        let first = tickets.first?.ticket.action
        if grants.count > 1, first == .bootstrap || first == .restore {
            let still = grants.first { $0.key == tickets[0].pod }?.value.string ?? ""
            if still.contains("\"bootstrap\"") || still.contains("\"restore\",") {
                fail("I4", "a second ticket while the first may bootstrap")
            }
        }
    }
}
