// SPDX-License-Identifier: Apache-2.0
package import Formats
package import Kube

/// Checks a value against a schema; every fault with its field path and in an API server's words.
package struct FieldCheck {
    /// More than this many causes are not told.
    package static let maxCauses = 100

    package private(set) var causes: [StatusCause] = []
    /// Types only; limits of built-in kinds are checked by their own rules.
    private let typesOnly: Bool

    package init(typesOnly: Bool = false) {
        self.typesOnly = typesOnly
    }

    package mutating func check(_ value: JSONValue, _ schema: FieldSchema, _ path: String = "") {
        guard causes.count < Self.maxCauses else { return }
        if value == .null, schema.isNullable || schema.form == .any { return }
        guard fits(value, schema) else {
            if !typesOnly, value == .null {
                return add(
                    path, "FieldValueInvalid",
                    "Invalid value: \"null\": \(path) in body must be of type"
                        + " \(Self.name(schema.form)): \"null\"")
            }
            let found = Self.found(value)
            return add(
                path, "FieldValueTypeInvalid",
                "Invalid value: \"\(found)\": \(path) in body must be of type"
                    + " \(Self.name(schema.form)): \"\(found)\"")
        }
        if !typesOnly { checkLimits(value, schema, path) }
        switch value {
        case .object(let object): checkMembers(object, schema, path)
        case .array(let elements):
            guard let items = schema.items else { return }
            for (index, element) in elements.enumerated() {
                check(element, items, "\(path)[\(index)]")
            }
        case .null, .bool, .integer, .unsigned, .number, .string: break
        }
    }

    mutating func add(_ path: String, _ reason: String, _ message: String) {
        let field = path.isEmpty ? "<nil>" : path
        causes.append(StatusCause(field: field, reason: reason, message: message))
    }

    private mutating func checkMembers(_ object: JSONObject, _ schema: FieldSchema, _ path: String)
    {
        if !typesOnly {
            for name in schema.limits.required where object[name] == nil {
                add(Self.join(path, name), "FieldValueRequired", "Required value")
            }
        }
        for member in object.members {
            guard let below = schema.member(member.key) else { continue }
            if typesOnly, member.value == .null { continue }
            let isMap = schema.property(member.key) == nil
            check(
                member.value, below,
                isMap && !typesOnly
                    ? "\(path).\(member.key)" : Self.join(path, member.key))
        }
    }

    static func join(_ path: String, _ name: String) -> String {
        path.isEmpty ? name : "\(path).\(name)"
    }

    private func fits(_ value: JSONValue, _ schema: FieldSchema) -> Bool {
        switch schema.form {
        case .any: true
        case .object: value.object != nil
        case .array: value.array != nil
        case .string: value.string != nil
        case .integer: value.int64 != nil
        case .number: value.double != nil
        case .boolean: value.bool != nil
        case .intOrString: value.string != nil || value.double != nil
        }
    }

    private static func name(_ form: FieldSchema.Form) -> String {
        switch form {
        case .object: "object"
        case .array: "array"
        case .string: "string"
        case .integer: "integer"
        case .number: "number"
        case .boolean: "boolean"
        case .intOrString: "integer,string"
        case .any: "any"
        }
    }

    private static func found(_ value: JSONValue) -> String {
        switch value {
        case .null: "null"
        case .bool: "boolean"
        case .integer, .unsigned: "integer"
        case .number: "number"
        case .string: "string"
        case .array: "array"
        case .object: "object"
        }
    }
}
