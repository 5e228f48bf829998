// SPDX-License-Identifier: Apache-2.0
internal import Formats
internal import Kube

/// The functions that rules may call; the first argument may stand before a point.
enum ExpressionFunctions {
    static let known: Set<String> = [
        "size", "int", "string", "double", "duration", "quantity", "isQuantity", "matches",
        "startsWith", "endsWith", "contains", "split", "substring", "lowerAscii", "upperAscii",
        "trim", "join", "compareTo", "isGreaterThan", "isLessThan", "asApproximateFloat",
        "asInteger", "isInteger", "sign", "replace", "indexOf",
    ]

    static func call(
        _ name: String, _ values: [ExpressionValue]
    ) throws(ExpressionError) -> ExpressionValue {
        guard let first = values.first else {
            throw ExpressionError(message: "no such overload: \(name)()")
        }
        let second = values.count > 1 ? values[1] : nil
        let result: ExpressionValue? =
            switch first {
            case .text(let text): ofText(name, text, second, values)
            case .quantity(let quantity): ofQuantity(name, quantity, second)
            case .list(let elements) where name == "join": joined(elements, second)
            case .integer(let number) where name == "duration" || name == "quantity":
                name == "quantity" ? Quantity(number).map(ExpressionValue.quantity) : nil
            case .null, .bool, .integer, .number, .list, .map, .duration: nil
            }
        if let found = result ?? general(name, first) { return found }
        throw ExpressionError(message: "no such overload: \(name)(\(first))")
    }

    private static func general(_ name: String, _ value: ExpressionValue) -> ExpressionValue? {
        switch (name, value) {
        case ("size", _): value.count.map(ExpressionValue.integer)
        case ("int", .integer), ("string", .text), ("double", .number): value
        case ("int", .number(let number)):
            Int64(exactly: number.rounded(.towardZero)).map(
                ExpressionValue.integer)
        case ("double", .integer(let number)): .number(Double(number))
        case ("string", .integer(let number)): .text("\(number)")
        case ("string", .number(let number)): .text(GoNumber.text(number))
        case ("string", .bool(let bool)): .text("\(bool)")
        case ("string", .duration(let nanoseconds)): .text(GoDuration.text(nanoseconds))
        default: nil
        }
    }

    private static func ofText(
        _ name: String, _ text: String, _ second: ExpressionValue?, _ all: [ExpressionValue]
    ) -> ExpressionValue? {
        switch name {
        case "int": return Int64(text).map(ExpressionValue.integer)
        case "double": return Double(text).map(ExpressionValue.number)
        case "duration": return GoDuration.parse(text).map(ExpressionValue.duration)
        case "quantity": return Quantity(text).map(ExpressionValue.quantity)
        case "isQuantity": return .bool(Quantity(text) != nil)
        case "lowerAscii": return .text(text.lowercased())
        case "upperAscii": return .text(text.uppercased())
        case "trim":
            let start = text.drop { $0.isWhitespace }
            let end = start.lastIndex { !$0.isWhitespace }
            return .text(end.map { String(start[...$0]) } ?? "")
        case "substring": return substring(text, all)
        default: break
        }
        guard case .text(let other)? = second else { return nil }
        switch name {
        case "matches": return .bool(Pattern.matches(other, text))
        case "startsWith": return .bool(text.utf8.starts(with: other.utf8))
        case "endsWith": return .bool(text.utf8.reversed().starts(with: other.utf8.reversed()))
        case "contains": return .bool(other.isEmpty || text.contains(other))
        case "indexOf":
            guard let found = text.firstRange(of: other) else { return .integer(-1) }
            return .integer(Int64(text.distance(from: text.startIndex, to: found.lowerBound)))
        case "split":
            if other.isEmpty { return .list(text.map { .text(String($0)) }) }
            return .list(
                text.split(separator: other, omittingEmptySubsequences: false).map {
                    .text(String($0))
                })
        case "replace":
            guard all.count == 3, case .text(let new) = all[2] else { return nil }
            return .text(text.replacing(other, with: new))
        default: return nil
        }
    }

    private static func substring(_ text: String, _ all: [ExpressionValue]) -> ExpressionValue? {
        guard all.count >= 2, case .integer(let start) = all[1] else { return nil }
        let characters = Array(text)
        var end = Int64(characters.count)
        if all.count > 2 {
            guard case .integer(let asked) = all[2] else { return nil }
            end = asked
        }
        guard start >= 0, start <= end, end <= Int64(characters.count) else { return nil }
        return .text(String(characters[Int(start)..<Int(end)]))
    }

    private static func ofQuantity(
        _ name: String, _ quantity: Quantity, _ second: ExpressionValue?
    ) -> ExpressionValue? {
        switch name {
        case "asApproximateFloat": return .number(Double(quantity.thousandths) / 1000)
        case "asInteger": return .integer(quantity.units)
        case "isInteger": return .bool(quantity.thousandths % 1000 == 0)
        case "sign": return .integer(quantity.thousandths.signum())
        default: break
        }
        guard case .quantity(let other)? = second else { return nil }
        switch name {
        case "compareTo": return .integer(quantity < other ? -1 : quantity > other ? 1 : 0)
        case "isGreaterThan": return .bool(quantity > other)
        case "isLessThan": return .bool(quantity < other)
        default: return nil
        }
    }

    private static func joined(
        _ elements: [ExpressionValue], _ second: ExpressionValue?
    ) -> ExpressionValue? {
        var separator = ""
        if case .text(let text)? = second { separator = text }
        var texts: [String] = []
        for element in elements {
            guard case .text(let text) = element else { return nil }
            texts.append(text)
        }
        return .text(texts.joined(separator: separator))
    }
}
