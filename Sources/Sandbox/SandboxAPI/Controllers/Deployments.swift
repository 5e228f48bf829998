// SPDX-License-Identifier: Apache-2.0
internal import Formats
internal import Kube

/// ReplicaSets one after the other: a new one for each new template, the old ones shrinking.
enum Deployments {
    private static let component = "deployment-controller"
    private static let hashLabel = "pod-template-hash"
    private static let revision = "deployment.kubernetes.io/revision"

    static func reconcile(_ api: inout some ObjectAccess, _ changes: inout Changes) {
        for deployment in api.list(.deployment, namespace: nil) where !deployment.isBeingDeleted {
            reconcile(deployment, &api, &changes)
        }
    }

    private static func reconcile(
        _ deployment: KubeObject, _ api: inout some ObjectAccess, _ changes: inout Changes
    ) {
        let sets = api.owned(.replicaSet, by: deployment)
        let hash = hashName(of: deployment["spec", "template"] ?? .null)
        let found = sets.first { $0.labels[hashLabel] == hash }
        if deployment.bool("spec", "paused") != true {
            let newest =
                found ?? create(deployment, hash, after: sets, &api, &changes)
            if let newest {
                scale(deployment, newest, old: sets.filter { $0.uid != newest.uid }, &api, &changes)
            }
        }
        writeStatus(deployment, hash, &api, &changes)
    }

    private static func number(_ set: KubeObject) -> Int {
        Int(set.annotations[revision] ?? "") ?? 0
    }

    private static func create(
        _ deployment: KubeObject, _ hash: String, after sets: [KubeObject],
        _ api: inout some ObjectAccess, _ changes: inout Changes
    ) -> KubeObject? {
        var set = KubeObject(
            .replicaSet, namespace: deployment.namespace, name: "\(deployment.name)-\(hash)")
        var labels = KubeMap(deployment["spec", "template", "metadata", "labels"])
        labels[hashLabel] = hash
        set.labels = labels
        set.annotations = [revision: "\((sets.map(number).max() ?? 0) + 1)"]
        set.ownerReferences = [OwnerReference(to: deployment)]
        set["spec", "replicas"] = 0
        var selector = deployment["spec", "selector"]?.object ?? JSONObject()
        var matched = KubeMap(selector["matchLabels"])
        matched[hashLabel] = hash
        selector["matchLabels"] = matched.json
        set["spec", "selector"] = .object(selector)
        set["spec", "template"] = deployment["spec", "template"]
        set["spec", "template", "metadata", "labels"] = labels.json
        return api.make(set, &changes)
    }

    // MARK: Scale

    private static func scale(
        _ deployment: KubeObject, _ newest: KubeObject, old: [KubeObject],
        _ api: inout some ObjectAccess, _ changes: inout Changes
    ) {
        let wanted = min(max(deployment.int("spec", "replicas") ?? 1, 0), 10_000)
        let size = { (set: KubeObject) in max(0, set.int("spec", "replicas") ?? 0) }
        let oldTotal = old.reduce(0) { $0 + size($1) }
        if deployment.string("spec", "strategy", "type") == "Recreate" {
            for set in old { resize(set, to: 0, of: deployment, &api, &changes) }
            let leavers = old.flatMap { api.owned(.pod, by: $0) }.filter { !$0.hasEnded }
            if leavers.isEmpty { resize(newest, to: wanted, of: deployment, &api, &changes) }
            return
        }
        let rolling = deployment["spec", "strategy", "rollingUpdate"]
        let surge = amount(rolling?["maxSurge"] ?? "25%", of: wanted, roundsUp: true) ?? 1
        var away =
            amount(rolling?["maxUnavailable"] ?? "25%", of: wanted, roundsUp: false) ?? 0
        if surge == 0, away == 0 { away = 1 }
        // Up by what the total may exceed.
        let room = max(0, wanted + surge - oldTotal - size(newest))
        let target = min(wanted, size(newest) + room)
        resize(newest, to: size(newest) > wanted ? wanted : target, of: deployment, &api, &changes)
        // Down by what is ready beyond the least that must be.
        let ready = (old + [newest]).reduce(0) { $0 + ($1.int("status", "readyReplicas") ?? 0) }
        var spare = ready - (wanted - away)
        for set in old.sorted(by: { number($0) < number($1) }) where size(set) > 0 {
            let setReady = set.int("status", "readyReplicas") ?? 0
            let sick = max(0, size(set) - setReady)
            let less = sick + max(0, min(setReady, spare))
            spare -= max(0, less - sick)
            if less > 0 {
                resize(set, to: max(0, size(set) - less), of: deployment, &api, &changes)
            }
        }
        prune(deployment, old, &api, &changes)
    }

