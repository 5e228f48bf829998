// SPDX-License-Identifier: Apache-2.0
internal import Bytes
package import Kube

/// What became of an object. Both ends are nil never.
package struct CacheChange: Equatable, Sendable {
    package var key: ObjectKey
    package var old: KubeObject?
    package var new: KubeObject?

    package init(key: ObjectKey, old: KubeObject?, new: KubeObject?) {
        self.key = key
        self.old = old
        self.new = new
    }
}

/// The objects of one kind, as far as the API has told. It never goes back in time.
package struct ObjectCache: Sendable {
    package let kind: ResourceKind
    /// All up to this version is in here; empty before the first list.
    package private(set) var version = ""
    private var objects = SortedMap<ObjectKey, KubeObject>()
    private var owners = OwnerIndex()

    package init(_ kind: ResourceKind) {
        self.kind = kind
    }

    package var count: Int { objects.count }

    package subscript(key: ObjectKey) -> KubeObject? { objects[key] }

    package subscript(namespace: String, name: String) -> KubeObject? {
        objects[ObjectKey(kind, namespace: namespace, name: name)]
    }

    /// By key; those of all namespaces if it is empty.
    package func list(
        namespace: String = "", matching selector: LabelSelector = LabelSelector()
    ) -> [KubeObject] {
        let first = ObjectKey(kind, namespace: namespace, name: "")
        var found: [KubeObject] = []
        for index in objects.position(of: first)..<objects.count {
            let object = objects.values[index]
            if !namespace.isEmpty, objects.keys[index].namespace != namespace { break }
            if selector.isEmpty || selector.matches(object.labels) { found.append(object) }
        }
        return found
    }

    /// Those that name this UID among their owners, by key.
    package func owned(by uid: String) -> [KubeObject] {
        owners.keys(ownedBy: uid).compactMap { objects[$0] }
    }

    // MARK: What the API tells

    /// A whole list: what is not on it is gone. Returns what differs from before, by key.
    package mutating func replace(with list: [KubeObject], version: String) -> [CacheChange] {
        var changes: [CacheChange] = []
        var fresh = SortedMap<ObjectKey, KubeObject>()
        for object in list { fresh[object.key(as: kind)] = object }
        for (key, old) in objects where fresh[key] == nil {
            changes.append(CacheChange(key: key, old: old, new: nil))
        }
        for (key, new) in fresh {
            let old = objects[key]
            if let old, isUnchanged(old, new) { continue }
            changes.append(CacheChange(key: key, old: old, new: new))
        }
        objects = fresh
        owners = OwnerIndex()
        for (key, object) in fresh { owners.add(key, object) }
        self.version = version
        return changes.sorted { $0.key < $1.key }
    }

    /// Nil if it tells nothing new: an event may come twice, and after a new list an old one.
    package mutating func put(_ object: KubeObject) -> CacheChange? {
        let key = object.key(as: kind)
        let old = objects[key]
        if let old {
            if isUnchanged(old, object) { return nil }
            if ResourceVersion.isOlder(object.resourceVersion, than: old.resourceVersion) == true {
                return nil
            }
            owners.remove(key, old)
        }
        objects[key] = object
        owners.add(key, object)
        advance(to: object.resourceVersion)
        return CacheChange(key: key, old: old, new: object)
    }

    /// Nil if it is not here, or has been made anew since.
    package mutating func remove(_ object: KubeObject) -> CacheChange? {
        let key = object.key(as: kind)
        guard let old = objects[key] else {
            advance(to: object.resourceVersion)
            return nil
        }
        if ResourceVersion.isOlder(object.resourceVersion, than: old.resourceVersion) == true {
            return nil
        }
        owners.remove(key, old)
        objects[key] = nil
        advance(to: object.resourceVersion)
        return CacheChange(key: key, old: old, new: nil)
    }

    package mutating func advance(to version: String) {
        self.version = ResourceVersion.newer(self.version, version)
    }

    private func isUnchanged(_ old: KubeObject, _ new: KubeObject) -> Bool {
        !new.resourceVersion.isEmpty && old.resourceVersion == new.resourceVersion
            && old.uid == new.uid
    }
}
