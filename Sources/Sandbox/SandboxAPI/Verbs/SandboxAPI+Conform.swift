// SPDX-License-Identifier: Apache-2.0
internal import Formats
internal import Kube

extension SandboxAPI {
    /// From the client's form to the stored one: of the right kind, pruned, with types that fit and
    /// the defaults of its schema.
    mutating func conforming(
        _ object: KubeObject, _ resource: APIResource, _ intent: Intent
    ) throws(StatusError) -> KubeObject {
        var object = try ofItsKind(object, resource, intent)
        guard object.apiVersion == resource.kind.apiVersion else { return object }
        object = try pruned(object, resource, intent)
        var check = FieldCheck(typesOnly: true)
        if !resource.isCustom {
            check.check(.object(object.json), resource.schema)
            if let cause = check.causes.first {
                throw .badRequest(
                    "\(refusal(resource)): json: cannot unmarshal field \(cause.field):"
                        + " \(cause.message)")
            }
        }
        if resource.isCustom,
            let members = SchemaDefaults.fill(
                .object(object.json), resource.schema
            ).object
        {
            object = KubeObject(members)
        }
        object = EventForms.stored(object, from: resource)
        object.apiVersion = resource.storedVersion
        return object
    }

    private func ofItsKind(
        _ object: KubeObject, _ resource: APIResource, _ intent: Intent
    ) throws(StatusError) -> KubeObject {
        var object = object
        let kind = resource.kind
        if intent.manager.isEmpty {
            if object.apiVersion.isEmpty { object.apiVersion = kind.apiVersion }
            if object.kind.isEmpty { object.kind = kind.kind }
        }
        for (name, value) in [("Kind", object.kind), ("apiVersion", object.apiVersion)]
        where value.isEmpty {
            throw .badRequest(
                "Object '\(name)' is missing in '\(JSONValue.object(object.json))'")
        }
        let isStored = intent.manager.isEmpty && object.apiVersion == resource.storedVersion
        guard object.kind == kind.kind, isStored || object.apiVersion == kind.apiVersion else {
            throw .badRequest(
                "the API version in the data (\(object.apiVersion), Kind=\(object.kind)) does not"
                    + " match the expected API version (\(kind.apiVersion), Kind=\(kind.kind))")
        }
        return object
    }

    private func refusal(_ resource: APIResource) -> String {
        let kind = resource.kind
        return "\(kind.kind) in version \"\(kind.version)\" cannot be handled as a \(kind.kind)"
    }

    private mutating func pruned(
        _ object: KubeObject, _ resource: APIResource, _ intent: Intent
    ) throws(StatusError) -> KubeObject {
        var pruning = SchemaPruning()
        let json =
            resource.isCustom
            ? JSONValue.object(object.json) : SchemaDefaults.dropNulls(.object(object.json))
        let pruned = pruning.prune(json, resource.schema)
        let complaints = pruning.complaints
        if !complaints.isEmpty, !intent.manager.isEmpty {
            switch intent.validation {
            case .ignore: break
            case .warn: warnings += complaints
            case .strict:
                let text = "strict decoding error: \(complaints.joined(separator: ", "))"
                throw .badRequest(resource.isCustom ? text : "\(refusal(resource)): \(text)")
            }
        }
        return KubeObject(pruned.object ?? JSONObject())
    }
}
