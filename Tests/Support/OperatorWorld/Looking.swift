// SPDX-License-Identifier: Apache-2.0
internal import Bytes
internal import Formats
internal import Kube
internal import Reconcile

// What an operator sees: objects from its caches, and what members answer right now.
extension World {
    /// Nil if it knows of no cluster.
    func observe(_ process: OperatorProcess) -> Observation? {
        guard let cluster = process.get(clusterKey) else { return nil }
        var view = Observation(cluster: cluster)
        view.statefulSet = process.get(key(.statefulSet, "demo"))
        view.pods = process.list(.pod)
        view.claims = process.list(.persistentVolumeClaim)
        view.configMap = process.get(key(.configMap, "demo-membership"))
        view.disruptionBudget = process.get(key(.podDisruptionBudget, "demo"))
        view.serviceAccount = process.get(key(.serviceAccount, "demo"))
        view.services = process.list(.service)
        view.secrets = process.list(.secret)
        view.jobs = process.list(.job)
        view.backups = process.list(.etcdBackup)
        view.backupSchedules = process.list(.etcdBackupSchedule)
        view.nodes = .known(nodes())
        view.etcd = probe(view.pods)
        view.outcome = process.outcome
        return view
    }

    private func nodes() -> [KubeObject] {
        if let nodeList { return nodeList }
        let nodes = (0..<7).map { number in
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
        nodeList = nodes
        return nodes
    }

    private func probe(_ pods: [KubeObject]) -> EtcdView {
        var asked = Asked()
        var view = EtcdView(probes: pods.map { probe($0, &asked) })
        for process in etcd.processes.values
        where etcd.isUp(process) && !process.isHidden && !process.isCut {
            guard pods.contains(where: { $0.uid == process.podUID }),
                let id = etcd.disk(process)?.clusterID, let list = asked.list(id, etcd)
            else { continue }
            view.members = .known(list)
            view.clusterID = id
            return view
        }
        return view
    }

    /// Leaders and lists, each found once in a pass.
    private struct Asked {
        private var found: [(id: ClusterID, leader: MemberID, list: [ListedMember]?)] = []

        mutating func leader(_ id: ClusterID, _ etcd: EtcdModel) -> MemberID {
            ask(id, etcd).leader
        }
        mutating func list(_ id: ClusterID, _ etcd: EtcdModel) -> [ListedMember]? {
            ask(id, etcd).list
        }

        private mutating func ask(
            _ id: ClusterID, _ etcd: EtcdModel
        ) -> (id: ClusterID, leader: MemberID, list: [ListedMember]?) {
            if let known = found.first(where: { $0.id == id }) { return known }
            let disk = etcd.leader(of: id).flatMap { etcd.disk($0) }
            let answer = (id, disk?.memberID ?? .none, disk?.members)
            found.append(answer)
            return answer
        }
    }

    private func probe(_ pod: KubeObject, _ asked: inout Asked) -> MemberProbe {
        var probe = MemberProbe(podName: pod.name)
        // Members are asked by the address of their pod: nobody answers for one that is gone.
        guard let process = etcd.processes[pod.name], process.podUID == pod.uid,
            etcd.isUp(process), !process.isHidden, let disk = etcd.disk(process),
            process.delay == 0
        else { return probe }
        var identity = NodeIdentity(
            state: disk.isEmpty ? .awaitingTicket : .running, podUID: process.podUID)
        identity.clusterUID = disk.clusterUID
        identity.clusterID = disk.clusterID
        identity.memberID = disk.memberID
        let action = process.ticket?.action
        identity.dataLost = disk.isEmpty && (action == nil || action == .resume)
        probe.identity = .known(identity)
        guard let clusterID = disk.clusterID, let memberID = disk.memberID else { return probe }
        let leader = asked.leader(clusterID, etcd)
        let isListed = asked.list(clusterID, etcd)?.contains { $0.id == memberID } ?? false
        let told: MemberID = process.isCut ? .none : leader
        probe.status = .known(
            NodeStatus(
                clusterID: clusterID, memberID: memberID, leader: told,
                term: Term(disk.term), raftIndex: LogIndex(disk.index),
                appliedIndex: LogIndex(disk.index), revision: Int64(disk.log.count),
                dbSizeBytes: disk.sizeBytes, dbInUseBytes: disk.inUseBytes, version: "3.5.1",
                alarms: told == .none ? .unknown("it has no leader") : .known(etcd.alarms)))
        probe.isLinearizable = leader != .none && !process.isCut && isListed
        return probe
    }
}
