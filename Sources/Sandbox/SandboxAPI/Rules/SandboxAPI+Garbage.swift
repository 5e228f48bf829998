// SPDX-License-Identifier: Apache-2.0
internal import Formats
internal import Kube

/// What goes when others have gone: dependents of owners, contents of namespaces, claims in use.
/// A real cluster does this in controllers, some time later; so it happens at a tick here.
extension SandboxAPI {
    /// Rounds of one tick; what is left waits for the next.
    private static var maxRounds: Int { 50 }

    mutating func collectGarbage() {
        var rounds = 0
        while hasGarbage, rounds < Self.maxRounds {
            hasGarbage = false
            rounds += 1
            collectOnce()
        }
    }

    private func owner(
        _ reference: OwnerReference, of dependent: KubeObject
    ) -> (object: KubeObject, resource: APIResource)? {
        let group = reference.apiVersion.split(separator: "/").dropLast().joined()
        guard let resource = catalog.find(group: group, kind: reference.kind) else { return nil }
        let place = Place(
            storage: resource.storage,
            namespace: resource.kind.isNamespaced ? dependent.namespace : "",
            name: reference.name)
        guard let found = store.get(place), found.uid == reference.uid else { return nil }
        return (found, resource)
    }

    private mutating func collectOnce() {
        for storage in store.storages {
            guard let resource = catalog.storing(storage) else { continue }
            for listed in store.list(storage, namespace: nil) {
                guard let object = store.get(place(of: listed, resource)) else { continue }
                if !object.ownerReferences.isEmpty { tendDependent(object, resource) }
            }
            for listed in store.list(storage, namespace: nil) where listed.isBeingDeleted {
                guard let object = store.get(place(of: listed, resource)) else { continue }
                if object.finalizers.contains("orphan") { orphanDependents(object, resource) }
                if object.finalizers.contains("foregroundDeletion") {
                    deleteDependents(object, resource)
                }
            }
        }
    }

    func place(of object: KubeObject, _ resource: APIResource) -> Place {
        Place(storage: resource.storage, namespace: object.namespace, name: object.name)
    }

    /// Deletes what has no owner left; takes out owners that are gone while others are there.
    private mutating func tendDependent(_ object: KubeObject, _ resource: APIResource) {
        let references = object.ownerReferences
        let solid = references.filter { reference in
            guard let found = owner(reference, of: object) else { return false }
            // An owner that waits for its dependents holds none of them back.
            return
                !(found.object.isBeingDeleted
                && found.object.finalizers.contains("foregroundDeletion"))
        }
        let known = references.filter { owner($0, of: object) != nil }
        if solid.isEmpty, known.isEmpty {
            guard !object.isBeingDeleted else { return }
            remove(object, resource, "Background")
        } else if known.count < references.count, !solid.isEmpty {
            var kept = object
            kept.ownerReferences = known
            rewriteQuietly(kept, object, resource)
        }
    }

    private mutating func remove(
        _ object: KubeObject, _ resource: APIResource, _ policy: String
    ) {
        do throws(StatusError) {
            try delete(
                object, resource, DeleteOptions(propagationPolicy: policy, uid: object.uid))
        } catch {
            // It has changed hands meanwhile, or may not be deleted: leave it.
        }
    }

    private mutating func rewriteQuietly(
        _ object: KubeObject, _ live: KubeObject, _ resource: APIResource
    ) {
        do throws(StatusError) {
            _ = try rewrite(object, over: live, resource, Intent())
        } catch {
            // It breaks a rule that came after it: leave it.
        }
    }

    private func dependents(
        of owner: KubeObject
    ) -> [(object: KubeObject, resource: APIResource)] {
        var found: [(object: KubeObject, resource: APIResource)] = []
        for storage in store.storages {
            guard let resource = catalog.storing(storage) else { continue }
            let namespace = owner.namespace.isEmpty ? nil : owner.namespace
            for object in store.list(storage, namespace: namespace)
            where object.ownerReferences.contains(where: { $0.uid == owner.uid }) {
                found.append((object, resource))
            }
        }
        return found
    }

