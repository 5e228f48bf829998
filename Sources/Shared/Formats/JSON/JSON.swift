// SPDX-License-Identifier: Apache-2.0

/// The doors to JSON text.
package enum JSON {
    /// Deeper texts are refused; the reader recurses.
    package static let maxDepth = 200

    package struct Style: Sendable {
        /// `<`, `>` and `&` as `\u003c` …, as Go's encoding/json does unless told otherwise.
        package var escapesHTML: Bool
        /// By bytes, as Go writes maps; otherwise in the order held.
        package var sortsKeys: Bool
        /// Spaces for each level; nil writes everything on one line.
        package var indent: Int?

        package init(escapesHTML: Bool = true, sortsKeys: Bool = false, indent: Int? = nil) {
            self.escapesHTML = escapesHTML
            self.sortsKeys = sortsKeys
            self.indent = indent
        }
    }

    package static func parse(_ text: [UInt8]) throws(FormatError) -> JSONValue {
        var parser = JSONParser(text)
        return try parser.document()
    }

    package static func parse(_ text: String) throws(FormatError) -> JSONValue {
        try parse(Array(text.utf8))
    }

    package static func bytes(_ value: JSONValue, style: Style = Style()) -> [UInt8] {
        var writer = JSONWriter(style: style)
        writer.write(value, depth: 0)
        return writer.output
    }

    package static func text(_ value: JSONValue, style: Style = Style()) -> String {
        String(decoding: bytes(value, style: style), as: UTF8.self)
    }

    /// Writes `text` as a JSON string, quotes included, at the end of `output`.
    package static func append(
        string text: String, to output: inout [UInt8], escapesHTML: Bool = true
    ) {
        var writer = JSONWriter(style: Style(escapesHTML: escapesHTML))
        swap(&writer.output, &output)
        writer.write(string: text)
        swap(&writer.output, &output)
    }
}

extension JSONValue: CustomStringConvertible {
    package var description: String { JSON.text(self, style: JSON.Style(escapesHTML: false)) }
}
