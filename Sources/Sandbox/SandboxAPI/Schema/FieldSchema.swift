// SPDX-License-Identifier: Apache-2.0
package import Formats

// What an object may hold. One description serves five readers: pruning and type checks on writes,
// strategic merge patches (merge keys), server-side apply (list kinds), `kubectl explain` and
// OpenAPI, and the rules of custom resources.
//
//   SchemaText    the built-in kinds, a compact table: `replicas i`, `containers [Container name]`
//   SchemaReader  an openAPIV3Schema of a CustomResourceDefinition
//   FieldCheck   pruning, types, limits, with the field path of each fault
//   Defaults      `default:` of a schema
//   OpenAPI       back to an OpenAPI document

/// A node of a schema tree; immutable, shared between all who read it.
package final class FieldSchema: Sendable {
    package enum Form: Equatable, Sendable {
        case object, array, string, integer, number, boolean
        /// A quantity or a port: a number or a text.
        case intOrString
        /// Anything, unread.
        case any
    }

    /// What two lists become when they meet.
    package enum ListKind: Equatable, Sendable {
        case atomic
        case set
        /// Elements are the same when these fields are; the first one is the merge key of
        /// strategic merge patches.
        case map([String])
    }

    package let form: Form
    package let properties: [(name: String, schema: FieldSchema)]
    /// The values of a map with free keys.
    package let additional: FieldSchema?
    package let items: FieldSchema?
    package let listKind: ListKind
    /// The object is replaced as a whole by server-side apply.
    package let isAtomic: Bool
    /// Lists keep only the keys a strategic merge patch names (`$retainKeys`).
    package let retainsKeys: Bool
    package let keepsUnknown: Bool
    package let isNullable: Bool
    package let limits: SchemaLimits
    package let defaultValue: JSONValue?
    package let summary: String
    /// Of the table of built-in types; empty elsewhere.
    package let typeName: String
    private let index: [String: Int]

    package init(
        _ form: Form, properties: [(String, FieldSchema)] = [], additional: FieldSchema? = nil,
        items: FieldSchema? = nil, listKind: ListKind = .atomic, isAtomic: Bool = false,
        retainsKeys: Bool = false, keepsUnknown: Bool = false, isNullable: Bool = false,
        limits: SchemaLimits = SchemaLimits(), defaultValue: JSONValue? = nil,
        summary: String = "", typeName: String = ""
    ) {
        self.form = form
        self.properties = properties.map { (name: $0.0, schema: $0.1) }
        self.additional = additional
        self.items = items
        self.listKind = listKind
        self.isAtomic = isAtomic
        self.retainsKeys = retainsKeys
        self.keepsUnknown = keepsUnknown
        self.isNullable = isNullable
        self.limits = limits
        self.defaultValue = defaultValue
        self.summary = summary
        self.typeName = typeName
        var index: [String: Int] = [:]
        for (at, property) in properties.enumerated() { index[property.0] = at }
        self.index = index
    }

    package func property(_ name: String) -> FieldSchema? {
        index[name].map { properties[$0].schema }
    }

    /// The schema below a member of an object, nil if the member is unknown.
    package func member(_ name: String) -> FieldSchema? { property(name) ?? additional }

    package static let anything = FieldSchema(.any, keepsUnknown: true)
    package static let string = FieldSchema(.string)
    package static let integer = FieldSchema(.integer)
    package static let boolean = FieldSchema(.boolean)
}

/// The limits of a structural schema.
package struct SchemaLimits: Sendable {
    package var required: [String] = []
    package var allowed: [JSONValue] = []
    package var pattern: String?
    package var format: String?
    package var minimum: Double?
    package var maximum: Double?
    package var isMinimumExclusive = false
    package var isMaximumExclusive = false
    package var multipleOf: Double?
    package var minLength: Int?
    package var maxLength: Int?
    package var minItems: Int?
    package var maxItems: Int?
    package var minProperties: Int?
    package var maxProperties: Int?
    package var uniqueItems = false
    package var rules: [SchemaRule] = []
    /// `allOf`, `anyOf`, `oneOf`, `not` over value limits.
    package var allOf: [FieldSchema] = []
    package var anyOf: [FieldSchema] = []
    package var oneOf: [FieldSchema] = []
    package var not: FieldSchema?

    package init() {}
}

/// One entry of `x-kubernetes-validations`.
package struct SchemaRule: Equatable, Sendable {
    package var rule: String
    package var message: String
    package var messageExpression: String
    package var reason: String
    package var fieldPath: String
}
