// SPDX-License-Identifier: Apache-2.0
internal import Formats
internal import Kube

/// Gives each claim a volume, makes it larger when the claim asks, and takes the volume away when
/// the claim is gone. The folder behind a volume is the runner's.
enum Volumes {
    static let provisioner = "keelson.dev/sandbox"
    private static let component = "persistentvolume-controller"
    private static let defaultClass = "storageclass.kubernetes.io/is-default-class"

    static func reconcile(_ api: inout some ObjectAccess, _ changes: inout Changes) {
        let claims = api.list(.persistentVolumeClaim, namespace: nil)
        for claim in claims {
            switch claim.string("status", "phase") ?? "Pending" {
            case "Bound":
                if isLost(claim, api) {
                    lose(claim, &api, &changes)
                } else {
                    grow(claim, &api, &changes)
                }
            case "Lost": break
            default: if !claim.isBeingDeleted { bind(claim, &api, &changes) }
            }
        }
        for volume in api.list(.persistentVolume, namespace: nil) {
            release(volume, &api, &changes)
        }
    }

    // MARK: Binding

    private static func bind(
        _ claim: KubeObject, _ api: inout some ObjectAccess, _ changes: inout Changes
    ) {
        guard let storage = storageClass(of: claim, api) else {
            var pending = claim
            pending["status", "phase"] = "Pending"
            api.putStatus(pending, over: claim, &changes)
            let name = claim.string("spec", "storageClassName") ?? ""
            let known = api.list(.event, namespace: claim.namespace).contains {
                $0.string("involvedObject", "uid") == claim.uid
            }
            if !known {
                EventNotes.add(
                    &api, about: claim, isWarning: true, "ProvisioningFailed",
                    "storageclass.storage.k8s.io \"\(name)\" not found", by: component)
            }
            return
        }
        if storage.string("volumeBindingMode") == "WaitForFirstConsumer",
            !hasConsumer(claim, api)
        {
            return
        }
        let name = "pvc-\(claim.uid)"
        let volume =
            api.get(ObjectKey(.persistentVolume, name: name))
            ?? api.make(volume(name, claim, storage), &changes)
        guard let volume else { return }
        finish(claim, volume, storage, &api, &changes)
    }

    private static func finish(
        _ claim: KubeObject, _ volume: KubeObject, _ storage: KubeObject,
        _ api: inout some ObjectAccess, _ changes: inout Changes
    ) {
        var bound = claim
        bound["spec", "volumeName"] = .string(volume.name)
        if bound.string("spec", "storageClassName") == nil {
            bound["spec", "storageClassName"] = .string(storage.name)
        }
        var annotations = bound.annotations
        annotations["pv.kubernetes.io/bind-completed"] = "yes"
        annotations["pv.kubernetes.io/bound-by-controller"] = "yes"
        annotations["volume.kubernetes.io/storage-provisioner"] = provisioner
        bound.annotations = annotations
        let stored = api.put(bound, over: claim, &changes)
        var status = stored
        status["status", "phase"] = "Bound"
        status["status", "accessModes"] = claim["spec", "accessModes"]
        status["status", "capacity"] = volume["spec", "capacity"]
        api.putStatus(status, over: stored, &changes)
        var mine = volume
        mine["status", "phase"] = "Bound"
        api.putStatus(mine, over: volume, &changes)
        EventNotes.add(
            &api, about: claim, "ProvisioningSucceeded",
            "Successfully provisioned volume \(volume.name)", by: component)
    }

    private static func volume(
        _ name: String, _ claim: KubeObject, _ storage: KubeObject
    ) -> KubeObject {
        var volume = KubeObject(.persistentVolume, name: name)
        volume.annotations = ["pv.kubernetes.io/provisioned-by": provisioner]
        volume["spec", "capacity", "storage"] =
            claim["spec", "resources", "requests", "storage"] ?? "1Gi"
        volume["spec", "accessModes"] = claim["spec", "accessModes"] ?? ["ReadWriteOnce"]
        volume["spec", "volumeMode"] = claim["spec", "volumeMode"] ?? "Filesystem"
        volume["spec", "persistentVolumeReclaimPolicy"] =
            storage["reclaimPolicy"] ?? "Delete"
        volume["spec", "storageClassName"] = .string(storage.name)
        volume["spec", "claimRef"] = .object([
            ("apiVersion", "v1"), ("kind", "PersistentVolumeClaim"),
            ("namespace", .string(claim.namespace)), ("name", .string(claim.name)),
            ("uid", .string(claim.uid)),
        ])
        volume["spec", "csi"] = .object([
            ("driver", .string(provisioner)), ("volumeHandle", .string(name)),
        ])
        return volume
    }

