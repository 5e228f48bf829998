// SPDX-License-Identifier: Apache-2.0
internal import Bytes
internal import Formats
internal import Kube
internal import SandboxAPI

/// What a cluster has before anybody uses it, besides what the API brings: nodes and a storage
/// class.
enum ClusterBasics {
    static let nodes = ["worker-1", "worker-2", "worker-3"]

    static func install(_ api: inout SandboxAPI) {
        for (index, name) in nodes.enumerated() { put(node(name, zone: index), &api) }
        var storage = KubeObject(.storageClass, name: "standard")
        storage.annotations = ["storageclass.kubernetes.io/is-default-class": "true"]
        storage["provisioner"] = "keelson.dev/sandbox"
        storage["reclaimPolicy"] = "Delete"
        storage["volumeBindingMode"] = "Immediate"
        storage["allowVolumeExpansion"] = true
        put(storage, &api)
    }

    private static func put(_ object: KubeObject, _ api: inout SandboxAPI) {
        do throws(StatusError) {
            let stored = try api.create(object)
            guard object["status"] != nil else { return }
            var whole = stored
            whole["status"] = object["status"]
            try api.updateStatus(whole)
        } catch {
            invariantBroken("\(object.name): \(error)", file: #fileID, line: #line)
        }
    }

    private static func node(_ name: String, zone: Int) -> KubeObject {
        var node = KubeObject(.node, name: name)
        node.labels = [
            "kubernetes.io/hostname": name, "kubernetes.io/os": "linux",
            "kubernetes.io/arch": "amd64",
            "topology.kubernetes.io/zone": "zone-\(zone + 1)",
            "node-role.kubernetes.io/worker": "",
        ]
        node["spec", "providerID"] = .string("sandbox://\(name)")
        let resources: JSONValue = .object([
            ("cpu", "8"), ("memory", "16Gi"), ("pods", "110"), ("ephemeral-storage", "100Gi"),
        ])
        node["status", "capacity"] = resources
        node["status", "allocatable"] = resources
        node["status", "addresses"] = .array([
            .object([("type", "InternalIP"), ("address", "127.0.0.1")]),
            .object([("type", "Hostname"), ("address", .string(name))]),
        ])
        node["status", "nodeInfo"] = .object([
            ("kubeletVersion", "v1.33.0+keelson-sandbox"), ("operatingSystem", "linux"),
            ("architecture", "amd64"), ("osImage", "keelson-sandbox"),
            ("containerRuntimeVersion", "process://1"), ("kernelVersion", ""),
            ("kubeProxyVersion", ""), ("machineID", ""), ("systemUUID", ""), ("bootID", ""),
        ])
        node["status", "conditions"] = .array([
            .object([
                ("type", "Ready"), ("status", "True"), ("reason", "KubeletReady"),
                ("message", "the sandbox runs pods as processes"),
            ])
        ])
        return node
    }

    /// A node that answers, or does not any more.
    static func set(
        node name: String, isReady: Bool, _ api: inout SandboxAPI
    ) throws(StatusError) {
        guard var node = api.get(ObjectKey(.node, name: name)) else {
            throw .notFound(.node, name)
        }
        node["status", "conditions"] = .array([
            .object([
                ("type", "Ready"), ("status", isReady ? "True" : "Unknown"),
                ("lastTransitionTime", .string(api.timestamp)),
                ("reason", isReady ? "KubeletReady" : "NodeStatusUnknown"),
                (
                    "message",
                    isReady
                        ? "the sandbox runs pods as processes"
                        : "Kubelet stopped posting node status."
                ),
            ])
        ])
        try api.updateStatus(node)
    }
}
