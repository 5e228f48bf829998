// SPDX-License-Identifier: Apache-2.0
package import Formats

/// What a field can hold.
package protocol FieldValue: Sendable {
    static var schema: Schema { get }
    /// Reads into `value`; what cannot be read leaves it as it is and adds a problem.
    static func read(
        _ json: JSONValue, into value: inout Self, _ field: String,
        _ problems: inout [FieldProblem])
    /// Nil when there is nothing to say.
    var fieldJSON: JSONValue? { get }
    /// What a schema offers as the default when a new record holds this; nil for empty.
    var standardJSON: JSONValue? { get }
}

extension FieldValue {
    package var standardJSON: JSONValue? { fieldJSON }
}

/// Words that are a closed set in the schema.
package protocol ChoiceValue: FieldValue, RawRepresentable<String>, CaseIterable {}

extension Bool: FieldValue {
    package static var schema: Schema { Schema(.boolean) }
    package var fieldJSON: JSONValue? { .bool(self) }
    package static func read(
        _ json: JSONValue, into value: inout Bool, _ field: String,
        _ problems: inout [FieldProblem]
    ) {
        guard let bool = json.bool else {
            return problems.append(.wrongType(field, json, wanted: "boolean"))
        }
        value = bool
    }
}

extension Int: FieldValue {
    package static var schema: Schema {
        var schema = Schema(.integer)
        schema.format = "int64"
        return schema
    }
    package var fieldJSON: JSONValue? { .integer(Int64(self)) }
    package static func read(
        _ json: JSONValue, into value: inout Int, _ field: String,
        _ problems: inout [FieldProblem]
    ) {
        guard let number = json.int64, let int = Int(exactly: number) else {
            return problems.append(.wrongType(field, json, wanted: "integer"))
        }
        value = int
    }
}

extension String: FieldValue {
    package static var schema: Schema { Schema(.string) }
    package var fieldJSON: JSONValue? { isEmpty ? nil : .string(self) }
    package static func read(
        _ json: JSONValue, into value: inout String, _ field: String,
        _ problems: inout [FieldProblem]
    ) {
        guard let string = json.string else {
            return problems.append(.wrongType(field, json, wanted: "string"))
        }
        value = string
    }
}

extension ChoiceValue {
    package static var schema: Schema {
        var schema = Schema(.string)
        schema.choices = allCases.map(\.rawValue).filter { !$0.isEmpty }
        return schema
    }
    package var fieldJSON: JSONValue? { rawValue.isEmpty ? nil : .string(rawValue) }
    package static func read(
        _ json: JSONValue, into value: inout Self, _ field: String,
        _ problems: inout [FieldProblem]
    ) {
        guard let string = json.string else {
            return problems.append(.wrongType(field, json, wanted: "string"))
        }
        guard let choice = Self(rawValue: string) else {
            let supported = schema.choices.map { "\"\($0)\"" }.joined(separator: ", ")
            return problems.append(
                FieldProblem(
                    field, "Unsupported value: \"\(string)\": supported values: \(supported)",
                    reason: "FieldValueNotSupported"))
        }
        value = choice
    }
}

extension Optional: FieldValue where Wrapped: FieldValue & OptionalContent {
    package static var schema: Schema { Wrapped.schema }
    package var fieldJSON: JSONValue? { self?.present }
    package var standardJSON: JSONValue? { self?.standardJSON }
    package static func read(
        _ json: JSONValue, into value: inout Wrapped?, _ field: String,
        _ problems: inout [FieldProblem]
    ) {
        var wrapped = Wrapped.blank
        let before = problems.count
        Wrapped.read(json, into: &wrapped, field, &problems)
        // A record may be read in part; a single value is there or not.
        if problems.count == before || wrapped.fieldJSON != nil { value = wrapped }
    }
}

/// What can stand in an optional or in a list: there is something to begin reading with.
package protocol OptionalContent {
    static var blank: Self { get }
}

extension OptionalContent where Self: FieldValue {
    /// Present though empty: an optional record without fields is `{}`.
    fileprivate var present: JSONValue? { fieldJSON ?? .object([]) }
}

extension OptionalContent where Self: Record {
    package static var blank: Self { Self() }
}
extension Bool: OptionalContent { package static var blank: Bool { false } }
extension Int: OptionalContent { package static var blank: Int { 0 } }
extension String: OptionalContent { package static var blank: String { "" } }
extension Duration: OptionalContent { package static var blank: Duration { .zero } }

extension Array: FieldValue where Element: FieldValue & OptionalContent {
    package static var schema: Schema {
        var schema = Schema(.array)
        schema.items = [Element.schema]
        schema.maxItems = 64
        return schema
    }
    package var fieldJSON: JSONValue? {
        isEmpty ? nil : .array(map { $0.fieldJSON ?? .object([]) })
    }
    package static func read(
        _ json: JSONValue, into value: inout [Element], _ field: String,
        _ problems: inout [FieldProblem]
    ) {
        guard let array = json.array else {
            return problems.append(.wrongType(field, json, wanted: "array"))
        }
        value = array.enumerated().map { index, json in
            var element = Element.blank
            Element.read(json, into: &element, "\(field)[\(index)]", &problems)
            return element
        }
    }
}

