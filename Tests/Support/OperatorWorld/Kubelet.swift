// SPDX-License-Identifier: Apache-2.0
internal import Bytes
internal import Formats
internal import Kube
internal import Reconcile

// The built-in controllers and the kubelets of the simulated cluster, as far as members see them.
extension World {
    static let namespace = "ns"
    var clusterKey: ObjectKey { ObjectKey(.etcdCluster, namespace: Self.namespace, name: "demo") }
    func key(_ kind: ResourceKind, _ name: String) -> ObjectKey {
        ObjectKey(kind, namespace: Self.namespace, name: name)
    }

    var timestamp: String { KubeTime.seconds(now.nanoseconds) }

    func runControllers() {
        collectGarbage()
        runStatefulSet()
        for pod in api.list(.pod) { runPod(pod) }
        finishClaims()
        runBackupsAndJobs()
    }

    private static let ownedKinds: [ResourceKind] = [
        .statefulSet, .service, .configMap, .secret, .serviceAccount, .podDisruptionBudget, .job,
    ]

    /// Only a cluster object that was deleted leaves any.
    private func collectGarbage() {
        let uids = api.list(.etcdCluster).map(\.uid)
        guard uids != clusterUIDs || uids.isEmpty || second % 10 == 0 else { return }
        clusterUIDs = uids
        for kind in Self.ownedKinds {
            for object in api.list(kind) {
                guard let owner = object.ownerReferences.first, !uids.contains(owner.uid) else {
                    continue
                }
                api.remove(object.key(as: kind), orphan: true)
            }
        }
    }

    private func runStatefulSet() {
        guard let set = api.get(key(.statefulSet, "demo")) else {
            // Pods of a set that is gone and was not orphaned go with it.
            if !isOrphaned {
                for pod in api.list(.pod) where !pod.isBeingDeleted {
                    api.delete(pod.key(as: .pod), now: now)
                }
            }
            return
        }
        isOrphaned = false
        let revision = revisionHash(of: set)
        if set["status", "observedGeneration"] != .integer(set.generation) {
            api.updateStatus(
                set.key(as: .statefulSet), version: nil,
                [
                    "observedGeneration": .integer(set.generation),
                    "updateRevision": .string(revision),
                ])
        }
        let replicas = set.int("spec", "replicas") ?? 1
        for ordinal in 0..<max(0, replicas) { makeMember(ordinal, set, revision) }
        for pod in api.list(.pod) where !pod.isBeingDeleted {
            let ordinal = Int(pod.name.split(separator: "-").last ?? "") ?? 0
            let phase = pod.string("status", "phase") ?? ""
            if ordinal >= replicas || phase == "Failed" || phase == "Succeeded" {
                api.delete(pod.key(as: .pod), now: now)
            }
        }
    }

    /// By its template, as a hash; a generation has one.
    private func revisionHash(of set: KubeObject) -> String {
        let id = "\(set.uid) \(set.generation)"
        if template.set == id { return template.revision }
        let text = JSON.bytes(
            set["spec", "template"] ?? .null, style: JSON.Style(sortsKeys: true))
        template = (id, "demo-\(String(CRC32C.of(text), radix: 16))")
        return template.revision
    }

    private func makeMember(_ ordinal: Int, _ set: KubeObject, _ revision: String) {
        let name = "demo-\(ordinal)"
        let claimKey = key(.persistentVolumeClaim, "data-\(name)")
        let pod = api.get(key(.pod, name))
        if api.get(claimKey) == nil, pod == nil || knobs.mendsPendingClaims {
            var claim = KubeObject(
                .persistentVolumeClaim, namespace: Self.namespace, name: claimKey.name)
            claim["spec"] = set.list("spec", "volumeClaimTemplates").first?["spec"]
            api.create(claim, now: now)
            let uid = api.get(claimKey)?.uid ?? ""
            api.updateStatus(
                claimKey, version: nil,
                [
                    "phase": "Bound",
                    "capacity": claim["spec", "resources", "requests"] ?? [:],
                ])
            etcd.disks[uid] = SimDisk()
        }
        guard pod == nil else { return }
        var new = KubeObject(.pod, namespace: Self.namespace, name: name)
        new.labels = KubeMap(set["spec", "template", "metadata", "labels"])
        new.labels["controller-revision-hash"] = revision
        new.ownerReferences = [OwnerReference(to: set)]
        new["spec", "image"] = set.list("spec", "template", "spec", "containers").first?["image"]
        new["spec", "containers"] = [["name": "etcd", "image": new["spec", "image"] ?? ""]]
        new["spec", "nodeName"] = .string("host-\(hostCount)")
        hostCount = (hostCount + 1) % 7
        api.create(new, now: now)
        api.updateStatus(key(.pod, name), version: nil, ["phase": "Pending"])
    }

    // MARK: One pod

