// SPDX-License-Identifier: Apache-2.0
internal import Bytes
internal import Formats
internal import Kube

// The objects of one cluster. Each builder is a function of what is desired; `Pass+Children`
// compares with what is there and makes at most one change in a pass.

/// What all children have in common.
enum Child {
    static func labels(_ desired: DesiredCluster) -> KubeMap {
        [
            "app.kubernetes.io/name": "keelson",
            "app.kubernetes.io/instance": desired.name,
            "app.kubernetes.io/component": "etcd",
            "app.kubernetes.io/managed-by": "keelson-operator",
            Names.clusterLabel: desired.name,
        ]
    }

    /// What never changes on a pod, so that it can be selected by.
    static func selector(_ desired: DesiredCluster) -> KubeMap {
        [
            "app.kubernetes.io/name": "keelson",
            "app.kubernetes.io/instance": desired.name,
            Names.clusterLabel: desired.name,
        ]
    }

    static func object(
        _ kind: ResourceKind, _ name: String, _ desired: DesiredCluster, _ owner: KubeObject
    ) -> KubeObject {
        var object = KubeObject(kind, namespace: desired.namespace, name: name)
        object.labels = labels(desired)
        object.ownerReferences = [OwnerReference(to: owner)]
        return object
    }

    /// With a note of what it says, so that the next pass can tell whether it still says it.
    static func stamped(_ object: KubeObject) -> KubeObject {
        var stamped = object
        let sum = CRC32C.of(
            JSON.bytes(.object(object.json), style: JSON.Style(sortsKeys: true)))
        stamped.annotations[Names.appliedNote] = String(sum, radix: 16)
        return stamped
    }

    /// Whether `there` still says what `wanted` says. Fields that the server added do not count.
    static func isSame(_ wanted: KubeObject, as there: KubeObject) -> Bool {
        wanted.annotations[Names.appliedNote] == there.annotations[Names.appliedNote]
            && contains(.object(there.json), .object(wanted.json))
    }

    private static func contains(_ there: JSONValue, _ wanted: JSONValue) -> Bool {
        switch (there, wanted) {
        case (.object(let there), .object(let wanted)):
            return wanted.members.allSatisfy { member in
                guard let value = there[member.key] else { return isEmpty(member.value) }
                return contains(value, member.value)
            }
        case (.array(let there), .array(let wanted)):
            return there.count == wanted.count
                && zip(there, wanted).allSatisfy { contains($0, $1) }
        default: return there == wanted
        }
    }

    private static func isEmpty(_ value: JSONValue) -> Bool {
        switch value {
        case .object(let object): object.isEmpty
        case .array(let array): array.isEmpty
        case .null: true
        case .bool, .integer, .unsigned, .number, .string: false
        }
    }
}
