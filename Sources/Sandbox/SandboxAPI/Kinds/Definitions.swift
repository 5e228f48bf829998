// SPDX-License-Identifier: Apache-2.0
internal import Formats
internal import Kube

/// Custom resource definitions: what they must say, and the resources they make.
enum Definitions {
    static let storage = "apiextensions.k8s.io/customresourcedefinitions"

    static func storage(of definition: KubeObject) -> String {
        let group = definition.string("spec", "group") ?? ""
        return "\(group)/\(definition.string("spec", "names", "plural") ?? "")"
    }

    // MARK: Resources

    static func resources(_ definitions: [KubeObject]) -> [APIResource] {
        definitions.flatMap { definition in
            definition.list("spec", "versions").compactMap { version in
                version["served"]?.bool == true ? resource(definition, version) : nil
            }
        }
    }

    private static func resource(_ definition: KubeObject, _ version: JSONValue) -> APIResource {
        let names = definition["spec", "names"]
        let group = definition.string("spec", "group") ?? ""
        func texts(_ field: String) -> [String] {
            (names?[field]?.array ?? []).compactMap(\.string)
        }
        let subresources = version["subresources"]
        let kind = ResourceKind(
            group: group, version: version["name"]?.string ?? "",
            kind: names?["kind"]?.string ?? "", plural: names?["plural"]?.string ?? "",
            singular: names?["singular"]?.string, shortNames: texts("shortNames"),
            categories: texts("categories"),
            isNamespaced: definition.string("spec", "scope") == "Namespaced",
            subresources: ["status", "scale"].filter { subresources?[$0] != nil })
        var resource = APIResource(
            kind: kind,
            schema: SchemaReader.resource(version["schema"]?["openAPIV3Schema"]),
            storage: storage(of: definition),
            storedVersion: "\(group)/\(storedVersion(of: definition))")
        resource.isCustom = true
        resource.hasGeneration = true
        resource.scale = subresources?["scale"].map { scale in
            ScalePaths(
                spec: ScalePaths.path(scale["specReplicasPath"]?.string ?? ""),
                status: ScalePaths.path(scale["statusReplicasPath"]?.string ?? ""),
                selector: ScalePaths.path(scale["labelSelectorPath"]?.string ?? ""))
        }
        resource.columns = (version["additionalPrinterColumns"]?.array ?? []).map(column)
        resource.selectableFields = (version["selectableFields"]?.array ?? []).compactMap {
            $0["jsonPath"]?.string.map { String($0.drop { $0 == "." }) }
        }
        return resource
    }

    private static func storedVersion(of definition: KubeObject) -> String {
        definition.list("spec", "versions").first { $0["storage"]?.bool == true }?["name"]?.string
            ?? ""
    }

    private static func column(_ json: JSONValue) -> PrinterColumn {
        PrinterColumn(
            name: json["name"]?.string ?? "", type: json["type"]?.string ?? "string",
            format: json["format"]?.string ?? "",
            summary: json["description"]?.string ?? "",
            priority: Int(exactly: json["priority"]?.int64 ?? 0) ?? 0,
            jsonPath: json["jsonPath"]?.string ?? "")
    }

    // MARK: The object itself

    /// Names that follow from others, and the status: definitions are established at once.
    static func fillNames(_ object: inout KubeObject) {
        var spec = object["spec"]?.object ?? JSONObject()
        spec.inside("names") { names in
            let kind = names["kind"]?.string ?? ""
            names.fill("singular", .string(kind.lowercased()))
            names.fill("listKind", .string(kind + "List"))
        }
        spec.fill("conversion", .object([("strategy", "None")]))
        object["spec"] = .object(spec)
        let time = JSONValue.string(object.creationTimestamp ?? "")
        func condition(_ type: String, _ reason: String, _ message: String) -> JSONValue {
            .object([
                ("lastTransitionTime", time), ("message", .string(message)),
                ("reason", .string(reason)), ("status", "True"), ("type", .string(type)),
            ])
        }
        var stored = object.list("status", "storedVersions")
        let version = JSONValue.string(storedVersion(of: object))
        if !stored.contains(version) { stored.append(version) }
        object["status"] = .object([
            ("acceptedNames", object["spec", "names"] ?? .object([])),
            (
                "conditions",
                [
                    condition("NamesAccepted", "NoConflicts", "no conflicts found"),
                    condition(
                        "Established", "InitialNamesAccepted",
                        "the initial names have been accepted"),
                ]
            ),
            ("storedVersions", .array(stored)),
        ])
    }