/// Written as Go writes durations: `5m`, `2160h`.
extension Duration: FieldValue {
    package static let pattern = "^([0-9]+(\\.[0-9]+)?(ns|us|ms|s|m|h))+$"

    package static var schema: Schema {
        var schema = Schema(.string)
        schema.pattern = pattern
        schema.maxLength = 32
        return schema
    }
    package var fieldJSON: JSONValue? { .string(GoDuration.text(self)) }
    package static func read(
        _ json: JSONValue, into value: inout Duration, _ field: String,
        _ problems: inout [FieldProblem]
    ) {
        guard let text = json.string else {
            return problems.append(.wrongType(field, json, wanted: "string"))
        }
        guard let nanoseconds = GoDuration.parse(text), nanoseconds >= 0 else {
            return problems.append(
                FieldProblem(field, "Invalid value: \"\(text)\": must be a duration such as 5m"))
        }
        value = .nanoseconds(nanoseconds)
    }
}

/// JSON of any shape, handed on as it is; `kind` object, unknown fields are kept.
package struct AnyObject: FieldValue, OptionalContent, Equatable {
    package var object: JSONObject

    package init(_ object: JSONObject = JSONObject()) { self.object = object }

    package static var blank: AnyObject { AnyObject() }
    package static var schema: Schema {
        var schema = Schema(.object)
        schema.keepsUnknownFields = true
        return schema
    }
    package var fieldJSON: JSONValue? { object.isEmpty ? nil : .object(object) }
    package static func read(
        _ json: JSONValue, into value: inout AnyObject, _ field: String,
        _ problems: inout [FieldProblem]
    ) {
        guard let object = json.object else {
            return problems.append(.wrongType(field, json, wanted: "object"))
        }
        value.object = object
    }
}

extension KubeMap: FieldValue, OptionalContent {
    package static var blank: KubeMap { KubeMap() }
    package static var schema: Schema {
        var schema = Schema(.object)
        schema.items = [Schema(.string)]
        schema.maxProperties = 64
        return schema
    }
    package var fieldJSON: JSONValue? {
        isEmpty ? nil : .object(pairs.map { ($0.key, .string($0.value)) })
    }
    package static func read(
        _ json: JSONValue, into value: inout KubeMap, _ field: String,
        _ problems: inout [FieldProblem]
    ) {
        guard let object = json.object else {
            return problems.append(.wrongType(field, json, wanted: "object"))
        }
        value = KubeMap()
        for member in object.members {
            guard let text = member.value.string else {
                let name = "\(field).\(member.key)"
                problems.append(.wrongType(name, member.value, wanted: "string"))
                continue
            }
            value[member.key] = text
        }
    }
}

/// Amounts by name, such as the requests of a container, as they were written.
package struct ResourceList: FieldValue, Equatable, ExpressibleByDictionaryLiteral {
    package var amounts: KubeMap

    package init(_ amounts: KubeMap = KubeMap()) { self.amounts = amounts }

    package init(dictionaryLiteral elements: (String, String)...) { amounts = KubeMap(elements) }

    package subscript(name: String) -> String? { amounts[name] }

    package static var schema: Schema {
        var schema = Schema(.object)
        schema.items = [Quantity.schema]
        schema.maxProperties = 16
        return schema
    }
    package var fieldJSON: JSONValue? { amounts.fieldJSON }
    package static func read(
        _ json: JSONValue, into value: inout ResourceList, _ field: String,
        _ problems: inout [FieldProblem]
    ) {
        guard let object = json.object else {
            return problems.append(.wrongType(field, json, wanted: "object"))
        }
        value.amounts = KubeMap()
        for member in object.members {
            var quantity = Quantity.blank
            let before = problems.count
            Quantity.read(member.value, into: &quantity, "\(field).\(member.key)", &problems)
            guard problems.count == before else { continue }
            value.amounts[member.key] = member.value.string ?? "\(quantity)"
        }
    }
}

/// Written as Kubernetes writes amounts: `8Gi`, `250m`.
extension Quantity: FieldValue, OptionalContent {
    package static var blank: Quantity { Quantity(thousandths: 0) }
    package static var schema: Schema {
        var schema = Schema(.intOrString)
        schema.pattern = "^[+]?([0-9]+|[0-9]+[.][0-9]*|[.][0-9]+)([KMGTP]i|[mkMGTP]|[eE][0-9]+)?$"
        return schema
    }
    package var fieldJSON: JSONValue? { .string(description) }
    package static func read(
        _ json: JSONValue, into value: inout Quantity, _ field: String,
        _ problems: inout [FieldProblem]
    ) {
        guard let text = json.string ?? json.int64.map({ "\($0)" }) else {
            return problems.append(.wrongType(field, json, wanted: "integer,string"))
        }
        guard let quantity = Quantity(text), quantity.thousandths >= 0 else {
            return problems.append(
                FieldProblem(field, "Invalid value: \"\(text)\": must be a quantity such as 8Gi"))
        }
        value = quantity
    }
}
