// SPDX-License-Identifier: Apache-2.0
internal import Formats
internal import Kube

extension FieldCheck {
    mutating func checkLimits(_ value: JSONValue, _ schema: FieldSchema, _ path: String) {
        let limits = schema.limits
        checkAllowed(value, limits, path)
        switch value {
        case .string(let text): checkText(text, limits, path)
        case .integer, .unsigned, .number: checkNumber(value, limits, path)
        case .array(let elements): checkList(elements, schema, path)
        case .object(let object): checkCount(object.members.count, limits, path)
        case .null, .bool: break
        }
        checkJunctors(value, limits, path)
    }

    private mutating func invalid(_ path: String, _ value: String, _ text: String) {
        add(path, "FieldValueInvalid", "Invalid value: \(value): \(path) in body \(text)")
    }

    private mutating func checkAllowed(
        _ value: JSONValue, _ limits: SchemaLimits, _ path: String
    ) {
        guard !limits.allowed.isEmpty, !limits.allowed.contains(where: { $0.isSame(as: value) })
        else { return }
        let choices = limits.allowed.map(\.description).joined(separator: ", ")
        add(
            path, "FieldValueNotSupported",
            "Unsupported value: \(value): supported values: \(choices)")
    }

    private mutating func checkText(_ text: String, _ limits: SchemaLimits, _ path: String) {
        let shown = JSON.text(.string(text), style: JSON.Style(escapesHTML: false))
        let length = text.unicodeScalars.count
        if let least = limits.minLength, length < least {
            invalid(path, shown, "should be at least \(least) chars long")
        }
        if let most = limits.maxLength, length > most {
            add(path, "FieldValueTooLong", "Too long: may not be more than \(most) bytes")
        }
        if let pattern = limits.pattern, !Pattern.matches(pattern, text) {
            invalid(path, shown, "should match '\(pattern)'")
        }
        if let format = limits.format, !Pattern.hasFormat(format, text) {
            invalid(path, shown, "must be of type \(format): \(shown)")
        }
    }

    private mutating func checkNumber(
        _ value: JSONValue, _ limits: SchemaLimits, _ path: String
    ) {
        guard let number = value.double else { return }
        if let least = limits.minimum {
            let isExclusive = limits.isMinimumExclusive
            if isExclusive ? number <= least : number < least {
                invalid(
                    path, "\(value)",
                    "should be greater than \(isExclusive ? "" : "or equal to ")\(plain(least))")
            }
        }
        if let most = limits.maximum {
            let isExclusive = limits.isMaximumExclusive
            if isExclusive ? number >= most : number > most {
                invalid(
                    path, "\(value)",
                    "should be less than \(isExclusive ? "" : "or equal to ")\(plain(most))")
            }
        }
        if let factor = limits.multipleOf, factor > 0 {
            let quotient = number / factor
            if quotient != quotient.rounded() {
                invalid(path, "\(value)", "should be a multiple of \(plain(factor))")
            }
        }
    }

    private func plain(_ number: Double) -> String { "\(JSONValue.number(number))" }

    private mutating func checkList(
        _ elements: [JSONValue], _ schema: FieldSchema, _ path: String
    ) {
        let limits = schema.limits
        if let least = limits.minItems, elements.count < least {
            invalid(path, "\(elements.count)", "should have at least \(least) items")
        }
        if let most = limits.maxItems, elements.count > most {
            add(
                path, "FieldValueTooMany",
                "Too many: \(elements.count): must have at most \(most) items")
        }
        var seen: [JSONValue] = []
        for (index, element) in elements.enumerated().prefix(1000) {
            guard let identity = identity(element, schema) else { continue }
            if seen.contains(where: { $0.isSame(as: identity) }) {
                add(
                    "\(path)[\(index)]", "FieldValueDuplicate", "Duplicate value: \(identity)")
            }
            seen.append(identity)
        }
    }

    /// What no two elements may share.
    private func identity(_ element: JSONValue, _ schema: FieldSchema) -> JSONValue? {
        switch schema.listKind {
        case .atomic: schema.limits.uniqueItems ? element : nil
        case .set: element
        case .map(let keys): .object(keys.map { ($0, element[$0] ?? .null) })
        }
    }

    private mutating func checkCount(_ count: Int, _ limits: SchemaLimits, _ path: String) {
        if let least = limits.minProperties, count < least {
            invalid(path, "\(count)", "should have at least \(least) properties")
        }
        if let most = limits.maxProperties, count > most {
            add(
                path, "FieldValueTooMany",
                "Too many: \(count): must have at most \(most) items")
        }
    }

    private mutating func checkJunctors(
        _ value: JSONValue, _ limits: SchemaLimits, _ path: String
    ) {
        for schema in limits.allOf { checkMerely(value, schema, path) }
        if !limits.anyOf.isEmpty, !limits.anyOf.contains(where: { Self.accepts(value, $0) }) {
            invalid(path, "\"\"", "must validate at least one schema (anyOf)")
        }
        if !limits.oneOf.isEmpty, limits.oneOf.count(where: { Self.accepts(value, $0) }) != 1 {
            invalid(path, "\"\"", "must validate one and only one schema (oneOf)")
        }
        if let not = limits.not, Self.accepts(value, not) {
            invalid(path, "\"\"", "must not validate the schema (not)")
        }
    }

    private mutating func checkMerely(_ value: JSONValue, _ schema: FieldSchema, _ path: String) {
        var check = FieldCheck()
        check.check(value, schema, path)
        for cause in check.causes { add(cause.field, cause.reason, cause.message) }
    }

    private static func accepts(_ value: JSONValue, _ schema: FieldSchema) -> Bool {
        var check = FieldCheck()
        check.check(value, schema)
        return check.causes.isEmpty
    }
}

/// Regular expressions and formats of texts.
enum Pattern {
    /// A pattern that cannot be read matches nothing; definitions with one are refused.
    static func matches(_ pattern: String, _ text: String) -> Bool {
        guard let regex = try? Regex(pattern) else { return false }
        return (try? regex.firstMatch(in: text)) != nil
    }

    static func isReadable(_ pattern: String) -> Bool { (try? Regex(pattern)) != nil }

    /// Formats that are not listed hold for every text, as an API server has it.
    static func hasFormat(_ format: String, _ text: String) -> Bool {
        switch format {
        case "date-time": KubeTime.parse(text) != nil
        case "byte": Base64.decode(text) != nil
        case "ipv4":
            text.split(separator: ".", omittingEmptySubsequences: false)
                .compactMap { UInt8($0) }.count == 4
        default: true
        }
    }
}
