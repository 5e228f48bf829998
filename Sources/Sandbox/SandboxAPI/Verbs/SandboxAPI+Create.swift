// SPDX-License-Identifier: Apache-2.0
internal import Formats
internal import Kube

extension SandboxAPI {
    mutating func create(_ call: Call) throws(StatusError) -> KubeResponse {
        let intent = try call.intent()
        let made = try create(try call.object(), call.resource, call.route.namespace, intent)
        return respond(made, call, code: 201)
    }

    /// The one way by which objects come to be.
    mutating func create(
        _ object: KubeObject, _ resource: APIResource, _ namespace: String, _ intent: Intent
    ) throws(StatusError) -> KubeObject {
        guard resource.refusal.isEmpty else { throw .notImplemented(resource.refusal) }
        var object = try conforming(object, resource, intent)
        guard object.resourceVersion.isEmpty || object.resourceVersion == "0" else {
            throw StatusError(
                code: 500, reason: "",
                message: "resourceVersion should not be set on objects to be created")
        }
        try settleNamespace(&object, resource, namespace)
        nameIt(&object)
        stamp(&object, resource)
        if !intent.isApply { object["metadata", "managedFields"] = nil }
        try admit(&object, before: nil, resource)
        try validate(object, before: nil, resource)
        let place = Place(
            storage: resource.storage, namespace: object.namespace, name: object.name)
        guard store.get(place) == nil else { throw .alreadyExists(resource.kind, object.name) }
        try checkNamespace(object.namespace, resource, object.name)
        note(&object, before: nil, resource, intent)
        if intent.isDryRun { return object }
        return commit(object, at: place)
    }

    private func settleNamespace(
        _ object: inout KubeObject, _ resource: APIResource, _ namespace: String
    ) throws(StatusError) {
        guard resource.kind.isNamespaced else {
            object.namespace = ""
            return
        }
        if object.namespace.isEmpty { object.namespace = namespace }
        guard object.namespace == namespace else {
            throw .badRequest(
                "the namespace of the provided object does not match the namespace sent on the"
                    + " request")
        }
    }

    private mutating func nameIt(_ object: inout KubeObject) {
        guard object.name.isEmpty, let start = object.string("metadata", "generateName"),
            !start.isEmpty
        else { return }
        // Names have at most 63 bytes, of which the suffix takes five.
        object.name = String(start.prefix(58)) + suffix()
    }

    private mutating func stamp(_ object: inout KubeObject, _ resource: APIResource) {
        object.uid = uid()
        object.creationTimestamp = KubeTime.seconds(unixNanoseconds)
        object.deletionTimestamp = nil
        object["metadata", "deletionGracePeriodSeconds"] = nil
        object["metadata", "selfLink"] = nil
        object.resourceVersion = ""
        object["metadata", "generation"] = resource.hasGeneration ? 1 : nil
        if resource.kind.hasStatus { object["status"] = nil }
    }

    private func checkNamespace(
        _ namespace: String, _ resource: APIResource, _ name: String
    ) throws(StatusError) {
        guard resource.kind.isNamespaced else { return }
        let place = Place(storage: "core/namespaces", namespace: "", name: namespace)
        guard let found = store.get(place) else { throw .notFound(.namespace, namespace) }
        guard found.isBeingDeleted else { return }
        var error = StatusError.forbidden(
            resource.kind, name,
            "unable to create new content in namespace \(namespace) because it is being"
                + " terminated")
        var details = error.details?.object ?? JSONObject()
        details["causes"] = .array([
            .object([
                ("reason", "NamespaceTerminating"),
                ("message", .string("namespace \(namespace) is being terminated")),
                ("field", "metadata.namespace"),
            ])
        ])
        error.details = .object(details)
        throw error
    }

    /// Stores, and tells watches and controllers.
    @discardableResult
    mutating func commit(_ object: KubeObject, at place: Place) -> KubeObject {
        let change = store.put(object, at: place)
        published(change)
        return change.after ?? object
    }

    @discardableResult
    mutating func expunge(_ place: Place) -> KubeObject? {
        let change = store.remove(place)
        published(change)
        hasGarbage = true
        return change.before
    }

    private mutating func published(_ change: StoreChange) {
        pendingChanges.append(change)
        deliver(change)
        reactTo(change)
    }

    /// Writes into `managedFields` what a write that is no apply changed.
    func note(
        _ object: inout KubeObject, before: KubeObject?, _ resource: APIResource,
        _ intent: Intent
    ) {
        if intent.isApply { return }
        var owners = before.map { FieldOwners(of: $0) } ?? FieldOwners(of: KubeObject(JSONObject()))
        if intent.manager.isEmpty, owners.owners.isEmpty {
            object["metadata", "managedFields"] = nil
            return
        }
        let old = FieldLeaves(before?.json ?? JSONObject(), resource.schema)
        let (changed, removed) = old.changes(to: FieldLeaves(object.json, resource.schema))
        let owner = FieldOwners.Owner(
            manager: intent.manager.isEmpty ? "keelson-sandbox" : intent.manager,
            operation: "Update", subresource: intent.subresource,
            apiVersion: resource.kind.apiVersion, time: KubeTime.seconds(unixNanoseconds),
            fields: FieldSet())
        owners.take(changed, removed: removed, as: owner)
        object["metadata", "managedFields"] = owners.json
    }
}
