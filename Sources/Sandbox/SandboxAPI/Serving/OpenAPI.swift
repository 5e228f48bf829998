// SPDX-License-Identifier: Apache-2.0
internal import Formats
internal import Kube

/// OpenAPI documents: one for each group and version (v3). Enough for `kubectl explain`, for the
/// merge keys of `kubectl apply`, and for kubectl to see that the server validates fields.
struct OpenAPI {
    let catalog: Catalog

    func answer(_ parts: [String], _ request: KubeRequest) throws(StatusError) -> KubeResponse {
        if parts == ["v2"] { return try second(request) }
        guard parts.first == "v3" else { throw .noSuchPage }
        if parts.count == 1 { return .json(index) }
        let group = parts.count == 4 && parts[1] == "apis" ? parts[2] : ""
        guard parts.count == 4 || parts.count == 3 && parts[1] == "api",
            let version = parts.last,
            catalog.resources.contains(where: {
                $0.kind.group == group && $0.kind.version == version
            })
        else { throw .noSuchPage }
        if let accept = request.header("Accept"), !Self.takesJSON(accept) {
            throw .notAcceptable(
                "only the following media types are accepted: application/json")
        }
        return .json(document(group, version))
    }

    private static func takesJSON(_ accept: String) -> Bool {
        accept.split(separator: ",").contains { offer in
            let type = offer.split(separator: ";").first.map { $0.filter { $0 != " " } } ?? ""
            return ["application/json", "*/*", "application/*"].contains(type)
        }
    }

    /// The second version is a bare frame: for older clients, and for those that look up in it what
    /// they did not find in the third.
    private func second(_ request: KubeRequest) throws(StatusError) -> KubeResponse {
        if let accept = request.header("Accept"), !Self.takesJSON(accept) {
            guard accept.contains(Self.protobufName) else {
                throw .notAcceptable(
                    "only the following media types are accepted: application/json,"
                        + " \(Self.protobufName)@v1.0+protobuf")
            }
            return KubeResponse(
                code: 200,
                headers: [("Content-Type", "\(Self.protobufName).v1.0+protobuf")],
                body: Self.frame)
        }
        return .json(
            .object([
                ("swagger", "2.0"),
                ("info", .object([("title", "Keelson sandbox"), ("version", "unversioned")])),
                ("paths", .object([])), ("definitions", .object([])),
            ]))
    }

    private static let protobufName = "application/com.github.proto-openapi.spec.v2"

    /// The same as a message `openapi.v2.Document`: swagger 1, info 2, paths 8, definitions 9.
    private static var frame: [UInt8] {
        func field(_ number: UInt8, _ body: [UInt8]) -> [UInt8] {
            // All are shorter than 128 bytes, so one byte tells the length.
            [number << 3 | 2, UInt8(truncatingIfNeeded: body.count)] + body
        }
        let info = field(1, Array("Keelson sandbox".utf8)) + field(2, Array("unversioned".utf8))
        return field(1, Array("2.0".utf8)) + field(2, info) + field(8, []) + field(9, [])
    }

    private var index: JSONValue {
        var paths = JSONObject()
        for resource in catalog.resources {
            let kind = resource.kind
            let path = kind.group.isEmpty ? "api/\(kind.version)" : "apis/\(kind.apiVersion)"
            guard paths[path] == nil else { continue }
            // The sum changes with the definitions, so that clients may keep what they read.
            let sum = fingerprint(kind.group, kind.version)
            paths[path] = .object([
                ("serverRelativeURL", .string("/openapi/v3/\(path)?hash=\(sum)"))
            ])
        }
        return .object([("paths", .object(paths))])
    }

    private func fingerprint(_ group: String, _ version: String) -> String {
        var sum: UInt64 = 14_695_981_039_346_656_037
        for byte in JSON.bytes(document(group, version)) {
            sum = (sum ^ UInt64(byte)) &* 1_099_511_628_211
        }
        return String(sum, radix: 16)
    }

    private func document(_ group: String, _ version: String) -> JSONValue {
        let resources = catalog.resources.filter {
            $0.kind.group == group && $0.kind.version == version
        }
        var paths = JSONObject()
        var schemas = JSONObject()
        for resource in resources {
            let kind = resource.kind
            schemas[name(of: kind)] = Self.schema(resource.schema, of: kind)
            let base = KubeRequest.path(
                kind, namespace: kind.isNamespaced ? "{namespace}" : "")
            paths[base] = .object([
                ("get", operation("list", resource)), ("post", operation("post", resource)),
            ])
            paths["\(base)/{name}"] = .object([
                ("get", operation("get", resource)), ("put", operation("put", resource)),
                ("patch", operation("patch", resource)),
                ("delete", operation("delete", resource)),
            ])
        }
        return .object([
            ("openapi", "3.0.0"),
            ("info", .object([("title", "Keelson sandbox"), ("version", "unversioned")])),
            ("paths", .object(paths)),
            ("components", .object([("schemas", .object(schemas))])),
        ])
    }