    private func runPod(_ pod: KubeObject) {
        let host = pod.string("spec", "nodeName") ?? ""
        guard !etcd.downHosts.contains(host) else { return }
        let process = etcd.processes[pod.name]
        if pod.isBeingDeleted {
            endPod(pod)
            return
        }
        guard let process, process.podUID == pod.uid else {
            startPod(pod)
            return
        }
        if process.exitCode != nil {
            crashed(pod, process)
            return
        }
        let isReady = etcd.disk(process).map { $0.memberID != nil && !$0.isRemoved } ?? false
        report(pod, phase: "Running", isReady: isReady, waiting: "", process)
    }

    private func endPod(_ pod: KubeObject) {
        if etcd.processes[pod.name]?.podUID == pod.uid { etcd.processes[pod.name] = nil }
        restarts[pod.name] = nil
        api.delete(pod.key(as: .pod), grace: 0, now: now)
    }

    private func startPod(_ pod: KubeObject) {
        let claim = api.get(key(.persistentVolumeClaim, "data-\(pod.name)"))
        guard let claim, !claim.isBeingDeleted else { return }
        if (pod.string("spec", "image") ?? "").contains("bad") {
            report(pod, phase: "Pending", isReady: false, waiting: "ImagePullBackOff", nil)
            return
        }
        var process = SimProcess(
            pod: pod.name, podUID: pod.uid, claimUID: claim.uid,
            host: pod.string("spec", "nodeName") ?? "")
        process.delay = random.below(3) + (knobs.slowStarts ? 5 : 0)
        etcd.processes[pod.name] = process
        report(pod, phase: "Running", isReady: false, waiting: "", process)
    }

    private func crashed(_ pod: KubeObject, _ process: SimProcess) {
        let count = (restarts[pod.name] ?? 0) + 1
        restarts[pod.name] = count
        var again = process
        again.exitCode = count > 1 && process.exitCode == 4 ? 4 : nil
        if knobs.crashing.contains(pod.name) { again.exitCode = 1 }
        again.ticket = nil
        again.delay = min(count, 20)
        etcd.processes[pod.name] = again
        report(
            pod, phase: "Running", isReady: false,
            waiting: count >= 3 ? "CrashLoopBackOff" : "", process)
    }

    private func report(
        _ pod: KubeObject, phase: String, isReady: Bool, waiting: String, _ process: SimProcess?
    ) {
        let report = PodReport(
            podUID: pod.uid, phase: phase, isReady: isReady, waiting: waiting,
            restarts: restarts[pod.name] ?? 0, exitCode: process?.exitCode)
        guard reports[pod.name] != report else { return }
        reports[pod.name] = report
        let old = pod.condition("Ready")
        let ready = isReady ? "True" : "False"
        let since = old?.status == ready ? old?.lastTransitionTime ?? "" : timestamp
        var container: [(String, JSONValue)] = [
            ("name", "etcd"), ("restartCount", .integer(Int64(restarts[pod.name] ?? 0))),
        ]
        if !waiting.isEmpty {
            container.append(("state", ["waiting": ["reason": .string(waiting)]]))
            let code = Int64(process?.exitCode ?? 0)
            container.append(("lastState", ["terminated": ["exitCode": .integer(code)]]))
        }
        api.updateStatus(
            pod.key(as: .pod), version: nil,
            [
                "phase": .string(phase), "podIP": "127.0.0.1",
                "conditions": [
                    [
                        "type": "Ready", "status": .string(ready),
                        "lastTransitionTime": .string(since),
                    ]
                ],
                "containerStatuses": [.object(container)],
            ])
    }

    /// A claim that is being deleted goes when no process runs on it.
    private func finishClaims() {
        for claim in api.list(.persistentVolumeClaim) {
            let inUse = etcd.processes.values.contains { $0.claimUID == claim.uid }
            if claim.isBeingDeleted, !inUse, claim.finalizers.isEmpty {
                etcd.disks[claim.uid] = nil
                api.remove(claim.key(as: .persistentVolumeClaim))
                continue
            }
            let wanted = claim["spec", "resources", "requests"]
            guard let wanted, claim["status", "capacity"] != wanted else { continue }
            api.updateStatus(
                claim.key(as: .persistentVolumeClaim), version: nil,
                ["phase": "Bound", "capacity": wanted])
        }
    }

    private func runBackupsAndJobs() {
        for job in api.list(.job) where job.condition("Complete") == nil {
            api.updateStatus(
                job.key(as: .job), version: nil,
                ["conditions": [["type": "Complete", "status": "True"]]])
        }
    }
}

/// What a kubelet has said of a pod; it says the same only once.
struct PodReport: Equatable {
    var podUID: String
    var phase: String
    var isReady: Bool
    var waiting: String
    var restarts: Int
    var exitCode: Int?
}
