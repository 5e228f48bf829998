// SPDX-License-Identifier: Apache-2.0
internal import Formats
internal import Kube

/// Puts pods on nodes: where they may be, then where the fewest like them are.
enum Scheduler {
    private static let component = "default-scheduler"

    static func reconcile(_ api: inout some ObjectAccess, _ changes: inout Changes) {
        let waiting = api.list(.pod, namespace: nil).filter {
            ($0.string("spec", "nodeName") ?? "").isEmpty && $0.isActivePod
                && $0.list("spec", "schedulingGates").isEmpty
        }
        for pod in waiting { place(pod, &api, &changes) }
    }

    private static func place(
        _ pod: KubeObject, _ api: inout some ObjectAccess, _ changes: inout Changes
    ) {
        let nodes = api.list(.node, namespace: nil)
        let placed = api.list(.pod, namespace: nil).filter {
            !($0.string("spec", "nodeName") ?? "").isEmpty && !$0.hasEnded
        }
        var obstacles: [String: Int] = [:]
        var fitting: [KubeObject] = []
        for node in nodes {
            if let obstacle = obstacle(pod, node, nodes, placed) {
                obstacles[obstacle, default: 0] += 1
            } else {
                fitting.append(node)
            }
        }
        guard let best = fitting.min(by: { score($0, pod, nodes, placed) < score($1, pod, nodes, placed) })
        else { return refuse(pod, nodes.count, obstacles, &api, &changes) }
        var bound = pod
        bound["spec", "nodeName"] = .string(best.name)
        let stored = api.put(bound, over: pod, &changes)
        guard stored.string("spec", "nodeName") == best.name else { return }
        var status = stored
        status.set(condition: "PodScheduled", "True", at: api.timestamp)
        api.putStatus(status, over: stored, &changes)
        EventNotes.add(
            &api, about: pod, "Scheduled",
            "Successfully assigned \(pod.namespace)/\(pod.name) to \(best.name)", by: component)
    }

    private static func refuse(
        _ pod: KubeObject, _ nodeCount: Int, _ obstacles: [String: Int],
        _ api: inout some ObjectAccess, _ changes: inout Changes
    ) {
        let reasons = obstacles.sorted { $0.key < $1.key }.map { "\($0.value) \($0.key)" }
        let message =
            "0/\(nodeCount) nodes are available"
            + (reasons.isEmpty ? "." : ": \(reasons.joined(separator: ", ")).")
        var status = pod
        status["status", "phase"] = "Pending"
        status.set(
            condition: "PodScheduled", "False", reason: "Unschedulable", message: message,
            at: api.timestamp)
        if status.isSame(as: pod) { return }
        api.putStatus(status, over: pod, &changes)
        EventNotes.add(
            &api, about: pod, isWarning: true, "FailedScheduling", message, by: component)
    }

    // MARK: May it be there?

    private static func obstacle(
        _ pod: KubeObject, _ node: KubeObject, _ nodes: [KubeObject], _ placed: [KubeObject]
    ) -> String? {
        if node.bool("spec", "unschedulable") == true { return "node(s) were unschedulable" }
        for taint in node.list("spec", "taints")
        where taint["effect"]?.string != "PreferNoSchedule" && !Taints.isTolerated(taint, by: pod)
        {
            return "node(s) had untolerated taint {\(taint["key"]?.string ?? ""): "
                + "\(taint["value"]?.string ?? "")}"
        }
        if node.condition("Ready")?.isTrue != true { return "node(s) were not ready" }
        let wanted = KubeMap(pod["spec", "nodeSelector"])
        if wanted.pairs.contains(where: { node.labels[$0.key] != $0.value }) || !fitsAffinity(pod, node)
        {
            return "node(s) didn't match Pod's node affinity/selector"
        }
        for term in pod.list(
            "spec", "affinity", "podAntiAffinity",
            "requiredDuringSchedulingIgnoredDuringExecution")
        where neighbours(term, of: pod, node, nodes, placed) > 0 {
            return "node(s) didn't match pod anti-affinity rules"
        }
        for spread in pod.list("spec", "topologySpreadConstraints")
        where spread["whenUnsatisfiable"]?.string != "ScheduleAnyway" {
            if exceeds(spread, pod, node, nodes, placed) {
                return "node(s) didn't match pod topology spread constraints"
            }
        }
        return nil
    }

