// SPDX-License-Identifier: Apache-2.0
internal import Formats
internal import Program

/// The values of flags while they are being collected.
struct Settings {
    enum Source: Equatable {
        case flag
        case variable
        case file
    }

    private(set) var notices: [ConfigNotice] = []
    private var values: [String: (value: FlagValue, source: Source)] = [:]
    /// The names in the order they were set, for everything that is told.
    private var order: [String] = []

    private mutating func set(_ name: String, _ value: FlagValue, _ source: Source) {
        if values[name] == nil { order.append(name) }
        values[name] = (value, source)
    }

    private mutating func notice(_ message: String, _ subject: String) {
        notices.append(ConfigNotice(message: message, subject: subject))
    }

    func isSet(_ name: String) -> Bool { values[name] != nil }

    // MARK: Sources

    /// etcd refuses bad URLs while it parses, so they are usage errors.
    func checkURLs(of parsed: ParsedFlags) throws(ConfigError) {
        for (name, value) in parsed.values {
            guard EtcdFlags.table[name]?.kind == .urls, case .text(let text) = value,
                !(text.isEmpty && EtcdFlags.table[name]?.standard.isEmpty == true)
            else { continue }
            do throws(ConfigError) {
                _ = try ServiceURL.list(text)
            } catch {
                throw .usage("invalid value \"\(text)\" for flag -\(name): \(error.text)")
            }
        }
    }

    mutating func read(_ parsed: ParsedFlags) {
        for (name, value) in parsed.values { set(name, value, .flag) }
    }

    mutating func read(environment: [(String, String)]) throws(ConfigError) {
        for (variable, text) in environment.sorted(by: { $0.0 < $1.0 })
        where variable.hasPrefix("ETCD_") || EtcdFlags.table.row(variable: variable) != nil {
            guard let row = EtcdFlags.table.row(variable: variable) else {
                notice("unrecognized environment variable", variable)
                continue
            }
            // An empty variable is no variable.
            if text.isEmpty { continue }
            if values[row.name]?.source == .flag {
                throw .invalid(
                    "conflicting environment variable \(variable) is shadowed by corresponding "
                        + "command-line flag --\(row.name) "
                        + "(either unset environment variable or disable flag)")
            }
            guard let value = FlagParser.value(text, row.kind) else {
                let why = FlagParser.complaint(text, row.kind)
                throw .invalid("invalid value \"\(text)\" for \(variable): \(why)")
            }
            try checkURLs(text, row) { why in "invalid value \"\(text)\" for \(variable): \(why)" }
            set(row.name, value, .variable)
        }
    }

    mutating func read(file: [UInt8]) throws(ConfigError) {
        let root: JSONValue
        do throws(FormatError) {
            root = try YAML.read(file)
        } catch {
            throw .invalid(
                "error converting YAML to JSON: yaml: line \(error.line): \(error.reason)")
        }
        switch root {
        case .null: break
        case .object(let object): try read(object, below: "")
        default: throw .invalid("the configuration file holds no keys and values")
        }
    }

    private mutating func read(_ object: JSONObject, below prefix: String) throws(ConfigError) {
        for member in object.members {
            let key = prefix + member.key
            if case .object(let inner) = member.value {
                try read(inner, below: key + ".")
            } else if let row = EtcdFlags.table.row(key: key) {
                try read(member.value, row)
            } else {
                notice("unrecognized key in the configuration file", key)
            }
        }
    }

    private mutating func read(_ written: JSONValue, _ row: FlagRow) throws(ConfigError) {
        if written.isNull { return }
        guard let value = Self.value(written, row.kind) else {
            if case .choice = row.kind, let text = written.string {
                guard row.name != "initial-cluster-state" else {
                    throw .invalid("unexpected clusterState \"\(text)\"")
                }
            }
            throw .invalid("the value \(written) of \(row.key) in the configuration file is wrong")
        }
        // In a file, nothing means the default, as in etcd.
        if value == .text("") { return }
        if case .text(let text) = value {
            try checkURLs(text, row) { why in "unexpected error setting up \(row.key): \(why)" }
        }
        set(row.name, value, .file)
    }

