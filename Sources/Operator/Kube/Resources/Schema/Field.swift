// SPDX-License-Identifier: Apache-2.0
package import Formats

/// A typed object of ours: a struct whose fields are listed once.
package protocol Record: FieldValue, Equatable {
    init()
    static var fields: [Field<Self>] { get }
    /// Rules over several fields.
    static var rules: [Rule] { get }
    /// One sentence for the reference.
    static var words: String { get }
}

/// What is wrong with a field; also what an API server reports as a cause.
package struct FieldProblem: Equatable, Sendable {
    /// `spec.storage.size`
    package var field: String
    /// As in `details.causes` of a Status: `FieldValueInvalid`, `FieldValueRequired`…
    package var reason: String
    package var message: String

    package init(_ field: String, _ message: String, reason: String = "FieldValueInvalid") {
        self.field = field
        self.reason = reason
        self.message = message
    }
}

/// One field of a record.
package struct Field<Owner>: Sendable {
    package let name: String
    package let schema: Schema
    package let isRequired: Bool
    fileprivate let read: @Sendable (inout Owner, JSONValue, String, inout [FieldProblem]) -> Void
    fileprivate let write: @Sendable (Owner) -> JSONValue?

    /// A field's default is what the property of a new record holds.
    package init<Value: FieldValue>(
        _ name: String, _ path: any WritableKeyPath<Owner, Value> & Sendable, _ words: String,
        required: Bool = false, _ refine: (inout Schema) -> Void = { _ in }
    ) where Owner: Record {
        var schema = Value.schema
        schema.words = words
        let standard = Owner()[keyPath: path].standardJSON
        if !required { schema.standard = standard }
        refine(&schema)
        self.name = name
        self.schema = schema
        isRequired = required
        read = { owner, json, field, problems in
            Value.read(json, into: &owner[keyPath: path], field, &problems)
        }
        write = { $0[keyPath: path].fieldJSON }
    }
}

extension Record {
    package static var rules: [Rule] { [] }
    package static var words: String { "" }

    package static var schema: Schema {
        var schema = Schema(.object)
        schema.words = words
        schema.rules = rules
        for field in fields {
            schema.properties.append(Schema.Property(name: field.name, schema: field.schema))
            if field.isRequired { schema.required.append(field.name) }
        }
        return schema
    }

    /// What the JSON says, defaults for what it does not say. A value of a wrong type is a problem
    /// and leaves the default; unknown fields are passed over.
    package static func decode(
        _ json: JSONValue?, at path: String = "spec", problems: inout [FieldProblem]
    ) -> Self {
        var record = Self()
        if let json { read(json, into: &record, path, &problems) }
        return record
    }

    package static func decode(_ json: JSONValue?, at path: String = "spec") -> Self {
        var problems: [FieldProblem] = []
        return decode(json, at: path, problems: &problems)
    }

    package static func read(
        _ json: JSONValue, into record: inout Self, _ path: String,
        _ problems: inout [FieldProblem]
    ) {
        guard !json.isNull else { return }
        guard let object = json.object else {
            return problems.append(FieldProblem.wrongType(path, json, wanted: "object"))
        }
        for field in fields {
            let name = path.isEmpty ? field.name : "\(path).\(field.name)"
            if let value = object[field.name], !value.isNull {
                field.read(&record, value, name, &problems)
            } else if field.isRequired {
                problems.append(
                    FieldProblem(name, "Required value", reason: "FieldValueRequired"))
            }
        }
    }

    /// Every field that holds something, in the order of the list.
    package var encoded: JSONObject {
        var object = JSONObject()
        for field in Self.fields {
            if let value = field.write(self) { object[field.name] = value }
        }
        return object
    }

    package var fieldJSON: JSONValue? {
        let object = encoded
        return object.isEmpty ? nil : .object(object)
    }

    /// Objects in objects: an empty default makes the server fill in the defaults below it.
    package var standardJSON: JSONValue? {
        Self.fields.contains { $0.schema.standard != nil } ? .object([]) : nil
    }
}

extension FieldProblem {
    package static func wrongType(
        _ field: String, _ json: JSONValue, wanted: String
    ) -> FieldProblem {
        FieldProblem(
            field, "Invalid value: \(json.typeName): must be of type \(wanted)",
            reason: "FieldValueTypeInvalid")
    }
}

extension JSONValue {
    fileprivate var typeName: String {
        switch self {
        case .null: "null"
        case .bool: "\"boolean\""
        case .integer, .unsigned: "\"integer\""
        case .number: "\"number\""
        case .string: "\"string\""
        case .array: "\"array\""
        case .object: "\"object\""
        }
    }
}
