// SPDX-License-Identifier: Apache-2.0
internal import Formats
internal import Kube

/// The columns of each built-in kind between Name and Age. Those shown by `-o wide` only come
/// after Age, as do those whose name begins with a plus sign here.
enum KindColumns {
    static func of(_ plural: String) -> [TableColumn] {
        switch plural {
        case "pods": PodColumns.all
        case "nodes": nodes
        case "namespaces": [text("Status") { $0.string("status", "phase") ?? "" }]
        case "services": services
        case "endpoints": [text("Endpoints", endpoints)]
        case "endpointslices": slices
        case "persistentvolumeclaims": claims
        case "persistentvolumes": volumes
        case "configmaps":
            [
                number("Data") { count($0, "data") + count($0, "binaryData") }
            ]
        case "secrets":
            [
                text("Type") { $0.string("type") ?? "" }, number("Data") { count($0, "data") },
            ]
        case "serviceaccounts": [number("Secrets") { Int64($0.list("secrets").count) }]
        case "statefulsets": [ready("readyReplicas")] + templates
        case "deployments":
            [ready("readyReplicas")] + [
                number("Up-to-date") { status($0, "updatedReplicas") },
                number("Available") { status($0, "availableReplicas") },
            ] + templates + [selector]
        case "replicasets":
            [
                number("Desired") { Int64($0.int("spec", "replicas") ?? 0) },
                number("Current") { status($0, "replicas") },
                number("Ready") { status($0, "readyReplicas") },
            ] + templates + [selector]
        case "controllerrevisions": revisions
        case "jobs": jobs + templates + [selector]
        case "cronjobs": cronJobs
        case "poddisruptionbudgets": budgets
        case "leases": [text("Holder") { $0.string("spec", "holderIdentity") ?? "" }]
        case "storageclasses": classes
        case "networkpolicies":
            [
                text("Pod-Selector") { labels($0["spec", "podSelector"]) }
            ]
        case "priorityclasses":
            [
                number("Value") { $0["value"]?.int64 ?? 0 },
                text("Global-Default") { "\($0.bool("globalDefault") ?? false)" },
            ]
        case "rolebindings", "clusterrolebindings": bindings
        default: []
        }
    }

    // MARK: Cells

    static func text(
        _ name: String, _ priority: Int = 0, _ value: @escaping @Sendable (KubeObject) -> String
    ) -> TableColumn {
        TableColumn(name: name, priority: priority) { object, _ in .string(value(object)) }
    }

    static func text(_ name: String, _ value: @escaping @Sendable (KubeObject) -> String)
        -> TableColumn
    {
        text(name, 0, value)
    }

    static func number(
        _ name: String, _ value: @escaping @Sendable (KubeObject) -> Int64
    ) -> TableColumn {
        TableColumn(name: name, type: "integer") { object, _ in .integer(value(object)) }
    }

    static func status(_ object: KubeObject, _ field: String) -> Int64 {
        Int64(object.int("status", field) ?? 0)
    }

    private static func count(_ object: KubeObject, _ field: String) -> Int64 {
        Int64(object[field]?.object?.members.count ?? 0)
    }

    private static func ready(_ field: String) -> TableColumn {
        text("Ready") {
            "\(status($0, field))/\($0.int("spec", "replicas") ?? 1)"
        }
    }

    /// `a=b,c in (d)`; `<none>` of an empty selector.
    static func labels(_ selector: JSONValue?) -> String {
        let text = selector.flatMap { LabelSelector(json: $0) }?.text ?? ""
        return text.isEmpty ? "<none>" : text
    }

    private static let selector = text("Selector", 1) { labels($0["spec", "selector"]) }

    private static let templates = [
        text("Containers", 1) { ofContainers($0, "name") },
        text("Images", 1) { ofContainers($0, "image") },
    ]

    private static func ofContainers(_ object: KubeObject, _ field: String) -> String {
        object.list("spec", "template", "spec", "containers")
            .compactMap { $0[field]?.string }.joined(separator: ",")
    }

    private static func orNone(_ text: String) -> String { text.isEmpty ? "<none>" : text }

    // MARK: Kinds

    private static let nodes: [TableColumn] = [
        text("Status") { node in
            let ready = node.condition("Ready")
            var words = [ready.map { $0.isTrue ? "Ready" : "NotReady" } ?? "Unknown"]
            if node.bool("spec", "unschedulable") == true { words.append("SchedulingDisabled") }
            return words.joined(separator: ",")
        },
        text("Roles") { node in
            let prefix = "node-role.kubernetes.io/"
            let roles = node.labels.sorted.filter { $0.key.hasPrefix(prefix) }.map {
                String($0.key.dropFirst(prefix.count))
            }
            return orNone(roles.joined(separator: ","))
        },
        text("+Version") { $0.string("status", "nodeInfo", "kubeletVersion") ?? "" },
        text("Internal-IP", 1) { orNone(address($0, "InternalIP")) },
        text("External-IP", 1) { orNone(address($0, "ExternalIP")) },
        text("OS-Image", 1) { $0.string("status", "nodeInfo", "osImage") ?? "<unknown>" },
        text("Kernel-Version", 1) {
            $0.string("status", "nodeInfo", "kernelVersion") ?? "<unknown>"
        },
        text("Container-Runtime", 1) {
            $0.string("status", "nodeInfo", "containerRuntimeVersion") ?? "<unknown>"
        },
    ]

