// SPDX-License-Identifier: Apache-2.0
internal import Bytes
internal import Formats
internal import Kube
internal import Reconcile

// What is looked at between writes and at the end, and what a whole cluster is.

/// What the rules remember from second to second.
struct Watchdog {
    /// Operations that were on record once, with their steps and attempts.
    var recorded: Set<String> = []

    static func key(_ record: JSONValue?) -> String {
        let texts = ["id", "step", "stepStartedAt"].map { record?[$0]?.string ?? "" }
        return "\(texts.joined(separator: " ")) \(record?["attempts"]?.int64 ?? 0)"
    }

    /// The lists of clusters as they were.
    var lists: [(id: ClusterID, list: [ListedMember])] = []
    var bootstrapCount = 0
    /// For how long there has been no quorum while nothing kept the operator from seeing it.
    var quorumless = 0
}

extension World {
    /// After each second, with all the steps that were done in it.
    func watch() {
        for change in etcd.changedLists { watch(change.list, change.id) }
        etcd.changedLists = []
        for id in etcd.clusterIDs {
            if let list = etcd.quorumList(id) { watch(list, id) }
        }
        if etcd.bootstraps.count != watchdog.bootstrapCount {
            watchdog.bootstrapCount = etcd.bootstraps.count
            judgeBootstraps()
        }
        watchAvailable()
    }

    private func watch(_ list: [ListedMember], _ id: ClusterID) {
        let known = watchdog.lists.firstIndex { $0.id == id }
        if let known, watchdog.lists[known].list == list { return }
        // I1
        if list.filter({ $0.isLearner && podName($0) != "stranger:2380" }).count > 1 {
            fail("I1", "there are two learners")
        }
        guard let known else {
            watchdog.lists.append((id, list))
            return
        }
        // I3: a cluster's first member aside, whoever votes was promoted.
        let before = watchdog.lists[known].list
        for member in list where !member.isLearner && !etcd.promoted.contains(member.id) {
            if !before.contains(where: { $0.id == member.id && !$0.isLearner }) {
                fail("I3", "\(podName(member)) votes and was never promoted")
            }
        }
        watchdog.lists[known].list = list
    }

    private func judgeBootstraps() {
        let tokens = etcd.bootstraps
        if tokens.indices.contains(where: { tokens[..<$0].contains(tokens[$0]) }) {
            fail("I4", "bootstrapped twice: \(tokens)")
        }
    }

    /// I14: Available may outlive its quorum by one look and the time of the questions.
    private func watchAvailable() {
        let isSeen = knobs.isCalm && !operatorIsDown && !apiIsDown
        guard isSeen, truth == nil, let cluster = api.get(clusterKey), !cluster.isBeingDeleted
        else {
            watchdog.quorumless = 0
            return
        }
        watchdog.quorumless += 1
        if watchdog.quorumless > 40, cluster.condition("Available")?.isTrue == true {
            fail("I14", "Available after 40 s without a quorum")
        }
    }

    // MARK: At the end

    /// Nothing that was acknowledged is missing, and nothing was founded twice.
    func judgeHistory() {
        judgeBootstraps()
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
            && cluster.string("status", "clusterID") != nil
            && cluster.condition("Available")?.isTrue == true
            && cluster.condition("MembersReady")?.isTrue == true
            && cluster.condition("MembersUpdated")?.isTrue == true
            && api.get(key(.statefulSet, "demo"))?.int("spec", "replicas") == wanted
            && api.list(.pod).count == wanted
    }

    /// I18: what is whole stays so without a write, and without a word.
    package func judgeSteadiness(seconds: Int = 600) {
        run(seconds: min(120, seconds), writes: true)
        judgeSteadyBudget()
        let before = writeCount
        let said = events.count
        let version = api.get(clusterKey)?.resourceVersion ?? ""
        run(seconds: seconds, writes: true)
        if writeCount != before {
            let later = api.get(clusterKey)?.resourceVersion ?? ""
            fail("I18", "\(writeCount - before) writes in a steady world, \(version) to \(later)")
        }
        if events.count != said { fail("I18", "events in a steady world") }
    }

    /// I13: the quorum of those that vote, and no budget where one would block every drain.
    private func judgeSteadyBudget() {
        guard failure == nil, isWhole, let (_, list) = truth else { return }
        let voters = list.filter { !$0.isLearner }
        let wanted = voters.count > 1 ? QuorumCount.quorum(of: voters.count) : nil
        let budget = api.get(key(.podDisruptionBudget, "demo"))
        if budget?.int("spec", "minAvailable") != wanted {
            fail("I13", "\(voters.count) voters and \(budget?["spec"]?.description ?? "no budget")")
        }
        for member in voters
        where api.get(key(.pod, podName(member)))?.labels["keelson.dev/role"] != "voter" {
            fail("I13", "\(podName(member)) votes and its pod does not say so")
        }
    }
}