    private func checkURLs(
        _ text: String, _ row: FlagRow, _ sentence: (String) -> String
    ) throws(ConfigError) {
        guard row.kind == .urls else { return }
        do throws(ConfigError) {
            _ = try ServiceURL.list(text)
        } catch {
            throw .invalid(sentence(error.text))
        }
    }

    /// Numbers and bools are YAML's own; durations are nanoseconds or text; lists of texts may
    /// stand where texts with commas do.
    private static func value(_ written: JSONValue, _ kind: FlagKind) -> FlagValue? {
        switch kind {
        case .bool: written.bool.map(FlagValue.bool)
        case .int64: written.int64.map(FlagValue.int64)
        case .uint64: written.uint64.map(FlagValue.uint64)
        case .uint32: written.uint64.flatMap(UInt32.init(exactly:)).map { .uint64(UInt64($0)) }
        case .duration:
            written.int64.map(FlagValue.duration)
                ?? written.string.flatMap { FlagParser.value($0, .duration) }
        case .choice: written.string.flatMap { FlagParser.value($0, kind) }
        case .text, .urls, .anything: text(written).map(FlagValue.text)
        }
    }

    private static func text(_ written: JSONValue) -> String? {
        if let text = written.string { return text }
        guard let array = written.array else { return nil }
        let texts = array.compactMap(\.string)
        return texts.count == array.count ? texts.joined(separator: ",") : nil
    }

    // MARK: Statuses

    /// Old names become new ones; what is not supported is refused; the rest is noted.
    mutating func settle() throws(ConfigError) {
        for name in order {
            guard let row = EtcdFlags.table[name], let held = values[name] else { continue }
            switch row.status {
            case .supported: break
            case .accepted(let why):
                if !isStandard(held.value, row) { notice("flag has no effect: \(why)", name) }
            case .ignored: notice("flag is ignored", name)
            case .refused(let why): try refuse(held.value, row, why)
            case .renamed(let new): try rename(name, to: new, held)
            }
        }
    }

    private mutating func rename(
        _ name: String, to new: String, _ held: (value: FlagValue, source: Source)
    ) throws(ConfigError) {
        guard values[new] == nil else {
            throw .invalid("cannot set --\(name) and --\(new) at the same time")
        }
        notice("flag has a new name: --\(new)", name)
        values[new] = held
        if let row = EtcdFlags.table[new], case .refused(let why) = row.status {
            try refuse(held.value, row, why)
        }
    }

    private func refuse(
        _ value: FlagValue, _ row: FlagRow, _ why: String
    ) throws(ConfigError) {
        guard !isStandard(value, row) else { return }
        throw .invalid("--\(row.name) is not supported by keelson-node yet: \(why)")
    }

    private func isStandard(_ value: FlagValue, _ row: FlagRow) -> Bool {
        value == Self.standard(row)
    }

    private static func standard(_ row: FlagRow) -> FlagValue {
        FlagParser.value(row.standard, row.kind) ?? .text(row.standard)
    }

    // MARK: Values

    private func value(_ name: String) -> FlagValue {
        values[name]?.value ?? EtcdFlags.table[name].map(Self.standard) ?? .text("")
    }

    func text(_ name: String) -> String {
        if case .text(let text) = value(name) { text } else { "" }
    }

    func bool(_ name: String) -> Bool { value(name) == .bool(true) }

    func signed(_ name: String) -> Int64 {
        if case .int64(let number) = value(name) { number } else { 0 }
    }

    func unsigned(_ name: String) -> UInt64 {
        if case .uint64(let number) = value(name) { number } else { 0 }
    }

    func duration(_ name: String) -> Duration {
        if case .duration(let nanoseconds) = value(name) {
            .nanoseconds(nanoseconds)
        } else {
            .zero
        }
    }

    func urls(_ name: String) throws(ConfigError) -> [ServiceURL] {
        let text = text(name)
        return text.isEmpty ? [] : try ServiceURL.list(text)
    }
}
