// SPDX-License-Identifier: Apache-2.0
internal import Bytes
internal import Formats
internal import Kube
internal import Reconcile

// The invariants of the operator, checked against the truth at the moment of each write. The
// numbers are those of the operator's contract.
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

    private func healthyVoters(_ list: [ListedMember]) -> [ListedMember] {
        list.filter { !$0.isLearner && isHealthy($0) }
    }

    /// I14: the condition Available is never True without a quorum that answered in this pass.
    func judge(_ plan: Plan, _ view: Observation) {
        if let status = plan.status {
            for condition in status["conditions"]?.array ?? []
            where condition["type"]?.string == "Available" && condition["status"]?.string == "True"
            {
                if truth == nil { fail("I14", "Available without a quorum") }
            }
        }
        // I10, I17: without anything known of the members, nothing of theirs is changed.
        if let step = plan.step, !view.etcd.members.isKnown,
            view.etcd.probes.allSatisfy({ !$0.identity.isKnown }), isDestructive(step)
        {
            fail("I10", "\(World.words(step)) with nobody known")
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

    /// Looks at a step before it is done; false if a rule is broken, which ends the run.
    func allows(_ step: Step, _ view: Observation) -> Bool {
        switch step {
        case .etcd(let call, _): judge(call)
        case .delete(let key, let uid, let options): judge(key, uid, options, view)
        case .apply(let object) where object.kind == "StatefulSet",
            .create(let object) where object.kind == "StatefulSet":
            judgeReplicas(object)
        case .patch(let key, let patch) where key.kind == .configMap: judgeTickets(patch)
        case .apply, .create, .patch, .sendTicket, .createToken, .issueCertificates: break
        }
        return failure == nil
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

    private func judge(
        _ key: ObjectKey, _ uid: String, _ options: Deletion, _ view: Observation
    ) {
        if uid.isEmpty { fail("I15", "\(key) is deleted without its UID") }
        if key.kind == .persistentVolumeClaim { judgeClaim(key, uid) }
        if key.kind == .pod { judgePod(key, uid, options) }
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

    private func judgePod(_ key: ObjectKey, _ uid: String, _ options: Deletion) {
        count("pods deleted")
        guard let pod = api.get(key), pod.uid == uid, let (_, list) = truth,
            let member = list.first(where: { podName($0) == key.name })
        else { return }
        if options.gracePeriodSeconds == 0 {
            fail("I8", "\(key.name) is forced while its member is in the list")
        }
        guard !member.isLearner, isHealthy(member) else { return }
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

    // MARK: At the end

    /// Nothing that was acknowledged is missing, and nothing was founded twice.
    func judgeHistory() {
        let tokens = etcd.bootstraps
        if tokens.indices.contains(where: { tokens[..<$0].contains(tokens[$0]) }) {
            fail("I4", "bootstrapped twice: \(tokens)")
        }
        guard !lossIsAllowed, let id = truth?.id, let leader = etcd.leader(of: id),
            let log = etcd.disk(leader)?.log
        else { return }
        var index = 0
        for number in etcd.acknowledged {
            while index < log.count, log[index] < number { index += 1 }
            guard index < log.count, log[index] == number else {
                fail("lost", "write \(number) was acknowledged and is missing")
                return
            }
        }
    }

    var operationText: String {
        JSON.text(api.get(clusterKey)?["status", "operation"] ?? .null)
    }

    func conditionText(_ type: String) -> String {
        guard let condition = api.get(clusterKey)?.condition(type) else { return "none" }
        return "\(condition.status) \(condition.reason) \(condition.message)"
    }

    /// As many healthy voters as asked for, nothing under way, everything up to date.
    package var isWhole: Bool {
        guard let cluster = api.get(clusterKey), let (_, list) = truth else { return false }
        let wanted = cluster.int("spec", "replicas") ?? 3
        return list.count == wanted && healthyVoters(list).count == wanted
            && cluster["status", "operation"] == nil && etcd.alarms.isEmpty
            && cluster.condition("Available")?.isTrue == true
            && cluster.condition("MembersReady")?.isTrue == true
            && cluster.condition("MembersUpdated")?.isTrue == true
            && api.get(key(.statefulSet, "demo"))?.int("spec", "replicas") == wanted
            && api.list(.pod).count == wanted
    }

    /// I18: what is whole stays so without a write.
    package func judgeSteadiness(seconds: Int = 600) {
        run(seconds: min(120, seconds), writes: true)
        let before = writeCount
        let version = api.get(clusterKey)?.resourceVersion ?? ""
        run(seconds: seconds, writes: true)
        if writeCount != before {
            let later = api.get(clusterKey)?.resourceVersion ?? ""
            fail("I18", "\(writeCount - before) writes in a steady world, \(version) to \(later)")
        }
    }
}
