// SPDX-License-Identifier: Apache-2.0
internal import Bytes
internal import Controllers
internal import Formats
internal import Kube
internal import Reconcile

/// What happens to a cluster, beside what its operator does.
package enum Mishap: String, CaseIterable, Sendable {
    case deletePod, deleteLeaderPod, deleteAllPods, loseDisk, loseSeedDisk, crashProcess
    case cutMember, hideMembers, hostDown, scale, scaleTwice, changeConfig, badImage
    case deleteConfigMap, stripStatus, stripStatusAndMap, deleteStatefulSet, touchReplicas
    case addOutside, removeOutside, hibernate, pause, recreateCluster, operatorDown, noSpace
    case fragment, growStorage, corrupt, deleteBudget, moveLeader, replaceMember, stripMarks
    case freezeOperator, freezeBeforeStep, killOperator, apiDown, forgetHistory, deleteLease
}

extension World {
    package func found(replicas: Int) {
        var cluster = KubeObject(.etcdCluster, namespace: Self.namespace, name: "demo")
        cluster["spec"] = [
            "replicas": .integer(Int64(replicas)), "tls": ["mode": "Disabled"],
            "image": "keelson:1", "version": "3.5.1",
        ]
        if knobs.keepsClaims {
            cluster["spec", "storage", "retentionPolicy", "whenScaled"] = "Retain"
        }
        api.create(cluster, now: now)
    }

    func change(_ body: (inout KubeObject) -> Void) {
        guard var cluster = api.get(clusterKey) else { return }
        body(&cluster)
        cluster.resourceVersion = ""
        api.update(cluster)
    }

    package func set(replicas: Int) {
        note("user: replicas \(replicas)")
        change { $0["spec", "replicas"] = .integer(Int64(replicas)) }
    }

    private func somebody() -> String? {
        let pods = api.list(.pod)
        return pods.isEmpty ? nil : pods[random.below(pods.count)].name
    }

    var leaderPod: String? {
        truth.flatMap { etcd.leader(of: $0.id) }?.pod
    }

    func deletePod(_ name: String) { api.delete(key(.pod, name), now: now) }

    /// The claim and the pod on it.
    func loseDisk(_ name: String) {
        api.delete(key(.persistentVolumeClaim, "data-\(name)"), now: now)
        deletePod(name)
    }

    /// Whether one more voter may lose its disk without the cluster's data being at risk.
    private var canLoseOne: Bool {
        guard let (_, list) = truth else { return false }
        let voters = list.filter { !$0.isLearner }
        let good = voters.filter { voter in
            isHealthy(voter)
                && api.get(key(.persistentVolumeClaim, "data-\(podName(voter))"))?.isBeingDeleted
                    == false
        }
        return good.count - 1 >= QuorumCount.quorum(of: voters.count)
    }

    package func strike(_ mishap: Mishap) {
        note("mishap \(mishap.rawValue)")
        count("mishap \(mishap.rawValue)")
        switch mishap {
        case .deletePod: if let name = somebody() { deletePod(name) }
        case .deleteLeaderPod: if let name = leaderPod { deletePod(name) }
        case .deleteAllPods: for pod in api.list(.pod) { deletePod(pod.name) }
        case .loseDisk: if canLoseOne, let name = somebody() { loseDisk(name) }
        case .loseSeedDisk: if canLoseOne { loseDisk("demo-0") }
        case .crashProcess:
            if let name = somebody(), var process = etcd.processes[name] {
                process.exitCode = 1
                etcd.processes[name] = process
            }
        case .cutMember: flip(somebody()) { $0.isCut = true }
        case .hideMembers: for name in etcd.processes.keys { flip(name) { $0.isHidden = true } }
        case .hostDown:
            etcd.downHosts = ["host-\(random.below(7))"]
            nodeList = nil
        case .scale: set(replicas: [1, 3, 5][random.below(3)])
        case .scaleTwice:
            set(replicas: 5)
            run(seconds: 1 + random.below(40))
            set(replicas: 3)
        case .changeConfig:
            change { $0["spec", "options"] = ["snapshotCount": .integer(self.second)] }
        case .badImage: change { $0["spec", "image"] = "keelson:bad" }
        default: strikeHarder(mishap)
        }
    }

    private func flip(_ name: String?, _ body: (inout SimProcess) -> Void) {
        guard let name else { return }
        _ = etcd.processes.update(name, body)
    }

    private func strikeHarder(_ mishap: Mishap) {
        switch mishap {
        case .deleteConfigMap: api.remove(key(.configMap, "demo-membership"))
        case .stripStatus: api.updateStatus(clusterKey, version: nil, [:])
        case .stripStatusAndMap:
            guard hasMarks else { return }
            api.updateStatus(clusterKey, version: nil, [:])
            api.remove(key(.configMap, "demo-membership"))
        case .deleteStatefulSet:
            isOrphaned = true
            api.remove(key(.statefulSet, "demo"), orphan: true)
        case .touchReplicas:
            replicasWereTouched = true
            if var set = api.get(key(.statefulSet, "demo")) {
                set["spec", "replicas"] = .integer(Int64(random.below(6)))
                api.update(set)
            }
        case .addOutside:
            listedOutside = true
            if let id = truth?.id { etcd.addOutside(id, url: "http://stranger:2380") }
        case .removeOutside:
            if let (_, list) = truth, canLoseOne, let leaderPod {
                let member = list[random.below(list.count)]
                _ = etcd.call(.remove(member.id), pod: leaderPod)
            }
        case .hibernate: change { $0["spec", "hibernate"] = true }
        case .pause: change { $0["spec", "paused"] = true }
        case .recreateCluster: recreateCluster()
        case .operatorDown: operatorIsDown = true
        default: strikeStores(mishap)
        }
    }

