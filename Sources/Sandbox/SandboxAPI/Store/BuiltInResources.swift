// SPDX-License-Identifier: Apache-2.0
internal import Kube

/// The built-in kinds as they are served.
enum BuiltInResources {
    static let all: [APIResource] = {
        var types = SchemaText(BuiltInTypes.all)
        return (ResourceKind.builtIn + listedOnly).map { kind in
            resource(kind, &types)
        }
    }()

    static let scaleSchema: FieldSchema = {
        var types = SchemaText(BuiltInTypes.all)
        return types.schema(of: "Scale")
    }()

    static let metadataSchema: FieldSchema = {
        var types = SchemaText(BuiltInTypes.all)
        return types.schema(of: "ObjectMeta")
    }()

    /// `kubectl describe` asks for these; nothing here would honour them.
    static let resourceQuota = ResourceKind(
        group: "", version: "v1", kind: "ResourceQuota", plural: "resourcequotas",
        shortNames: ["quota"])
    static let limitRange = ResourceKind(
        group: "", version: "v1", kind: "LimitRange", plural: "limitranges",
        shortNames: ["limits"])

    private static let listedOnly = [resourceQuota, limitRange]

    private static let generations: Set<String> = [
        "statefulsets", "deployments", "replicasets", "jobs", "cronjobs", "poddisruptionbudgets",
        "networkpolicies", "customresourcedefinitions", "pods", "endpointslices",
        "priorityclasses",
    ]

    private static let selectable: [String: [String]] = [
        "pods": [
            "spec.nodeName", "spec.restartPolicy", "spec.schedulerName", "spec.serviceAccountName",
            "spec.hostNetwork", "status.phase", "status.podIP", "status.nominatedNodeName",
        ],
        "events": [
            "involvedObject.kind", "involvedObject.namespace", "involvedObject.name",
            "involvedObject.uid", "involvedObject.apiVersion", "involvedObject.resourceVersion",
            "involvedObject.fieldPath", "reason", "reportingComponent", "source", "type",
        ],
        "nodes": ["spec.unschedulable"],
        "namespaces": ["status.phase"],
        "secrets": ["type"],
        "jobs": ["status.successful"],
        "replicasets": ["status.replicas"],
        "services": ["spec.clusterIP", "spec.type"],
    ]

    private static func resource(_ kind: ResourceKind, _ types: inout SchemaText) -> APIResource {
        let isEvent = kind.plural == "events"
        let type = isEvent && kind.group.isEmpty ? "EventV1Core" : kind.kind
        let group = kind.group.isEmpty || isEvent ? "core" : kind.group
        var resource = APIResource(
            kind: kind, schema: types.schema(of: type), storage: "\(group)/\(kind.plural)",
            storedVersion: isEvent ? "v1" : kind.apiVersion)
        resource.hasGeneration = generations.contains(kind.plural)
        resource.selectableFields = selectable[kind.plural] ?? []
        if kind.subresources.contains("scale") {
            resource.scale = ScalePaths(
                spec: ["spec", "replicas"], status: ["status", "replicas"],
                selector: ["spec", "selector"])
        }
        if listedOnly.contains(kind) {
            resource.refusal = "the sandbox does not enforce \(kind.plural)"
        }
        return resource
    }
}
