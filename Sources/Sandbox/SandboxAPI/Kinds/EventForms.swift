// SPDX-License-Identifier: Apache-2.0
internal import Formats
internal import Kube

/// Events have two faces, `v1` and `events.k8s.io/v1`, with other names for the same fields. They
/// are stored as `v1`. Custom resources of several versions differ in their apiVersion only.
enum EventForms {
    /// (name in v1, name in events.k8s.io/v1)
    private static let names = [
        ("involvedObject", "regarding"), ("message", "note"), ("source", "deprecatedSource"),
        ("firstTimestamp", "deprecatedFirstTimestamp"),
        ("lastTimestamp", "deprecatedLastTimestamp"), ("count", "deprecatedCount"),
        ("reportingComponent", "reportingController"),
    ]

    static func stored(_ object: KubeObject, from resource: APIResource) -> KubeObject {
        guard resource.kind == .eventV1, object.apiVersion == resource.kind.apiVersion else {
            return object
        }
        var object = renamed(object, names.map { ($0.1, $0.0) })
        object.apiVersion = "v1"
        return object
    }

    static func show(_ object: KubeObject, as resource: APIResource) -> KubeObject {
        if object.apiVersion == resource.kind.apiVersion { return object }
        var object =
            resource.kind == .eventV1 ? renamed(object, names) : object
        object.apiVersion = resource.kind.apiVersion
        return object
    }

    private static func renamed(_ object: KubeObject, _ names: [(String, String)]) -> KubeObject {
        var members = object.json.members
        for index in members.indices {
            if let name = names.first(where: { $0.0 == members[index].key }) {
                members[index].key = name.1
            }
        }
        return KubeObject(JSONObject(members))
    }
}
