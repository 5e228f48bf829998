// SPDX-License-Identifier: Apache-2.0
internal import Formats
internal import Kube

extension SandboxAPI {
    mutating func delete(_ call: Call) throws(StatusError) -> KubeResponse {
        let options = try deleteOptions(call)
        guard let live = store.get(call.place) else {
            throw .notFound(call.resource.kind, call.route.name)
        }
        let bodyAsks = try bodyAsksDryRun(call)
        let isDryRun = call.isDryRun || bodyAsks
        let left = try delete(live, call.resource, options, isDryRun: isDryRun)
        if let left { return respond(left, call) }
        return .json(
            .object([
                ("kind", "Status"), ("apiVersion", "v1"), ("metadata", .object([])),
                ("status", "Success"),
                (
                    "details",
                    .object(
                        [("name", .string(live.name))]
                            + (call.route.group.isEmpty
                                ? [] : [("group", .string(call.route.group))])
                            + [("kind", .string(call.route.plural)), ("uid", .string(live.uid))])
                ),
            ]))
    }

    mutating func deleteCollection(_ call: Call) throws(StatusError) -> KubeResponse {
        let options = try deleteOptions(call)
        let chosen = try selected(
            call,
            store.list(
                call.resource.storage, namespace: call.route.namespace))
        var listed: [KubeObject] = []
        for object in chosen {
            listed.append(object)
            _ = try delete(object, call.resource, options, isDryRun: call.isDryRun)
        }
        let list = KubeList(items: listed, resourceVersion: "\(store.revision)")
        return .json(list.json(as: call.resource.kind))
    }

    private func deleteOptions(_ call: Call) throws(StatusError) -> DeleteOptions {
        var options =
            call.request.body.isEmpty ? DeleteOptions() : DeleteOptions(try call.body())
        if let text = call.request.query("gracePeriodSeconds") {
            guard let seconds = Int(text) else {
                throw .badRequest("gracePeriodSeconds is no number: \(text)")
            }
            options.gracePeriodSeconds = seconds
        }
        if let policy = call.request.query("propagationPolicy") {
            options.propagationPolicy = policy
        }
        guard ["", "Background", "Foreground", "Orphan"].contains(options.propagationPolicy)
        else {
            throw StatusError(
                code: 422, reason: "Invalid",
                message: "DeleteOptions.meta.k8s.io \"\" is invalid: propagationPolicy: Unsupported"
                    + " value: \"\(options.propagationPolicy)\": supported values:"
                    + " \"Foreground\", \"Background\", \"Orphan\", \"nil\"")
        }
        return options
    }

    private func bodyAsksDryRun(_ call: Call) throws(StatusError) -> Bool {
        if call.request.body.isEmpty { return false }
        return (try call.body())["dryRun"]?[0]?.string == "All"
    }

    /// What is left of the object; nil if it is gone.
    @discardableResult
    mutating func delete(
        _ live: KubeObject, _ resource: APIResource, _ options: DeleteOptions,
        isDryRun: Bool = false
    ) throws(StatusError) -> KubeObject? {
        try checkPreconditions(options, live, resource)
        try checkDeletable(live, resource)
        let place = Place(
            storage: resource.storage, namespace: live.namespace, name: live.name)
        var object = live
        object.finalizers = finalizers(of: live, options)
        let grace = graceSeconds(live, resource, options)
        if object.finalizers.isEmpty, grace == 0, !holdsNamespace(object, resource) {
            if isDryRun { return nil }
            expunge(place)
            return nil
        }
        mark(&object, grace, resource)
        if isDryRun { return object }
        // A second delete of what waits for others changes nothing.
        if object == live { return live }
        hasGarbage = true
        return commit(object, at: place)
    }

    private func checkPreconditions(
        _ options: DeleteOptions, _ live: KubeObject, _ resource: APIResource
    ) throws(StatusError) {
        if !options.uid.isEmpty, options.uid != live.uid {
            throw .conflict(
                resource.kind, live.name,
                "Precondition failed: UID in precondition: \(options.uid), UID in object meta:"
                    + " \(live.uid)")
        }
        if !options.resourceVersion.isEmpty, options.resourceVersion != live.resourceVersion {
            throw .conflict(
                resource.kind, live.name,
                "Precondition failed: ResourceVersion in precondition:"
                    + " \(options.resourceVersion), ResourceVersion in object meta:"
                    + " \(live.resourceVersion)")
        }
    }

    private func checkDeletable(
        _ live: KubeObject, _ resource: APIResource
    ) throws(StatusError) {
        let kept = ["default", "kube-system", "kube-public", "kube-node-lease"]
        if resource.kind == .namespace, kept.contains(live.name) {
            throw .forbidden(resource.kind, live.name, "this namespace may not be deleted")
        }
    }

    /// Who must do something before the object can go. How its dependents are treated is a
    /// finalizer too.
    private func finalizers(of live: KubeObject, _ options: DeleteOptions) -> [String] {
        var finalizers = live.finalizers
        let marks = ["Orphan": "orphan", "Foreground": "foregroundDeletion"]
        guard !options.propagationPolicy.isEmpty else { return finalizers }
        finalizers.removeAll { $0 == "orphan" || $0 == "foregroundDeletion" }
        if let mark = marks[options.propagationPolicy] { finalizers.append(mark) }
        return finalizers
    }

    /// Only pods that run somewhere are given time.
    private func graceSeconds(
        _ live: KubeObject, _ resource: APIResource, _ options: DeleteOptions
    ) -> Int {
        guard resource.kind == .pod else { return 0 }
        let asked =
            options.gracePeriodSeconds ?? live.int("spec", "terminationGracePeriodSeconds") ?? 30
        let isOver = ["Succeeded", "Failed"].contains(live.string("status", "phase") ?? "")
        if isOver || (live.string("spec", "nodeName") ?? "").isEmpty { return 0 }
        let before = live.int("metadata", "deletionGracePeriodSeconds") ?? Int.max
        return max(0, live.isBeingDeleted ? min(asked, before) : asked)
    }

    private func mark(_ object: inout KubeObject, _ grace: Int, _ resource: APIResource) {
        let isShortened =
            object.isBeingDeleted
            && grace < (object.int("metadata", "deletionGracePeriodSeconds") ?? 0)
        guard !object.isBeingDeleted || isShortened else { return }
        let end = unixNanoseconds / 1_000_000_000 + Int64(min(grace, 1 << 31))
        object.deletionTimestamp = KubeTime.seconds(end * 1_000_000_000)
        object["metadata", "deletionGracePeriodSeconds"] = .integer(Int64(grace))
        if resource.hasGeneration { object.generation += 1 }
        if resource.kind == .namespace { object["status", "phase"] = "Terminating" }
    }

    /// A namespace stays until it is empty.
    func holdsNamespace(_ object: KubeObject, _ resource: APIResource) -> Bool {
        resource.kind == .namespace && !object.list("spec", "finalizers").isEmpty
    }
}
