// SPDX-License-Identifier: Apache-2.0
internal import Formats
internal import Kube

extension SandboxAPI {
    /// PUT.
    mutating func replace(_ call: Call) throws(StatusError) -> KubeResponse {
        let intent = try call.intent()
        let object = try call.object()
        try checkName(object, call)
        guard let live = store.get(call.place) else {
            if mayBeMadeByPut.contains(call.route.plural), call.route.subresource.isEmpty {
                var object = object
                object.resourceVersion = ""
                let made = try create(object, call.resource, call.route.namespace, intent)
                return respond(made, call, code: 201)
            }
            throw .notFound(call.resource.kind, call.route.name)
        }
        if call.resource.isCustom, object.resourceVersion.isEmpty {
            throw .invalid(
                call.resource.kind, live.name,
                causes: [
                    StatusCause(
                        field: "metadata.resourceVersion", reason: "FieldValueInvalid",
                        message: "Invalid value: 0x0: must be specified for an update")
                ])
        }
        return respond(try rewrite(object, over: live, call.resource, intent), call)
    }

    private var mayBeMadeByPut: Set<String> { ["leases", "events", "endpoints"] }

    private func checkName(_ object: KubeObject, _ call: Call) throws(StatusError) {
        let name = object.name
        guard name.isEmpty || name == call.route.name else {
            throw .badRequest(
                "the name of the object (\(name)) does not match the name on the URL"
                    + " (\(call.route.name))")
        }
        let namespace = object.namespace
        guard namespace.isEmpty || namespace == call.route.namespace else {
            throw .badRequest(
                "the namespace of the provided object does not match the namespace sent on the"
                    + " request")
        }
    }

    /// The one way by which objects change. `wanted` is in the client's form, `live` as stored. A
    /// write that changes nothing is none: no version, no watch event.
    mutating func rewrite(
        _ wanted: KubeObject, over live: KubeObject, _ resource: APIResource, _ intent: Intent
    ) throws(StatusError) -> KubeObject {
        var object = try conforming(wanted, resource, intent)
        try checkPreconditions(object, live, resource)
        object = composed(object, live, resource, intent)
        try checkFinalizers(object, live, resource)
        try admit(&object, before: live, resource)
        countGeneration(&object, live, resource)
        try validate(object, before: live, resource)
        note(&object, before: live, resource, intent)
        if isUnchanged(object, live) { return live }
        if intent.isDryRun { return object }
        let place = Place(
            storage: resource.storage, namespace: live.namespace, name: live.name)
        let isLast =
            object.isBeingDeleted && object.finalizers.isEmpty
            && (object.int("metadata", "deletionGracePeriodSeconds") ?? 0) == 0
            && !holdsNamespace(object, resource)
        if isLast {
            expunge(place)
            return object
        }
        return commit(object, at: place)
    }

    private func checkPreconditions(
        _ object: KubeObject, _ live: KubeObject, _ resource: APIResource
    ) throws(StatusError) {
        if !object.uid.isEmpty, object.uid != live.uid {
            throw .conflict(
                resource.kind, live.name,
                "Precondition failed: UID in precondition: \(object.uid), UID in object meta:"
                    + " \(live.uid)")
        }
        let version = object.resourceVersion
        if !version.isEmpty, version != "0", version != live.resourceVersion {
            throw .conflict(resource.kind, live.name)
        }
    }

    /// What this write may touch, over what it may not.
    private func composed(
        _ wanted: KubeObject, _ live: KubeObject, _ resource: APIResource, _ intent: Intent
    ) -> KubeObject {
        if intent.subresource == "status" {
            var object = live
            object["status"] = wanted["status"]
            if intent.isApply {
                object["metadata", "managedFields"] = wanted["metadata", "managedFields"]
            }
            return object
        }
        var object = wanted
        if resource.kind.hasStatus { object["status"] = live["status"] }
        for field in [
            "name", "namespace", "uid", "creationTimestamp", "generation", "deletionTimestamp",
            "deletionGracePeriodSeconds", "generateName", "selfLink",
        ] {
            object["metadata", field] = live["metadata", field]
        }
        if !intent.isApply {
            object["metadata", "managedFields"] = live["metadata", "managedFields"]
        }
        object.resourceVersion = live.resourceVersion
        return object
    }

    private func checkFinalizers(
        _ object: KubeObject, _ live: KubeObject, _ resource: APIResource
    ) throws(StatusError) {
        guard live.isBeingDeleted else { return }
        let added = object.finalizers.filter { !live.finalizers.contains($0) }
        guard !added.isEmpty else { return }
        let shown = added.map { "\"\($0)\"" }.joined(separator: ", ")
        throw .invalid(
            resource.kind, live.name,
            causes: [
                StatusCause(
                    field: "metadata.finalizers", reason: "FieldValueForbidden",
                    message: "Forbidden: no new finalizers can be added if the object is being"
                        + " deleted, found new finalizers []string{\(shown)}")
            ])
    }

    /// Counts changes of everything but metadata and status.
    private func countGeneration(
        _ object: inout KubeObject, _ live: KubeObject, _ resource: APIResource
    ) {
        guard resource.hasGeneration else { return }
        func spec(_ object: KubeObject) -> JSONValue {
            var members = object.json
            members["metadata"] = nil
            members["status"] = nil
            return .object(members)
        }
        if !spec(object).isSame(as: spec(live)) { object.generation = live.generation &+ 1 }
    }

    private func isUnchanged(_ object: KubeObject, _ live: KubeObject) -> Bool {
        guard FieldOwners(of: object).isSame(as: FieldOwners(of: live)) else { return false }
        var left = object
        var right = live
        left["metadata", "managedFields"] = nil
        right["metadata", "managedFields"] = nil
        left.resourceVersion = ""
        right.resourceVersion = ""
        return left.isSame(as: right)
    }
}