    private static func storageClass(
        of claim: KubeObject, _ api: some ObjectAccess
    ) -> KubeObject? {
        if let name = claim.string("spec", "storageClassName") {
            return api.get(ObjectKey(.storageClass, name: name))
        }
        return api.list(.storageClass, namespace: nil).first {
            $0.annotations[defaultClass] == "true"
        }
    }

    private static func hasConsumer(_ claim: KubeObject, _ api: some ObjectAccess) -> Bool {
        api.list(.pod, namespace: claim.namespace).contains { pod in
            pod.list("spec", "volumes").contains {
                $0["persistentVolumeClaim"]?["claimName"]?.string == claim.name
            }
        }
    }

    // MARK: Later

    private static func isLost(_ claim: KubeObject, _ api: some ObjectAccess) -> Bool {
        let name = claim.string("spec", "volumeName") ?? ""
        return api.get(ObjectKey(.persistentVolume, name: name)) == nil
    }

    private static func lose(
        _ claim: KubeObject, _ api: inout some ObjectAccess, _ changes: inout Changes
    ) {
        var lost = claim
        lost["status", "phase"] = "Lost"
        api.putStatus(lost, over: claim, &changes)
        EventNotes.add(
            &api, about: claim, isWarning: true, "ClaimLost",
            "Bound claim has lost its PersistentVolume. Data on the volume is lost!",
            by: component)
    }

    /// A larger request, where the class allows it, is granted while the pod runs.
    private static func grow(
        _ claim: KubeObject, _ api: inout some ObjectAccess, _ changes: inout Changes
    ) {
        guard let wanted = size(claim, "spec", "resources", "requests", "storage"),
            let has = size(claim, "status", "capacity", "storage"), wanted > has,
            let storage = storageClass(of: claim, api),
            storage.bool("allowVolumeExpansion") == true,
            let volume = api.get(
                ObjectKey(
                    .persistentVolume, name: claim.string("spec", "volumeName") ?? ""))
        else { return }
        var larger = volume
        larger["spec", "capacity", "storage"] = claim["spec", "resources", "requests", "storage"]
        api.put(larger, over: volume, &changes)
        var status = claim
        status["status", "capacity", "storage"] =
            claim["spec", "resources", "requests", "storage"]
        status["status", "conditions"] = nil
        api.putStatus(status, over: claim, &changes)
        EventNotes.add(
            &api, about: claim, "FileSystemResizeSuccessful", "MountVolume.NodeExpandVolume succeeded",
            by: "kubelet")
    }

    private static func size(_ object: KubeObject, _ path: String...) -> Quantity? {
        object[path: path]?.string.flatMap { Quantity($0) }
    }

    private static func release(
        _ volume: KubeObject, _ api: inout some ObjectAccess, _ changes: inout Changes
    ) {
        guard let name = volume.string("spec", "claimRef", "name") else { return }
        let key = ObjectKey(
            .persistentVolumeClaim, namespace: volume.string("spec", "claimRef", "namespace") ?? "",
            name: name)
        let uid = volume.string("spec", "claimRef", "uid") ?? ""
        if let claim = api.get(key), uid.isEmpty || claim.uid == uid { return }
        if volume.isBeingDeleted { return }
        if volume.string("spec", "persistentVolumeReclaimPolicy") == "Delete" {
            api.remove(volume, .persistentVolume, &changes)
        } else {
            var released = volume
            released["status", "phase"] = "Released"
            api.putStatus(released, over: volume, &changes)
        }
    }
}