    private static func fitsAffinity(_ pod: KubeObject, _ node: KubeObject) -> Bool {
        let terms = pod.list(
            "spec", "affinity", "nodeAffinity", "requiredDuringSchedulingIgnoredDuringExecution",
            "nodeSelectorTerms")
        if terms.isEmpty { return true }
        return terms.contains { term in
            guard
                let selector = LabelSelector(
                    json: .object([("matchExpressions", term["matchExpressions"] ?? [])]))
            else { return false }
            return selector.matches(node.labels)
        }
    }

    /// How many pods that the term speaks of are in the same place as this node.
    private static func neighbours(
        _ term: JSONValue, of pod: KubeObject, _ node: KubeObject, _ nodes: [KubeObject],
        _ placed: [KubeObject]
    ) -> Int {
        let topology = term["topologyKey"]?.string ?? "kubernetes.io/hostname"
        guard let place = node.labels[topology],
            let selector = term["labelSelector"].flatMap({ LabelSelector(json: $0) })
        else { return 0 }
        var namespaces = (term["namespaces"]?.array ?? []).compactMap(\.string)
        if namespaces.isEmpty { namespaces = [pod.namespace] }
        let here = Set(nodes.filter { $0.labels[topology] == place }.map(\.name))
        return placed.filter {
            here.contains($0.string("spec", "nodeName") ?? "") && namespaces.contains($0.namespace)
                && selector.matches($0.labels) && $0.uid != pod.uid
        }.count
    }

    private static func exceeds(
        _ spread: JSONValue, _ pod: KubeObject, _ node: KubeObject, _ nodes: [KubeObject],
        _ placed: [KubeObject]
    ) -> Bool {
        let skew = Int(clamping: spread["maxSkew"]?.int64 ?? 1)
        let here = neighbours(spread, of: pod, node, nodes, placed)
        let least = nodes.map { neighbours(spread, of: pod, $0, nodes, placed) }.min() ?? 0
        return here + 1 - least > skew
    }

    // MARK: Where best?

    /// Less is better: first the wishes that are not met, then how full the node is.
    private static func score(
        _ node: KubeObject, _ pod: KubeObject, _ nodes: [KubeObject], _ placed: [KubeObject]
    ) -> (Int64, Int, String) {
        var penalty: Int64 = 0
        for wish in pod.list(
            "spec", "affinity", "podAntiAffinity",
            "preferredDuringSchedulingIgnoredDuringExecution")
        {
            let weight = min(max(wish["weight"]?.int64 ?? 1, 0), 100)
            guard let term = wish["podAffinityTerm"] else { continue }
            penalty += weight * Int64(neighbours(term, of: pod, node, nodes, placed))
        }
        for spread in pod.list("spec", "topologySpreadConstraints") {
            penalty += 10 * Int64(neighbours(spread, of: pod, node, nodes, placed))
        }
        let load = placed.filter { $0.string("spec", "nodeName") == node.name }.count
        return (penalty, load, node.name)
    }
}

enum Taints {
    static func isTolerated(_ taint: JSONValue, by pod: KubeObject) -> Bool {
        toleration(of: taint, by: pod) != nil
    }

    /// The first toleration of the pod that fits.
    static func toleration(of taint: JSONValue, by pod: KubeObject) -> JSONValue? {
        let key = taint["key"]?.string ?? ""
        return pod.list("spec", "tolerations").first { toleration in
            let effect = toleration["effect"]?.string ?? ""
            if !effect.isEmpty, effect != taint["effect"]?.string { return false }
            let wanted = toleration["key"]?.string ?? ""
            if toleration["operator"]?.string == "Exists" {
                return wanted.isEmpty || wanted == key
            }
            return wanted == key
                && (toleration["value"]?.string ?? "") == (taint["value"]?.string ?? "")
        }
    }
}
