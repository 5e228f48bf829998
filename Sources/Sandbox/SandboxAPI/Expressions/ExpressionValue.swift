// SPDX-License-Identifier: Apache-2.0
internal import Formats
internal import Kube

/// What an expression comes to.
enum ExpressionValue: Equatable {
    case null
    case bool(Bool)
    case integer(Int64)
    case number(Double)
    case text(String)
    case list([ExpressionValue])
    case map([String], [ExpressionValue])
    case quantity(Quantity)
    /// Nanoseconds.
    case duration(Int64)

    init(_ json: JSONValue) {
        switch json {
        case .null: self = .null
        case .bool(let bool): self = .bool(bool)
        case .integer(let number): self = .integer(number)
        case .unsigned(let number): self = .number(Double(number))
        case .number(let number): self = .number(number)
        case .string(let text): self = .text(text)
        case .array(let elements): self = .list(elements.map { ExpressionValue($0) })
        case .object(let object):
            self = .map(object.keys, object.members.map { ExpressionValue($0.value) })
        }
    }

    subscript(field: String) -> ExpressionValue? {
        guard case .map(let keys, let values) = self,
            let at = keys.lastIndex(of: field)
        else { return nil }
        return values[at]
    }

    var count: Int64? {
        switch self {
        case .text(let text): Int64(text.unicodeScalars.count)
        case .list(let elements): Int64(elements.count)
        case .map(let keys, _): Int64(keys.count)
        case .null, .bool, .integer, .number, .quantity, .duration: nil
        }
    }

    /// What macros walk over: elements, or keys.
    var elements: [ExpressionValue]? {
        switch self {
        case .list(let elements): elements
        case .map(let keys, _): keys.map(ExpressionValue.text)
        case .null, .bool, .integer, .number, .text, .quantity, .duration: nil
        }
    }

    func isSame(as other: ExpressionValue) -> Bool {
        switch (self, other) {
        case (.integer(let left), .number(let right)): return Double(left) == right
        case (.number(let left), .integer(let right)): return left == Double(right)
        case (.list(let left), .list(let right)):
            return left.count == right.count && zip(left, right).allSatisfy { $0.isSame(as: $1) }
        case (.map(let keys, _), .map(let others, _)):
            return keys.count == others.count
                && keys.allSatisfy { key in
                    guard let left = self[key], let right = other[key] else { return false }
                    return left.isSame(as: right)
                }
        default: return self == other
        }
    }

    /// Nil if the two have no order.
    func isLess(than other: ExpressionValue) -> Bool? {
        switch (self, other) {
        case (.integer(let left), .integer(let right)): left < right
        case (.text(let left), .text(let right)):
            left.utf8.lexicographicallyPrecedes(right.utf8)
        case (.duration(let left), .duration(let right)): left < right
        case (.bool(let left), .bool(let right)): !left && right
        default:
            if let left = double, let right = other.double { left < right } else { nil }
        }
    }

    var double: Double? {
        switch self {
        case .integer(let number): Double(number)
        case .number(let number): number
        case .null, .bool, .text, .list, .map, .quantity, .duration: nil
        }
    }
}

/// Evaluates a rule for one value.
struct ExpressionRun {
    /// More steps than this are an error: a rule may not cost more than its worth.
    private static let maxSteps = 200_000

    private var names: [(name: String, value: ExpressionValue)]
    private var steps = 0

    init(_ names: [(name: String, value: ExpressionValue)]) { self.names = names }

    mutating func value(
        of expression: Expression
    ) throws(ExpressionError) -> ExpressionValue {
        steps += 1
        guard steps < Self.maxSteps else {
            throw ExpressionError(message: "the rule costs too much")
        }
        switch expression {
        case .literal(let value): return value
        case .name(let name):
            guard let found = names.last(where: { $0.name == name }) else {
                throw ExpressionError(message: "undeclared reference to '\(name)'")
            }
            return found.value
        case .field(let object, let field):
            guard let found = try value(of: object)[field] else {
                throw ExpressionError(message: "no such key: \(field)")
            }
            return found
        case .has(let object, let field):
            return .bool(try value(of: object)[field] != nil)
        case .index(let object, let index): return try element(object, index)
        case .not(let inside): return .bool(!(try bool(inside)))
        case .negative(let inside):
            switch try value(of: inside) {
            case .integer(let number): return .integer(0 &- number)
            case .number(let number): return .number(-number)
            default: throw ExpressionError(message: "no such overload: -")
            }
        case .binary(let sign, let left, let right): return try binary(sign, left, right)
        case .choice(let condition, let first, let second):
            return try value(of: try bool(condition) ? first : second)
        case .list(let elements):
            var values: [ExpressionValue] = []
            for element in elements { values.append(try value(of: element)) }
            return .list(values)
        case .map(let pairs):
            var keys: [String] = []
            var values: [ExpressionValue] = []
            for pair in pairs {
                guard case .text(let key) = try value(of: pair.key) else {
                    throw ExpressionError(message: "keys are texts")
                }
                keys.append(key)
                values.append(try value(of: pair.value))
            }
            return .map(keys, values)
        case .call(let name, let target, let arguments):
            var values: [ExpressionValue] = []
            if let target { values.append(try value(of: target)) }
            for argument in arguments { values.append(try value(of: argument)) }
            return try ExpressionFunctions.call(name, values)
        case .macro(let name, let target, let variable, let body):
            return try macro(name, try value(of: target), variable, body)
        }
    }

