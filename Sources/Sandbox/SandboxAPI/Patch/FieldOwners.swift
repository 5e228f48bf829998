// SPDX-License-Identifier: Apache-2.0
internal import Formats
internal import Kube

/// `metadata.managedFields`: who owns which fields.
struct FieldOwners {
    struct Owner: Equatable {
        var manager: String
        /// `Apply` or `Update`; the same manager is two owners if it does both.
        var operation: String
        var subresource: String
        var apiVersion: String
        var time: String
        var fields: FieldSet

        func isSame(as other: Owner) -> Bool {
            manager == other.manager && operation == other.operation
                && subresource == other.subresource
        }
    }

    private(set) var owners: [Owner]

    init(of object: KubeObject) {
        owners = object.list("metadata", "managedFields").map { entry in
            Owner(
                manager: entry["manager"]?.string ?? "",
                operation: entry["operation"]?.string ?? "",
                subresource: entry["subresource"]?.string ?? "",
                apiVersion: entry["apiVersion"]?.string ?? "",
                time: entry["time"]?.string ?? "",
                fields: FieldSet(fieldsV1: entry["fieldsV1"]))
        }
    }

    func fields(of owner: Owner) -> FieldSet? {
        owners.first { $0.isSame(as: owner) }?.fields
    }

    func others(than owner: Owner) -> [Owner] { owners.filter { !$0.isSame(as: owner) } }

    /// The owner has these fields besides those it had; nobody else has them any longer.
    mutating func take(_ fields: FieldSet, removed: FieldSet, as owner: Owner) {
        for index in owners.indices {
            if !owners[index].isSame(as: owner) { owners[index].fields.subtract(fields) }
            owners[index].fields.subtract(removed)
        }
        if let index = owners.firstIndex(where: { $0.isSame(as: owner) }) {
            let before = owners[index].fields
            owners[index].fields.formUnion(fields)
            if owners[index].fields != before { owners[index].time = owner.time }
        } else if !fields.isEmpty {
            owners.append(owner)
            owners[owners.count - 1].fields = fields
        }
        owners.removeAll { $0.fields.isEmpty }
    }

    /// The owner has exactly these fields, together with whoever else has them.
    mutating func set(_ fields: FieldSet, as owner: Owner) {
        let before = owners.first { $0.isSame(as: owner) }
        owners.removeAll { $0.isSame(as: owner) }
        guard !fields.isEmpty else { return }
        var owner = owner
        owner.fields = fields
        if let before, before.fields == fields { owner.time = before.time }
        owners.append(owner)
    }

    mutating func takeFromOthers(_ fields: FieldSet, than owner: Owner) {
        for index in owners.indices where !owners[index].isSame(as: owner) {
            owners[index].fields.subtract(fields)
        }
        owners.removeAll { $0.fields.isEmpty }
    }

    /// Whether the same owners have the same fields, whenever they came to them.
    func isSame(as other: FieldOwners) -> Bool {
        owners.count == other.owners.count
            && owners.allSatisfy { mine in
                other.owners.contains {
                    $0.isSame(as: mine) && $0.fields == mine.fields
                        && $0.apiVersion == mine.apiVersion
                }
            }
    }

    var json: JSONValue? {
        if owners.isEmpty { return nil }
        let sorted = owners.sorted { left, right in
            (left.operation, left.time, left.manager, left.subresource)
                < (right.operation, right.time, right.manager, right.subresource)
        }
        return .array(
            sorted.map { owner in
                var members: [(String, JSONValue)] = [
                    ("apiVersion", .string(owner.apiVersion)), ("fieldsType", "FieldsV1"),
                    ("fieldsV1", owner.fields.fieldsV1), ("manager", .string(owner.manager)),
                    ("operation", .string(owner.operation)),
                ]
                if !owner.subresource.isEmpty {
                    members.append(("subresource", .string(owner.subresource)))
                }
                if !owner.time.isEmpty { members.append(("time", .string(owner.time))) }
                return .object(members)
            })
    }
}
