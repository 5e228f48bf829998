// SPDX-License-Identifier: Apache-2.0
internal import Bytes
internal import Formats
internal import Kube

/// What the API adds to objects before they are checked and stored: defaults, and what admission
/// plugins of a real cluster add.
extension SandboxAPI {
    mutating func admit(
        _ object: inout KubeObject, before: KubeObject?, _ resource: APIResource
    ) throws(StatusError) {
        if resource.isCustom { return }
        var spec = object["spec"]?.object ?? JSONObject()
        let hadSpec = object["spec"] != nil
        switch resource.kind.plural {
        case "pods":
            if before == nil { try admitPod(&object, &spec) }
            spec = PodDefaults.fill(.object(spec)).object ?? spec
        case "services": admitService(&spec, before, object)
        case "statefulsets": admitStatefulSet(&spec)
        case "deployments": admitDeployment(&spec)
        case "replicasets":
            spec.fill("replicas", 1)
            fillTemplate(&spec)
        case "jobs": admitJob(&object, &spec, before)
        case "cronjobs": admitCronJob(&spec)
        case "persistentvolumeclaims": admitClaim(&object, &spec, before)
        case "persistentvolumes":
            spec.fill("persistentVolumeReclaimPolicy", "Retain")
            spec.fill("volumeMode", "Filesystem")
            if before == nil { object["status"] = .object([("phase", "Pending")]) }
        case "namespaces": admitNamespace(&object, &spec, before)
        default: admitPlain(&object, resource, before)
        }
        if hadSpec || !spec.isEmpty { object["spec"] = .object(spec) }
        if resource.kind == .pod, before == nil {
            object["status"] = .object([
                ("phase", "Pending"), ("qosClass", .string(PodDefaults.qualityOfService(object))),
            ])
        }
    }

    private func fillTemplate(_ spec: inout JSONObject) {
        spec.inside("template") { $0["spec"] = PodDefaults.fill($0["spec"]) }
    }

    private mutating func admitPod(
        _ object: inout KubeObject, _ spec: inout JSONObject
    ) throws(StatusError) {
        if spec["serviceAccountName"] == nil, spec["serviceAccount"] == nil {
            spec["serviceAccountName"] = "default"
        }
        let name = spec["serviceAccountName"]?.string ?? spec["serviceAccount"]?.string ?? ""
        let place = Place(
            storage: "core/serviceaccounts", namespace: object.namespace, name: name)
        let account = store.get(place)
        if account == nil, store.get(namespacePlace(object.namespace)) != nil {
            throw .forbidden(
                .pod, object.name,
                "error looking up service account \(object.namespace)/\(name): serviceaccount"
                    + " \"\(name)\" not found")
        }
        spec.fill("enableServiceLinks", true)
        spec.fill("preemptionPolicy", "PreemptLowerPriority")
        fillPriority(&spec)
        var tolerations = spec["tolerations"]?.array ?? []
        for key in ["node.kubernetes.io/not-ready", "node.kubernetes.io/unreachable"]
        where !tolerations.contains(where: { $0["key"]?.string == key }) {
            tolerations.append(
                .object([
                    ("key", .string(key)), ("operator", "Exists"), ("effect", "NoExecute"),
                    ("tolerationSeconds", 300),
                ]))
        }
        spec["tolerations"] = .array(tolerations)
        let mounts =
            spec["automountServiceAccountToken"]?.bool
            ?? account?.bool("automountServiceAccountToken") ?? true
        if settings.mountsServiceAccounts, mounts { mountServiceAccount(&spec) }
    }

    func namespacePlace(_ name: String) -> Place {
        Place(storage: "core/namespaces", namespace: "", name: name)
    }

    private func fillPriority(_ spec: inout JSONObject) {
        let name = spec["priorityClassName"]?.string ?? ""
        let value: Int64 =
            switch name {
            case "system-cluster-critical": 2_000_000_000
            case "system-node-critical": 2_000_001_000
            default:
                store.get(
                    Place(
                        storage: "scheduling.k8s.io/priorityclasses", namespace: "", name: name)
                )?["value"]?.int64 ?? 0
            }
        spec.fill("priority", .integer(value))
    }

