// SPDX-License-Identifier: Apache-2.0
internal import Formats
internal import Kube

extension SandboxAPI {
    mutating func patch(_ call: Call) throws(StatusError) -> KubeResponse {
        let type = try patchType(call)
        var intent = try call.intent()
        if type == .apply { return try apply(call, &intent) }
        if call.request.query("force") != nil {
            throw patchOptionsInvalid(
                "force", "FieldValueForbidden",
                "Forbidden: may not be specified for non-apply patch")
        }
        guard let live = store.get(call.place) else {
            throw .notFound(call.resource.kind, call.route.name)
        }
        let shown = EventForms.show(live, as: call.resource)
        let patched = try Self.patched(
            .object(shown.json), type, try call.body(), call.resource.schema)
        guard let members = patched.object else {
            throw .badRequest("the patched object is no object")
        }
        let object = KubeObject(members)
        guard object.name == live.name else {
            throw .invalid(
                call.resource.kind, live.name,
                causes: [
                    StatusCause(
                        field: "metadata.name", reason: "FieldValueInvalid",
                        message: "Invalid value: \"\(object.name)\": field is immutable")
                ])
        }
        return respond(try rewrite(object, over: live, call.resource, intent), call)
    }

    func patchType(_ call: Call) throws(StatusError) -> PatchType {
        let type = PatchType(contentType: call.request.header("Content-Type") ?? "")
        guard let type, !(call.resource.isCustom && type == .strategicMerge) else {
            let strategic =
                call.resource.isCustom ? "" : ", application/strategic-merge-patch+json"
            throw .unsupportedMediaType(
                "the body of the request was in an unknown format - accepted media types include:"
                    + " application/json-patch+json, application/merge-patch+json\(strategic),"
                    + " application/apply-patch+yaml")
        }
        return type
    }

    static func patched(
        _ target: JSONValue, _ type: PatchType, _ patch: JSONValue, _ schema: FieldSchema
    ) throws(StatusError) -> JSONValue {
        switch type {
        case .json:
            do throws(JSONPatch.Failure) {
                return try JSONPatch.apply(patch, to: target)
            } catch {
                throw patchRejected(error.message)
            }
        case .merge:
            guard patch.object != nil else {
                throw .badRequest("error decoding patch: a merge patch is an object")
            }
            return MergePatch.apply(patch, to: target)
        case .strategicMerge:
            do throws(StrategicMergePatch.Failure) {
                return try StrategicMergePatch.apply(patch, to: target, schema)
            } catch {
                throw patchRejected(error.message)
            }
        case .apply: return target
        }
    }

    private static func patchRejected(_ message: String) -> StatusError {
        StatusError(
            code: 422, reason: "Invalid",
            message: "the server rejected our request due to an error in our request",
            details: .object([
                (
                    "causes",
                    .array([
                        .object([
                            ("reason", "UnexpectedServerResponse"), ("message", .string(message)),
                        ])
                    ])
                )
            ]))
    }

    private func patchOptionsInvalid(
        _ field: String, _ reason: String, _ message: String
    ) -> StatusError {
        var kind = ResourceKind(
            group: "meta.k8s.io", version: "v1", kind: "PatchOptions", plural: "patchoptions")
        kind.isNamespaced = false
        return .invalid(
            kind, "", causes: [StatusCause(field: field, reason: reason, message: message)])
    }

    // MARK: Server-side apply

    private mutating func apply(
        _ call: Call, _ intent: inout Intent
    ) throws(StatusError) -> KubeResponse {
        guard let manager = call.request.query("fieldManager"), !manager.isEmpty else {
            throw patchOptionsInvalid(
                "fieldManager", "FieldValueRequired",
                "Required value: is required for apply patch")
        }
        intent.isApply = true
        intent.isForced = Query.isTrue(call.request.query("force"))
        let wanted = try applied(call, &intent)
        let live = store.get(call.place)
        if live == nil, !wanted.resourceVersion.isEmpty {
            throw .conflict(call.resource.kind, call.route.name)
        }
        let apply = ServerSideApply(
            resource: call.resource,
            owner: FieldOwners.Owner(
                manager: manager, operation: "Apply", subresource: call.route.subresource,
                apiVersion: call.resource.kind.apiVersion,
                time: KubeTime.seconds(unixNanoseconds), fields: FieldSet()),
            isForced: intent.isForced)
        let shown = live.map { EventForms.show($0, as: call.resource) }
        var result = apply.merged(wanted, into: shown)
        if let live, call.resource.kind != .eventV1 {
            try admit(&result, before: live, call.resource)
        }
        result = try apply.owned(result, wanted, over: shown)
        if let live {
            return respond(try rewrite(result, over: live, call.resource, intent), call)
        }
        guard call.route.subresource.isEmpty else {
            throw .notFound(call.resource.kind, call.route.name)
        }
        let made = try create(result, call.resource, call.route.namespace, intent)
        return respond(made, call, code: 201)
    }

    /// The manager's own object: pruned, and without what no manager can say.
    private mutating func applied(
        _ call: Call, _ intent: inout Intent
    ) throws(StatusError) -> KubeObject {
        guard
            case .object(let members) = try Call.read(
                call.request.body, isYAML: true, type: "application/apply-patch+yaml")
        else { throw .badRequest("error decoding YAML: an applied object is an object") }
        var object = KubeObject(members)
        guard object["metadata", "managedFields"] == nil else {
            throw .badRequest("metadata.managedFields must be nil")
        }
        if object.name.isEmpty { object.name = call.route.name }
        guard object.name == call.route.name else {
            throw .badRequest(
                "the name of the object (\(object.name)) does not match the name on the URL"
                    + " (\(call.route.name))")
        }
        if call.resource.kind.isNamespaced, object.namespace.isEmpty {
            object.namespace = call.route.namespace
        }
        guard object.apiVersion == call.resource.kind.apiVersion,
            object.kind == call.resource.kind.kind
        else {
            throw .badRequest(
                "the object is a \(object.kind) of \(object.apiVersion), the URL means a"
                    + " \(call.resource.kind)")
        }
        var pruning = SchemaPruning()
        let pruned = pruning.prune(
            SchemaDefaults.dropNulls(.object(object.json)), call.resource.schema)
        if let unknown = pruning.unknown.first {
            throw .badRequest(
                "failed to create typed patch object (\(object.namespace)/\(object.name);"
                    + " \(object.apiVersion), Kind=\(object.kind)): .\(unknown): field not declared"
                    + " in schema")
        }
        if call.route.subresource == "status" {
            var only = KubeObject(JSONObject())
            only.apiVersion = object.apiVersion
            only.kind = object.kind
            only["metadata"] = object["metadata"]
            only["status"] = pruned["status"]
            return only
        }
        var result = KubeObject(pruned.object ?? JSONObject())
        if call.resource.kind.hasStatus { result["status"] = nil }
        return result
    }
}
