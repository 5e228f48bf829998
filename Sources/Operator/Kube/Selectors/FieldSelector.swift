// SPDX-License-Identifier: Apache-2.0
internal import Formats

/// Which values an object must have: `metadata.name=x,status.phase!=y`.
package struct FieldSelector: Equatable, Sendable {
    package struct Requirement: Equatable, Sendable {
        /// Dotted: `metadata.name`.
        package var path: String
        package var value: String
        package var isEqual: Bool

        package init(path: String, value: String, isEqual: Bool = true) {
            self.path = path
            self.value = value
            self.isEqual = isEqual
        }
    }

    package var requirements: [Requirement]

    package init(_ requirements: [Requirement] = []) {
        self.requirements = requirements
    }

    /// Exactly this object.
    package init(name: String) {
        requirements = [Requirement(path: "metadata.name", value: name)]
    }

    /// Nil if the text is no selector.
    package init?(text: String) {
        var requirements: [Requirement] = []
        for part in text.split(separator: ",") {
            guard let equals = part.firstIndex(of: "=") else { return nil }
            var path = part[..<equals]
            var value = part[part.index(after: equals)...]
            let isEqual = path.last != "!"
            if !isEqual { path = path.dropLast() }
            if isEqual, value.first == "=" { value = value.dropFirst() }
            guard !path.isEmpty else { return nil }
            requirements.append(
                Requirement(path: String(path), value: String(value), isEqual: isEqual))
        }
        self.requirements = requirements
    }

    package var isEmpty: Bool { requirements.isEmpty }
    package var paths: [String] { requirements.map(\.path) }

    /// An absent field is an empty text.
    package func matches(_ object: KubeObject) -> Bool {
        requirements.allSatisfy { requirement in
            let path = requirement.path.split(separator: ".").map(String.init)
            let found: String =
                switch object[path: path] {
                case .string(let text)?: text
                case .bool(let value)?: "\(value)"
                case .integer(let value)?: "\(value)"
                case .null?, .unsigned?, .number?, .array?, .object?, nil: ""
                }
            return (found == requirement.value) == requirement.isEqual
        }
    }

    package var text: String {
        requirements.map { "\($0.path)\($0.isEqual ? "=" : "!=")\($0.value)" }
            .joined(separator: ",")
    }
}
