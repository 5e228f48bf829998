// SPDX-License-Identifier: Apache-2.0
internal import Formats
internal import Kube

/// Children that follow from the specification alone.
struct PlainChildren {
    let desired: DesiredCluster
    let owner: KubeObject

    func serviceAccount() -> KubeObject {
        var account = Child.object(.serviceAccount, desired.name, desired, owner)
        account["automountServiceAccountToken"] = false
        return account
    }

    /// Names for members that are not ready too: peers must find each other to become so.
    func peersService() -> KubeObject {
        var service = Child.object(.service, desired.peersName, desired, owner)
        service["spec"] = [
            "clusterIP": "None", "publishNotReadyAddresses": true,
            "selector": Child.selector(desired).json,
            "ports": [port("client", 2379), port("peer", 2380), port("metrics", 2381)],
        ]
        return service
    }

    func clientService() -> KubeObject {
        var service = Child.object(.service, desired.name, desired, owner)
        let wanted = desired.spec["service"]
        var spec: [(String, JSONValue)] = [
            ("type", wanted?["type"] ?? "ClusterIP"),
            ("selector", Child.selector(desired).json),
            ("ports", [port("client", 2379)]),
        ]
        for field in ["loadBalancerSourceRanges", "externalTrafficPolicy", "trafficDistribution"] {
            if let value = wanted?[field] { spec.append((field, value)) }
        }
        service["spec"] = .object(spec)
        let notes = KubeMap(wanted?["annotations"])
        if !notes.isEmpty { service.annotations = notes }
        return service
    }

    func adminSecret() -> KubeObject {
        var secret = Child.object(.secret, desired.adminName, desired, owner)
        secret["type"] = "Opaque"
        return secret
    }

    func disruptionBudget(minAvailable: Int) -> KubeObject {
        var budget = Child.object(.podDisruptionBudget, desired.name, desired, owner)
        let policy = desired.spec["podDisruptionBudget"]?["unhealthyPodEvictionPolicy"]
        var selector = Child.selector(desired)
        selector[Names.roleLabel] = "voter"
        budget["spec"] = [
            "minAvailable": .integer(Int64(minAvailable)),
            "selector": ["matchLabels": selector.json],
        ]
        if let policy { budget["spec", "unhealthyPodEvictionPolicy"] = policy }
        return budget
    }

    private func port(_ name: String, _ number: Int64) -> JSONValue {
        [
            "name": .string(name), "port": .integer(number), "targetPort": .string(name),
            "protocol": "TCP",
        ]
    }
}
