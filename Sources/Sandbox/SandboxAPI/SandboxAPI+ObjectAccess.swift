// SPDX-License-Identifier: Apache-2.0
package import Kube

extension SandboxAPI: ObjectAccess {
    package func get(_ key: ObjectKey) -> KubeObject? {
        guard let resource = catalog.find(key.kind) else { return nil }
        let place = Place(storage: resource.storage, namespace: key.namespace, name: key.name)
        return store.get(place).map { EventForms.show($0, as: resource) }
    }

    package func list(_ kind: ResourceKind, namespace: String?) -> [KubeObject] {
        guard let resource = catalog.find(kind) else { return [] }
        return store.list(resource.storage, namespace: namespace).map {
            EventForms.show($0, as: resource)
        }
    }

    @discardableResult
    package mutating func create(_ object: KubeObject) throws(StatusError) -> KubeObject {
        let resource = try resource(of: object)
        return try create(object, resource, object.namespace, Intent())
    }

    @discardableResult
    package mutating func update(_ object: KubeObject) throws(StatusError) -> KubeObject {
        try write(object, Intent())
    }

    @discardableResult
    package mutating func updateStatus(_ object: KubeObject) throws(StatusError) -> KubeObject {
        var intent = Intent()
        intent.subresource = "status"
        return try write(object, intent)
    }

    package mutating func delete(
        _ key: ObjectKey, _ options: DeleteOptions
    ) throws(StatusError) {
        guard let resource = catalog.find(key.kind) else { throw .noSuchPage }
        let place = Place(storage: resource.storage, namespace: key.namespace, name: key.name)
        guard let live = store.get(place) else { throw .notFound(key.kind, key.name) }
        try delete(live, resource, options)
    }

    private func resource(of object: KubeObject) throws(StatusError) -> APIResource {
        guard let found = catalog.find(apiVersion: object.apiVersion, kind: object.kind) else {
            throw .noSuchPage
        }
        return found
    }

    private mutating func write(
        _ object: KubeObject, _ intent: Intent
    ) throws(StatusError) -> KubeObject {
        let resource = try resource(of: object)
        let place = Place(
            storage: resource.storage, namespace: object.namespace, name: object.name)
        guard let live = store.get(place) else { throw .notFound(resource.kind, object.name) }
        return try rewrite(object, over: live, resource, intent)
    }

    /// What changed since the last call, in the order it happened. Whoever runs controllers calls
    /// it before each round; nobody else may.
    package mutating func takeChanges() -> [ObjectChange] {
        let taken = pendingChanges
        pendingChanges = []
        return taken.compactMap { change in
            guard let resource = catalog.storing(change.place.storage) else { return nil }
            let key = ObjectKey(
                resource.kind, namespace: change.place.namespace, name: change.place.name)
            switch (change.before, change.after) {
            case (nil, let after?): return ObjectChange(key: key, event: .added(after))
            case (_?, let after?): return ObjectChange(key: key, event: .modified(after))
            case (let before?, nil): return ObjectChange(key: key, event: .deleted(before))
            case (nil, nil): return nil
            }
        }
    }
}
