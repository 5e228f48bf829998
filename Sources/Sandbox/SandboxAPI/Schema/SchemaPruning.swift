// SPDX-License-Identifier: Apache-2.0
package import Formats

/// Takes out what a schema does not know, and notes it.
package struct SchemaPruning {
    /// Paths as strict decoding names them: `spec.containers[0].foo`.
    package private(set) var unknown: [String] = []
    package private(set) var doubled: [String] = []

    package init() {}

    package mutating func prune(
        _ value: JSONValue, _ schema: FieldSchema, _ path: String = ""
    ) -> JSONValue {
        switch value {
        case .object(let object): .object(prune(object, schema, path))
        case .array(let elements):
            .array(
                elements.enumerated().map { index, element in
                    prune(element, schema.items ?? .anything, "\(path)[\(index)]")
                })
        case .null, .bool, .integer, .unsigned, .number, .string: value
        }
    }

    private mutating func prune(
        _ object: JSONObject, _ schema: FieldSchema, _ path: String
    ) -> JSONObject {
        var kept = JSONObject()
        for member in object.members {
            let name = path.isEmpty ? member.key : "\(path).\(member.key)"
            if kept[member.key] != nil { doubled.append(name) }
            if let below = schema.member(member.key) {
                kept[member.key] = prune(member.value, below, name)
            } else if schema.keepsUnknown {
                kept[member.key] = prune(member.value, .anything, name)
            } else {
                unknown.append(name)
            }
        }
        return kept
    }

    /// `unknown field "spec.foo"`, sorted as they were met.
    package var complaints: [String] {
        doubled.map { "duplicate field \"\($0)\"" } + unknown.map { "unknown field \"\($0)\"" }
    }
}

/// Fills in what a schema has by default.
package enum SchemaDefaults {
    package static func fill(_ value: JSONValue, _ schema: FieldSchema) -> JSONValue {
        switch value {
        case .object(var object):
            for (name, below) in schema.properties {
                let present = object[name]
                let isVoid = present == .null && !below.isNullable
                if let start = below.defaultValue, present == nil || isVoid {
                    object[name] = start
                }
                if let present = object[name] { object[name] = fill(present, below) }
            }
            if let additional = schema.additional {
                object.members = object.members.map { member in
                    JSONObject.Member(key: member.key, value: fill(member.value, additional))
                }
            }
            return .object(object)
        case .array(let elements):
            guard let items = schema.items else { return value }
            return .array(elements.map { fill($0, items) })
        case .null, .bool, .integer, .unsigned, .number, .string:
            return value
        }
    }

    /// A built-in kind does not tell null from absent.
    package static func dropNulls(_ value: JSONValue) -> JSONValue {
        switch value {
        case .object(let object):
            .object(
                JSONObject(
                    object.members.compactMap { member in
                        if member.value == .null { return nil }
                        return JSONObject.Member(
                            key: member.key, value: dropNulls(member.value))
                    }))
        case .array(let elements): .array(elements.map(dropNulls))
        case .null, .bool, .integer, .unsigned, .number, .string: value
        }
    }
}
