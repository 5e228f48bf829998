// SPDX-License-Identifier: Apache-2.0
package import Formats

/// Any Kubernetes object. It is its JSON, so that fields we have never heard of survive a
/// reading and a writing.
package struct KubeObject: Equatable, Sendable {
    package var json: JSONObject

    package init(_ json: JSONObject) {
        self.json = json
    }

    package init(_ kind: ResourceKind, namespace: String? = nil, name: String) {
        json = JSONObject()
        apiVersion = kind.apiVersion
        self.kind = kind.kind
        self.name = name
        if let namespace, kind.isNamespaced { self.namespace = namespace }
    }

    // MARK: Fields by their path

    /// `object["spec", "replicas"]`. Setting makes the objects on the way; nil removes the field.
    /// A number walks into an array that is there.
    package subscript(_ path: String...) -> JSONValue? {
        get { self[path: path] }
        set { self[path: path] = newValue }
    }

    package subscript(path path: [String]) -> JSONValue? {
        get { JSONPath.value(at: path[...], in: .object(json)) }
        set {
            guard
                case .object(let changed)? = JSONPath.setting(
                    newValue, at: path[...], in: .object(json))
            else { return }
            json = changed
        }
    }

    package func int(_ path: String...) -> Int? {
        self[path: path]?.int64.flatMap { Int(exactly: $0) }
    }

    package func string(_ path: String...) -> String? { self[path: path]?.string }
    package func bool(_ path: String...) -> Bool? { self[path: path]?.bool }
    /// Empty if there is none.
    package func list(_ path: String...) -> [JSONValue] { self[path: path]?.array ?? [] }
    package func map(_ path: String...) -> KubeMap { KubeMap(self[path: path]) }

    /// The same whatever the order of members, and whichever way a number is written.
    package func isSame(as other: KubeObject) -> Bool {
        JSONValue.object(json).isSame(as: .object(other.json))
    }

    private mutating func set(_ text: String, _ path: [String]) {
        self[path: path] = text.isEmpty ? nil : .string(text)
    }

    /// These are asked for all the time.
    fileprivate func metadata(_ key: String) -> JSONValue? { json["metadata"]?.object?[key] }
}

/// What every object has. Texts are empty if absent; setting an empty one removes the field.
extension KubeObject {
    package var apiVersion: String {
        get { json["apiVersion"]?.string ?? "" }
        set { set(newValue, ["apiVersion"]) }
    }
    package var kind: String {
        get { json["kind"]?.string ?? "" }
        set { set(newValue, ["kind"]) }
    }
    package var name: String {
        get { metadata("name")?.string ?? "" }
        set { set(newValue, ["metadata", "name"]) }
    }
    package var namespace: String {
        get { metadata("namespace")?.string ?? "" }
        set { set(newValue, ["metadata", "namespace"]) }
    }
    package var uid: String {
        get { metadata("uid")?.string ?? "" }
        set { set(newValue, ["metadata", "uid"]) }
    }
    package var resourceVersion: String {
        get { metadata("resourceVersion")?.string ?? "" }
        set { set(newValue, ["metadata", "resourceVersion"]) }
    }
    /// 0 if absent.
    package var generation: Int64 {
        get { metadata("generation")?.int64 ?? 0 }
        set { self[path: ["metadata", "generation"]] = .integer(newValue) }
    }
    package var labels: KubeMap {
        get { KubeMap(metadata("labels")) }
        set { self[path: ["metadata", "labels"]] = newValue.isEmpty ? nil : newValue.json }
    }
    package var annotations: KubeMap {
        get { KubeMap(metadata("annotations")) }
        set { self[path: ["metadata", "annotations"]] = newValue.isEmpty ? nil : newValue.json }
    }
    package var finalizers: [String] {
        get { (metadata("finalizers")?.array ?? []).compactMap(\.string) }
        set {
            self[path: ["metadata", "finalizers"]] =
                newValue.isEmpty ? nil : .array(newValue.map(JSONValue.string))
        }
    }
    /// RFC 3339.
    package var creationTimestamp: String? {
        get { metadata("creationTimestamp")?.string }
        set { self[path: ["metadata", "creationTimestamp"]] = newValue.map(JSONValue.string) }
    }
    package var deletionTimestamp: String? {
        get { metadata("deletionTimestamp")?.string }
        set { self[path: ["metadata", "deletionTimestamp"]] = newValue.map(JSONValue.string) }
    }
    package var isBeingDeleted: Bool { deletionTimestamp != nil }

