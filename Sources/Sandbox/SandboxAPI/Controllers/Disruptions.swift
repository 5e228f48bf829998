// SPDX-License-Identifier: Apache-2.0
internal import Formats
internal import Kube

/// How many of its pods a budget can spare: what evictions are weighed against.
enum Disruptions {
    static func reconcile(_ api: inout some ObjectAccess, _ changes: inout Changes) {
        for budget in api.list(.podDisruptionBudget, namespace: nil)
        where !budget.isBeingDeleted {
            reconcile(budget, &api, &changes)
        }
    }

    private static func reconcile(
        _ budget: KubeObject, _ api: inout some ObjectAccess, _ changes: inout Changes
    ) {
        guard let selector = budget["spec", "selector"].flatMap({ LabelSelector(json: $0) }) else {
            return
        }
        let pods = api.list(.pod, namespace: budget.namespace).filter {
            selector.matches($0.labels) && !$0.hasEnded
        }
        let healthy = pods.filter { $0.isReadyPod && !$0.isBeingDeleted }.count
        let (expected, desired) = numbers(budget, pods, api)
        let allowed = max(0, healthy - desired)
        var status = budget
        status["status", "observedGeneration"] = .integer(budget.generation)
        status["status", "currentHealthy"] = .integer(Int64(healthy))
        status["status", "desiredHealthy"] = .integer(Int64(desired))
        status["status", "expectedPods"] = .integer(Int64(expected))
        status["status", "disruptionsAllowed"] = .integer(Int64(allowed))
        // Pods named there have not gone yet; those that have are forgotten.
        let names = Set(pods.map(\.name))
        if let noted = budget["status", "disruptedPods"]?.object {
            let left = noted.members.filter { names.contains($0.key) }
            status["status", "disruptedPods"] = left.isEmpty ? nil : .object(JSONObject(left))
        }
        status.set(
            condition: "DisruptionAllowed", allowed > 0 ? "True" : "False",
            reason: allowed > 0 ? "SufficientPods" : "InsufficientPods", message: "",
            at: api.timestamp)
        api.putStatus(status, over: budget, &changes)
    }

    private static func numbers(
        _ budget: KubeObject, _ pods: [KubeObject], _ api: some ObjectAccess
    ) -> (expected: Int, desired: Int) {
        if let least = budget["spec", "minAvailable"] {
            if let number = least.int64 { return (pods.count, Int(clamping: max(0, number))) }
            let total = scale(of: pods, api)
            return (total, amount(least, of: total, roundsUp: true) ?? total)
        }
        let total = scale(of: pods, api)
        let most = budget["spec", "maxUnavailable"] ?? 1
        return (total, max(0, total - (amount(most, of: total, roundsUp: true) ?? 0)))
    }

    /// What the owners of the pods want, each counted once.
    private static func scale(of pods: [KubeObject], _ api: some ObjectAccess) -> Int {
        var seen: Set<String> = []
        var total = 0
        for pod in pods {
            guard let owner = pod.controller,
                let kind = ResourceKind.named(apiVersion: owner.apiVersion, kind: owner.kind),
                let object = api.get(
                    ObjectKey(kind, namespace: pod.namespace, name: owner.name))
            else {
                total += 1
                continue
            }
            if seen.insert(owner.uid).inserted {
                total += min(max(object.int("spec", "replicas") ?? 1, 0), 100_000)
            }
        }
        return total
    }
}
