// SPDX-License-Identifier: Apache-2.0
internal import Formats
internal import Kube

/// Pods with names that stay: `web-0`, `web-1` and so on, each with claims of its own.
enum StatefulSets {
    static func reconcile(_ api: inout some ObjectAccess, _ changes: inout Changes) {
        for set in api.list(.statefulSet, namespace: nil) where !set.isBeingDeleted {
            StatefulSetPass(set).run(&api, &changes)
        }
    }
}

/// One pass over one set: at most one step where order matters, all steps at once where not.
struct StatefulSetPass {
    let set: KubeObject
    let replicas: Int
    let start: Int
    let isOrdered: Bool
    let isOnDelete: Bool
    let partition: Int
    let selector: LabelSelector

    init(_ set: KubeObject) {
        self.set = set
        replicas = min(max(set.int("spec", "replicas") ?? 1, 0), 10_000)
        start = min(max(set.int("spec", "ordinals", "start") ?? 0, 0), 1_000_000)
        isOrdered = set.string("spec", "podManagementPolicy") != "Parallel"
        isOnDelete = set.string("spec", "updateStrategy", "type") == "OnDelete"
        partition =
            isOnDelete ? 0 : max(0, set.int("spec", "updateStrategy", "rollingUpdate", "partition") ?? 0)
        selector = set["spec", "selector"].flatMap { LabelSelector(json: $0) } ?? LabelSelector()
    }

    var ordinals: Range<Int> { start..<start + replicas }

    func run(_ api: inout some ObjectAccess, _ changes: inout Changes) {
        if selector.isEmpty { return }
        let revisions = Revisions(of: self, &api, &changes)
        adopt(&api, &changes)
        let pods = members(api)
        walk(pods, revisions, &api, &changes)
        retireClaims(&api, &changes)
        writeStatus(revisions, &api, &changes)
        revisions.prune(keeping: Set(members(api).compactMap { $0.labels[Revisions.label] }), &api, &changes)
    }

    func ordinal(of pod: KubeObject) -> Int? {
        guard pod.name.hasPrefix(set.name + "-") else { return nil }
        let digits = pod.name.dropFirst(set.name.count + 1)
        guard let number = Int(digits), number >= 0, String(number) == digits else { return nil }
        return number
    }

    /// By ordinal.
    private func members(_ api: some ObjectAccess) -> [KubeObject] {
        api.owned(.pod, by: set)
            .compactMap { pod in ordinal(of: pod).map { (ordinal: $0, pod: pod) } }
            .sorted { $0.ordinal < $1.ordinal }.map(\.pod)
    }

    /// Pods that nobody owns any more, of a set that was deleted and left them.
    private func adopt(_ api: inout some ObjectAccess, _ changes: inout Changes) {
        for pod in api.list(.pod, namespace: set.namespace)
        where pod.controller == nil && !pod.isBeingDeleted && selector.matches(pod.labels)
            && ordinal(of: pod) != nil
        {
            var mine = pod
            mine.ownerReferences.append(OwnerReference(to: set))
            api.put(mine, over: pod, &changes)
        }
    }

    // MARK: Steps

    private func walk(
        _ pods: [KubeObject], _ revisions: Revisions, _ api: inout some ObjectAccess,
        _ changes: inout Changes
    ) {
        var allHealthy = true
        for number in ordinals {
            let pod = pods.first { ordinal(of: $0) == number }
            let isDone = settle(number, pod, revisions, &api, &changes)
            if !isDone {
                allHealthy = false
                if isOrdered { return }
            }
        }
        let condemned = pods.filter { ordinal(of: $0).map { !ordinals.contains($0) } ?? false }
        for pod in condemned.reversed() {
            if isOrdered, pod.isBeingDeleted { return }
            if pod.isBeingDeleted { continue }
            remove(pod, &api, &changes)
            if isOrdered { return }
        }
        if isOnDelete || !condemned.isEmpty || !(allHealthy || !isOrdered) { return }
        roll(pods, revisions, &api, &changes)
    }

