// SPDX-License-Identifier: Apache-2.0
internal import Bytes
internal import Formats
internal import Kube

/// How the simulated API answers a write.
enum APIAnswer: Equatable {
    /// With the object as it is now; nil if it is gone.
    case done(KubeObject?)
    case conflict
    case missing
    case exists

    var isDone: Bool { if case .done = self { true } else { false } }
}

/// As much of the Kubernetes API as the operator's writes rest on: versions, UIDs, preconditions,
/// generations, finalizers, claims that are protected while a pod runs on them, owners, and the
/// history that watches read from.
struct SmallAPI {
    /// The kinds that the operator watches, and the Lease.
    static let kinds: [ResourceKind] = [
        .etcdCluster, .statefulSet, .pod, .persistentVolumeClaim, .configMap, .secret, .service,
        .serviceAccount, .podDisruptionBudget, .job, .lease, .etcdBackup, .etcdBackupSchedule,
    ]

    /// The objects of one kind by name, and what happened to them.
    private struct Table {
        var objects = SortedMap<String, KubeObject>()
        var history: [WatchEvent] = []
        /// How many events were forgotten.
        var forgotten = 0
        /// The version of the last event that was forgotten.
        var floor = 0
    }

    /// More events of a kind are not kept, as after a compaction.
    private static let historyLength = 300

    private var tables = [Table](repeating: Table(), count: Self.kinds.count)
    private(set) var version = 1
    private var uidCount = 0
    /// Grows with each change, so that others see that there was one.
    private(set) var changeCount = 0

    private static func index(_ kind: ResourceKind) -> Int {
        let index = kinds.firstIndex { $0.plural == kind.plural }
        invariant(index != nil, "\(kind) is not simulated")
        return index ?? 0
    }

    private static func place(_ object: KubeObject) -> (Int, String)? {
        let kind = object.kind
        let name = object.name
        guard !name.isEmpty, let index = kinds.firstIndex(where: { $0.kind == kind }) else {
            return nil
        }
        return (index, name)
    }

    func get(_ key: ObjectKey) -> KubeObject? { tables[Self.index(key.kind)].objects[key.name] }

    /// By name.
    func list(_ kind: ResourceKind) -> [KubeObject] { tables[Self.index(kind)].objects.values }

    // MARK: History

    /// What a watch that has had everything up to `version` gets next, and the place behind it; nil
    /// if that is not kept any more.
    func place(after version: Int, of kind: ResourceKind) -> Int? {
        let table = tables[Self.index(kind)]
        guard version >= table.floor else { return nil }
        var place = table.history.count
        while place > 0, Self.version(of: table.history[place - 1]) > version { place -= 1 }
        return table.forgotten + place
    }

    /// Nil at the end, and behind what is kept.
    func event(at place: Int, of kind: ResourceKind) -> WatchEvent? {
        let table = tables[Self.index(kind)]
        let index = place - table.forgotten
        return table.history.indices.contains(index) ? table.history[index] : nil
    }

    func isKept(_ place: Int, of kind: ResourceKind) -> Bool {
        place >= tables[Self.index(kind)].forgotten
    }

    static func version(of event: WatchEvent) -> Int { Int(event.resourceVersion ?? "") ?? 0 }

    /// As after a compaction: whoever is behind has to list again.
    mutating func forgetHistory() {
        for index in tables.indices { forget(tables[index].history.count, of: index) }
    }

    private mutating func forget(_ count: Int, of index: Int) {
        guard count > 0 else { return }
        tables[index].floor = Self.version(of: tables[index].history[count - 1])
        tables[index].history.removeFirst(count)
        tables[index].forgotten += count
    }

    private mutating func record(_ event: WatchEvent, _ index: Int) {
        changeCount += 1
        tables[index].history.append(event)
        if tables[index].history.count > 2 * Self.historyLength {
            forget(Self.historyLength, of: index)
        }
    }

    private mutating func store(_ index: Int, _ name: String, _ object: KubeObject) -> KubeObject {
        version += 1
        var object = object
        object.resourceVersion = "\(version)"
        let isNew = tables[index].objects[name] == nil
        tables[index].objects[name] = object
        record(isNew ? .added(object) : .modified(object), index)
        return object
    }

    // MARK: Verbs

    @discardableResult
    mutating func create(_ object: KubeObject, now: Instant) -> APIAnswer {
        guard let (index, name) = Self.place(object) else { return .missing }
        guard tables[index].objects[name] == nil else { return .exists }
        uidCount += 1
        var object = object
        object.uid = "uid-\(uidCount)"
        object.generation = 1
        object.creationTimestamp = KubeTime.seconds(now.nanoseconds)
        return .done(store(index, name, object))
    }

    /// Everything but status, metadata of the system included; a changed spec is a new generation.
    @discardableResult
    mutating func update(_ object: KubeObject) -> APIAnswer {
        guard let (index, name) = Self.place(object), let old = tables[index].objects[name] else {
            return .missing
        }
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
        guard new != old else { return .done(old) }
        let stored = store(index, name, new)
        if new.isBeingDeleted, new.finalizers.isEmpty, !Self.isHeld(new) { remove(index, name) }
        return .done(stored)
    }

    @discardableResult
    mutating func updateStatus(
        _ key: ObjectKey, version: String?, _ status: JSONValue
    ) -> APIAnswer {
        let index = Self.index(key.kind)
        guard var object = tables[index].objects[key.name] else { return .missing }
        guard version == nil || version == object.resourceVersion else { return .conflict }
        guard object["status"] != status else { return .done(object) }
        object["status"] = status
        return .done(store(index, key.name, object))
    }

    @discardableResult
    mutating func patch(_ key: ObjectKey, _ patch: JSONValue) -> APIAnswer {
        guard let old = get(key) else { return .missing }
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
        guard let (index, name) = Self.place(object) else { return .missing }
        guard let old = tables[index].objects[name] else {
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
        let index = Self.index(key.kind)
        guard var object = tables[index].objects[key.name] else { return .missing }
        guard uid.isEmpty || uid == object.uid else { return .conflict }
        if key.kind == .pod, grace == 0 {
            remove(index, key.name)
            return .done(nil)
        }
        if Self.isHeld(object) || !object.finalizers.isEmpty {
            guard !object.isBeingDeleted else { return .done(object) }
            object.deletionTimestamp = KubeTime.seconds(now.nanoseconds)
            return .done(store(index, key.name, object))
        }
        remove(index, key.name, orphan: orphan)
        return .done(nil)
    }

    /// Pods end by their kubelet, claims when no pod runs on them.
    private static func isHeld(_ object: KubeObject) -> Bool {
        object.kind == "Pod" || object.kind == "PersistentVolumeClaim"
    }

    /// Really; and what belonged to it.
    mutating func remove(_ key: ObjectKey, orphan: Bool = false) {
        remove(Self.index(key.kind), key.name, orphan: orphan)
    }

    private mutating func remove(_ index: Int, _ name: String, orphan: Bool = false) {
        guard var old = tables[index].objects[name] else { return }
        tables[index].objects[name] = nil
        version += 1
        old.resourceVersion = "\(version)"
        record(.deleted(old), index)
        guard !orphan else { return }
        for (other, kind) in Self.kinds.enumerated() {
            for (name, object) in tables[other].objects
            where object.ownerReferences.contains(where: { $0.uid == old.uid }) {
                let key = ObjectKey(kind, namespace: object.namespace, name: name)
                delete(key, now: Instant(nanoseconds: 0))
            }
        }
    }
}
