// SPDX-License-Identifier: Apache-2.0
package import Formats

/// One line, laid out as zap does.
package struct LogLine: Sendable {
    package var level: LogLevel
    /// Nanoseconds since 1970.
    package var time: Int64
    /// `nodeserver/wiring.swift:12`.
    package var caller: String
    package var message: String
    package var fields: [(String, JSONValue)]

    package init(
        level: LogLevel, time: Int64, caller: String, message: String,
        fields: [(String, JSONValue)] = []
    ) {
        self.level = level
        self.time = time
        self.caller = caller
        self.message = message
        self.fields = fields
    }

    /// `{"level":"info","ts":"…","caller":"…","msg":"…", fields…}` and a newline.
    package var json: [UInt8] {
        var output = Array("{\"level\":\"\(level.name)\",\"ts\":\"".utf8)
        output += Timestamp.milliseconds(time).utf8
        output += "\",\"caller\":".utf8
        JSON.append(string: caller, to: &output, escapesHTML: false)
        output += ",\"msg\":".utf8
        JSON.append(string: message, to: &output, escapesHTML: false)
        for (key, value) in fields {
            output.append(UInt8(ascii: ","))
            Self.append(key, value, to: &output)
        }
        output += "}\n".utf8
        return output
    }

    /// Time, level, caller, message and, if there are fields, an object, with tabs between.
    package var console: [UInt8] {
        var output = Array(Timestamp.milliseconds(time).utf8)
        output += "\t\(level.name.uppercased())\t\(caller)\t".utf8
        // A message over several lines could pass for lines of ours.
        output += message.utf8.map { $0 == 0x0a || $0 == 0x0d ? 0x20 : $0 }
        if !fields.isEmpty {
            output += "\t{".utf8
            for (index, field) in fields.enumerated() {
                if index > 0 { output += ", ".utf8 }
                Self.append(field.0, field.1, to: &output, space: " ")
            }
            output.append(UInt8(ascii: "}"))
        }
        output.append(0x0a)
        return output
    }

    private static func append(
        _ key: String, _ value: JSONValue, to output: inout [UInt8], space: String = ""
    ) {
        JSON.append(string: key, to: &output, escapesHTML: false)
        output += ":\(space)".utf8
        output += JSON.bytes(value, style: JSON.Style(escapesHTML: false))
    }

    /// `NodeServer/Wiring.swift:12`: room and file, as zap gives package and file.
    static func caller(_ file: StaticString, _ line: UInt) -> String { "\(file):\(line)" }
}