    private static func resize(
        _ set: KubeObject, to count: Int, of deployment: KubeObject,
        _ api: inout some ObjectAccess, _ changes: inout Changes
    ) {
        let before = set.int("spec", "replicas") ?? 0
        if before == count { return }
        var changed = set
        changed["spec", "replicas"] = .integer(Int64(count))
        api.put(changed, over: set, &changes)
        EventNotes.add(
            &api, about: deployment, "ScalingReplicaSet",
            "Scaled \(count > before ? "up" : "down") replica set \(set.name) "
                + "from \(before) to \(count)", by: component)
    }

    private static func prune(
        _ deployment: KubeObject, _ old: [KubeObject], _ api: inout some ObjectAccess,
        _ changes: inout Changes
    ) {
        let idle = old.filter {
            $0.int("spec", "replicas") == 0 && ($0.int("status", "replicas") ?? 0) == 0
        }.sorted { number($0) < number($1) }
        let limit = max(0, deployment.int("spec", "revisionHistoryLimit") ?? 10)
        for set in idle.prefix(max(0, idle.count - limit)) {
            api.remove(set, .replicaSet, &changes)
        }
    }

    // MARK: Status

    private static func writeStatus(
        _ deployment: KubeObject, _ hash: String, _ api: inout some ObjectAccess,
        _ changes: inout Changes
    ) {
        guard let stored = api.get(deployment.key(as: .deployment)), stored.uid == deployment.uid
        else { return }
        let sets = api.owned(.replicaSet, by: deployment)
        let sum = { (field: String) in
            sets.reduce(0) { $0 + ($1.int("status", field) ?? 0) }
        }
        let newest = sets.first { $0.labels[hashLabel] == hash }
        let wanted = max(0, deployment.int("spec", "replicas") ?? 1)
        let updated = newest?.int("status", "replicas") ?? 0
        let available = sum("availableReplicas")
        var status = stored
        func set(_ field: String, _ count: Int) {
            status["status", field] = count == 0 ? nil : .integer(Int64(clamping: count))
        }
        status["status", "observedGeneration"] = .integer(deployment.generation)
        set("replicas", sum("replicas"))
        set("updatedReplicas", updated)
        set("readyReplicas", sum("readyReplicas"))
        set("availableReplicas", available)
        set("unavailableReplicas", max(0, wanted - available))
        let away =
            amount(
                deployment["spec", "strategy", "rollingUpdate", "maxUnavailable"] ?? "25%",
                of: wanted, roundsUp: false) ?? 0
        let isAvailable = available >= wanted - away
        status.set(
            condition: "Available", isAvailable ? "True" : "False",
            reason: isAvailable ? "MinimumReplicasAvailable" : "MinimumReplicasUnavailable",
            message: isAvailable
                ? "Deployment has minimum availability."
                : "Deployment does not have minimum availability.", at: api.timestamp)
        let isDone = updated == wanted && sum("replicas") == wanted && available >= wanted
        status.set(
            condition: "Progressing", "True",
            reason: isDone ? "NewReplicaSetAvailable" : "ReplicaSetUpdated",
            message: "ReplicaSet \"\(newest?.name ?? "")\" "
                + (isDone ? "has successfully progressed." : "is progressing."),
            at: api.timestamp)
        api.putStatus(status, over: stored, &changes)
        mark(deployment, newest, &api, &changes)
    }

    private static func mark(
        _ deployment: KubeObject, _ newest: KubeObject?, _ api: inout some ObjectAccess,
        _ changes: inout Changes
    ) {
        guard let number = newest?.annotations[revision],
            let stored = api.get(deployment.key(as: .deployment)),
            stored.annotations[revision] != number
        else { return }
        var marked = stored
        var annotations = marked.annotations
        annotations[revision] = number
        marked.annotations = annotations
        api.put(marked, over: stored, &changes)
    }
}
