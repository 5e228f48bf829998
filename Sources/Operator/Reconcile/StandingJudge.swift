// SPDX-License-Identifier: Apache-2.0
internal import Bytes
internal import Formats
internal import Kube

/// Sorts the members that are not healthy into classes, by evidence only. A time-out, an API error
/// or a right that is missing is no evidence.
struct StandingJudge {
    private let observation: Observation
    private let desired: DesiredCluster
    private let now: Instant
    private let corrupt: [MemberID]

    /// A container that was restarted so often does not get well by restarts.
    static let crashLoopRestarts = 5
    /// Of a node whose member was removed from the list; it never starts on that disk again.
    static let removedExitCode: Int64 = 4

    init(_ observation: Observation, desired: DesiredCluster, now: Instant) {
        self.observation = observation
        self.desired = desired
        self.now = now
        corrupt = observation.etcd.probes.compactMap(\.status.value)
            .flatMap { $0.alarms.value ?? [] }.filter { $0.kind == .corrupt }.map(\.memberID)
    }

    mutating func standing(_ member: MemberView) -> Standing {
        if let id = member.listed?.id, corrupt.contains(id) {
            return .lost(.corrupt, "it raised the alarm CORRUPT")
        }
        if member.isHealthy { return .healthy }
        if let loss = diskLoss(member) { return .lost(.disk, loss) }
        guard let pod = member.pod else { return withoutPod(member) }
        if let loss = nodeLoss(pod) { return loss }
        if pod.isBeingDeleted { return .transient("its pod is being deleted") }
        if let stuck = stuck(pod) { return stuck }
        if pod.condition("Ready")?.isTrue == true {
            return .unknown("its pod is ready, but it cannot be reached")
        }
        return notReady(pod, member)
    }

    // MARK: The disk

    private func diskLoss(_ member: MemberView) -> String? {
        if member.isVoter, member.identity?.state == .awaitingTicket,
            member.identity?.dataLost == true
        {
            return "its disk is empty"
        }
        guard !desired.isInMemory else { return nil }
        guard let claim = member.claim else {
            // Claims are made before their pods; without one, a pod that runs has none to lose.
            guard member.memory?.claimUID.isEmpty == false || member.ticket?.action == .resume,
                member.pod.map(Self.isPending) ?? true
            else { return nil }
            return "its claim \(desired.claimName(member.ordinal)) is gone"
        }
        if claim.string("status", "phase") == "Lost" {
            return "its claim \(claim.name) is Lost"
        }
        if let known = member.memory?.claimUID, !known.isEmpty, known != claim.uid,
            member.memory?.memberID == member.listed?.id
        {
            return "its claim \(claim.name) was replaced by another"
        }
        return volumeLoss(claim)
    }

    /// A volume that can only be reached from a node that is no more.
    private func volumeLoss(_ claim: KubeObject) -> String? {
        guard let volumes = observation.volumes.value, let nodes = observation.nodes.value,
            let name = claim.string("spec", "volumeName"),
            let volume = volumes.first(where: { $0.name == name })
        else { return nil }
        let terms = volume.list("spec", "nodeAffinity", "required", "nodeSelectorTerms")
        var hosts: [String] = []
        for term in terms {
            for rule in term["matchExpressions"]?.array ?? []
            where rule["key"]?.string == "kubernetes.io/hostname" {
                hosts += (rule["values"]?.array ?? []).compactMap(\.string)
            }
        }
        let present = nodes.map { $0.labels["kubernetes.io/hostname"] ?? $0.name }
        guard !hosts.isEmpty, !present.contains(where: hosts.contains) else { return nil }
        return "its volume \(name) belongs to node \(hosts[0]), which is gone"
    }

    // MARK: The node

