// SPDX-License-Identifier: Apache-2.0
internal import Formats
internal import Kube

/// So many pods of one template, any of them as good as another.
enum ReplicaSets {
    private static let component = "replicaset-controller"
    /// New pods in one pass.
    private static let burst = 50

    static func reconcile(_ api: inout some ObjectAccess, _ changes: inout Changes) {
        for set in api.list(.replicaSet, namespace: nil) where !set.isBeingDeleted {
            reconcile(set, &api, &changes)
        }
    }

    private static func reconcile(
        _ set: KubeObject, _ api: inout some ObjectAccess, _ changes: inout Changes
    ) {
        let wanted = min(max(set.int("spec", "replicas") ?? 1, 0), 10_000)
        let active = api.owned(.pod, by: set).filter(\.isActivePod)
        if active.count < wanted {
            for _ in 0..<min(burst, wanted - active.count) { add(set, &api, &changes) }
        } else if active.count > wanted {
            for pod in victims(active).prefix(active.count - wanted) {
                EventNotes.add(
                    &api, about: set, "SuccessfulDelete", "Deleted pod: \(pod.name)",
                    by: component)
                api.remove(pod, .pod, &changes)
            }
        }
        writeStatus(set, &api, &changes)
    }

    private static func add(
        _ set: KubeObject, _ api: inout some ObjectAccess, _ changes: inout Changes
    ) {
        var made = pod(of: set["spec", "template"], owner: set)
        made["metadata", "generateName"] = .string("\(set.name)-")
        do throws(StatusError) {
            let stored = try api.create(made)
            changes.count += 1
            EventNotes.add(
                &api, about: set, "SuccessfulCreate", "Created pod: \(stored.name)", by: component)
        } catch {
            EventNotes.add(
                &api, about: set, isWarning: true, "FailedCreate",
                "Error creating: \(error.message)", by: component)
        }
    }

    /// Those that would be missed least come first: not placed, not ready, young.
    private static func victims(_ pods: [KubeObject]) -> [KubeObject] {
        func rank(_ pod: KubeObject) -> Int {
            if (pod.string("spec", "nodeName") ?? "").isEmpty { return 0 }
            if pod.podPhase != "Running" { return 1 }
            return pod.isReadyPod ? 3 : 2
        }
        return pods.sorted { left, right in
            if rank(left) != rank(right) { return rank(left) < rank(right) }
            let (mine, theirs) = (left.creationTimestamp ?? "", right.creationTimestamp ?? "")
            return mine == theirs ? left.name > right.name : mine > theirs
        }
    }

    private static func writeStatus(
        _ set: KubeObject, _ api: inout some ObjectAccess, _ changes: inout Changes
    ) {
        guard let stored = api.get(set.key(as: .replicaSet)), stored.uid == set.uid else { return }
        let active = api.owned(.pod, by: set).filter(\.isActivePod)
        let ready = Int64(active.filter { $0.podPhase == "Running" && $0.isReadyPod }.count)
        var status = stored
        status["status", "observedGeneration"] = .integer(set.generation)
        status["status", "replicas"] = .integer(Int64(active.count))
        status["status", "fullyLabeledReplicas"] =
            active.isEmpty ? nil : .integer(Int64(active.count))
        status["status", "readyReplicas"] = ready == 0 ? nil : .integer(ready)
        status["status", "availableReplicas"] = ready == 0 ? nil : .integer(ready)
        api.putStatus(status, over: stored, &changes)
    }
}
