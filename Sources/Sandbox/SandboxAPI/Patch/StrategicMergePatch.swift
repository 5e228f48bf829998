// SPDX-License-Identifier: Apache-2.0
internal import Formats
internal import Kube

/// Strategic merge patches: like merge patches, but lists whose elements have names are merged
/// element by element. Instructions are members that start with a dollar sign.
struct StrategicMergePatch {
    struct Failure: Error, Equatable {
        var message: String
    }

    static func apply(
        _ patch: JSONValue, to original: JSONValue, _ schema: FieldSchema
    ) throws(Failure) -> JSONValue {
        guard let object = patch.object, let target = original.object else {
            throw Failure(message: "a strategic merge patch is an object")
        }
        return .object(try merge(object, into: target, schema))
    }

    private static let orderPrefix = "$setElementOrder/"
    private static let deletePrefix = "$deleteFromPrimitiveList/"

    private static func merge(
        _ patch: JSONObject, into original: JSONObject, _ schema: FieldSchema
    ) throws(Failure) -> JSONObject {
        var patch = patch
        if let directive = patch["$patch"] {
            patch["$patch"] = nil
            switch directive.string {
            case "replace"?: return patch
            case "delete"?: return JSONObject()
            case "merge"?: break
            default: throw Failure(message: "unknown patch type found: \(directive)")
            }
        }
        var result = original
        if let keys = patch["$retainKeys"]?.array?.compactMap(\.string) {
            for key in original.keys where !keys.contains(key) { result[key] = nil }
            patch["$retainKeys"] = nil
        }
        for member in patch.members where !member.key.hasPrefix("$") {
            try mergeMember(member, patch, into: &result, schema)
        }
        try followInstructions(patch, original, &result, schema)
        return result
    }

    private static func mergeMember(
        _ member: JSONObject.Member, _ patch: JSONObject, into result: inout JSONObject,
        _ schema: FieldSchema
    ) throws(Failure) {
        let below = schema.member(member.key) ?? .anything
        switch member.value {
        case .null: result[member.key] = nil
        case .object(let object):
            let before = result[member.key]?.object ?? JSONObject()
            result[member.key] = .object(try merge(object, into: before, below))
        case .array(let elements):
            let before = result[member.key]?.array ?? []
            let merged = try mergeList(elements, into: before, below)
            let said = elements.filter { $0["$patch"] == nil }
            result[member.key] = .array(
                below.listKind == .atomic ? merged : ordered(merged, by: said, before, below))
        case .bool, .integer, .unsigned, .number, .string: result[member.key] = member.value
        }
    }

    /// Orders and deletions of primitive elements, which may come without the list itself.
    private static func followInstructions(
        _ patch: JSONObject, _ original: JSONObject, _ result: inout JSONObject,
        _ schema: FieldSchema
    ) throws(Failure) {
        for member in patch.members {
            if member.key.hasPrefix(deletePrefix) {
                let name = String(member.key.dropFirst(deletePrefix.count))
                let gone = member.value.array ?? []
                let left = (result[name]?.array ?? []).filter { element in
                    !gone.contains { $0.isSame(as: element) }
                }
                if result[name] != nil { result[name] = .array(left) }
            } else if member.key.hasPrefix(orderPrefix) {
                let name = String(member.key.dropFirst(orderPrefix.count))
                guard let elements = result[name]?.array else { continue }
                let below = schema.member(name) ?? .anything
                let before = original[name]?.array ?? []
                result[name] = .array(
                    ordered(elements, by: member.value.array ?? [], before, below))
            } else if member.key.hasPrefix("$"), member.key != "$retainKeys" {
                throw Failure(message: "unknown instruction \(member.key)")
            }
        }
    }

    private static func mergeList(
        _ patch: [JSONValue], into original: [JSONValue], _ schema: FieldSchema
    ) throws(Failure) -> [JSONValue] {
        switch schema.listKind {
        case .atomic: return patch
        case .set:
            return original
                + patch.filter { element in
                    !original.contains { $0.isSame(as: element) }
                }
        case .map(let keys):
            guard let key = keys.first else { return patch }
            return try mergeElements(patch, into: original, key, schema.items ?? .anything)
        }
    }

    private static func mergeElements(
        _ patch: [JSONValue], into original: [JSONValue], _ key: String, _ schema: FieldSchema
    ) throws(Failure) -> [JSONValue] {
        let replaces = patch.contains {
            $0["$patch"]?.string == "replace" && $0[key] == nil
        }
        if replaces { return patch.filter { $0["$patch"] == nil } }
        var result = original
        for element in patch {
            guard let object = element.object, let name = object[key] else {
                throw Failure(
                    message: "map: \(element) does not contain declared merge key: \(key)")
            }
            let at = result.firstIndex { $0[key]?.isSame(as: name) ?? false }
            if object["$patch"]?.string == "delete" {
                result.removeAll { $0[key]?.isSame(as: name) ?? false }
            } else if let at {
                let before = result[at].object ?? JSONObject()
                var merged = try merge(object, into: before, schema)
                if merged[key] == nil { merged[key] = name }
                result[at] = .object(merged)
            } else {
                result.append(.object(try merge(object, into: JSONObject(), schema)))
            }
        }
        return result
    }

    /// The elements named in `order` in that order, the others in the order they had. Where the two
    /// meet, those that were there keep their places, and what is new comes as soon as it can.
    private static func ordered(
        _ elements: [JSONValue], by order: [JSONValue], _ before: [JSONValue],
        _ schema: FieldSchema
    ) -> [JSONValue] {
        func identity(_ element: JSONValue) -> JSONValue {
            guard case .map(let keys) = schema.listKind, let key = keys.first else {
                return element
            }
            return element[key] ?? .null
        }
        let places = before.map(identity)
        func place(_ name: JSONValue) -> Int? { places.firstIndex { $0.isSame(as: name) } }
        let wanted = order.map(identity)
        var named = wanted.compactMap { name in
            elements.first { identity($0).isSame(as: name) }
        }[...]
        var others = elements.filter { element in
            !wanted.contains { $0.isSame(as: identity(element)) }
        }[...]
        var result: [JSONValue] = []
        while let other = others.first, let next = named.first {
            if let mine = place(identity(other)), let its = place(identity(next)), mine < its {
                result.append(other)
                others = others.dropFirst()
            } else {
                result.append(next)
                named = named.dropFirst()
            }
        }
        return result + others + named
    }
}
