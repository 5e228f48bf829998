// SPDX-License-Identifier: Apache-2.0
internal import Formats

/// Reads the `openAPIV3Schema` of a custom resource definition.
enum SchemaReader {
    /// The schema of a whole object: what the definition says, and what every object has.
    static func resource(_ json: JSONValue?) -> FieldSchema {
        let said = read(json ?? .object([]), depth: 0)
        let properties =
            [
                ("apiVersion", FieldSchema.string), ("kind", FieldSchema.string),
                ("metadata", BuiltInResources.metadataSchema),
            ]
            + said.properties.filter { !["apiVersion", "kind", "metadata"].contains($0.name) }
            .map { ($0.name, $0.schema) }
        return FieldSchema(
            .object, properties: properties, keepsUnknown: said.keepsUnknown,
            limits: said.limits, summary: said.summary)
    }

    static func read(_ json: JSONValue, depth: Int) -> FieldSchema {
        guard depth < 64 else { return .anything }
        let next = depth + 1
        let properties = (json["properties"]?.object?.members ?? []).map {
            ($0.key, read($0.value, depth: next))
        }
        let keepsUnknown = json["x-kubernetes-preserve-unknown-fields"]?.bool ?? false
        return FieldSchema(
            form(json, keepsUnknown: keepsUnknown), properties: properties,
            additional: additional(json, next),
            items: json["items"].map { read($0, depth: next) }, listKind: listKind(json),
            isAtomic: json["x-kubernetes-map-type"]?.string == "atomic",
            keepsUnknown: keepsUnknown || json["x-kubernetes-embedded-resource"]?.bool == true,
            isNullable: json["nullable"]?.bool ?? false, limits: limits(json, next),
            defaultValue: json["default"], summary: json["description"]?.string ?? "")
    }

    private static func form(_ json: JSONValue, keepsUnknown: Bool) -> FieldSchema.Form {
        if json["x-kubernetes-int-or-string"]?.bool == true { return .intOrString }
        return switch json["type"]?.string {
        case "object": .object
        case "array": .array
        case "string": .string
        case "integer": .integer
        case "number": .number
        case "boolean": .boolean
        default: .any
        }
    }

    private static func additional(_ json: JSONValue, _ depth: Int) -> FieldSchema? {
        guard let free = json["additionalProperties"] else { return nil }
        if let isFree = free.bool { return isFree ? .anything : nil }
        return read(free, depth: depth)
    }

    private static func listKind(_ json: JSONValue) -> FieldSchema.ListKind {
        switch json["x-kubernetes-list-type"]?.string {
        case "set": .set
        case "map":
            .map((json["x-kubernetes-list-map-keys"]?.array ?? []).compactMap(\.string))
        default: .atomic
        }
    }

    private static func limits(_ json: JSONValue, _ depth: Int) -> SchemaLimits {
        func count(_ name: String) -> Int? {
            json[name]?.int64.flatMap { Int(exactly: $0) }
        }
        func schemas(_ name: String) -> [FieldSchema] {
            (json[name]?.array ?? []).map { read($0, depth: depth) }
        }
        var limits = SchemaLimits()
        limits.required = (json["required"]?.array ?? []).compactMap(\.string)
        limits.allowed = json["enum"]?.array ?? []
        limits.pattern = json["pattern"]?.string
        limits.format = json["format"]?.string
        limits.minimum = json["minimum"]?.double
        limits.maximum = json["maximum"]?.double
        limits.isMinimumExclusive = json["exclusiveMinimum"]?.bool ?? false
        limits.isMaximumExclusive = json["exclusiveMaximum"]?.bool ?? false
        limits.multipleOf = json["multipleOf"]?.double
        limits.minLength = count("minLength")
        limits.maxLength = count("maxLength")
        limits.minItems = count("minItems")
        limits.maxItems = count("maxItems")
        limits.minProperties = count("minProperties")
        limits.maxProperties = count("maxProperties")
        limits.uniqueItems = json["uniqueItems"]?.bool ?? false
        limits.rules = (json["x-kubernetes-validations"]?.array ?? []).map(rule)
        limits.allOf = schemas("allOf")
        limits.anyOf = schemas("anyOf")
        limits.oneOf = schemas("oneOf")
        limits.not = json["not"].map { read($0, depth: depth) }
        return limits
    }

    private static func rule(_ json: JSONValue) -> SchemaRule {
        SchemaRule(
            rule: json["rule"]?.string ?? "", message: json["message"]?.string ?? "",
            messageExpression: json["messageExpression"]?.string ?? "",
            reason: json["reason"]?.string ?? "",
            fieldPath: json["fieldPath"]?.string ?? "")
    }
}