    private static func address(_ node: KubeObject, _ type: String) -> String {
        node.list("status", "addresses").first { $0["type"]?.string == type }?["address"]?.string
            ?? ""
    }

    private static let services: [TableColumn] = [
        text("Type") { $0.string("spec", "type") ?? "" },
        text("Cluster-IP") { orNone($0.string("spec", "clusterIP") ?? "") },
        text("External-IP") { service in
            if service.string("spec", "type") == "ExternalName" {
                return service.string("spec", "externalName") ?? ""
            }
            let given = service.list("spec", "externalIPs").compactMap(\.string)
            let isPending = service.string("spec", "type") == "LoadBalancer" && given.isEmpty
            return isPending ? "<pending>" : orNone(given.joined(separator: ","))
        },
        text("Port(s)") { service in
            orNone(
                service.list("spec", "ports").map { port in
                    let number = port["port"]?.int64 ?? 0
                    let node = port["nodePort"]?.int64 ?? 0
                    let kind = port["protocol"]?.string ?? "TCP"
                    return node > 0 ? "\(number):\(node)/\(kind)" : "\(number)/\(kind)"
                }.joined(separator: ","))
        },
        text("Selector", 1) { service in
            orNone(
                KubeMap(service["spec", "selector"]).sorted.map { "\($0.key)=\($0.value)" }
                    .joined(separator: ","))
        },
    ]

    private static func endpoints(_ object: KubeObject) -> String {
        var found: [String] = []
        for subset in object.list("subsets") {
            let ports = (subset["ports"]?.array ?? []).compactMap { $0["port"]?.int64 }
            for address in subset["addresses"]?.array ?? [] {
                let ip = address["ip"]?.string ?? ""
                found += ports.isEmpty ? [ip] : ports.map { "\(ip):\($0)" }
            }
        }
        return shortened(found)
    }

    private static func shortened(_ texts: [String]) -> String {
        if texts.isEmpty { return "<none>" }
        let more = texts.count > 3 ? " + \(texts.count - 3) more..." : ""
        return texts.prefix(3).joined(separator: ",") + more
    }

    private static let slices: [TableColumn] = [
        text("AddressType") { $0.string("addressType") ?? "" },
        text("Ports") { slice in
            let ports = slice.list("ports").compactMap { $0["port"]?.int64 }
            return ports.isEmpty ? "<unset>" : shortened(ports.map { "\($0)" })
        },
        text("Endpoints") { slice in
            let addresses = slice.list("endpoints").flatMap {
                ($0["addresses"]?.array ?? []).compactMap(\.string)
            }
            return addresses.isEmpty ? "<unset>" : shortened(addresses)
        },
    ]

    private static let claims: [TableColumn] = [
        text("Status") { claim in
            claim.isBeingDeleted ? "Terminating" : claim.string("status", "phase") ?? ""
        },
        text("Volume") { $0.string("spec", "volumeName") ?? "" },
        text("Capacity") { $0.string("status", "capacity", "storage") ?? "" },
        text("Access Modes") { modes($0.list("status", "accessModes")) },
        text("StorageClass") { $0.string("spec", "storageClassName") ?? "" },
        text("VolumeAttributesClass") {
            $0.string("spec", "volumeAttributesClassName") ?? "<unset>"
        },
        text("VolumeMode", 1) { $0.string("spec", "volumeMode") ?? "<unset>" },
    ]

    private static func modes(_ list: [JSONValue]) -> String {
        let short = [
            "ReadWriteOnce": "RWO", "ReadOnlyMany": "ROX", "ReadWriteMany": "RWX",
            "ReadWriteOncePod": "RWOP",
        ]
        return list.compactMap { $0.string.flatMap { short[$0] } }.joined(separator: ",")
    }

