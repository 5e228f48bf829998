// SPDX-License-Identifier: Apache-2.0

/// What a flag takes.
package enum FlagKind: Equatable, Sendable {
    /// Given alone it means true.
    case bool
    /// Alone like `bool`, but any value will do.
    case anything
    case int64
    case uint64
    case uint32
    /// Go's form: `1m30s`. The value is held in nanoseconds.
    case duration
    case text
    /// One of these words.
    case choice([String])
    /// URLs with commas between, checked where they are written.
    case urls
}

/// The value of a flag.
package enum FlagValue: Equatable, Sendable {
    case bool(Bool)
    case int64(Int64)
    case uint64(UInt64)
    /// Nanoseconds.
    case duration(Int64)
    case text(String)
}

/// What a program makes of a flag.
package enum FlagStatus: Equatable, Sendable {
    case supported
    /// Taken, but it has no meaning here; the sentence says why, and is logged once.
    case accepted(String)
    /// A relic that is passed over with a warning, whatever its value.
    case ignored
    /// Only its default is taken; the sentence says why.
    case refused(String)
    /// The former name of another flag.
    case renamed(to: String)
}

/// One flag.
package struct FlagRow: Sendable {
    package var name: String
    /// The environment variable that stands for it; empty if none.
    package var variable: String
    /// Where it stands in the configuration file, with dots between levels; empty if nowhere.
    package var key: String
    package var kind: FlagKind
    /// As one would write it on the command line.
    package var standard: String
    package var help: String
    /// The first release that had it.
    package var since: String
    package var status: FlagStatus

    package init(
        name: String, variable: String, key: String, kind: FlagKind, standard: String,
        help: String, since: String, status: FlagStatus = .supported
    ) {
        self.name = name
        self.variable = variable
        self.key = key
        self.kind = kind
        self.standard = standard
        self.help = help
        self.since = since
        self.status = status
    }
}

/// All flags of a program.
package struct FlagTable: Sendable {
    package let rows: [FlagRow]
    private let byName: [String: Int]
    private let byVariable: [String: Int]
    private let byKey: [String: Int]

    package init(_ rows: [FlagRow]) {
        self.rows = rows
        func index(_ name: (FlagRow) -> String) -> [String: Int] {
            Dictionary(
                rows.indices.map { (name(rows[$0]), $0) }, uniquingKeysWith: { first, _ in first })
        }
        byName = index(\.name)
        byVariable = index(\.variable)
        byKey = index(\.key)
    }

    package subscript(name: String) -> FlagRow? { byName[name].map { rows[$0] } }

    package func row(variable: String) -> FlagRow? {
        variable.isEmpty ? nil : byVariable[variable].map { rows[$0] }
    }

    package func row(key: String) -> FlagRow? {
        key.isEmpty ? nil : byKey[key].map { rows[$0] }
    }

    /// One line for each flag that does something: name and default, then what it is for.
    package func usage() -> String {
        let shown = rows.filter { $0.status == .supported }
        let heads = shown.map { "--\($0.name) '\($0.standard)'" }
        let width = min(44, heads.map(\.count).max() ?? 0)
        return zip(heads, shown).map { head, row in
            let gap = String(repeating: " ", count: max(0, width - head.count))
            return "  \(head)\(gap)  \(row.help)\n"
        }.joined()
    }
}
