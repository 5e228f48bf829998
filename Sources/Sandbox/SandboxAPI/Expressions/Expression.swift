// SPDX-License-Identifier: Apache-2.0

// Rules of custom resources are written in the Common Expression Language. This is the part of it
// that such rules use: fields, comparisons, arithmetic, the conditional, lists, `has`, `in`, the
// macros over lists and maps, and functions for texts, quantities and durations.
//
//   text ──► ExpressionReader ──► Expression ──► ExpressionRun(self, oldSelf) ──► ExpressionValue
//
// A function that is not in ExpressionFunctions makes a rule unreadable, and the definition that
// carries it is refused: a rule is enforced or not accepted.

/// A rule as a tree.
indirect enum Expression: Equatable {
    case literal(ExpressionValue)
    case name(String)
    case field(Expression, String)
    case index(Expression, Expression)
    case has(Expression, String)
    case not(Expression)
    case negative(Expression)
    case binary(String, Expression, Expression)
    case choice(Expression, Expression, Expression)
    case list([Expression])
    case map([(key: Expression, value: Expression)])
    case call(String, target: Expression?, [Expression])
    /// `target.all(name, body)`.
    case macro(String, Expression, String, Expression)

    static func == (left: Expression, right: Expression) -> Bool {
        "\(left)" == "\(right)"
    }

    static let macros: Set<String> = ["all", "exists", "exists_one", "filter", "map"]
}

struct ExpressionError: Error, Equatable {
    var message: String
}

/// Reads a rule; operators by their precedence.
struct ExpressionReader {
    private enum Token: Equatable {
        case name(String)
        case text(String)
        case integer(Int64)
        case number(Double)
        case sign(String)
        case end
    }

    private static let maxDepth = 60
    private var tokens: [Token] = []
    private var at = 0
    private var depth = 0

    static func read(_ text: String) throws(ExpressionError) -> Expression {
        var reader = ExpressionReader()
        try reader.split(Array(text.unicodeScalars))
        let expression = try reader.choice()
        guard reader.peek == .end else {
            throw ExpressionError(message: "unexpected \(reader.peek)")
        }
        return expression
    }

    // MARK: Tokens

    private mutating func split(_ text: [Unicode.Scalar]) throws(ExpressionError) {
        var index = 0
        let twins: Set<String> = ["||", "&&", "==", "!=", "<=", ">="]
        while index < text.count {
            let next = text[index]
            if next.properties.isWhitespace {
                index += 1
            } else if Self.isLetter(next) {
                let isRaw =
                    next == "r" && index + 1 < text.count
                    && (text[index + 1] == "'" || text[index + 1] == "\"")
                if isRaw {
                    tokens.append(.text(try Self.quoted(text, &index, isRaw: true)))
                    continue
                }
                let start = index
                while index < text.count, Self.isLetter(text[index]) || Self.isDigit(text[index]) {
                    index += 1
                }
                tokens.append(.name(Self.string(text[start..<index])))
            } else if Self.isDigit(next) {
                tokens.append(Self.number(text, &index))
            } else if next == "'" || next == "\"" {
                tokens.append(.text(try Self.quoted(text, &index, isRaw: false)))
            } else {
                let twin = Self.string(text[index..<min(index + 2, text.count)])
                let sign = twins.contains(twin) ? twin : String(next)
                tokens.append(.sign(sign))
                index += sign.unicodeScalars.count
            }
        }
        tokens.append(.end)
    }

    private static func isLetter(_ scalar: Unicode.Scalar) -> Bool {
        ("a"..."z").contains(scalar) || ("A"..."Z").contains(scalar) || scalar == "_"
    }

    private static func isDigit(_ scalar: Unicode.Scalar) -> Bool {
        ("0"..."9").contains(scalar)
    }

    private static func string(_ scalars: ArraySlice<Unicode.Scalar>) -> String {
        var view = String.UnicodeScalarView()
        view.append(contentsOf: scalars)
        return String(view)
    }

    private static func number(_ text: [Unicode.Scalar], _ index: inout Int) -> Token {
        let start = index
        var isWhole = true
        while index < text.count {
            let isPoint =
                text[index] == "." && index + 1 < text.count && isDigit(text[index + 1])
            if isPoint { isWhole = false }
            guard isDigit(text[index]) || isPoint else { break }
            index += 1
        }
        let digits = string(text[start..<index])
        if isWhole, let integer = Int64(digits) { return .integer(integer) }
        return .number(Double(digits) ?? 0)
    }

    private static func quoted(
        _ text: [Unicode.Scalar], _ index: inout Int, isRaw: Bool
    ) throws(ExpressionError) -> String {
        if isRaw { index += 1 }
        let mark = text[index]
        index += 1
        var view = String.UnicodeScalarView()
        let escapes: [Unicode.Scalar: Unicode.Scalar] = ["n": "\n", "t": "\t", "r": "\r"]
        while index < text.count {
            let next = text[index]
            index += 1
            if next == mark { return String(view) }
            if next == "\\", !isRaw, index < text.count {
                view.append(escapes[text[index]] ?? text[index])
                index += 1
            } else {
                view.append(next)
            }
        }
        throw ExpressionError(message: "a text does not end")
    }

