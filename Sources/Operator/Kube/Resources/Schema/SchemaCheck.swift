// SPDX-License-Identifier: Apache-2.0
package import Formats

/// Values against a schema: types, limits, closed sets, patterns, what is required. The rules in CEL
/// are not looked at; `SpecCheck` has them in Swift.
package enum SchemaCheck {
    /// More are not collected.
    package static let maxProblems = 32

    package static func problems(of value: JSONValue, _ schema: Schema, at path: String)
        -> [FieldProblem]
    {
        var problems: [FieldProblem] = []
        check(value, schema, path, &problems)
        return problems
    }

    private static func check(
        _ value: JSONValue, _ schema: Schema, _ path: String, _ problems: inout [FieldProblem]
    ) {
        guard problems.count < maxProblems, !value.isNull else { return }
        guard hasType(value, schema.kind) else {
            let wanted = schema.kind == .intOrString ? "integer,string" : schema.kind.rawValue
            return problems.append(.wrongType(path, value, wanted: wanted))
        }
        checkText(value, schema, path, &problems)
        checkNumber(value, schema, path, &problems)
        if let items = value.array { checkItems(items, schema, path, &problems) }
        if let object = value.object { checkMembers(object, schema, path, &problems) }
    }

    private static func hasType(_ value: JSONValue, _ kind: Schema.Kind) -> Bool {
        switch kind {
        case .string: value.string != nil
        case .integer: value.int64 != nil
        case .number: value.double != nil
        case .boolean: value.bool != nil
        case .object: value.object != nil
        case .array: value.array != nil
        case .intOrString: value.string != nil || value.int64 != nil
        }
    }

    private static func checkText(
        _ value: JSONValue, _ schema: Schema, _ path: String, _ problems: inout [FieldProblem]
    ) {
        guard let text = value.string else { return }
        if !schema.choices.isEmpty, !schema.choices.contains(text) {
            let supported = schema.choices.map { "\"\($0)\"" }.joined(separator: ", ")
            problems.append(
                FieldProblem(
                    path, "Unsupported value: \"\(text)\": supported values: \(supported)",
                    reason: "FieldValueNotSupported"))
        }
        let length = Int64(text.unicodeScalars.count)
        if let limit = schema.minLength, length < limit {
            problems.append(
                FieldProblem(
                    path, "Invalid value: \"\(text)\": should be at least \(limit) chars long"))
        }
        if let limit = schema.maxLength, length > limit {
            return problems.append(
                FieldProblem(
                    path, "Too long: may not be more than \(limit) bytes",
                    reason: "FieldValueTooLong"))
        }
        if !schema.pattern.isEmpty, !matches(text, schema.pattern) {
            problems.append(
                FieldProblem(
                    path, "Invalid value: \"\(text)\": should match '\(schema.pattern)'"))
        }
    }

    /// A pattern that cannot be read, which none of ours is, lets nothing pass.
    package static func matches(_ text: String, _ pattern: String) -> Bool {
        do {
            return text.firstMatch(of: try Regex(pattern)) != nil
        } catch {
            return false
        }
    }

    private static func checkNumber(
        _ value: JSONValue, _ schema: Schema, _ path: String, _ problems: inout [FieldProblem]
    ) {
        guard schema.kind == .integer, let number = value.int64 else { return }
        if let limit = schema.minimum, number < limit {
            problems.append(
                FieldProblem(
                    path,
                    "Invalid value: \(number): should be greater than or equal to \(limit)"))
        }
        if let limit = schema.maximum, number > limit {
            problems.append(
                FieldProblem(
                    path, "Invalid value: \(number): should be less than or equal to \(limit)"))
        }
    }

    private static func checkItems(
        _ items: [JSONValue], _ schema: Schema, _ path: String, _ problems: inout [FieldProblem]
    ) {
        let count = Int64(items.count)
        if let limit = schema.minItems, count < limit {
            problems.append(
                FieldProblem(
                    path, "Invalid value: \(count): should have at least \(limit) items"))
        }
        if let limit = schema.maxItems, count > limit {
            return problems.append(
                FieldProblem(
                    path, "Too many: \(count): must have at most \(limit) items",
                    reason: "FieldValueTooMany"))
        }
        if let item = schema.items.first {
            for (index, value) in items.enumerated() {
                check(value, item, "\(path)[\(index)]", &problems)
            }
        }
        guard !schema.listMapKeys.isEmpty else { return }
        var seen: [[JSONValue?]] = []
        for (index, value) in items.enumerated() {
            let key = schema.listMapKeys.map { value[$0] }
            if seen.contains(key) {
                problems.append(
                    FieldProblem(
                        "\(path)[\(index)]", "Duplicate value", reason: "FieldValueDuplicate"))
            }
            seen.append(key)
        }
    }

    private static func checkMembers(
        _ object: JSONObject, _ schema: Schema, _ path: String, _ problems: inout [FieldProblem]
    ) {
        for name in schema.required where object[name]?.isNull ?? true {
            problems.append(
                FieldProblem("\(path).\(name)", "Required value", reason: "FieldValueRequired"))
        }
        for property in schema.properties {
            if let value = object[property.name] {
                check(value, property.schema, "\(path).\(property.name)", &problems)
            }
        }
        if let limit = schema.maxProperties, object.members.count > limit {
            let count = object.members.count
            return problems.append(
                FieldProblem(
                    path, "Too many: \(count): must have at most \(limit) items",
                    reason: "FieldValueTooMany"))
        }
        guard let values = schema.items.first else { return }
        for member in object.members {
            check(member.value, values, "\(path).\(member.key)", &problems)
        }
    }

    /// Fields that the schema does not name: a server drops them without a word.
    package static func unknownFields(in value: JSONValue, _ schema: Schema, at path: String)
        -> [String]
    {
        if let items = value.array, let item = schema.items.first {
            return items.enumerated().flatMap { index, value in
                unknownFields(in: value, item, at: "\(path)[\(index)]")
            }
        }
        guard let object = value.object, !schema.keepsUnknownFields, schema.items.isEmpty else {
            return []
        }
        return object.members.flatMap { member -> [String] in
            let name = "\(path).\(member.key)"
            guard let property = schema.properties.first(where: { $0.name == member.key }) else {
                return [name]
            }
            return unknownFields(in: member.value, property.schema, at: name)
        }
    }
}
