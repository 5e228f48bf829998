// SPDX-License-Identifier: Apache-2.0
internal import Bytes
internal import Formats
internal import Kube
internal import MVCC

/// Where an object is: `apps/statefulsets`, `ns`, `name`.
struct Place: Hashable {
    var storage: String
    /// Empty for what belongs to no namespace.
    var namespace: String
    var name: String

    /// Within its storage.
    var path: String { namespace.isEmpty ? name : "\(namespace)/\(name)" }
    var key: [UInt8] { ObjectStore.prefix(storage) + Array(path.utf8) }
}

/// What a write did. Before and after carry the versions they had; a removed object carries the
/// version of its removal, as a watch shows it.
struct StoreChange {
    var revision: Int64
    var place: Place
    var before: KubeObject?
    var after: KubeObject?
}

/// Objects in the multi-version store: `/registry/<group>/<plural>/[<namespace>/]<name>` with
/// their JSON as value. The resourceVersion is not stored: it is the revision of the row.
///
/// The present is also held as objects, so that reading costs no parsing; what was is read from
/// the keyspace.
struct ObjectStore {
    private let keyspace = Keyspace()
    private var present = SortedMap<String, SortedMap<String, KubeObject>>()
    private(set) var compactedRevision: Int64 = 0

    var revision: Int64 { keyspace.revision }

    static func prefix(_ storage: String) -> [UInt8] { Array("/registry/\(storage)/".utf8) }

    // MARK: The present

    func get(_ place: Place) -> KubeObject? { present[place.storage]?[place.path] }

    /// In the order of the store.
    func list(_ storage: String, namespace: String?) -> [KubeObject] {
        guard let objects = present[storage] else { return [] }
        guard let namespace, !namespace.isEmpty else { return objects.values }
        let prefix = namespace + "/"
        var found: [KubeObject] = []
        for at in objects.position(of: prefix)..<objects.count {
            guard objects.keys[at].hasPrefix(prefix) else { break }
            found.append(objects.values[at])
        }
        return found
    }

    var storages: [String] { present.keys }

    /// The object with its new version.
    mutating func put(_ object: KubeObject, at place: Place) -> StoreChange {
        var stored = object
        stored.resourceVersion = ""
        keyspace.beginWrite()
        keyspace.put(
            key: place.key,
            value: JSON.bytes(.object(stored.json), style: JSON.Style(escapesHTML: false)))
        _ = keyspace.endWrite()
        stored.resourceVersion = "\(revision)"
        let before = get(place)
        if present[place.storage] == nil { present[place.storage] = SortedMap() }
        _ = present.update(place.storage) { $0[place.path] = stored }
        return StoreChange(revision: revision, place: place, before: before, after: stored)
    }

    mutating func remove(_ place: Place) -> StoreChange {
        keyspace.beginWrite()
        keyspace.delete(KeyRange(key: place.key))
        _ = keyspace.endWrite()
        var before = get(place)
        before?.resourceVersion = "\(revision)"
        _ = present.update(place.storage) { $0[place.path] = nil }
        return StoreChange(revision: revision, place: place, before: before, after: nil)
    }

    // MARK: The past

    /// Whatever is older than `revision` can no longer be watched or listed.
    mutating func compact(through revision: Int64) {
        guard revision > compactedRevision, revision <= self.revision else { return }
        do throws(KeyspaceError) { try keyspace.compact(through: revision) } catch { return }
        compactedRevision = revision
    }

    /// Gives compacted memory back, some rows at a time.
    mutating func tidy(budget: Int) { _ = keyspace.removeCompacted(budget: budget) }

    /// Nil if the revision is compacted, or has not been.
    func list(_ storage: String, namespace: String?, at revision: Int64) -> [KubeObject]? {
        if revision == self.revision { return list(storage, namespace: namespace) }
        var start = ObjectStore.prefix(storage)
        if let namespace, !namespace.isEmpty { start += Array("\(namespace)/".utf8) }
        do throws(KeyspaceError) {
            let range = KeyRange(key: start, end: ObjectStore.end(of: start))
            return try keyspace.range(range, at: revision).records.compactMap(ObjectStore.object)
        } catch {
            return nil
        }
    }

    /// What happened to one storage after `revision`; nil if that is compacted.
    func history(_ storage: String, after revision: Int64) -> [StoreChange]? {
        if revision < compactedRevision { return nil }
        if revision >= self.revision { return [] }
        let prefix = ObjectStore.prefix(storage)
        do throws(KeyspaceError) {
            let (changes, _) = try keyspace.history(
                from: revision + 1, maxRevisions: Int.max, maxBytes: Int.max)
            return changes.compactMap { change in
                guard change.record.key.starts(with: prefix) else { return nil }
                return self.change(change.record, storage, prefix)
            }
        } catch {
            return nil
        }
    }

    private func change(
        _ record: MVCC.Record, _ storage: String, _ prefix: [UInt8]
    ) -> StoreChange? {
        let path = String(decoding: record.key.dropFirst(prefix.count), as: UTF8.self)
        let parts = path.split(separator: "/", maxSplits: 1).map(String.init)
        let place = Place(
            storage: storage, namespace: parts.count == 2 ? parts[0] : "",
            name: parts.last ?? "")
        var before = keyspace.previous(of: record).flatMap(ObjectStore.object)
        let after = record.isTombstone ? nil : ObjectStore.object(record)
        if after == nil { before?.resourceVersion = "\(record.modRevision)" }
        return StoreChange(
            revision: record.modRevision, place: place, before: before, after: after)
    }

    private static func object(_ record: MVCC.Record) -> KubeObject? {
        let value: JSONValue
        do throws(FormatError) { value = try JSON.parse(record.value) } catch { return nil }
        guard let members = value.object else { return nil }
        var object = KubeObject(members)
        object.resourceVersion = "\(record.modRevision)"
        return object
    }

    /// The key after all that start with `prefix`, which ends with a slash.
    private static func end(of prefix: [UInt8]) -> [UInt8] {
        var end = prefix
        end[end.count - 1] &+= 1
        return end
    }
}