    private func nodeLoss(_ pod: KubeObject) -> Standing? {
        guard let nodes = observation.nodes.value,
            let name = pod.string("spec", "nodeName"), !name.isEmpty
        else { return nil }
        guard let node = nodes.first(where: { $0.name == name }) else {
            return .lost(.node, "its node \(name) is gone")
        }
        let taints = node.list("spec", "taints").compactMap { $0["key"]?.string }
        if taints.contains("node.kubernetes.io/out-of-service") {
            return .lost(.node, "its node \(name) is out of service")
        }
        guard let ready = node.condition("Ready"), !ready.isTrue else { return nil }
        let since = age(ready.lastTransitionTime) ?? .zero
        if desired.replacesOnLostNodes, since > desired.podUnavailableTimeout {
            return .lost(.node, "its node \(name) has not been ready for too long")
        }
        return .transient("its node \(name) is not ready; it is waited for")
    }

    // MARK: The pod

    private static func isPending(_ pod: KubeObject) -> Bool {
        pod.string("status", "phase") ?? "Pending" == "Pending"
    }

    private func withoutPod(_ member: MemberView) -> Standing {
        .transient("it has no pod")
    }

    private func stuck(_ pod: KubeObject) -> Standing? {
        if let phase = pod.string("status", "phase"), phase == "Failed" || phase == "Succeeded" {
            // The stateful set makes a new one.
            return .transient("its pod has \(phase.lowercased())")
        }
        if let scheduled = pod.condition("PodScheduled"), scheduled.status == "False",
            let since = age(scheduled.lastTransitionTime), since > desired.podUnavailableTimeout
        {
            return .stuck("its pod could not be scheduled for too long")
        }
        guard let container = Self.container(pod) else { return nil }
        let restarts = container["restartCount"]?.int64 ?? 0
        let waiting = container["state"]?["waiting"]?["reason"]?.string ?? ""
        let last = container["lastState"]?["terminated"]
        if waiting == "CrashLoopBackOff", restarts >= Self.crashLoopRestarts {
            if last?["reason"]?.string == "OOMKilled" {
                return .transient("it runs out of memory; raise its limit")
            }
            let code = last?["exitCode"]?.int64 ?? 0
            let text = last?["message"]?.string ?? ""
            if code == 3 { return .unknown("it refuses a foreign volume: \(text)") }
            if Self.saysNoSpace(text) {
                return .unknown("its disk is full; raise spec.storage.size")
            }
            return .stuck("it crashed \(restarts) times, with exit code \(code)")
        }
        return nil
    }

    private static func saysNoSpace(_ text: String) -> Bool {
        let words = text.lowercased()
        return words.split(separator: " ").contains("enospc") || words.contains("no space left")
    }

    static func container(_ pod: KubeObject) -> JSONValue? {
        pod.list("status", "containerStatuses").first { $0["name"]?.string == "etcd" }
    }

    /// Its process is there and is not well. What keeps an image from being pulled or a container
    /// from being made is not the disk's fault and cannot be cured by another disk.
    private func notReady(_ pod: KubeObject, _ member: MemberView) -> Standing {
        let waiting = Self.container(pod)?["state"]?["waiting"]?["reason"]?.string ?? ""
        let faults = [
            "ErrImagePull", "ImagePullBackOff", "InvalidImageName", "CreateContainerConfigError",
            "CreateContainerError", "ContainerCreating", "PodInitializing",
        ]
        if faults.contains(waiting) { return .transient("its container waits: \(waiting)") }
        if Self.isPending(pod) { return .transient("its pod is pending") }
        if member.identity?.state == .awaitingTicket { return .transient("it waits for a ticket") }
        let since = pod.condition("Ready").flatMap { age($0.lastTransitionTime) } ?? .zero
        if since > desired.podUnavailableTimeout {
            return .stuck("its pod has not been ready for too long")
        }
        return .transient("its pod is not ready")
    }

    private func age(_ timestamp: String) -> Duration? {
        KubeTime.parse(timestamp).map { now - Instant(nanoseconds: $0) }
    }
}

extension Duration {
    var seconds: Int64 { nanoseconds / 1_000_000_000 }
}
