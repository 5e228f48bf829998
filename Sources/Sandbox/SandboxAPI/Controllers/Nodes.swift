// SPDX-License-Identifier: Apache-2.0
internal import Bytes
internal import Formats
internal import Kube

/// What follows when a node is not well: taints, then the pods on it are sent away; and when it is
/// no more: its pods are forgotten.
enum Nodes {
    private static let unreachable = "node.kubernetes.io/unreachable"
    private static let outOfService = "node.kubernetes.io/out-of-service"

    static func reconcile(
        _ api: inout some ObjectAccess, _ settings: BuiltInControllers.Settings,
        _ changes: inout Changes
    ) {
        let nodes = api.list(.node, namespace: nil)
        for node in nodes {
            taint(node, &api, &changes)
        }
        for pod in api.list(.pod, namespace: nil) {
            guard let name = pod.string("spec", "nodeName"), !name.isEmpty else { continue }
            guard let node = api.get(ObjectKey(.node, name: name)) else {
                // Nobody is left who could say that its process has ended.
                api.remove(pod, .pod, grace: 0, &changes)
                continue
            }
            evict(pod, from: node, &api, settings, &changes)
        }
    }

    private static func taint(
        _ node: KubeObject, _ api: inout some ObjectAccess, _ changes: inout Changes
    ) {
        let isSick = node.condition("Ready").map { !$0.isTrue } ?? false
        let taints = node.list("spec", "taints")
        let isMarked = taints.contains { $0["key"]?.string == unreachable }
        if isSick == isMarked { return }
        var changed = node
        var kept = taints.filter { $0["key"]?.string != unreachable }
        if isSick {
            for effect in ["NoSchedule", "NoExecute"] {
                kept.append(
                    .object([
                        ("key", .string(unreachable)), ("effect", .string(effect)),
                        ("timeAdded", .string(api.timestamp)),
                    ]))
            }
        }
        changed["spec", "taints"] = kept.isEmpty ? nil : .array(kept)
        api.put(changed, over: node, &changes)
    }

    private static func evict(
        _ pod: KubeObject, from node: KubeObject, _ api: inout some ObjectAccess,
        _ settings: BuiltInControllers.Settings, _ changes: inout Changes
    ) {
        let isSick = node.condition("Ready").map { !$0.isTrue } ?? false
        for taint in node.list("spec", "taints")
        where taint["effect"]?.string == "NoExecute" {
            if taint["key"]?.string == outOfService, isSick {
                api.remove(pod, .pod, grace: 0, &changes)
                return
            }
            if pod.isBeingDeleted || pod.hasEnded { continue }
            let patience = patience(of: pod, with: taint, settings)
            guard let patience, let age = api.age(of: taint["timeAdded"]?.string) else {
                if patience == .zero { leave(pod, node, &api, &changes) }
                continue
            }
            if age >= patience { leave(pod, node, &api, &changes) }
        }
    }

    private static func leave(
        _ pod: KubeObject, _ node: KubeObject, _ api: inout some ObjectAccess,
        _ changes: inout Changes
    ) {
        EventNotes.add(
            &api, about: pod, "TaintManagerEviction",
            "Marking for deletion Pod \(pod.namespace)/\(pod.name)", by: "taint-eviction-controller")
        api.remove(pod, .pod, &changes)
    }

    /// How long the pod stays; nil for ever.
    private static func patience(
        of pod: KubeObject, with taint: JSONValue, _ settings: BuiltInControllers.Settings
    ) -> Duration? {
        guard let toleration = Taints.toleration(of: taint, by: pod) else {
            // The API server gives every pod this much for its node's own troubles.
            return taint["key"]?.string == unreachable ? settings.tolerance : .zero
        }
        guard let seconds = toleration["tolerationSeconds"]?.int64 else { return nil }
        return .seconds(max(0, seconds))
    }
}
