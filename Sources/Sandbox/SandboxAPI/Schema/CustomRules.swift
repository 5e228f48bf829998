// SPDX-License-Identifier: Apache-2.0
internal import Formats
internal import Kube

/// The rules of `x-kubernetes-validations`, asked of a value and of everything in it.
struct CustomRules {
    private var causes: [StatusCause] = []

    static func check(
        _ value: JSONValue, _ before: JSONValue?, _ schema: FieldSchema
    ) -> [StatusCause] {
        var rules = CustomRules()
        rules.walk(value, before, schema, "")
        return rules.causes
    }

    /// Why a rule cannot be understood; nil if it can.
    static func fault(in rule: String) -> String? {
        do throws(ExpressionError) {
            _ = try ExpressionReader.read(rule)
            return nil
        } catch {
            return error.message
        }
    }

    private mutating func walk(
        _ value: JSONValue, _ before: JSONValue?, _ schema: FieldSchema, _ path: String
    ) {
        guard causes.count < FieldCheck.maxCauses, value != .null else { return }
        for rule in schema.limits.rules { ask(rule, value, before, path) }
        switch value {
        case .object(let object):
            for member in object.members {
                guard let below = schema.member(member.key) else { continue }
                walk(
                    member.value, before?[member.key], below,
                    path.isEmpty ? member.key : "\(path).\(member.key)")
            }
        case .array(let elements):
            guard let items = schema.items else { return }
            for (index, element) in elements.enumerated() {
                walk(element, former(element, before, schema), items, "\(path)[\(index)]")
            }
        case .null, .bool, .integer, .unsigned, .number, .string: break
        }
    }

    /// Only elements with names can be found again.
    private func former(
        _ element: JSONValue, _ before: JSONValue?, _ schema: FieldSchema
    ) -> JSONValue? {
        guard case .map(let keys) = schema.listKind else { return nil }
        return before?.array?.first { old in
            keys.allSatisfy { old[$0] == element[$0] }
        }
    }

    private mutating func ask(
        _ rule: SchemaRule, _ value: JSONValue, _ before: JSONValue?, _ path: String
    ) {
        // A rule about what was is asked only if there was something.
        let isTransition = rule.rule.contains("oldSelf")
        if isTransition, before == nil { return }
        var names = [(name: "self", value: ExpressionValue(value))]
        if let before { names.append((name: "oldSelf", value: ExpressionValue(before))) }
        var run = ExpressionRun(names)
        let field = rule.fieldPath.isEmpty ? path : path + rule.fieldPath
        do throws(ExpressionError) {
            if try run.bool(try ExpressionReader.read(rule.rule)) { return }
            add(rule, field, value, message(rule, &run))
        } catch {
            add(rule, field, value, "rule error: \(error.message): \(rule.rule)")
        }
    }

    private func message(_ rule: SchemaRule, _ run: inout ExpressionRun) -> String {
        if !rule.messageExpression.isEmpty {
            do throws(ExpressionError) {
                let found = try run.value(of: try ExpressionReader.read(rule.messageExpression))
                if case .text(let text) = found { return text }
            } catch {
                // The plain message says it then.
            }
        }
        return rule.message.isEmpty ? "failed rule: \(rule.rule)" : rule.message
    }

    private mutating func add(
        _ rule: SchemaRule, _ field: String, _ value: JSONValue, _ message: String
    ) {
        let reason = rule.reason.isEmpty ? "FieldValueInvalid" : rule.reason
        let shown =
            switch value {
            case .object: "\"object\""
            case .array: "\"array\""
            case .null, .bool, .integer, .unsigned, .number, .string: "\(value)"
            }
        let text: String =
            switch reason {
            case "FieldValueForbidden": "Forbidden: \(message)"
            case "FieldValueRequired": "Required value: \(message)"
            case "FieldValueDuplicate": "Duplicate value: \(shown)"
            default: "Invalid value: \(shown): \(message)"
            }
        causes.append(
            StatusCause(field: field.isEmpty ? "<nil>" : field, reason: reason, message: text))
    }
}