    /// True if the member stands as it should: running, ready, not leaving.
    private func settle(
        _ number: Int, _ pod: KubeObject?, _ revisions: Revisions,
        _ api: inout some ObjectAccess, _ changes: inout Changes
    ) -> Bool {
        guard let pod else {
            create(number, revisions, &api, &changes)
            return false
        }
        if pod.isBeingDeleted { return false }
        if pod.hasEnded {
            EventNotes.add(
                &api, about: set, isWarning: pod.podPhase == "Failed",
                pod.podPhase == "Failed" ? "RecreatingFailedPod" : "RecreatingTerminatedPod",
                "StatefulSet \(set.namespace)/\(set.name) is recreating "
                    + "\(pod.podPhase.lowercased()) Pod \(pod.name)",
                by: "statefulset-controller")
            api.remove(pod, .pod, &changes)
            return false
        }
        _ = ensureClaims(number, &api, &changes)
        return pod.podPhase == "Running" && pod.isReadyPod
    }

    /// Outdated pods one at a time, the highest first; a sick one stops the roll.
    private func roll(
        _ pods: [KubeObject], _ revisions: Revisions, _ api: inout some ObjectAccess,
        _ changes: inout Changes
    ) {
        for number in ordinals.reversed() where number >= start + partition {
            guard let pod = pods.first(where: { ordinal(of: $0) == number }) else { return }
            if pod.isBeingDeleted { return }
            if pod.labels[Revisions.label] != revisions.update.name {
                remove(pod, &api, &changes)
                return
            }
            if pod.podPhase != "Running" || !pod.isReadyPod { return }
        }
    }

    private func remove(
        _ pod: KubeObject, _ api: inout some ObjectAccess, _ changes: inout Changes
    ) {
        EventNotes.add(
            &api, about: set, "SuccessfulDelete",
            "delete Pod \(pod.name) in StatefulSet \(set.name) successful",
            by: "statefulset-controller")
        api.remove(pod, .pod, &changes)
    }

    private func create(
        _ number: Int, _ revisions: Revisions, _ api: inout some ObjectAccess,
        _ changes: inout Changes
    ) {
        // A claim that is on its way out cannot be used; when it is gone there is a new one.
        guard ensureClaims(number, &api, &changes) else { return }
        let isOld = !isOnDelete && partition > 0 && number < start + partition
        let revision = isOld ? revisions.current : revisions.update
        let made = member(number, revision)
        do throws(StatusError) {
            try api.create(made)
            changes.count += 1
            EventNotes.add(
                &api, about: set, "SuccessfulCreate",
                "create Pod \(made.name) in StatefulSet \(set.name) successful",
                by: "statefulset-controller")
        } catch {
            if error.isAlreadyExists { return }
            EventNotes.add(
                &api, about: set, isWarning: true, "FailedCreate",
                "create Pod \(made.name) in StatefulSet \(set.name) failed error: \(error.message)",
                by: "statefulset-controller")
        }
    }

    private func member(_ number: Int, _ revision: KubeObject) -> KubeObject {
        let template = revision["data", "spec", "template"] ?? set["spec", "template"]
        var made = pod(of: template, owner: set)
        made.name = "\(set.name)-\(number)"
        var labels = made.labels
        labels["statefulset.kubernetes.io/pod-name"] = made.name
        labels["apps.kubernetes.io/pod-index"] = "\(number)"
        labels[Revisions.label] = revision.name
        made.labels = labels
        made["spec", "hostname"] = .string(made.name)
        if let service = set.string("spec", "serviceName"), !service.isEmpty {
            made["spec", "subdomain"] = .string(service)
        }
        let claims = set.list("spec", "volumeClaimTemplates").compactMap {
            $0["metadata"]?["name"]?.string
        }
        var volumes = made.list("spec", "volumes").filter { volume in
            !claims.contains(volume["name"]?.string ?? "")
        }
        for name in claims {
            volumes.append(
                .object([
                    ("name", .string(name)),
                    (
                        "persistentVolumeClaim",
                        .object([("claimName", .string(claimName(name, number)))])
                    ),
                ]))
        }
        if !volumes.isEmpty { made["spec", "volumes"] = .array(volumes) }
        return made
    }

