// SPDX-License-Identifier: Apache-2.0
internal import Bytes
package import Kube

/// Which objects belong to which owner, by the owner's UID.
package struct OwnerIndex: Sendable {
    private var keysByOwner: [String: SortedMap<ObjectKey, Bool>] = [:]

    package init() {}

    /// In order.
    package func keys(ownedBy uid: String) -> [ObjectKey] { keysByOwner[uid]?.keys ?? [] }

    package mutating func add(_ key: ObjectKey, _ object: KubeObject) {
        for owner in object.ownerReferences {
            keysByOwner[owner.uid, default: SortedMap()][key] = true
        }
    }

    /// `object` as it was added.
    package mutating func remove(_ key: ObjectKey, _ object: KubeObject) {
        for owner in object.ownerReferences {
            keysByOwner[owner.uid]?[key] = nil
            if keysByOwner[owner.uid]?.isEmpty == true { keysByOwner[owner.uid] = nil }
        }
    }
}