    /// Nil for kinds that are not in our tables, and for objects without a name.
    package var key: ObjectKey? {
        guard !name.isEmpty, let kind = ResourceKind.named(apiVersion: apiVersion, kind: kind)
        else { return nil }
        return ObjectKey(kind, namespace: namespace, name: name)
    }

    package func key(as kind: ResourceKind) -> ObjectKey {
        ObjectKey(kind, namespace: namespace, name: name)
    }
}

/// Who an object belongs to.
package struct OwnerReference: Equatable, Sendable {
    package var apiVersion: String
    package var kind: String
    package var name: String
    package var uid: String
    package var controller: Bool
    package var blockOwnerDeletion: Bool

    package init(
        apiVersion: String, kind: String, name: String, uid: String, controller: Bool = true,
        blockOwnerDeletion: Bool = true
    ) {
        self.apiVersion = apiVersion
        self.kind = kind
        self.name = name
        self.uid = uid
        self.controller = controller
        self.blockOwnerDeletion = blockOwnerDeletion
    }

    /// The reference that makes `owner` the controller of what carries it.
    package init(to owner: KubeObject) {
        self.init(
            apiVersion: owner.apiVersion, kind: owner.kind, name: owner.name, uid: owner.uid)
    }

    package init(_ json: JSONValue) {
        self.init(
            apiVersion: json["apiVersion"]?.string ?? "",
            kind: json["kind"]?.string ?? "", name: json["name"]?.string ?? "",
            uid: json["uid"]?.string ?? "", controller: json["controller"]?.bool ?? false,
            blockOwnerDeletion: json["blockOwnerDeletion"]?.bool ?? false)
    }

    package var json: JSONValue {
        var members: [(String, JSONValue)] = [
            ("apiVersion", .string(apiVersion)), ("kind", .string(kind)), ("name", .string(name)),
            ("uid", .string(uid)),
        ]
        if controller { members.append(("controller", true)) }
        if blockOwnerDeletion { members.append(("blockOwnerDeletion", true)) }
        return .object(members)
    }
}

extension KubeObject {
    package var ownerReferences: [OwnerReference] {
        get { list("metadata", "ownerReferences").map { OwnerReference($0) } }
        set {
            self["metadata", "ownerReferences"] =
                newValue.isEmpty ? nil : .array(newValue.map(\.json))
        }
    }

    package var controller: OwnerReference? { ownerReferences.first(where: \.controller) }

    /// One of `status.conditions`.
    package struct Condition: Equatable, Sendable {
        package var type: String
        /// `True`, `False` or `Unknown`.
        package var status: String
        package var reason: String
        package var message: String
        package var lastTransitionTime: String
        package var observedGeneration: Int64

        package init(
            type: String, status: String, reason: String = "", message: String = "",
            lastTransitionTime: String = "", observedGeneration: Int64 = 0
        ) {
            self.type = type
            self.status = status
            self.reason = reason
            self.message = message
            self.lastTransitionTime = lastTransitionTime
            self.observedGeneration = observedGeneration
        }

        fileprivate init(_ json: JSONValue) {
            type = json["type"]?.string ?? ""
            status = json["status"]?.string ?? ""
            reason = json["reason"]?.string ?? ""
            message = json["message"]?.string ?? ""
            lastTransitionTime = json["lastTransitionTime"]?.string ?? ""
            observedGeneration = json["observedGeneration"]?.int64 ?? 0
        }

        package var isTrue: Bool { status == "True" }
    }

    package var conditions: [Condition] {
        list("status", "conditions").map { Condition($0) }
    }

    package func condition(_ type: String) -> Condition? {
        list("status", "conditions").first { $0["type"]?.string ?? "" == type }
            .map { Condition($0) }
    }
}
