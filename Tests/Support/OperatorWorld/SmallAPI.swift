// SPDX-License-Identifier: Apache-2.0
internal import Bytes
internal import Formats
internal import Kube

/// How the simulated API answers a write.
enum APIAnswer: Equatable {
    case done
    case conflict
    case missing
    case exists
}

/// As much of the Kubernetes API as the operator's writes rest on: versions, UIDs, preconditions,
/// generations, finalizers, claims that are protected while a pod runs on them, owners.
struct SmallAPI {
    private(set) var objects = SortedMap<ObjectKey, KubeObject>()
    private var version = 1
    private var uidCount = 0
    /// Grows with each change, so that others see that there was one.
    private(set) var changeCount = 0

    func get(_ key: ObjectKey) -> KubeObject? { objects[key] }

    func list(_ kind: ResourceKind) -> [KubeObject] {
        zip(objects.keys, objects.values).filter { $0.0.kind == kind }.map(\.1)
    }

    private mutating func store(_ key: ObjectKey, _ object: KubeObject) {
        version += 1
        changeCount += 1
        var object = object
        object.resourceVersion = "\(version)"
        objects[key] = object
    }

    @discardableResult
    mutating func create(_ object: KubeObject, now: Instant) -> APIAnswer {
        guard let key = object.key else { return .missing }
        guard objects[key] == nil else { return .exists }
        uidCount += 1
        var object = object
        object.uid = "uid-\(uidCount)"
        object.generation = 1
        object.creationTimestamp = KubeTime.seconds(now.nanoseconds)
        store(key, object)
        return .done
    }

    /// Everything but status, metadata of the system included; a changed spec is a new generation.
    @discardableResult
    mutating func update(_ object: KubeObject) -> APIAnswer {
        guard let key = object.key, let old = objects[key] else { return .missing }
        guard object.resourceVersion.isEmpty || object.resourceVersion == old.resourceVersion,
            object.uid.isEmpty || object.uid == old.uid
        else { return .conflict }
        var new = object
        new.uid = old.uid
        new.generation = old["spec"] == new["spec"] ? old.generation : old.generation + 1
        new.creationTimestamp = old.creationTimestamp
        new.deletionTimestamp = old.deletionTimestamp
        new["status"] = old["status"]
        new.resourceVersion = old.resourceVersion
        guard new != old else { return .done }
        store(key, new)
        if new.isBeingDeleted, new.finalizers.isEmpty, !Self.isHeld(new) { remove(key) }
        return .done
    }

    @discardableResult
    mutating func updateStatus(_ key: ObjectKey, version: String?, _ status: JSONValue) -> APIAnswer
    {
        guard var object = objects[key] else { return .missing }
        guard version == nil || version == object.resourceVersion else { return .conflict }
        guard object["status"] != status else { return .done }
        object["status"] = status
        store(key, object)
        return .done
    }

    @discardableResult
    mutating func patch(_ key: ObjectKey, _ patch: JSONValue) -> APIAnswer {
        guard let old = objects[key] else { return .missing }
        if let uid = patch["metadata"]?["uid"]?.string, uid != old.uid { return .conflict }
        if let wanted = patch["metadata"]?["resourceVersion"]?.string,
            wanted != old.resourceVersion
        {
            return .conflict
        }
        guard case .object(let merged) = MergePatch.apply(patch, to: .object(old.json)) else {
            return .missing
        }
        return update(KubeObject(merged))
    }

    /// Server-side apply by one manager: what it wrote before and does not write now is gone, which
    /// for the few kinds here is a replacement of spec, data, labels and annotations.
    @discardableResult
    mutating func apply(_ object: KubeObject, now: Instant) -> APIAnswer {
        guard let key = object.key else { return .missing }
        guard let old = objects[key] else {
            return object.resourceVersion.isEmpty ? create(object, now: now) : .conflict
        }
        var merged = object
        merged.finalizers = old.finalizers
        if merged.uid.isEmpty { merged.uid = old.uid }
        return update(merged)
    }

    @discardableResult
    mutating func delete(
        _ key: ObjectKey, uid: String = "", grace: Int? = nil, orphan: Bool = false, now: Instant
    ) -> APIAnswer {
        guard var object = objects[key] else { return .missing }
        guard uid.isEmpty || uid == object.uid else { return .conflict }
        if key.kind == .pod, grace == 0 {
            remove(key)
            return .done
        }
        if Self.isHeld(object) || !object.finalizers.isEmpty {
            guard !object.isBeingDeleted else { return .done }
            object.deletionTimestamp = KubeTime.seconds(now.nanoseconds)
            store(key, object)
            return .done
        }
        remove(key, orphan: orphan)
        return .done
    }

    /// Pods end by their kubelet, claims when no pod runs on them.
    private static func isHeld(_ object: KubeObject) -> Bool {
        object.kind == "Pod" || object.kind == "PersistentVolumeClaim"
    }

    /// Really; and what belonged to it.
    mutating func remove(_ key: ObjectKey, orphan: Bool = false) {
        guard let old = objects[key] else { return }
        objects[key] = nil
        changeCount += 1
        guard !orphan else { return }
        for (other, object) in zip(objects.keys, objects.values)
        where object.ownerReferences.contains(where: { $0.uid == old.uid }) {
            var copy = self
            copy.delete(other, now: Instant(nanoseconds: 0))
            self = copy
        }
    }
}