    /// The token, the authority and the namespace, where clients inside a pod look for them.
    private mutating func mountServiceAccount(_ spec: inout JSONObject) {
        let path = "/var/run/secrets/kubernetes.io/serviceaccount"
        let name = "kube-api-access-\(suffix())"
        let token: JSONValue = .object([("expirationSeconds", 3607), ("path", "token")])
        let authority: JSONValue = .object([
            ("name", "kube-root-ca.crt"),
            ("items", [.object([("key", "ca.crt"), ("path", "ca.crt")])]),
        ])
        let namespace: JSONValue = .object([
            (
                "items",
                [
                    .object([
                        ("path", "namespace"),
                        ("fieldRef", .object([("fieldPath", "metadata.namespace")])),
                    ])
                ]
            )
        ])
        let sources: JSONValue = [
            .object([("serviceAccountToken", token)]), .object([("configMap", authority)]),
            .object([("downwardAPI", namespace)]),
        ]
        let volume: JSONValue = .object([
            ("name", .string(name)),
            ("projected", .object([("sources", sources)])),
        ])
        spec["volumes"] = .array((spec["volumes"]?.array ?? []) + [volume])
        for list in ["containers", "initContainers"] {
            spec.each(list) { container in
                var mounts = container["volumeMounts"]?.array ?? []
                if mounts.contains(where: { $0["mountPath"]?.string == path }) { return }
                mounts.append(
                    .object([
                        ("name", .string(name)), ("readOnly", true), ("mountPath", .string(path)),
                    ]))
                container["volumeMounts"] = .array(mounts)
            }
        }
    }

    private mutating func admitService(
        _ spec: inout JSONObject, _ before: KubeObject?, _ object: KubeObject
    ) {
        spec.fill("type", "ClusterIP")
        spec.fill("sessionAffinity", "None")
        spec.each("ports") { port in
            port.fill("protocol", "TCP")
            if let number = port["port"] { port.fill("targetPort", number) }
        }
        if spec["type"] == "ExternalName" { return }
        spec.fill("internalTrafficPolicy", "Cluster")
        spec.fill("ipFamilies", ["IPv4"])
        spec.fill("ipFamilyPolicy", "SingleStack")
        if (spec["clusterIP"]?.string ?? "").isEmpty {
            spec["clusterIP"] = before?["spec", "clusterIP"] ?? .string(freeAddress())
        }
        if let address = spec["clusterIP"] { spec["clusterIPs"] = [address] }
        if let type = spec["type"]?.string, ["NodePort", "LoadBalancer"].contains(type) {
            spec.fill("externalTrafficPolicy", "Cluster")
            spec.each("ports") { $0.fill("nodePort", .integer(freeNodePort())) }
        }
    }

    /// The lowest address that no service has. The first is that of the API itself.
    private func freeAddress() -> String {
        let taken = Set(
            store.list("core/services", namespace: nil).compactMap {
                $0.string("spec", "clusterIP")
            })
        for number in 1..<65_000 {
            let address = "\(settings.serviceNetwork).\(number / 256).\(number % 256)"
            if !taken.contains(address) { return address }
        }
        return "None"
    }

    private mutating func freeNodePort() -> Int64 { 30_000 + Int64(random.below(2767)) }

    private func admitStatefulSet(_ spec: inout JSONObject) {
        spec.fill("replicas", 1)
        spec.fill("podManagementPolicy", "OrderedReady")
        spec.fill("revisionHistoryLimit", 10)
        spec.fill("updateStrategy", .object([("type", "RollingUpdate")]))
        spec.inside("updateStrategy") { strategy in
            strategy.fill("type", "RollingUpdate")
            guard strategy["type"] == "RollingUpdate" else { return }
            strategy.fill("rollingUpdate", .object([("partition", 0)]))
            strategy.inside("rollingUpdate") { $0.fill("partition", 0) }
        }
        spec.fill("persistentVolumeClaimRetentionPolicy", .object([]))
        spec.inside("persistentVolumeClaimRetentionPolicy") { policy in
            policy.fill("whenDeleted", "Retain")
            policy.fill("whenScaled", "Retain")
        }
        fillTemplate(&spec)
        spec.each("volumeClaimTemplates") { claim in
            claim.fill("apiVersion", "v1")
            claim.fill("kind", "PersistentVolumeClaim")
            claim.inside("spec") { $0.fill("volumeMode", "Filesystem") }
            claim.fill("status", .object([("phase", "Pending")]))
        }
    }

