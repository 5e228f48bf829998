// SPDX-License-Identifier: Apache-2.0
internal import Formats
internal import Kube

/// Which pods a service stands for: Endpoints, and the slices that took their place.
enum Endpoints {
    private static let serviceLabel = "kubernetes.io/service-name"

    static func reconcile(_ api: inout some ObjectAccess, _ changes: inout Changes) {
        for service in api.list(.service, namespace: nil)
        where !service.isBeingDeleted && service["spec", "selector"] != nil {
            ServicePass(service).run(&api, &changes)
        }
        for endpoints in api.list(.endpoints, namespace: nil)
        where !endpoints.isBeingDeleted && endpoints.annotations[ServicePass.mark] == "true" {
            let service = ObjectKey(
                .service, namespace: endpoints.namespace, name: endpoints.name)
            if api.get(service) == nil { api.remove(endpoints, .endpoints, &changes) }
        }
    }

    struct ServicePass {
        /// On Endpoints that this controller made.
        static let mark = "endpoints.keelson.dev/managed"

        let service: KubeObject
        private let publishesAll: Bool

        init(_ service: KubeObject) {
            self.service = service
            publishesAll = service.bool("spec", "publishNotReadyAddresses") ?? false
        }

        func run(_ api: inout some ObjectAccess, _ changes: inout Changes) {
            let selector = LabelSelector(matching: KubeMap(service["spec", "selector"]))
            let pods = api.list(.pod, namespace: service.namespace).filter {
                selector.matches($0.labels) && !$0.hasEnded
                    && !($0.string("status", "podIP") ?? "").isEmpty
            }
            writeEndpoints(pods, &api, &changes)
            writeSlice(pods, &api, &changes)
        }

        // MARK: Endpoints

        private func writeEndpoints(
            _ pods: [KubeObject], _ api: inout some ObjectAccess, _ changes: inout Changes
        ) {
            let listed = pods.filter { publishesAll || !$0.isBeingDeleted }
            let ready = listed.filter { publishesAll || $0.isReadyPod }
            let others = listed.filter { !publishesAll && !$0.isReadyPod }
            let key = service.key(as: .endpoints)
            let old = api.get(key)
            var made =
                old
                ?? KubeObject(.endpoints, namespace: service.namespace, name: service.name)
            made.labels = service.labels
            var annotations = made.annotations
            annotations[ServicePass.mark] = "true"
            made.annotations = annotations
            made["subsets"] = listed.isEmpty ? nil : subsets(ready, others)
            if let old {
                api.put(made, over: old, &changes)
            } else {
                api.make(made, &changes)
            }
        }

        /// One subset for each way in which named ports come out; here pods of one service agree
        /// mostly, so that there is one.
        private func subsets(_ ready: [KubeObject], _ others: [KubeObject]) -> JSONValue {
            var members: [(String, JSONValue)] = []
            if !ready.isEmpty { members.append(("addresses", .array(ready.map(address)))) }
            if !others.isEmpty { members.append(("notReadyAddresses", .array(others.map(address)))) }
            let ports = ports(of: ready.first ?? others.first)
            if !ports.isEmpty { members.append(("ports", .array(ports))) }
            return .array([.object(members)])
        }

        private func address(_ pod: KubeObject) -> JSONValue {
            var members: [(String, JSONValue)] = [
                ("ip", .string(pod.string("status", "podIP") ?? ""))
            ]
            if let name = hostname(pod) { members.append(("hostname", .string(name))) }
            if let node = pod.string("spec", "nodeName") {
                members.append(("nodeName", .string(node)))
            }
            members.append(("targetRef", reference(pod)))
            return .object(members)
        }

        private func hostname(_ pod: KubeObject) -> String? {
            pod.string("spec", "subdomain") == service.name ? pod.string("spec", "hostname") : nil
        }

        private func reference(_ pod: KubeObject) -> JSONValue {
            .object([
                ("kind", "Pod"), ("namespace", .string(pod.namespace)),
                ("name", .string(pod.name)), ("uid", .string(pod.uid)),
            ])
        }

        private func ports(of pod: KubeObject?) -> [JSONValue] {
            service.list("spec", "ports").compactMap { port in
                guard let number = target(port, pod) else { return nil }
                var members: [(String, JSONValue)] = []
                if let name = port["name"]?.string { members.append(("name", .string(name))) }
                members.append(("port", .integer(number)))
                members.append(("protocol", port["protocol"] ?? "TCP"))
                return .object(members)
            }
        }

        private func target(_ port: JSONValue, _ pod: KubeObject?) -> Int64? {
            let target = port["targetPort"] ?? port["port"]
            if let number = target?.int64 { return number }
            guard let name = target?.string else { return port["port"]?.int64 }
            for container in pod?.list("spec", "containers") ?? [] {
                for declared in container["ports"]?.array ?? []
                where declared["name"]?.string == name {
                    return declared["containerPort"]?.int64
                }
            }
            return nil
        }

        // MARK: Slices

        private func writeSlice(
            _ pods: [KubeObject], _ api: inout some ObjectAccess, _ changes: inout Changes
        ) {
            let slices = api.owned(.endpointSlice, by: service)
            let old = slices.first
            var made = KubeObject(
                .endpointSlice, namespace: service.namespace,
                name: old?.name ?? "\(service.name)-\(hashName(of: .string(service.uid)))")
            if let old { made = old }
            var labels = service.labels
            labels[Endpoints.serviceLabel] = service.name
            labels["endpointslice.kubernetes.io/managed-by"] = "endpointslice-controller.k8s.io"
            if service.string("spec", "clusterIP") == "None" {
                labels["service.kubernetes.io/headless"] = ""
            }
            made.labels = labels
            made.ownerReferences = [OwnerReference(to: service)]
            made["addressType"] = "IPv4"
            made["endpoints"] = .array(pods.map(endpoint))
            made["ports"] = .array(ports(of: pods.first))
            if let old {
                api.put(made, over: old, &changes)
            } else {
                api.make(made, &changes)
            }
        }

        private func endpoint(_ pod: KubeObject) -> JSONValue {
            let serves = pod.isReadyPod
            var members: [(String, JSONValue)] = [
                ("addresses", .array([.string(pod.string("status", "podIP") ?? "")])),
                (
                    "conditions",
                    .object([
                        ("ready", .bool(publishesAll || (serves && !pod.isBeingDeleted))),
                        ("serving", .bool(publishesAll || serves)),
                        ("terminating", .bool(pod.isBeingDeleted)),
                    ])
                ),
            ]
            if let name = hostname(pod) { members.append(("hostname", .string(name))) }
            if let node = pod.string("spec", "nodeName") {
                members.append(("nodeName", .string(node)))
            }
            members.append(("targetRef", reference(pod)))
            return .object(members)
        }
    }
}