    /// The dependents stay and forget their owner; then the owner goes.
    private mutating func orphanDependents(_ owner: KubeObject, _ resource: APIResource) {
        for (object, kind) in dependents(of: owner) {
            var freed = object
            freed.ownerReferences = object.ownerReferences.filter { $0.uid != owner.uid }
            rewriteQuietly(freed, object, kind)
        }
        dropFinalizer("orphan", owner, resource)
    }

    /// The dependents go first; those that block are waited for.
    private mutating func deleteDependents(_ owner: KubeObject, _ resource: APIResource) {
        var isBlocked = false
        for (object, kind) in dependents(of: owner) {
            let reference = object.ownerReferences.first { $0.uid == owner.uid }
            let others = object.ownerReferences.filter { other in
                other.uid != owner.uid
                    && self.owner(other, of: object).map { !$0.object.isBeingDeleted } ?? false
            }
            if !others.isEmpty {
                var freed = object
                freed.ownerReferences = object.ownerReferences.filter { $0.uid != owner.uid }
                rewriteQuietly(freed, object, kind)
                continue
            }
            let blocks = reference?.blockOwnerDeletion ?? false
            if !object.isBeingDeleted {
                remove(object, kind, blocks ? "Foreground" : "Background")
            }
            if blocks, store.get(place(of: object, kind))?.uid == object.uid { isBlocked = true }
        }
        if !isBlocked { dropFinalizer("foregroundDeletion", owner, resource) }
    }

    private mutating func dropFinalizer(
        _ finalizer: String, _ owner: KubeObject, _ resource: APIResource
    ) {
        guard let live = store.get(place(of: owner, resource)) else { return }
        var freed = live
        freed.finalizers = live.finalizers.filter { $0 != finalizer }
        rewriteQuietly(freed, live, resource)
    }

    // MARK: Namespaces

    /// Deletes all that is in a namespace that is being deleted; then the namespace itself.
    mutating func emptyNamespaces() {
        for namespace in store.list("core/namespaces", namespace: nil)
        where namespace.isBeingDeleted {
            var left = 0
            for storage in store.storages {
                guard let resource = catalog.storing(storage), resource.kind.isNamespaced else {
                    continue
                }
                for object in store.list(storage, namespace: namespace.name) {
                    if !object.isBeingDeleted { remove(object, resource, "Background") }
                    if store.get(place(of: object, resource)) != nil { left += 1 }
                }
            }
            guard left == 0 else { continue }
            let place = namespacePlace(namespace.name)
            guard var live = store.get(place) else { continue }
            live["spec", "finalizers"] = nil
            if live.finalizers.isEmpty { expunge(place) } else { commit(live, at: place) }
        }
    }

    // MARK: Claims

    /// A claim that is being deleted goes when no pod that runs mounts it.
    mutating func releaseClaims() {
        let claims = store.list("core/persistentvolumeclaims", namespace: nil).filter {
            $0.isBeingDeleted && $0.finalizers.contains(SandboxAPI.claimProtection)
        }
        guard !claims.isEmpty, let resource = catalog.find(.persistentVolumeClaim) else { return }
        for claim in claims where !isMounted(claim) {
            dropFinalizer(SandboxAPI.claimProtection, claim, resource)
        }
    }

    private func isMounted(_ claim: KubeObject) -> Bool {
        store.list("core/pods", namespace: claim.namespace).contains { pod in
            let isOver = ["Succeeded", "Failed"].contains(pod.string("status", "phase") ?? "")
            return !isOver
                && pod.list("spec", "volumes").contains { volume in
                    volume["persistentVolumeClaim"]?["claimName"]?.string == claim.name
                }
        }
    }
}