    /// `io.k8s.api.apps.v1.StatefulSet`, `dev.keelson.v1alpha1.EtcdCluster`.
    private func name(of kind: ResourceKind) -> String {
        if kind.group.contains("."), !kind.group.hasSuffix(".k8s.io") {
            let reversed = kind.group.split(separator: ".").reversed().joined(separator: ".")
            return "\(reversed).\(kind.version).\(kind.kind)"
        }
        let group = kind.group.split(separator: ".").first.map(String.init) ?? "core"
        return "io.k8s.api.\(group).\(kind.version).\(kind.kind)"
    }

    private func operation(_ action: String, _ resource: APIResource) -> JSONValue {
        let kind = resource.kind
        let writes = ["post", "put", "patch"].contains(action)
        let names = writes ? ["dryRun", "fieldManager", "fieldValidation"] : []
        let parameters = names.map { name -> JSONValue in
            .object([
                ("name", .string(name)), ("in", "query"),
                ("schema", .object([("type", "string"), ("uniqueItems", true)])),
            ])
        }
        let reference: JSONValue = .object([
            ("$ref", .string("#/components/schemas/\(name(of: kind))"))
        ])
        let content: JSONValue = .object([
            ("application/json", .object([("schema", reference)]))
        ])
        return .object([
            ("description", .string("\(action) \(kind.kind)")),
            ("operationId", .string("\(action)\(kind.kind)")),
            ("parameters", .array(parameters)),
            (
                "responses",
                .object([
                    ("200", .object([("description", "OK"), ("content", content)]))
                ])
            ),
            ("x-kubernetes-action", .string(action)),
            ("x-kubernetes-group-version-kind", Self.groupVersionKind(kind)),
        ])
    }

    private static func groupVersionKind(_ kind: ResourceKind) -> JSONValue {
        .object([
            ("group", .string(kind.group)), ("kind", .string(kind.kind)),
            ("version", .string(kind.version)),
        ])
    }

    // MARK: Schemas

    private static func schema(_ schema: FieldSchema, of kind: ResourceKind) -> JSONValue {
        var json = body(schema).object ?? JSONObject()
        json["x-kubernetes-group-version-kind"] = [groupVersionKind(kind)]
        return .object(json)
    }

    private static func body(_ schema: FieldSchema) -> JSONValue {
        var json = JSONObject()
        if !schema.summary.isEmpty { json["description"] = .string(schema.summary) }
        switch schema.form {
        case .object: json["type"] = "object"
        case .array: json["type"] = "array"
        case .string: json["type"] = "string"
        case .integer: json["type"] = "integer"
        case .number: json["type"] = "number"
        case .boolean: json["type"] = "boolean"
        case .intOrString:
            json["oneOf"] = [.object([("type", "integer")]), .object([("type", "string")])]
        case .any: json["x-kubernetes-preserve-unknown-fields"] = true
        }
        if let format = schema.limits.format { json["format"] = .string(format) }
        if !schema.limits.allowed.isEmpty { json["enum"] = .array(schema.limits.allowed) }
        if let start = schema.defaultValue { json["default"] = start }
        if !schema.limits.required.isEmpty {
            json["required"] = .array(schema.limits.required.map(JSONValue.string))
        }
        if !schema.properties.isEmpty {
            json["properties"] = .object(
                schema.properties.map { ($0.name, body($0.schema)) })
        }
        if let additional = schema.additional { json["additionalProperties"] = body(additional) }
        if let items = schema.items { json["items"] = body(items) }
        lists(schema, &json)
        return .object(json)
    }

    private static func lists(_ schema: FieldSchema, _ json: inout JSONObject) {
        guard schema.form == .array else {
            if schema.isAtomic { json["x-kubernetes-map-type"] = "atomic" }
            return
        }
        switch schema.listKind {
        case .atomic: json["x-kubernetes-list-type"] = "atomic"
        case .set:
            json["x-kubernetes-list-type"] = "set"
            json["x-kubernetes-patch-strategy"] = "merge"
        case .map(let keys):
            json["x-kubernetes-list-type"] = "map"
            json["x-kubernetes-list-map-keys"] = .array(keys.map(JSONValue.string))
            json["x-kubernetes-patch-merge-key"] = keys.first.map(JSONValue.string)
            json["x-kubernetes-patch-strategy"] =
                schema.items?.retainsKeys == true ? "merge,retainKeys" : "merge"
        }
    }
}