    /// With claims that nobody marked, nothing would be left that knows of the cluster.
    private var hasMarks: Bool {
        let claims = api.list(.persistentVolumeClaim)
        return claims.isEmpty || claims.contains { !$0.annotations.isEmpty }
    }

    private func recreateCluster() {
        guard hasMarks else { return }
        operatorIsDown = false
        let spec = api.get(clusterKey)?["spec"]
        api.delete(clusterKey, now: now)
        run(seconds: 120) { self.api.get(self.clusterKey) == nil }
        if api.get(clusterKey) != nil {
            // The weather may be too bad for an operator, but not its members.
            let storm = knobs
            knobs = storm.peace
            apiIsDown = false
            run(seconds: 240) { self.api.get(self.clusterKey) == nil }
            knobs = storm
        }
        guard api.get(clusterKey) == nil else {
            fail("I16", "the cluster object is not gone after minutes of calm")
            return
        }
        run(seconds: random.below(30))
        var cluster = KubeObject(.etcdCluster, namespace: Self.namespace, name: "demo")
        cluster["spec"] = spec
        api.create(cluster, now: now)
    }

    private func strikeStores(_ mishap: Mishap) {
        switch mishap {
        case .noSpace:
            guard let (_, list) = truth, let first = list.first else { return }
            etcd.alarms = [MemberAlarm(kind: .noSpace, memberID: first.id)]
            for name in etcd.disks.keys { resize(name, 2100 << 20, 300 << 20) }
        case .fragment: for name in etcd.disks.keys { resize(name, 900 << 20, 100 << 20) }
        case .growStorage: change { $0["spec", "storage", "size"] = "16Gi" }
        case .corrupt:
            guard canLoseOne, etcd.alarms.isEmpty, let (_, list) = truth else { return }
            let voters = list.filter { !$0.isLearner }
            let member = voters[random.below(voters.count)]
            etcd.alarms.append(MemberAlarm(kind: .corrupt, memberID: member.id))
        case .deleteBudget: api.remove(key(.podDisruptionBudget, "demo"))
        case .moveLeader:
            change { $0.annotations["keelson.dev/move-leader"] = "auto" }
        case .replaceMember:
            if canLoseOne, let name = somebody() {
                change { $0.annotations["keelson.dev/replace-member"] = name }
            }
        case .stripMarks:
            // Without tickets the marks are all that is left of an earlier cluster.
            guard api.get(key(.configMap, "demo-membership"))?.map("data").isEmpty == false else {
                return
            }
            for claim in api.list(.persistentVolumeClaim) {
                var bare = claim
                bare.annotations = [:]
                api.update(bare)
            }
        default: strikeOperator(mishap)
        }
    }

    /// Whoever leads, or might.
    private var leading: OperatorProcess {
        operators.first { $0.election?.isLeader(now: now) == true }
            ?? operators[random.below(operators.count)]
    }

    private func strikeOperator(_ mishap: Mishap) {
        switch mishap {
        case .freezeOperator:
            leading.frozenUntil = now + .seconds(Int64(5 + random.below(90)))
        case .freezeBeforeStep: leading.freezesBeforeStep = true
        case .killOperator: kill(leading)
        case .apiDown: apiIsDown = true
        case .forgetHistory:
            // Whoever is behind, or has no stream, must list again.
            api.forgetHistory()
            for process in operators {
                for index in process.watches.indices where random.chance(percent: 50) {
                    process.watches[index].expiresAt = now
                }
            }
        case .deleteLease: api.remove(key(.lease, "keelson-operator"))
        default: break
        }
    }

    private func resize(_ claim: String, _ size: Int64, _ used: Int64) {
        guard var disk = etcd.disks[claim] else { return }
        disk.sizeBytes = size
        disk.inUseBytes = used
        etcd.disks[claim] = disk
    }

    /// Ends what a mishap began and what only people or time can end.
    package func heal(all: Bool) {
        for name in etcd.processes.keys {
            flip(name) { process in
                process.isCut = false
                process.isHidden = false
            }
        }
        if !etcd.downHosts.isEmpty {
            etcd.downHosts = []
            nodeList = nil
        }
        operatorIsDown = false
        apiIsDown = false
        change { cluster in
            cluster["spec", "hibernate"] = nil
            cluster["spec", "paused"] = nil
            cluster["spec", "image"] = "keelson:1"
        }
        guard all else { return }
        guard listedOutside, let (_, list) = truth, let leaderPod else { return }
        for member in list where podName(member) == "stranger:2380" {
            _ = etcd.call(.remove(member.id), pod: leaderPod)
        }
        listedOutside = truth?.list.contains { podName($0) == "stranger:2380" } ?? true
    }
}
