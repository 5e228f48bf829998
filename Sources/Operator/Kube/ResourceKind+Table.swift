// SPDX-License-Identifier: Apache-2.0

/// The kinds we read or write, as real API servers list them.
extension ResourceKind {
    package static let pod = core(
        "Pod", "pods", ["po"], ["all"],
        ["status", "log", "exec", "eviction", "binding", "portforward", "attach"])
    package static let node = core("Node", "nodes", ["no"], [], ["status"], namespaced: false)
    package static let namespace = core(
        "Namespace", "namespaces", ["ns"], [], ["status", "finalize"], namespaced: false)
    package static let service = core("Service", "services", ["svc"], ["all"], ["status"])
    package static let endpoints = core("Endpoints", "endpoints", ["ep"])
    package static let persistentVolumeClaim = core(
        "PersistentVolumeClaim", "persistentvolumeclaims", ["pvc"], [], ["status"])
    package static let persistentVolume = core(
        "PersistentVolume", "persistentvolumes", ["pv"], [], ["status"], namespaced: false)
    package static let configMap = core("ConfigMap", "configmaps", ["cm"])
    package static let secret = core("Secret", "secrets")
    package static let serviceAccount = core(
        "ServiceAccount", "serviceaccounts", ["sa"], [], ["token"])
    package static let event = core("Event", "events", ["ev"])

    package static let eventV1 = ResourceKind(
        group: "events.k8s.io", version: "v1", kind: "Event", plural: "events",
        shortNames: ["ev"])
    package static let endpointSlice = ResourceKind(
        group: "discovery.k8s.io", version: "v1", kind: "EndpointSlice", plural: "endpointslices")

    package static let statefulSet = apps("StatefulSet", "statefulsets", ["sts"], scales: true)
    package static let deployment = apps("Deployment", "deployments", ["deploy"], scales: true)
    package static let replicaSet = apps("ReplicaSet", "replicasets", ["rs"], scales: true)
    package static let controllerRevision = ResourceKind(
        group: "apps", version: "v1", kind: "ControllerRevision", plural: "controllerrevisions")

    package static let job = ResourceKind(
        group: "batch", version: "v1", kind: "Job", plural: "jobs", categories: ["all"],
        subresources: ["status"])
    package static let cronJob = ResourceKind(
        group: "batch", version: "v1", kind: "CronJob", plural: "cronjobs", shortNames: ["cj"],
        categories: ["all"], subresources: ["status"])
    package static let podDisruptionBudget = ResourceKind(
        group: "policy", version: "v1", kind: "PodDisruptionBudget",
        plural: "poddisruptionbudgets", shortNames: ["pdb"], subresources: ["status"])
    package static let lease = ResourceKind(
        group: "coordination.k8s.io", version: "v1", kind: "Lease", plural: "leases")
    package static let storageClass = ResourceKind(
        group: "storage.k8s.io", version: "v1", kind: "StorageClass", plural: "storageclasses",
        shortNames: ["sc"], isNamespaced: false)
    package static let networkPolicy = ResourceKind(
        group: "networking.k8s.io", version: "v1", kind: "NetworkPolicy",
        plural: "networkpolicies", shortNames: ["netpol"])
    package static let priorityClass = ResourceKind(
        group: "scheduling.k8s.io", version: "v1", kind: "PriorityClass",
        plural: "priorityclasses", shortNames: ["pc"], isNamespaced: false)
    package static let customResourceDefinition = ResourceKind(
        group: "apiextensions.k8s.io", version: "v1", kind: "CustomResourceDefinition",
        plural: "customresourcedefinitions", shortNames: ["crd", "crds"],
        categories: ["api-extensions"], isNamespaced: false, subresources: ["status"])

    package static let role = rbac("Role", "roles")
    package static let roleBinding = rbac("RoleBinding", "rolebindings")
    package static let clusterRole = rbac("ClusterRole", "clusterroles", namespaced: false)
    package static let clusterRoleBinding = rbac(
        "ClusterRoleBinding", "clusterrolebindings", namespaced: false)

    package static let etcdCluster = keelson(
        "EtcdCluster", "etcdclusters", ["etcd"], ["status", "scale"])
    package static let etcdBackup = keelson("EtcdBackup", "etcdbackups", ["etcdb"], ["status"])
    package static let etcdBackupSchedule = keelson(
        "EtcdBackupSchedule", "etcdbackupschedules", ["etcdbs"], ["status"])
    package static let etcdRestore = keelson(
        "EtcdRestore", "etcdrestores", ["etcdr"], ["status"])

    /// What every Kubernetes has; the kinds of `keelson.dev` come by their definitions.
    package static let builtIn: [ResourceKind] = [
        .pod, .node, .namespace, .service, .endpoints, .persistentVolumeClaim, .persistentVolume,
        .configMap, .secret, .serviceAccount, .event, .eventV1, .endpointSlice, .statefulSet,
        .deployment, .replicaSet, .controllerRevision, .job, .cronJob, .podDisruptionBudget,
        .lease, .storageClass, .networkPolicy, .priorityClass, .customResourceDefinition, .role,
        .roleBinding, .clusterRole, .clusterRoleBinding,
    ]

    package static let keelson: [ResourceKind] = [
        .etcdCluster, .etcdBackup, .etcdBackupSchedule, .etcdRestore,
    ]

    /// The kind an object names; nil for kinds that are in no table.
    package static func named(apiVersion: String, kind: String) -> ResourceKind? {
        (builtIn + keelson + foreign).first { $0.kind == kind && $0.apiVersion == apiVersion }
    }

    private static func core(
        _ kind: String, _ plural: String, _ shortNames: [String] = [],
        _ categories: [String] = [], _ subresources: [String] = [], namespaced: Bool = true
    ) -> ResourceKind {
        ResourceKind(
            group: "", version: "v1", kind: kind, plural: plural, shortNames: shortNames,
            categories: categories, isNamespaced: namespaced, subresources: subresources)
    }

    private static func apps(
        _ kind: String, _ plural: String, _ shortNames: [String], scales: Bool
    ) -> ResourceKind {
        ResourceKind(
            group: "apps", version: "v1", kind: kind, plural: plural, shortNames: shortNames,
            categories: ["all"], subresources: scales ? ["status", "scale"] : [])
    }

    private static func rbac(
        _ kind: String, _ plural: String, namespaced: Bool = true
    ) -> ResourceKind {
        ResourceKind(
            group: "rbac.authorization.k8s.io", version: "v1", kind: kind, plural: plural,
            isNamespaced: namespaced)
    }

    private static func keelson(
        _ kind: String, _ plural: String, _ shortNames: [String], _ subresources: [String]
    ) -> ResourceKind {
        ResourceKind(
            group: "keelson.dev", version: "v1alpha1", kind: kind, plural: plural,
            shortNames: shortNames, categories: ["keelson"], subresources: subresources)
    }
}