    private static let volumes: [TableColumn] = [
        text("Capacity") { $0.string("spec", "capacity", "storage") ?? "" },
        text("Access Modes") { modes($0.list("spec", "accessModes")) },
        text("Reclaim Policy") { $0.string("spec", "persistentVolumeReclaimPolicy") ?? "" },
        text("Status") { volume in
            volume.isBeingDeleted ? "Terminating" : volume.string("status", "phase") ?? ""
        },
        text("Claim") { volume in
            guard let claim = volume["spec", "claimRef"] else { return "" }
            return "\(claim["namespace"]?.string ?? "")/\(claim["name"]?.string ?? "")"
        },
        text("StorageClass") { $0.string("spec", "storageClassName") ?? "" },
        text("VolumeAttributesClass") {
            $0.string("spec", "volumeAttributesClassName") ?? "<unset>"
        },
        text("Reason") { $0.string("status", "reason") ?? "" },
        text("VolumeMode", 1) { $0.string("spec", "volumeMode") ?? "<unset>" },
    ]

    private static let revisions: [TableColumn] = [
        text("Controller") { revision in
            guard let owner = revision.controller else { return "<none>" }
            let group = owner.apiVersion.split(separator: "/").dropLast().joined()
            let kind = owner.kind.lowercased()
            return group.isEmpty ? "\(kind)/\(owner.name)" : "\(kind).\(group)/\(owner.name)"
        },
        number("Revision") { $0["revision"]?.int64 ?? 0 },
    ]

    private static let jobs: [TableColumn] = [
        text("Status") { job in
            for (type, word) in [
                ("Complete", "Complete"), ("Failed", "Failed"), ("Suspended", "Suspended"),
                ("FailureTarget", "FailureTarget"), ("SuccessCriteriaMet", "SuccessCriteriaMet"),
            ] where job.condition(type)?.isTrue == true {
                return word
            }
            return job.isBeingDeleted ? "Terminating" : "Running"
        },
        text("Completions") { job in
            guard let wanted = job.int("spec", "completions") else {
                let parallel = job.int("spec", "parallelism") ?? 0
                return "\(status(job, "succeeded"))/1"
                    + (parallel > 1 ? " of \(parallel)" : "")
            }
            return "\(status(job, "succeeded"))/\(wanted)"
        },
        TableColumn(name: "Duration") { job, api in
            guard let start = job.string("status", "startTime"),
                let begun = KubeTime.parse(start)
            else { return "" }
            let end = job.string("status", "completionTime").flatMap { KubeTime.parse($0) }
            return .string(
                HumanDuration.text(.nanoseconds((end ?? api.unixNanoseconds) - begun)))
        },
    ]

    private static let cronJobs: [TableColumn] = [
        text("Schedule") { $0.string("spec", "schedule") ?? "" },
        text("Timezone") { $0.string("spec", "timeZone") ?? "<none>" },
        text("Suspend") { ($0.bool("spec", "suspend") ?? false) ? "True" : "False" },
        number("Active") { Int64($0.list("status", "active").count) },
        TableColumn(name: "Last Schedule") { job, api in
            let last = job.string("status", "lastScheduleTime")
            return .string(last == nil ? "<none>" : api.ageText(last))
        },
        text("Containers", 1) { jobContainers($0, "name") },
        text("Images", 1) { jobContainers($0, "image") },
        text("Selector", 1) { _ in "<none>" },
    ]

    private static func jobContainers(_ object: KubeObject, _ field: String) -> String {
        object.list("spec", "jobTemplate", "spec", "template", "spec", "containers")
            .compactMap { $0[field]?.string }.joined(separator: ",")
    }

    private static let budgets: [TableColumn] = [
        text("Min Available") { amount($0["spec", "minAvailable"]) },
        text("Max Unavailable") { amount($0["spec", "maxUnavailable"]) },
        number("Allowed Disruptions") { status($0, "disruptionsAllowed") },
    ]

    private static func amount(_ value: JSONValue?) -> String {
        value.map { $0.string ?? "\($0)" } ?? "N/A"
    }

    private static let classes: [TableColumn] = [
        text("Provisioner") { $0.string("provisioner") ?? "" },
        text("ReclaimPolicy") { $0.string("reclaimPolicy") ?? "" },
        text("VolumeBindingMode") { $0.string("volumeBindingMode") ?? "" },
        text("AllowVolumeExpansion") { "\($0.bool("allowVolumeExpansion") ?? false)" },
    ]

    private static let bindings: [TableColumn] = [
        text("Role") {
            "\($0.string("roleRef", "kind") ?? "")/\($0.string("roleRef", "name") ?? "")"
        },
        text("Users", 1) { subjects($0, "User") },
        text("Groups", 1) { subjects($0, "Group") },
        text("ServiceAccounts", 1) { subjects($0, "ServiceAccount") },
    ]

    private static func subjects(_ binding: KubeObject, _ kind: String) -> String {
        binding.list("subjects").filter { $0["kind"]?.string == kind }.map { subject in
            let name = subject["name"]?.string ?? ""
            return subject["namespace"]?.string.map { "\($0)/\(name)" } ?? name
        }.joined(separator: ", ")
    }
}
