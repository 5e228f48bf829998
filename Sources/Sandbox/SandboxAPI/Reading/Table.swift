// SPDX-License-Identifier: Apache-2.0
internal import Bytes
internal import Formats
internal import Kube

/// What `kubectl get` prints: columns by kind, one row an object.
extension SandboxAPI {
    func table(
        _ objects: [KubeObject], _ call: Call, metadata: JSONValue, withColumns: Bool = true
    ) -> JSONValue {
        let resource = call.resource
        let columns = TableColumns.of(resource)
        let include = call.request.query("includeObject") ?? "Metadata"
        let rows = objects.map { object -> JSONValue in
            let shown: JSONValue =
                switch include {
                case "None": .null
                case "Object": .object(object.json)
                default: call.partial(object)
                }
            let cells = columns.map { $0.cell(object, self) }
            return .object([("cells", .array(cells)), ("object", shown)])
        }
        return .object([
            ("kind", "Table"), ("apiVersion", "meta.k8s.io/v1"), ("metadata", metadata),
            (
                "columnDefinitions",
                withColumns ? .array(columns.map(\.definition)) : .null
            ),
            ("rows", .array(rows)),
        ])
    }

    /// `5m`, `3h12m`, `<unknown>`: how old something is, as people are told.
    func ageText(_ timestamp: String?) -> String {
        guard let age = age(of: timestamp) else { return "<unknown>" }
        return HumanDuration.text(age)
    }
}

/// Durations with at most two units (as kubectl has them).
enum HumanDuration {
    static func text(_ duration: Duration) -> String {
        let seconds = duration.nanoseconds / 1_000_000_000
        if seconds < -1 { return "<invalid>" }
        if seconds <= 0 { return "0s" }
        if seconds < 120 { return "\(seconds)s" }
        let minutes = seconds / 60
        if minutes < 10 { return pair(minutes, "m", seconds % 60, "s") }
        if minutes < 180 { return "\(minutes)m" }
        let hours = minutes / 60
        if hours < 8 { return pair(hours, "h", minutes % 60, "m") }
        if hours < 48 { return "\(hours)h" }
        if hours < 192 { return pair(hours / 24, "d", hours % 24, "h") }
        if hours < 24 * 365 * 2 { return "\(hours / 24)d" }
        if hours < 24 * 365 * 8 {
            return pair(hours / 24 / 365, "y", hours / 24 % 365, "d")
        }
        return "\(hours / 24 / 365)y"
    }

    private static func pair(
        _ large: Int64, _ unit: String, _ small: Int64, _ below: String
    ) -> String {
        small == 0 ? "\(large)\(unit)" : "\(large)\(unit)\(small)\(below)"
    }
}

/// One column, and how its cells come about.
struct TableColumn: Sendable {
    var name: String
    var type = "string"
    var format = ""
    /// 0 is always shown, 1 only by `-o wide`.
    var priority = 0
    var summary = ""
    var cell: @Sendable (KubeObject, SandboxAPI) -> JSONValue

    var definition: JSONValue {
        .object([
            ("name", .string(name)), ("type", .string(type)), ("format", .string(format)),
            ("description", .string(summary)), ("priority", .integer(Int64(priority))),
        ])
    }
}

enum TableColumns {
    static func of(_ resource: APIResource) -> [TableColumn] {
        let name = TableColumn(
            name: "Name", format: "name", summary: "Name must be unique within a namespace.",
            cell: { object, _ in .string(object.name) })
        let age = TableColumn(
            name: "Age", summary: "How long ago the object was created.",
            cell: { object, api in .string(api.ageText(object.creationTimestamp)) })
        if resource.isCustom {
            let own = resource.columns.map(custom)
            return own.isEmpty ? [name, age] : [name] + own
        }
        switch resource.kind.plural {
        case "events": return events
        case "customresourcedefinitions", "roles", "clusterroles":
            let made = TableColumn(name: "Created At", format: "date") { object, _ in
                .string(object.creationTimestamp ?? "")
            }
            return [name, made]
        default: break
        }
        let columns = KindColumns.of(resource.kind.plural)
        return [name] + columns.filter { $0.priority == 0 && !$0.name.hasPrefix("+") } + [age]
            + columns.filter { $0.priority > 0 || $0.name.hasPrefix("+") }.map { column in
                var column = column
                column.name = String(column.name.drop { $0 == "+" })
                return column
            }
    }

    private static func custom(_ column: PrinterColumn) -> TableColumn {
        TableColumn(
            name: column.name, type: column.type, format: column.format,
            priority: column.priority, summary: column.summary,
            cell: { object, api in
                let found = ColumnPath.values(column.jsonPath, in: .object(object.json))
                guard let first = found.first else {
                    return column.type == "date" ? "<unknown>" : .null
                }
                switch column.type {
                case "date": return .string(api.ageText(first.string))
                case "integer": return first.int64.map(JSONValue.integer) ?? .null
                case "number": return first.double.map(JSONValue.number) ?? .null
                case "boolean": return first.bool.map(JSONValue.bool) ?? .null
                default:
                    return .string(found.map { $0.string ?? "\($0)" }.joined(separator: ","))
                }
            })
    }

    private static let events: [TableColumn] = {
        func text(_ name: String, _ priority: Int = 0, _ path: String...) -> TableColumn {
            let path = path
            return TableColumn(
                name: name, priority: priority,
                cell: { object, _ in object[path: path] ?? .string("") })
        }
        func age(_ name: String, _ priority: Int, _ paths: [[String]]) -> TableColumn {
            TableColumn(name: name, priority: priority) { object, api in
                let time = paths.lazy.compactMap { object[path: $0]?.string }.first
                return .string(api.ageText(time))
            }
        }
        let last = [
            ["series", "lastObservedTime"], ["lastTimestamp"], ["deprecatedLastTimestamp"],
            ["eventTime"], ["metadata", "creationTimestamp"],
        ]
        let first = [
            ["firstTimestamp"], ["deprecatedFirstTimestamp"], ["eventTime"],
            ["metadata", "creationTimestamp"],
        ]
        return [
            age("Last Seen", 0, last), text("Type", 0, "type"), text("Reason", 0, "reason"),
            TableColumn(name: "Object") { object, _ in
                let about = object["involvedObject"] ?? object["regarding"]
                let kind = about?["kind"]?.string?.lowercased() ?? ""
                return .string("\(kind)/\(about?["name"]?.string ?? "")")
            },
            TableColumn(name: "Subobject", priority: 1) { object, _ in
                (object["involvedObject"] ?? object["regarding"])?["fieldPath"] ?? ""
            },
            TableColumn(name: "Source", priority: 1) { object, _ in
                let source = object["source"] ?? object["deprecatedSource"]
                return source?["component"] ?? object["reportingComponent"]
                    ?? object["reportingController"] ?? ""
            },
            TableColumn(name: "Message") { object, _ in
                object["message"] ?? object["note"] ?? ""
            },
            age("First Seen", 1, first),
            TableColumn(name: "Count", priority: 1) { object, _ in
                object["count"] ?? object["deprecatedCount"] ?? 1
            },
            text("Name", 1, "metadata", "name"),
        ]
    }()
}
