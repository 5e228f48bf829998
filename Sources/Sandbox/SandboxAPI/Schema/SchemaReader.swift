// SPDX-License-Identifier: Apache-2.0
internal import Formats

/// Reads the `openAPIV3Schema` of a custom resource definition.
enum SchemaReader {
    /// The schema of a whole object: what the definition says, and what every object has.
    static func resource(_ json: JSONValue?) -> Schema {
        let said = read(json ?? .object([]), depth: 0)
        let properties =
            [
                ("apiVersion", Schema.string), ("kind", Schema.string),
                ("metadata", BuiltInResources.metadataSchema),
            ]
            + said.properties.filter { !["apiVersion", "kind", "metadata"].contains($0.name) }
            .map { ($0.name, $0.schema) }
        return Schema(
            .object, properties: properties, keepsUnknown: said.keepsUnknown,
            limits: said.limits, summary: said.summary)
    }

    static func read(_ json: JSONValue, depth: Int) -> Schema {
        guard depth < 64 else { return .anything }
        let next = depth + 1
        let properties = (json[key: "properties"]?.object?.members ?? []).map {
            ($0.key, read($0.value, depth: next))
        }
        let keepsUnknown = json[key: "x-kubernetes-preserve-unknown-fields"]?.bool ?? false
        return Schema(
            form(json, keepsUnknown: keepsUnknown), properties: properties,
            additional: additional(json, next),
            items: json[key: "items"].map { read($0, depth: next) }, listKind: listKind(json),
            isAtomic: json[key: "x-kubernetes-map-type"]?.string == "atomic",
            keepsUnknown: keepsUnknown || json[key: "x-kubernetes-embedded-resource"]?.bool == true,
            isNullable: json[key: "nullable"]?.bool ?? false, limits: limits(json, next),
            defaultValue: json[key: "default"], summary: json[key: "description"]?.string ?? "")
    }

    private static func form(_ json: JSONValue, keepsUnknown: Bool) -> Schema.Form {
        if json[key: "x-kubernetes-int-or-string"]?.bool == true { return .intOrString }
        return switch json[key: "type"]?.string {
        case "object": .object
        case "array": .array
        case "string": .string
        case "integer": .integer
        case "number": .number
        case "boolean": .boolean
        default: .any
        }
    }

    private static func additional(_ json: JSONValue, _ depth: Int) -> Schema? {
        guard let free = json[key: "additionalProperties"] else { return nil }
        if let isFree = free.bool { return isFree ? .anything : nil }
        return read(free, depth: depth)
    }

    private static func listKind(_ json: JSONValue) -> Schema.ListKind {
        switch json[key: "x-kubernetes-list-type"]?.string {
        case "set": .set
        case "map":
            .map((json[key: "x-kubernetes-list-map-keys"]?.array ?? []).compactMap(\.string))
        default: .atomic
        }
    }

    private static func limits(_ json: JSONValue, _ depth: Int) -> SchemaLimits {
        func count(_ name: String) -> Int? {
            json[key: name]?.int64.flatMap { Int(exactly: $0) }
        }
        func schemas(_ name: String) -> [Schema] {
            (json[key: name]?.array ?? []).map { read($0, depth: depth) }
        }
        var limits = SchemaLimits()
        limits.required = (json[key: "required"]?.array ?? []).compactMap(\.string)
        limits.allowed = json[key: "enum"]?.array ?? []
        limits.pattern = json[key: "pattern"]?.string
        limits.format = json[key: "format"]?.string
        limits.minimum = json[key: "minimum"]?.double
        limits.maximum = json[key: "maximum"]?.double
        limits.isMinimumExclusive = json[key: "exclusiveMinimum"]?.bool ?? false
        limits.isMaximumExclusive = json[key: "exclusiveMaximum"]?.bool ?? false
        limits.multipleOf = json[key: "multipleOf"]?.double
        limits.minLength = count("minLength")
        limits.maxLength = count("maxLength")
        limits.minItems = count("minItems")
        limits.maxItems = count("maxItems")
        limits.minProperties = count("minProperties")
        limits.maxProperties = count("maxProperties")
        limits.uniqueItems = json[key: "uniqueItems"]?.bool ?? false
        limits.rules = (json[key: "x-kubernetes-validations"]?.array ?? []).map(rule)
        limits.allOf = schemas("allOf")
        limits.anyOf = schemas("anyOf")
        limits.oneOf = schemas("oneOf")
        limits.not = json[key: "not"].map { read($0, depth: depth) }
        return limits
    }

    private static func rule(_ json: JSONValue) -> SchemaRule {
        SchemaRule(
            rule: json[key: "rule"]?.string ?? "", message: json[key: "message"]?.string ?? "",
            messageExpression: json[key: "messageExpression"]?.string ?? "",
            reason: json[key: "reason"]?.string ?? "",
            fieldPath: json[key: "fieldPath"]?.string ?? "")
    }
}
