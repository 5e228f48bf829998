// SPDX-License-Identifier: Apache-2.0

/// Reads a label selector as a query carries it. Blanks between words do not matter.
struct SelectorReader {
    private let text: [Character]
    private var index = 0

    init(_ text: String) {
        self.text = Array(text)
    }

    /// Nil if the text is no selector.
    mutating func requirements() -> [LabelSelector.Requirement]? {
        var requirements: [LabelSelector.Requirement] = []
        skipBlanks()
        guard index < text.count else { return [] }
        while true {
            guard let requirement = requirement() else { return nil }
            requirements.append(requirement)
            skipBlanks()
            if index == text.count { return requirements }
            guard take(",") else { return nil }
        }
    }

    private mutating func requirement() -> LabelSelector.Requirement? {
        skipBlanks()
        if take("!") {
            guard let key = word() else { return nil }
            return .init(key: key, .doesNotExist)
        }
        guard let key = word() else { return nil }
        skipBlanks()
        if take("!") {
            guard take("=") else { return nil }
            return .init(key: key, .isNotIn([value()]))
        }
        if take("=") {
            _ = take("=")
            return .init(key: key, .isIn([value()]))
        }
        guard index < text.count, text[index] != "," else { return .init(key: key, .exists) }
        switch word() {
        case "in": return values().map { .init(key: key, .isIn($0)) }
        case "notin": return values().map { .init(key: key, .isNotIn($0)) }
        default: return nil
        }
    }

    /// May be empty.
    private mutating func value() -> String {
        skipBlanks()
        return word() ?? ""
    }

    private mutating func values() -> [String]? {
        skipBlanks()
        guard take("(") else { return nil }
        var values: [String] = []
        while true {
            values.append(value())
            skipBlanks()
            if take(")") { return values }
            guard take(",") else { return nil }
        }
    }

    private mutating func word() -> String? {
        skipBlanks()
        let start = index
        while index < text.count, !" \t,()=!".contains(text[index]) { index += 1 }
        return index > start ? String(text[start..<index]) : nil
    }

    private mutating func take(_ character: Character) -> Bool {
        guard index < text.count, text[index] == character else { return false }
        index += 1
        return true
    }

    private mutating func skipBlanks() {
        while index < text.count, text[index] == " " || text[index] == "\t" { index += 1 }
    }
}
