// SPDX-License-Identifier: Apache-2.0

/// The doors to YAML text. Words mean what they mean to the YAML readers of the Go world (YAML 1.1:
/// `yes` and `on` are true). Aliases are refused: they are how a short text becomes a huge value.
package enum YAML {
    /// Deeper texts are refused; the reader recurses.
    package static let maxDepth = 100
    /// Longer texts are refused.
    package static let maxBytes = 8 << 20

    /// The one document of the text; an empty text is null.
    package static func read(_ text: [UInt8]) throws(FormatError) -> JSONValue {
        let documents = try readAll(text)
        guard documents.count <= 1 else {
            throw FormatError(line: 1, column: 1, reason: "more than one document")
        }
        return documents.first ?? .null
    }

    package static func read(_ text: String) throws(FormatError) -> JSONValue {
        try read(Array(text.utf8))
    }

    package static func readAll(_ text: [UInt8]) throws(FormatError) -> [JSONValue] {
        guard text.count <= maxBytes else {
            throw FormatError(line: 1, column: 1, reason: "longer than \(maxBytes) bytes")
        }
        var reader = YAMLReader(YAMLEvents(text))
        return try reader.documents()
    }
}
