// SPDX-License-Identifier: Apache-2.0
internal import Formats

/// `docs/api.md`: every field of our kinds, out of the same types as the definitions.
package enum Reference {
    package static let text =
        """
        # The API

        Every field of the kinds of `keelson.dev/v1alpha1`. This page is printed from the types of the
        operator, as are the CustomResourceDefinitions; `make golden` rewrites all of them.

        """ + Definition.all.map(section).joined()

    private static func section(_ definition: Definition) -> String {
        let kind = definition.kind
        let names = kind.shortNames.map { ", `\($0)`" }.joined()
        var lines = [
            "", "## \(kind.kind)", "", definition.words, "",
            "`kubectl get \(kind.plural)`\(names)",
        ]
        if !definition.rules.isEmpty { lines += [""] + definition.rules.map { ruleLine("", $0) } }
        lines += ["", "### \(kind.kind) spec", ""] + table(definition.spec)
        lines += ["", "### \(kind.kind) status", ""] + table(definition.status)
        return lines.joined(separator: "\n") + "\n"
    }

    private static func table(_ schema: Schema) -> [String] {
        var rows: [String] = []
        var rules: [String] = schema.rules.map { ruleLine("", $0) }
        addRows(schema, prefix: "", &rows, &rules)
        var lines = ["| Field | Type | Default | Meaning |", "|---|---|---|---|"] + rows
        if !rules.isEmpty { lines += ["", "Rules:", ""] + rules }
        return lines
    }

    private static func addRows(
        _ schema: Schema, prefix: String, _ rows: inout [String], _ rules: inout [String]
    ) {
        for property in schema.properties {
            let field = property.schema
            let isRequired = schema.required.contains(property.name)
            let name = prefix + property.name
            rows.append(
                "| `\(name)` | \(type(of: field)) | \(standard(field, isRequired)) "
                    + "| \(field.words)\(limits(field)) |")
            rules += field.rules.map { ruleLine(name, $0) }
            addRows(field, prefix: name + ".", &rows, &rules)
            if field.kind == .array, let items = field.items.first {
                rules += items.rules.map { ruleLine(name + "[]", $0) }
                addRows(items, prefix: name + "[].", &rows, &rules)
            }
        }
    }

    private static func ruleLine(_ name: String, _ rule: Rule) -> String {
        let field = name + rule.fieldPath
        let subject = field.hasPrefix(".") ? String(field.dropFirst()) : field
        return subject.isEmpty ? "- \(rule.message)" : "- `\(subject)`: \(rule.message)"
    }

    private static func type(of schema: Schema) -> String {
        if schema.pattern == Duration.pattern { return "duration" }
        switch schema.kind {
        case .intOrString: return "quantity"
        case .array: return "list of " + (schema.items.first.map(type) ?? "any")
        case .object:
            if let values = schema.items.first { return "map of \(type(of: values))" }
            return schema.keepsUnknownFields ? "as in Kubernetes" : "object"
        case .string, .integer, .number, .boolean:
            guard schema.choices.isEmpty else {
                return schema.choices.map { "`\($0)`" }.joined(separator: ", ")
            }
            return schema.format == "date-time" ? "time" : schema.kind.rawValue
        }
    }

    private static func standard(_ schema: Schema, _ isRequired: Bool) -> String {
        if isRequired { return "required" }
        guard let value = schema.standard, value != .object([]) else { return "" }
        return "`" + (value.string ?? JSON.text(value)) + "`"
    }

    private static func limits(_ schema: Schema) -> String {
        switch (schema.minimum, schema.maximum) {
        case (let low?, let high?): " (\(low) to \(high))"
        case (let low?, nil): " (at least \(low))"
        case (nil, let high?): " (at most \(high))"
        case (nil, nil): ""
        }
    }
}