    private func admitDeployment(_ spec: inout JSONObject) {
        spec.fill("replicas", 1)
        spec.fill("revisionHistoryLimit", 10)
        spec.fill("progressDeadlineSeconds", 600)
        spec.fill("strategy", .object([]))
        spec.inside("strategy") { strategy in
            strategy.fill("type", "RollingUpdate")
            guard strategy["type"] == "RollingUpdate" else { return }
            strategy.fill("rollingUpdate", .object([]))
            strategy.inside("rollingUpdate") { update in
                update.fill("maxUnavailable", "25%")
                update.fill("maxSurge", "25%")
            }
        }
        fillTemplate(&spec)
    }

    private func admitJob(
        _ object: inout KubeObject, _ spec: inout JSONObject, _ before: KubeObject?
    ) {
        if spec["completions"] == nil, spec["parallelism"] == nil { spec["completions"] = 1 }
        spec.fill("parallelism", 1)
        spec.fill("backoffLimit", 6)
        spec.fill("completionMode", "NonIndexed")
        spec.fill("suspend", false)
        spec.fill("podReplacementPolicy", "TerminatingOrFailed")
        fillTemplate(&spec)
        guard before == nil, spec["manualSelector"]?.bool != true else { return }
        let uid = JSONValue.string(object.uid)
        let name = JSONValue.string(object.name)
        spec["selector"] = .object([
            ("matchLabels", .object([("batch.kubernetes.io/controller-uid", uid)]))
        ])
        spec.inside("template") { template in
            var metadata = template["metadata"]?.object ?? JSONObject()
            var labels = metadata["labels"]?.object ?? JSONObject()
            for (key, value) in [
                ("batch.kubernetes.io/controller-uid", uid), ("batch.kubernetes.io/job-name", name),
                ("controller-uid", uid), ("job-name", name),
            ] {
                labels[key] = value
            }
            metadata["labels"] = .object(labels)
            template["metadata"] = .object(metadata)
        }
    }

    private func admitCronJob(_ spec: inout JSONObject) {
        spec.fill("concurrencyPolicy", "Allow")
        spec.fill("suspend", false)
        spec.fill("successfulJobsHistoryLimit", 3)
        spec.fill("failedJobsHistoryLimit", 1)
        spec.inside("jobTemplate") { job in
            job.inside("spec") { fillTemplate(&$0) }
        }
    }

    private func admitClaim(
        _ object: inout KubeObject, _ spec: inout JSONObject, _ before: KubeObject?
    ) {
        spec.fill("volumeMode", "Filesystem")
        guard before == nil else { return }
        if !object.finalizers.contains(SandboxAPI.claimProtection) {
            object.finalizers.append(SandboxAPI.claimProtection)
        }
        if spec["storageClassName"] == nil, let name = defaultStorageClass {
            spec["storageClassName"] = .string(name)
        }
        object["status"] = .object([("phase", "Pending")])
    }

    static let claimProtection = "kubernetes.io/pvc-protection"

    private var defaultStorageClass: String? {
        store.list("storage.k8s.io/storageclasses", namespace: nil).last {
            $0.annotations["storageclass.kubernetes.io/is-default-class"] == "true"
        }?.name
    }

    private func admitNamespace(
        _ object: inout KubeObject, _ spec: inout JSONObject, _ before: KubeObject?
    ) {
        var labels = object.labels
        labels["kubernetes.io/metadata.name"] = object.name
        object.labels = labels
        if before == nil {
            spec["finalizers"] = ["kubernetes"]
            object["status"] = .object([("phase", "Active")])
        } else if spec["finalizers"] == nil, let kept = before?["spec", "finalizers"] {
            spec["finalizers"] = kept
        }
    }

    private func admitPlain(
        _ object: inout KubeObject, _ resource: APIResource, _ before: KubeObject?
    ) {
        switch resource.kind.plural {
        case "secrets": admitSecret(&object)
        case "storageclasses":
            object.json.fill("reclaimPolicy", "Delete")
            object.json.fill("volumeBindingMode", "Immediate")
        case "nodes":
            if before == nil, object["spec"] == nil { object["spec"] = .object([]) }
        case "customresourcedefinitions": Definitions.fillNames(&object)
        default: break
        }
    }

    private func admitSecret(_ object: inout KubeObject) {
        object.json.fill("type", "Opaque")
        guard let texts = object["stringData"]?.object else { return }
        var data = object["data"]?.object ?? JSONObject()
        for text in texts.members {
            data[text.key] = .string(Base64.encode(Array((text.value.string ?? "").utf8)))
        }
        object["data"] = .object(data)
        object["stringData"] = nil
    }
}