    // MARK: Claims

    func claimName(_ template: String, _ number: Int) -> String {
        "\(template)-\(set.name)-\(number)"
    }

    /// False if one of them is being deleted.
    private func ensureClaims(
        _ number: Int, _ api: inout some ObjectAccess, _ changes: inout Changes
    ) -> Bool {
        var areThere = true
        for template in set.list("spec", "volumeClaimTemplates") {
            let name = claimName(template["metadata"]?["name"]?.string ?? "", number)
            let key = ObjectKey(
                .persistentVolumeClaim, namespace: set.namespace, name: name)
            if let claim = api.get(key) {
                if claim.isBeingDeleted { areThere = false }
                continue
            }
            if api.make(claim(name, template), &changes) == nil { areThere = false }
        }
        return areThere
    }

    private func claim(_ name: String, _ template: JSONValue) -> KubeObject {
        var claim = KubeObject(.persistentVolumeClaim, namespace: set.namespace, name: name)
        var labels = KubeMap(template["metadata"]?["labels"])
        for (key, value) in KubeMap(set["spec", "selector", "matchLabels"]).pairs {
            labels[key] = value
        }
        claim.labels = labels
        claim.annotations = KubeMap(template["metadata"]?["annotations"])
        claim["spec"] = template["spec"]
        if set.string("spec", "persistentVolumeClaimRetentionPolicy", "whenDeleted") == "Delete" {
            claim.ownerReferences = [OwnerReference(to: set)]
        }
        return claim
    }

    /// Claims of ordinals that are no more, where the set says that they go too.
    private func retireClaims(_ api: inout some ObjectAccess, _ changes: inout Changes) {
        guard
            set.string("spec", "persistentVolumeClaimRetentionPolicy", "whenScaled") == "Delete"
        else { return }
        let claims = api.list(.persistentVolumeClaim, namespace: set.namespace)
        for template in set.list("spec", "volumeClaimTemplates") {
            let prefix = "\(template["metadata"]?["name"]?.string ?? "")-\(set.name)-"
            for claim in claims where claim.name.hasPrefix(prefix) && !claim.isBeingDeleted {
                guard let number = Int(claim.name.dropFirst(prefix.count)),
                    !ordinals.contains(number)
                else { continue }
                let pod = ObjectKey(
                    .pod, namespace: set.namespace, name: "\(set.name)-\(number)")
                if api.get(pod) == nil { api.remove(claim, .persistentVolumeClaim, &changes) }
            }
        }
    }

    // MARK: Status

    private func writeStatus(
        _ revisions: Revisions, _ api: inout some ObjectAccess, _ changes: inout Changes
    ) {
        guard let stored = api.get(set.key(as: .statefulSet)), stored.uid == set.uid else { return }
        let pods = members(api)
        let ready = pods.filter { $0.podPhase == "Running" && $0.isReadyPod }.count
        let updated = pods.filter {
            !$0.isBeingDeleted && $0.labels[Revisions.label] == revisions.update.name
        }.count
        var current = revisions.current.name
        // The roll is over; with OnDelete it never is, as with the real controller.
        if !isOnDelete, partition == 0, updated == replicas, ready == replicas,
            pods.count == replicas
        {
            current = revisions.update.name
        }
        let onCurrent = pods.filter {
            !$0.isBeingDeleted && $0.labels[Revisions.label] == current
        }.count
        var status = stored
        status["status", "observedGeneration"] = .integer(set.generation)
        status["status", "replicas"] = .integer(Int64(pods.count))
        status["status", "readyReplicas"] = ready == 0 ? nil : .integer(Int64(ready))
        status["status", "availableReplicas"] = .integer(Int64(ready))
        status["status", "currentReplicas"] = onCurrent == 0 ? nil : .integer(Int64(onCurrent))
        status["status", "updatedReplicas"] = updated == 0 ? nil : .integer(Int64(updated))
        status["status", "currentRevision"] = .string(current)
        status["status", "updateRevision"] = .string(revisions.update.name)
        status["status", "collisionCount"] = 0
        api.putStatus(status, over: stored, &changes)
    }
}
