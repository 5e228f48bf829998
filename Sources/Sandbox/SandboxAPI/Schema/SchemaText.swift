// SPDX-License-Identifier: Apache-2.0

/// Reads the compact table of built-in types.
///
/// A line is `Type: field kind, field kind, …`; a line that starts with a space goes on with the
/// type before. Kinds: `s` text, `i` integer, `n` number, `b` boolean, `q` quantity or port
/// (number or text), `y` base64, `t` time, `*` anything, `{K}` a map, `[K]` an atomic list,
/// `[K a,b]` a list whose elements are told apart by those fields, `[K]=` a set, `Type` another
/// type of the table, `Type=` the same, replaced as a whole by server-side apply, `Type~` with
/// keys retained in patches. A `!` after the name makes a field required.
struct SchemaText {
    private var lines: [String: [Substring]] = [:]
    private var made: [String: FieldSchema] = [:]

    init(_ texts: [String]) {
        var current = ""
        for text in texts {
            for line in text.split(separator: "\n") where !line.hasPrefix("#") {
                var rest = line
                if !line.hasPrefix(" ") {
                    guard let colon = line.firstIndex(of: ":") else { continue }
                    current = String(line[..<colon])
                    rest = line[line.index(after: colon)...]
                }
                lines[current, default: []].append(rest)
            }
        }
    }

    /// The schema of a type; the table is a tree, so this ends. An unknown name is our own fault.
    mutating func schema(of type: String) -> FieldSchema {
        if let known = made[type] { return known }
        guard let texts = lines[type] else { fatalError("no type \(type) in the schema table") }
        var properties: [(String, FieldSchema)] = []
        var limits = SchemaLimits()
        for field in texts.flatMap({ SchemaText.fields($0) }) {
            guard let space = field.firstIndex(of: " ") else {
                fatalError("field '\(field)' of \(type) has no kind")
            }
            var name = field[..<space]
            if name.hasSuffix("!") {
                name = name.dropLast()
                limits.required.append(String(name))
            }
            let kind = field[field.index(after: space)...]
            properties.append((String(name), read(kind, in: type)))
        }
        let schema = FieldSchema(
            .object, properties: properties, limits: limits, typeName: type)
        made[type] = schema
        return schema
    }

    /// Commas inside brackets belong to the field.
    private static func fields(_ text: Substring) -> [Substring] {
        var fields: [Substring] = []
        var depth = 0
        var start = text.startIndex
        for at in text.indices {
            switch text[at] {
            case "[", "{": depth += 1
            case "]", "}": depth -= 1
            case "," where depth == 0:
                fields.append(text[start..<at])
                start = text.index(after: at)
            default: break
            }
        }
        fields.append(text[start...])
        return fields.map { field in
            let head = field.drop { $0 == " " }
            return head.lastIndex { $0 != " " }.map { head[...$0] } ?? ""
        }.filter { !$0.isEmpty }
    }

    private mutating func read(_ kind: Substring, in type: String) -> FieldSchema {
        switch kind {
        case "s": return .string
        case "t": return SchemaText.time
        case "y": return SchemaText.bytes
        case "i": return .integer
        case "n": return SchemaText.number
        case "b": return .boolean
        case "q": return SchemaText.quantity
        case "*": return .anything
        default: break
        }
        if kind.hasPrefix("{") {
            return FieldSchema(.object, additional: read(kind.dropFirst().dropLast(), in: type))
        }
        if kind.hasPrefix("[") { return list(kind, in: type) }
        if kind.hasSuffix("=") { return variant(kind.dropLast(), isAtomic: true) }
        if kind.hasSuffix("~") { return variant(kind.dropLast(), isAtomic: false) }
        return schema(of: String(kind))
    }

    private mutating func list(_ kind: Substring, in type: String) -> FieldSchema {
        let isSet = kind.hasSuffix("=")
        let inside = kind.dropFirst().dropLast(isSet ? 2 : 1)
        if isSet {
            return FieldSchema(.array, items: read(inside, in: type), listKind: .set)
        }
        guard let space = inside.firstIndex(of: " ") else {
            return FieldSchema(.array, items: read(inside, in: type))
        }
        let keys = inside[inside.index(after: space)...].split(separator: ",").map(String.init)
        return FieldSchema(
            .array, items: read(inside[..<space], in: type), listKind: .map(keys))
    }

    private mutating func variant(_ type: Substring, isAtomic: Bool) -> FieldSchema {
        let plain = schema(of: String(type))
        return FieldSchema(
            plain.form, properties: plain.properties.map { ($0.name, $0.schema) },
            isAtomic: isAtomic, retainsKeys: !isAtomic, limits: plain.limits,
            typeName: plain.typeName)
    }

    private static let number = FieldSchema(.number)
    private static let quantity = FieldSchema(.intOrString)
    private static let time: FieldSchema = {
        var limits = SchemaLimits()
        limits.format = "date-time"
        return FieldSchema(.string, isNullable: true, limits: limits)
    }()
    private static let bytes: FieldSchema = {
        var limits = SchemaLimits()
        limits.format = "byte"
        return FieldSchema(.string, limits: limits)
    }()
}