    // MARK: Grammar

    private var peek: Token { at < tokens.count ? tokens[at] : .end }

    private mutating func take(_ sign: String) -> Bool {
        guard peek == .sign(sign) else { return false }
        at += 1
        return true
    }

    private mutating func expect(_ sign: String) throws(ExpressionError) {
        guard take(sign) else {
            throw ExpressionError(message: "\(sign) is missing before \(peek)")
        }
    }

    private mutating func choice() throws(ExpressionError) -> Expression {
        depth += 1
        defer { depth -= 1 }
        guard depth < Self.maxDepth else { throw ExpressionError(message: "nested too deep") }
        let condition = try binary(0)
        guard take("?") else { return condition }
        let first = try choice()
        try expect(":")
        return .choice(condition, first, try choice())
    }

    private static let levels: [[String]] = [
        ["||"], ["&&"], ["==", "!=", "<", "<=", ">", ">=", "in"], ["+", "-"], ["*", "/", "%"],
    ]

    private mutating func binary(_ level: Int) throws(ExpressionError) -> Expression {
        guard level < Self.levels.count else { return try unary() }
        var left = try binary(level + 1)
        while true {
            let sign: String
            switch peek {
            case .sign(let text) where Self.levels[level].contains(text): sign = text
            case .name("in") where level == 2: sign = "in"
            default: return left
            }
            at += 1
            left = .binary(sign, left, try binary(level + 1))
        }
    }

    private mutating func unary() throws(ExpressionError) -> Expression {
        depth += 1
        defer { depth -= 1 }
        guard depth < Self.maxDepth else { throw ExpressionError(message: "nested too deep") }
        if take("!") { return .not(try unary()) }
        if take("-") { return .negative(try unary()) }
        return try postfix(try primary())
    }

    private mutating func postfix(
        _ start: Expression
    ) throws(ExpressionError) -> Expression {
        var value = start
        while true {
            if take(".") {
                guard case .name(let name) = peek else {
                    throw ExpressionError(message: "a name is missing after a point")
                }
                at += 1
                value =
                    peek == .sign("(") ? try call(name, on: value) : .field(value, Self.plain(name))
            } else if take("[") {
                value = .index(value, try choice())
                try expect("]")
            } else {
                return value
            }
        }
    }

    /// Names that are words of the language are escaped: `__namespace__`.
    private static func plain(_ name: String) -> String {
        guard name.hasPrefix("__"), name.hasSuffix("__"), name.utf8.count > 4 else {
            return name.replacing("__dot__", with: ".").replacing("__dash__", with: "-")
                .replacing("__slash__", with: "/")
        }
        return String(name.dropFirst(2).dropLast(2))
    }

    private mutating func call(
        _ name: String, on target: Expression?
    ) throws(ExpressionError) -> Expression {
        try expect("(")
        var arguments: [Expression] = []
        if !take(")") {
            repeat { arguments.append(try choice()) } while take(",")
            try expect(")")
        }
        if name == "has", target == nil, arguments.count == 1 {
            guard case .field(let object, let field) = arguments[0] else {
                throw ExpressionError(message: "has() takes a field")
            }
            return .has(object, field)
        }
        if let target, Expression.macros.contains(name), arguments.count == 2 {
            guard case .name(let variable) = arguments[0] else {
                throw ExpressionError(message: "\(name)() takes a name first")
            }
            return .macro(name, target, variable, arguments[1])
        }
        guard ExpressionFunctions.known.contains(name) else {
            throw ExpressionError(message: "the sandbox does not know the function \(name)")
        }
        return .call(name, target: target, arguments)
    }

    private mutating func primary() throws(ExpressionError) -> Expression {
        let token = peek
        at += 1
        switch token {
        case .integer(let number): return .literal(.integer(number))
        case .number(let number): return .literal(.number(number))
        case .text(let text): return .literal(.text(text))
        case .name("true"): return .literal(.bool(true))
        case .name("false"): return .literal(.bool(false))
        case .name("null"): return .literal(.null)
        case .name(let name):
            return peek == .sign("(") ? try call(name, on: nil) : .name(name)
        case .sign("("):
            let inside = try choice()
            try expect(")")
            return inside
        case .sign("["):
            var elements: [Expression] = []
            if take("]") { return .list([]) }
            repeat { elements.append(try choice()) } while take(",")
            try expect("]")
            return .list(elements)
        case .sign("{"):
            var pairs: [(key: Expression, value: Expression)] = []
            if take("}") { return .map([]) }
            repeat {
                let key = try choice()
                try expect(":")
                pairs.append((key, try choice()))
            } while take(",")
            try expect("}")
            return .map(pairs)
        case .sign, .end: throw ExpressionError(message: "unexpected \(token)")
        }
    }
}