    static func check(
        _ object: KubeObject, _ before: KubeObject?, _ causes: inout Causes
    ) {
        let group = object.string("spec", "group") ?? ""
        let plural = object.string("spec", "names", "plural") ?? ""
        if object.name != "\(plural).\(group)" {
            causes.invalid(
                "metadata.name", .string(object.name),
                "must be spec.names.plural+\".\"+spec.group")
        }
        if !group.contains(".") {
            causes.invalid(
                "spec.group", .string(group), "should be a domain with at least one dot")
        }
        if (object.string("spec", "names", "kind") ?? "").isEmpty {
            causes.required("spec.names.kind")
        }
        let scopes = ["Cluster", "Namespaced"]
        let scope = object.string("spec", "scope") ?? ""
        if !scopes.contains(scope) { causes.notSupported("spec.scope", .string(scope), scopes) }
        checkVersions(object, &causes)
        let strategy = object.string("spec", "conversion", "strategy") ?? "None"
        if strategy != "None" {
            causes.notSupported("spec.conversion.strategy", .string(strategy), ["None"])
        }
        if let before {
            for field in ["group", "scope"] where before["spec", field] != object["spec", field] {
                causes.immutable("spec.\(field)", object["spec", field])
            }
        }
    }

    private static func checkVersions(_ object: KubeObject, _ causes: inout Causes) {
        let versions = object.list("spec", "versions")
        if versions.isEmpty { causes.required("spec.versions") }
        if versions.count(where: { $0["storage"]?.bool == true }) != 1 {
            causes.invalid(
                "spec.versions", .null, "must have exactly one version marked as storage version")
        }
        for (index, version) in versions.enumerated() {
            let field = "spec.versions[\(index)].schema.openAPIV3Schema"
            guard let schema = version["schema"]?["openAPIV3Schema"] else {
                causes.required(field, "schemas are required")
                continue
            }
            if schema["type"]?.string != "object" {
                causes.invalid(
                    "\(field).type", schema["type"] ?? "",
                    "must be object at the root")
            }
            checkSchema(schema, field, depth: 0, &causes)
        }
    }

    /// Structural: every node has a type, patterns can be read, rules can be understood.
    private static func checkSchema(
        _ schema: JSONValue, _ field: String, depth: Int, _ causes: inout Causes
    ) {
        guard depth < 64 else { return causes.invalid(field, .null, "nested too deep") }
        let isOpen =
            schema["x-kubernetes-int-or-string"]?.bool == true
            || schema["x-kubernetes-preserve-unknown-fields"]?.bool == true
        if schema["type"]?.string == nil, !isOpen {
            causes.required("\(field).type", "must not be empty for specified object fields")
        }
        if let pattern = schema["pattern"]?.string, !Pattern.isReadable(pattern) {
            causes.invalid(
                "\(field).pattern", .string(pattern), "must be a valid regular expression")
        }
        for (index, rule) in (schema["x-kubernetes-validations"]?.array ?? []).enumerated() {
            let text = rule["rule"]?.string ?? ""
            if let reason = CustomRules.fault(in: text) {
                causes.invalid(
                    "\(field).x-kubernetes-validations[\(index)].rule", .string(text),
                    "compilation failed: \(reason)")
            }
        }
        for member in schema["properties"]?.object?.members ?? [] {
            let isMetadata = depth == 0 && ["metadata", "apiVersion", "kind"].contains(member.key)
            if isMetadata { continue }
            checkSchema(
                member.value, "\(field).properties[\(member.key)]", depth: depth + 1, &causes)
        }
        if let items = schema["items"] {
            checkSchema(items, "\(field).items", depth: depth + 1, &causes)
        }
        if let values = schema["additionalProperties"], values.object != nil {
            checkSchema(values, "\(field).additionalProperties", depth: depth + 1, &causes)
        }
    }
}
