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
        stamped.annotations[Names.appliedNote] = String(digest(.object(object.json)), radix: 16)
        return stamped
    }

    /// A number for what a value says, whatever the order of its members. Each pass asks for those
    /// of all children, so that no text is made for it.
    private static func digest(_ value: JSONValue) -> UInt64 {
        switch value {
        case .null: 1
        case .bool(let bool): bool ? 2 : 3
        case .integer(let number): mixed(4, UInt64(bitPattern: number))
        case .unsigned(let number): mixed(5, number)
        case .number(let number): mixed(6, number.bitPattern)
        case .string(let text): mixed(7, digest(text))
        case .array(let elements): elements.reduce(8) { mixed($0, digest($1)) }
        case .object(let object):
            object.members.reduce(9) { $0 &+ mixed(digest($1.key), digest($1.value)) }
        }
    }

    private static func digest(_ text: String) -> UInt64 {
        mixed(UInt64(CRC32C.of(Array(text.utf8))), UInt64(text.utf8.count))
    }

    private static func mixed(_ left: UInt64, _ right: UInt64) -> UInt64 {
        var mixed = (left &+ 0x9E37_79B9_7F4A_7C15) &* 0xBF58_476D_1CE4_E5B9 ^ right
        mixed = (mixed ^ (mixed >> 31)) &* 0x94D0_49BB_1331_11EB
        return mixed ^ (mixed >> 29)
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
