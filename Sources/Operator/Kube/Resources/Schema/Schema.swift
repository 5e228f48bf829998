// SPDX-License-Identifier: Apache-2.0
package import Formats

// Our own resources. One list of fields per type is the only source of what is read, what is
// written, the schema of the CRD and the reference in docs/api.md.
//
//   Schema/Schema      a structural schema as a value, and its JSON
//   Schema/Field       one field of a record: name, words, schema, how it is read and written
//   Schema/FieldValue  what a field can hold: numbers, words, quantities, durations, records, lists
//   EtcdCluster…       the cluster: spec in topics, status
//   EtcdBackup, EtcdBackupSchedule, EtcdRestore
//   SpecCheck…         the rules of the schema in Swift, for servers that do not know CEL
//   Conditions         the list of conditions of a status
//   CRD/…              the CustomResourceDefinitions and the reference, printed

/// A structural OpenAPI schema, as much of it as our resources use.
package struct Schema: Equatable, Sendable {
    package enum Kind: String, Sendable {
        case string, integer, number, boolean, object, array
        /// `x-kubernetes-int-or-string`.
        case intOrString
    }

    package var kind: Kind
    package var words = ""
    package var format = ""
    package var pattern = ""
    package var choices: [String] = []
    package var minimum: Int64?
    package var maximum: Int64?
    package var minLength: Int64?
    package var maxLength: Int64?
    package var minItems: Int64?
    package var maxItems: Int64?
    package var maxProperties: Int64?
    package var standard: JSONValue?
    /// Of an object, in order.
    package var properties: [Property] = []
    package var required: [String] = []
    /// Of a list: its items. Of a map: its values. One schema or none; a list breaks the recursion.
    package var items: [Schema] = []
    package var keepsUnknownFields = false
    /// Keys of a list map (`x-kubernetes-list-map-keys`); empty for other lists.
    package var listMapKeys: [String] = []
    package var isSet = false
    package var rules: [Rule] = []

    package struct Property: Equatable, Sendable {
        package var name: String
        package var schema: Schema
    }

    package init(_ kind: Kind) { self.kind = kind }
}

/// One rule in CEL. `SpecCheck` says the same in Swift.
package struct Rule: Equatable, Sendable {
    package var cel: String
    package var message: String
    /// The field a refusal names, below the object that carries the rule, such as `.size`.
    package var fieldPath: String

    package init(_ cel: String, _ message: String, at fieldPath: String = "") {
        self.cel = cel
        self.message = message
        self.fieldPath = fieldPath
    }

    fileprivate var json: JSONValue {
        var json = JSONObject()
        json["rule"] = .string(cel)
        json["message"] = .string(message)
        if !fieldPath.isEmpty { json["fieldPath"] = .string(fieldPath) }
        return .object(json)
    }
}

extension Schema {
    /// OpenAPI v3 as a CRD has it. Without `rules` the result suits servers before 1.29, which do
    /// not know CEL or not all functions the rules use.
    package func json(rules withRules: Bool = true) -> JSONValue {
        var json = JSONObject()
        if !words.isEmpty { json["description"] = .string(words) }
        switch kind {
        case .intOrString:
            json["anyOf"] = [["type": "integer"], ["type": "string"]]
            json["x-kubernetes-int-or-string"] = true
        case .string, .integer, .number, .boolean, .object, .array:
            json["type"] = .string(kind.rawValue)
        }
        if let standard { json["default"] = standard }
        writeLimits(&json)
        writeChildren(&json, rules: withRules)
        if withRules, !rules.isEmpty {
            json["x-kubernetes-validations"] = .array(rules.map(\.json))
        }
        return .object(json)
    }

    private func writeLimits(_ json: inout JSONObject) {
        if !choices.isEmpty { json["enum"] = .array(choices.map(JSONValue.string)) }
        if !format.isEmpty { json["format"] = .string(format) }
        if !pattern.isEmpty { json["pattern"] = .string(pattern) }
        let limits: [(String, Int64?)] = [
            ("minimum", minimum), ("maximum", maximum), ("minLength", minLength),
            ("maxLength", maxLength), ("minItems", minItems), ("maxItems", maxItems),
            ("maxProperties", maxProperties),
        ]
        for (name, limit) in limits {
            if let limit { json[name] = .integer(limit) }
        }
    }

    private func writeChildren(_ json: inout JSONObject, rules: Bool) {
        if kind == .array {
            json["items"] = items.first?.json(rules: rules)
            if !listMapKeys.isEmpty {
                json["x-kubernetes-list-type"] = "map"
                json["x-kubernetes-list-map-keys"] = .array(listMapKeys.map(JSONValue.string))
            } else {
                json["x-kubernetes-list-type"] = isSet ? "set" : "atomic"
            }
        }
        guard kind == .object else { return }
        if !required.isEmpty { json["required"] = .array(required.map(JSONValue.string)) }
        if let values = items.first { json["additionalProperties"] = values.json(rules: rules) }
        if keepsUnknownFields { json["x-kubernetes-preserve-unknown-fields"] = true }
        guard !properties.isEmpty else { return }
        json["properties"] = .object(properties.map { ($0.name, $0.schema.json(rules: rules)) })
    }
}
