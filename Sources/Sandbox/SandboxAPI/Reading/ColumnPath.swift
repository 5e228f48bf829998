// SPDX-License-Identifier: Apache-2.0
internal import Formats

/// The part of JSONPath that printer columns use: `.a.b`, `.a[0]`, `.a[*].b`, `.a['b.c']`,
/// `.a[?(@.type=="Ready")].status`, `.a\.b`.
enum ColumnPath {
    /// No value if the path leads nowhere or cannot be read.
    static func values(_ path: String, in value: JSONValue) -> [JSONValue] {
        var reader = ColumnPathReader(Array(path.unicodeScalars))
        guard let steps = reader.steps() else { return [] }
        var found = [value]
        for step in steps { found = found.flatMap { take(step, $0) } }
        return found.filter { $0 != .null }
    }

    private static func take(_ step: Step, _ value: JSONValue) -> [JSONValue] {
        switch step {
        case .member(let name): return value[name].map { [$0] } ?? []
        case .all:
            return value.array ?? value.object?.members.map(\.value) ?? []
        case .index(let index):
            let elements = value.array ?? []
            let at = index < 0 ? elements.count + index : index
            return elements.indices.contains(at) ? [elements[at]] : []
        case .filter(let path, let isEqual, let wanted):
            return (value.array ?? []).filter { element in
                let found = path.reduce(element as JSONValue?) { $0?[$1] }
                guard let wanted else { return found != nil }
                let text = found.map { $0.string ?? "\($0)" }
                return (text == wanted) == isEqual
            }
        }
    }

    enum Step: Equatable {
        case member(String)
        case index(Int)
        case all
        /// `wanted` nil: the path must lead somewhere.
        case filter(path: [String], isEqual: Bool, wanted: String?)
    }
}

private struct ColumnPathReader {
    private let text: [Unicode.Scalar]
    private var at = 0

    init(_ text: [Unicode.Scalar]) { self.text = text }

    mutating func steps() -> [ColumnPath.Step]? {
        var steps: [ColumnPath.Step] = []
        if peek == "{", text.last == "}" { at += 1 }
        if peek == "$" { at += 1 }
        while let next = peek, next != "}" {
            if next == "." {
                at += 1
                let name = self.name()
                if name == "*" {
                    steps.append(.all)
                } else if !name.isEmpty {
                    steps.append(.member(name))
                }
            } else if next == "[" {
                guard let step = bracket() else { return nil }
                steps.append(step)
            } else {
                steps.append(.member(name()))
            }
        }
        return steps
    }

    private var peek: Unicode.Scalar? { at < text.count ? text[at] : nil }

    private mutating func name() -> String {
        var name = ""
        while let next = peek, !".[]=!)} ".unicodeScalars.contains(next) {
            at += 1
            if next == "\\", let escaped = peek {
                name.unicodeScalars.append(escaped)
                at += 1
            } else {
                name.unicodeScalars.append(next)
            }
        }
        if name.isEmpty, let next = peek, next != ".", next != "[", next != "}" { at += 1 }
        return name
    }

    private mutating func bracket() -> ColumnPath.Step? {
        guard let end = text[at...].firstIndex(of: "]") else { return nil }
        var view = String.UnicodeScalarView()
        view.append(contentsOf: text[(at + 1)..<end])
        let inside = String(view)
        at = end + 1
        if inside == "*" { return .all }
        if let index = Int(inside) { return .index(index) }
        if inside.hasPrefix("?(@."), inside.hasSuffix(")") {
            return filter(String(inside.dropFirst(4).dropLast()))
        }
        return .member(unquoted(inside))
    }

    private func filter(_ text: String) -> ColumnPath.Step {
        for (sign, isEqual) in [("==", true), ("!=", false)] {
            guard let found = text.firstRange(of: sign) else { continue }
            let path = text[..<found.lowerBound].split(separator: ".").map {
                String($0.filter { $0 != " " })
            }
            return .filter(
                path: path, isEqual: isEqual,
                wanted: unquoted(String(text[found.upperBound...])))
        }
        return .filter(
            path: text.split(separator: ".").map(String.init), isEqual: true, wanted: nil)
    }

    private func unquoted(_ text: String) -> String {
        let trimmed = text.drop { $0 == " " }
        let marks: Set<Character> = ["\"", "'"]
        guard let first = trimmed.first, marks.contains(first) else {
            return String(trimmed.filter { $0 != " " })
        }
        return String(trimmed.dropFirst().prefix { $0 != first })
    }
}
