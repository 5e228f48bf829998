// SPDX-License-Identifier: Apache-2.0
internal import Bytes
internal import Formats
internal import Kube

/// What every cluster has from its first moment, and what follows from a change at once.
extension SandboxAPI {
    mutating func installBasics() {
        for name in ["default", "kube-node-lease", "kube-public", "kube-system"] {
            ensure(KubeObject(.namespace, name: name))
        }
        for (name, value) in [
            ("system-cluster-critical", 2_000_000_000), ("system-node-critical", 2_000_001_000),
        ] {
            var priority = KubeObject(.priorityClass, name: name)
            priority["value"] = .integer(Int64(value))
            ensure(priority)
        }
        for (name, rules) in DefaultRoles.clusterRoles {
            var role = KubeObject(.clusterRole, name: name)
            role["rules"] = rules
            ensure(role)
        }
        for binding in DefaultRoles.bindings { ensure(binding) }
        ensure(apiService)
    }

    /// The service by which pods reach the API.
    private var apiService: KubeObject {
        var service = KubeObject(.service, namespace: "default", name: "kubernetes")
        service.labels = ["component": "apiserver", "provider": "kubernetes"]
        service["spec"] = .object([
            ("clusterIP", .string("\(settings.serviceNetwork).0.1")),
            (
                "ports",
                [
                    .object([
                        ("name", "https"), ("port", 443), ("protocol", "TCP"),
                        ("targetPort", 6443),
                    ])
                ]
            ),
        ])
        return service
    }

    /// Makes what is not there. That it cannot be made is not the sandbox's user's fault.
    private mutating func ensure(_ object: KubeObject) {
        do throws(StatusError) {
            try create(object)
        } catch {
            invariant(error.isAlreadyExists || error.code == 403, "\(object.name): \(error)")
        }
    }

    /// What other objects a change brings about.
    mutating func reactTo(_ change: StoreChange) {
        switch change.place.storage {
        case "core/namespaces":
            if let namespace = change.after, !namespace.isBeingDeleted { furnish(namespace) }
        case Definitions.storage:
            catalog.setCustom(
                Definitions.resources(store.list(Definitions.storage, namespace: nil)))
            if change.after == nil, let before = change.before { dropResources(of: before) }
        default: break
        }
        if change.after?.ownerReferences != change.before?.ownerReferences { hasGarbage = true }
    }

    /// Every namespace has an account for its pods, and the authority to know the API by.
    private mutating func furnish(_ namespace: KubeObject) {
        ensure(KubeObject(.serviceAccount, namespace: namespace.name, name: "default"))
        guard !settings.rootCertificate.isEmpty else { return }
        var authority = KubeObject(
            .configMap, namespace: namespace.name, name: "kube-root-ca.crt")
        authority["data"] = .object([("ca.crt", .string(settings.rootCertificate))])
        ensure(authority)
    }

    /// The objects of a definition go with it.
    private mutating func dropResources(of definition: KubeObject) {
        let storage = Definitions.storage(of: definition)
        for object in store.list(storage, namespace: nil) {
            expunge(Place(storage: storage, namespace: object.namespace, name: object.name))
        }
    }

    /// Events are kept for an hour.
    mutating func expireEvents() {
        let oldest = unixNanoseconds - settings.eventLifetime.nanoseconds
        for event in store.list("core/events", namespace: nil) {
            let last =
                event.string("lastTimestamp") ?? event.string("series", "lastObservedTime")
                ?? event.creationTimestamp
            guard let last, let time = KubeTime.parse(last), time < oldest else { continue }
            expunge(Place(storage: "core/events", namespace: event.namespace, name: event.name))
        }
    }
}
