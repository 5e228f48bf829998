// SPDX-License-Identifier: Apache-2.0
internal import Formats
internal import Kube

/// Fields of an object, as `managedFields` notes who owns them. A path is its elements:
/// `f:spec`, `k:{"name":"x"}`, `v:"x"`.
struct FieldSet: Equatable {
    typealias Path = [String]

    private(set) var paths: Set<Path> = []

    var isEmpty: Bool { paths.isEmpty }
    var sorted: [Path] { paths.sorted { $0.lexicographicallyPrecedes($1) } }

    mutating func insert(_ path: Path) { paths.insert(path) }
    mutating func remove(_ path: Path) { paths.remove(path) }
    func contains(_ path: Path) -> Bool { paths.contains(path) }
    mutating func formUnion(_ other: FieldSet) { paths.formUnion(other.paths) }
    mutating func subtract(_ other: FieldSet) { paths.subtract(other.paths) }
    func intersection(_ other: FieldSet) -> FieldSet {
        var common = FieldSet()
        common.paths = paths.intersection(other.paths)
        return common
    }

    /// Whether it holds something at or below the path.
    func reaches(_ path: Path) -> Bool {
        paths.contains { $0.count >= path.count && $0.prefix(path.count).elementsEqual(path) }
    }

    // MARK: fieldsV1

    init() {}

    init(fieldsV1 json: JSONValue?) {
        collect(json?.object ?? JSONObject(), [])
    }

    private mutating func collect(_ object: JSONObject, _ path: Path) {
        for member in object.members {
            if member.key == "." {
                paths.insert(path)
            } else {
                let below = path + [member.key]
                let children = member.value.object ?? JSONObject()
                if children.isEmpty { paths.insert(below) } else { collect(children, below) }
            }
        }
    }

    var fieldsV1: JSONValue { FieldSet.nest(sorted[...], depth: 0) }

    /// The paths share their first `depth` elements and are sorted.
    private static func nest(_ paths: ArraySlice<Path>, depth: Int) -> JSONValue {
        var object = JSONObject()
        var rest = paths
        while let first = rest.first {
            guard first.count > depth else {
                if rest.count > 1 { object["."] = .object([]) }
                rest = rest.dropFirst()
                continue
            }
            let same = rest.prefix { $0.count > depth && $0[depth] == first[depth] }
            object[first[depth]] = nest(same, depth: depth + 1)
            rest = rest.dropFirst(same.count)
        }
        return .object(object)
    }

    /// `.spec.containers[name="x"].image`, as conflicts name it.
    static func text(_ path: Path) -> String {
        path.map { element in
            if element.hasPrefix("f:") { return "." + element.dropFirst(2) }
            let inside = String(element.dropFirst(2))
            if element.hasPrefix("v:") { return "[=\(inside)]" }
            let parsed: JSONValue?
            do throws(FormatError) { parsed = try JSON.parse(inside) } catch { parsed = nil }
            let keys = parsed?.object?.members.map { "\($0.key)=\($0.value)" } ?? [inside]
            return "[\(keys.joined(separator: ","))]"
        }.joined()
    }
}

/// The fields of a value with what they hold, by their schema.
struct FieldLeaves {
    private(set) var values: [FieldSet.Path: JSONValue] = [:]

    init(_ object: JSONObject, _ schema: FieldSchema) {
        walk(.object(object), schema, [])
    }

    var set: FieldSet {
        var set = FieldSet()
        for path in values.keys { set.insert(path) }
        return set
    }

    /// Fields that the other has and this has not, or otherwise.
    func changes(to other: FieldLeaves) -> (changed: FieldSet, removed: FieldSet) {
        var changed = FieldSet()
        var removed = FieldSet()
        for (path, value) in other.values {
            if let before = values[path], before.isSame(as: value) { continue }
            changed.insert(path)
        }
        for path in values.keys where other.values[path] == nil { removed.insert(path) }
        return (changed, removed)
    }

    private mutating func walk(_ value: JSONValue, _ schema: FieldSchema, _ path: FieldSet.Path) {
        switch value {
        case .object(let object) where !schema.isAtomic && !object.isEmpty:
            for member in object.members where !FieldLeaves.isOurs(member.key, path) {
                let below = path + ["f:\(member.key)"]
                walk(member.value, schema.member(member.key) ?? .anything, below)
                if schema.property(member.key) == nil, member.value.object != nil {
                    values[below] = .null
                }
            }
        case .array(let elements): walk(elements, schema, path)
        default: if !path.isEmpty { values[path] = value }
        }
    }

    private mutating func walk(
        _ elements: [JSONValue], _ schema: FieldSchema, _ path: FieldSet.Path
    ) {
        switch schema.listKind {
        case .atomic: values[path] = .array(elements)
        case .set:
            for element in elements {
                values[path + ["v:\(element)"]] = element
            }
        case .map(let keys):
            for element in elements {
                let below = path + [FieldLeaves.key(of: element, keys)]
                values[below] = .null
                walk(element, schema.items ?? .anything, below)
            }
        }
    }

    /// `k:{"containerPort":80,"protocol":"TCP"}`; keys in the order of their names.
    static func key(of element: JSONValue, _ keys: [String]) -> String {
        let members = keys.sorted().compactMap { key -> (String, JSONValue)? in
            let value = element[key] ?? (key == "protocol" ? "TCP" : nil)
            return value.map { (key, $0) }
        }
        return "k:\(JSONValue.object(members))"
    }

    /// What nobody owns because the API alone writes it.
    private static func isOurs(_ name: String, _ path: FieldSet.Path) -> Bool {
        if path.isEmpty { return name == "apiVersion" || name == "kind" }
        return path == ["f:metadata"] && ours.contains(name)
    }

    private static let ours: Set<String> = [
        "name", "namespace", "uid", "resourceVersion", "generation", "creationTimestamp",
        "selfLink", "managedFields", "deletionTimestamp", "deletionGracePeriodSeconds",
        "generateName", "clusterName",
    ]
}
