// SPDX-License-Identifier: Apache-2.0
internal import Formats
internal import Kube

/// Server-side apply: the manager says all fields it wants, and owns just those. Fields it no
/// longer says go, unless somebody else owns them too. A field that another manager owns and that
/// would change is a conflict, unless forced.
struct ServerSideApply {
    var resource: APIResource
    var owner: FieldOwners.Owner
    var isForced: Bool

    /// What becomes of `live` (nil: it does not exist), before anybody minds.
    func merged(_ wanted: KubeObject, into live: KubeObject?) -> KubeObject {
        let schema = resource.schema
        let owners = FieldOwners(of: live ?? KubeObject(JSONObject()))
        let said = FieldLeaves(wanted.json, schema).set
        let result = ApplyMerge.merge(wanted.json, into: live?.json ?? JSONObject(), schema)
        let previous = owners.fields(of: owner) ?? FieldSet()
        return KubeObject(
            dropped(previous, said, owners.others(than: owner), from: result, schema))
    }

    /// The merged object with its new owners. `merged` has its defaults by now, so that a default
    /// that a manager leaves out is no change.
    func owned(
        _ merged: KubeObject, _ wanted: KubeObject, over live: KubeObject?
    ) throws(StatusError) -> KubeObject {
        let schema = resource.schema
        var owners = FieldOwners(of: live ?? KubeObject(JSONObject()))
        let before = FieldLeaves(live?.json ?? JSONObject(), schema)
        let changes = before.changes(to: FieldLeaves(merged.json, schema))
        try settleConflicts(&owners, changes.changed, owners.others(than: owner))
        owners.set(FieldLeaves(wanted.json, schema).set, as: owner)
        var object = merged
        object["metadata", "managedFields"] = owners.json
        return object
    }

    /// Takes out what the manager used to say and says no more.
    private func dropped(
        _ previous: FieldSet, _ said: FieldSet, _ others: [FieldOwners.Owner],
        from object: JSONObject, _ schema: FieldSchema
    ) -> JSONObject {
        var gone = previous
        gone.subtract(said)
        // Deepest first, so that an element goes after its fields.
        var value = JSONValue.object(object)
        for path in gone.sorted.sorted(by: { $0.count > $1.count }) {
            let isShared = others.contains { $0.fields.reaches(path) }
            if isShared || said.reaches(path) { continue }
            value = ApplyMerge.removing(path[...], from: value, schema)
        }
        return value.object ?? JSONObject()
    }

    private func settleConflicts(
        _ owners: inout FieldOwners, _ changed: FieldSet, _ others: [FieldOwners.Owner]
    ) throws(StatusError) {
        var causes: [(owner: FieldOwners.Owner, paths: [FieldSet.Path])] = []
        for other in others {
            let common = other.fields.intersection(changed).sorted
            if !common.isEmpty { causes.append((other, common)) }
        }
        if causes.isEmpty { return }
        guard isForced else { throw conflict(causes) }
        owners.takeFromOthers(changed, than: owner)
    }

    private func conflict(
        _ causes: [(owner: FieldOwners.Owner, paths: [FieldSet.Path])]
    ) -> StatusError {
        let count = causes.reduce(0) { $0 + $1.paths.count }
        var details: [JSONValue] = []
        var texts: [String] = []
        for (owner, paths) in causes {
            let subresource =
                owner.subresource.isEmpty ? "" : " with subresource \"\(owner.subresource)\""
            let who = "\"\(owner.manager)\"\(subresource) using \(owner.apiVersion)"
            for path in paths {
                details.append(
                    .object([
                        ("reason", "FieldManagerConflict"),
                        ("message", .string("conflict with \(who)")),
                        ("field", .string(FieldSet.text(path))),
                    ]))
            }
            let fields = paths.map { FieldSet.text($0) }
            texts.append(
                paths.count == 1
                    ? "conflict with \(who): \(fields[0])"
                    : "conflicts with \(who):\n"
                        + fields.map { "- \($0)" }.joined(separator: "\n"))
        }
        return StatusError(
            code: 409, reason: "Conflict",
            message: "Apply failed with \(count) conflict\(count == 1 ? "" : "s"):"
                + (texts.count == 1 ? " " : "\n") + texts.joined(separator: "\n"),
            details: .object([("causes", .array(details))]))
    }
}

/// Merging and cutting by the kinds of lists that a schema declares.
enum ApplyMerge {
    static func merge(
        _ wanted: JSONObject, into live: JSONObject, _ schema: FieldSchema
    ) -> JSONObject {
        var result = live
        for member in wanted.members {
            let below = schema.member(member.key) ?? .anything
            result[member.key] = merge(member.value, into: live[member.key], below)
        }
        return result
    }

    private static func merge(
        _ wanted: JSONValue, into live: JSONValue?, _ schema: FieldSchema
    ) -> JSONValue {
        switch (wanted, live) {
        case (.object(let wanted), .object(let live)?) where !schema.isAtomic:
            return .object(merge(wanted, into: live, schema))
        case (.object(let wanted), _) where !schema.isAtomic:
            return .object(merge(wanted, into: JSONObject(), schema))
        case (.array(let wanted), let live):
            return .array(merge(wanted, into: live?.array ?? [], schema))
        default: return wanted
        }
    }

    private static func merge(
        _ wanted: [JSONValue], into live: [JSONValue], _ schema: FieldSchema
    ) -> [JSONValue] {
        switch schema.listKind {
        case .atomic: return wanted
        case .set:
            return wanted
                + live.filter { element in
                    !wanted.contains { $0.isSame(as: element) }
                }
        case .map(let keys):
            let items = schema.items ?? .anything
            var rest = live
            var result = wanted.map { element in
                let key = FieldLeaves.key(of: element, keys)
                let at = rest.firstIndex { FieldLeaves.key(of: $0, keys) == key }
                return merge(element, into: at.map { rest.remove(at: $0) }, items)
            }
            result += rest
            return result
        }
    }

    static func removing(
        _ path: ArraySlice<String>, from value: JSONValue, _ schema: FieldSchema
    ) -> JSONValue {
        guard let head = path.first else { return value }
        let rest = path.dropFirst()
        switch value {
        case .object(var object) where head.hasPrefix("f:"):
            let name = String(head.dropFirst(2))
            guard let present = object[name] else { return value }
            if rest.isEmpty {
                object[name] = nil
            } else {
                let below = removing(rest, from: present, schema.member(name) ?? .anything)
                // What the last field left behind goes with it.
                let isEmptied = below.object?.isEmpty ?? below.array?.isEmpty ?? false
                object[name] = isEmptied && below != present ? nil : below
            }
            return .object(object)
        case .array(let elements):
            return .array(removing(head, rest, from: elements, schema))
        default: return value
        }
    }

    private static func removing(
        _ head: String, _ rest: ArraySlice<String>, from elements: [JSONValue],
        _ schema: FieldSchema
    ) -> [JSONValue] {
        elements.compactMap { element in
            let key: String
            switch schema.listKind {
            case .map(let keys): key = FieldLeaves.key(of: element, keys)
            case .set: key = "v:\(element)"
            case .atomic: return element
            }
            guard key == head else { return element }
            return rest.isEmpty ? nil : removing(rest, from: element, schema.items ?? .anything)
        }
    }
}