    mutating func bool(_ expression: Expression) throws(ExpressionError) -> Bool {
        guard case .bool(let bool) = try value(of: expression) else {
            throw ExpressionError(message: "no such overload: a condition is no bool")
        }
        return bool
    }

    private mutating func element(
        _ object: Expression, _ index: Expression
    ) throws(ExpressionError) -> ExpressionValue {
        let container = try value(of: object)
        switch (container, try value(of: index)) {
        case (.list(let elements), .integer(let at)):
            guard let at = Int(exactly: at), elements.indices.contains(at) else {
                throw ExpressionError(message: "index out of bounds: \(at)")
            }
            return elements[at]
        case (.map, .text(let key)):
            guard let found = container[key] else {
                throw ExpressionError(message: "no such key: \(key)")
            }
            return found
        default: throw ExpressionError(message: "no such overload: []")
        }
    }

    /// `&&` and `||` do not care for an error on one side if the other side decides.
    private mutating func junction(
        _ decides: Bool, _ left: Expression, _ right: Expression
    ) throws(ExpressionError) -> ExpressionValue {
        var failure: ExpressionError?
        do throws(ExpressionError) {
            if try bool(left) == decides { return .bool(decides) }
        } catch {
            failure = error
        }
        if try bool(right) == decides { return .bool(decides) }
        if let failure { throw failure }
        return .bool(!decides)
    }

    private mutating func binary(
        _ sign: String, _ left: Expression, _ right: Expression
    ) throws(ExpressionError) -> ExpressionValue {
        if sign == "||" { return try junction(true, left, right) }
        if sign == "&&" { return try junction(false, left, right) }
        let first = try value(of: left)
        let second = try value(of: right)
        switch sign {
        case "==": return .bool(first.isSame(as: second))
        case "!=": return .bool(!first.isSame(as: second))
        case "in":
            guard let elements = second.elements else {
                throw ExpressionError(message: "no such overload: in")
            }
            return .bool(elements.contains { $0.isSame(as: first) })
        case "<", ">=":
            guard let isLess = first.isLess(than: second) else { break }
            return .bool(isLess == (sign == "<"))
        case ">", "<=":
            guard let isMore = second.isLess(than: first) else { break }
            return .bool(isMore == (sign == ">"))
        default:
            if let result = Self.arithmetic(sign, first, second) { return result }
        }
        throw ExpressionError(message: "no such overload: \(sign)")
    }

    private static func arithmetic(
        _ sign: String, _ left: ExpressionValue, _ right: ExpressionValue
    ) -> ExpressionValue? {
        switch (left, right) {
        case (.integer(let left), .integer(let right)):
            let (result, overflows): (Int64, Bool)
            switch sign {
            case "+": (result, overflows) = left.addingReportingOverflow(right)
            case "-": (result, overflows) = left.subtractingReportingOverflow(right)
            case "*": (result, overflows) = left.multipliedReportingOverflow(by: right)
            case "/": (result, overflows) = left.dividedReportingOverflow(by: right)
            default: (result, overflows) = left.remainderReportingOverflow(dividingBy: right)
            }
            return overflows ? nil : .integer(result)
        case (.text(let left), .text(let right)): return sign == "+" ? .text(left + right) : nil
        case (.list(let left), .list(let right)): return sign == "+" ? .list(left + right) : nil
        case (.duration(let left), .duration(let right)):
            return sign == "+"
                ? .duration(left &+ right) : sign == "-" ? .duration(left &- right) : nil
        default:
            guard let first = left.double, let second = right.double else { return nil }
            switch sign {
            case "+": return .number(first + second)
            case "-": return .number(first - second)
            case "*": return .number(first * second)
            case "/": return .number(first / second)
            default: return nil
            }
        }
    }

    private mutating func macro(
        _ name: String, _ target: ExpressionValue, _ variable: String, _ body: Expression
    ) throws(ExpressionError) -> ExpressionValue {
        guard let elements = target.elements else {
            throw ExpressionError(message: "no such overload: \(name)")
        }
        var kept: [ExpressionValue] = []
        for element in elements {
            names.append((variable, element))
            defer { names.removeLast() }
            if name == "map" {
                kept.append(try value(of: body))
            } else if try bool(body) {
                kept.append(element)
            }
        }
        switch name {
        case "all": return .bool(kept.count == elements.count)
        case "exists": return .bool(!kept.isEmpty)
        case "exists_one": return .bool(kept.count == 1)
        default: return .list(kept)
        }
    }
}
