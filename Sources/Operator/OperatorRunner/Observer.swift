// SPDX-License-Identifier: Apache-2.0
internal import Bytes
internal import EtcdClient
internal import Formats
internal import Kube
internal import Reconcile

/// Joins the cached objects of a cluster with what its members say.
struct Observer: Sendable {
    let prober: MemberProber
    /// For clusters that name no image; empty: the planner's own.
    let nodeImage: String

    func observe(_ view: ClusterView) -> Observation {
        var cluster = view.cluster
        if !nodeImage.isEmpty, cluster.string("spec", "image") == nil {
            cluster["spec", "image"] = .string(nodeImage)
        }
        cluster = RestoreOrigin.resolved(cluster, view.all(.etcdBackup))
        let budgets = view.optional[.podDisruptionBudget]?.value
        // Where they cannot be seen, or do not exist, none is wanted.
        if budgets == nil { cluster["spec", "podDisruptionBudget", "enabled"] = false }
        let desired = DesiredCluster(cluster)
        var seen = Observation(cluster: cluster)
        seen.statefulSet = view.named(.statefulSet, desired.name)
        seen.pods = view.all(.pod).filter { desired.ordinal(ofPod: $0.name) != nil }
        seen.claims = view.all(.persistentVolumeClaim).filter {
            desired.ordinal(ofClaim: $0.name) != nil
        }
        seen.configMap = view.named(.configMap, desired.membershipName)
        seen.disruptionBudget = budgets?.first {
            $0.namespace == desired.namespace && $0.name == desired.name
        }
        seen.serviceAccount = view.named(.serviceAccount, desired.name)
        seen.services = view.own(.service)
        seen.secrets = view.own(.secret)
        seen.secrets += desired.givenNames.filter { name in
            !seen.secrets.contains { $0.name == name }
        }.compactMap { view.named(.secret, $0) }
        seen.certificates = Self.certificates(of: desired, view)
        seen.nodes = view.optional[.node] ?? .unknown("not asked")
        seen.volumes = view.optional[.persistentVolume] ?? .unknown("not asked")
        seen.storageClasses = view.optional[.storageClass] ?? .unknown("not asked")
        seen.serviceMonitors = view.optional[.serviceMonitor] ?? .unknown("not asked")
        seen.prometheusRules = view.optional[.prometheusRule] ?? .unknown("not asked")
        seen.backups = referring(view.all(.etcdBackup), desired.name)
        seen.backupSchedules = view.all(.etcdBackupSchedule).filter {
            $0.string("spec", "backupTemplate", "clusterRef", "name") == desired.name
        }
        seen.jobs = view.own(.job)
        let jobs = seen.jobs.map(\.name)
        seen.jobPods = view.own(.pod).filter { jobs.contains($0.labels["job-name"] ?? "") }
        seen.outcome = view.outcome
        let addresses = Self.addresses(of: seen.pods, desired, view)
        seen.etcd = addresses.isEmpty ? EtcdView() : prober.view(of: addresses)
        if let wanted = KeyCount.wanted(for: view.cluster),
            let address = addresses.first(where: { $0.podName == wanted.pod && !$0.ip.isEmpty })
        {
            seen.etcd.restoredKeys = prober.countKeys(of: address, at: wanted.revision)
        }
        return seen
    }

    private static func certificates(
        of desired: DesiredCluster, _ view: ClusterView
    ) -> Seen<[KubeObject]> {
        guard let seen = view.optional[.certificate] else { return .unknown("not asked") }
        guard let all = seen.value else { return seen }
        return .known(all.filter { $0.labels[Names.clusterLabel] == desired.name })
    }

    /// What is known of a backup, a schedule, a restore, or of a cluster that wants schedules.
    func observeBackups(_ view: ClusterView) -> BackupObservation {
        var seen = BackupObservation(view.cluster)
        seen.clusters = view.all(.etcdCluster)
        seen.backups = view.all(.etcdBackup)
        seen.schedules = view.all(.etcdBackupSchedule)
        seen.jobs = view.all(.job)
        seen.cronJobs = view.optional[.cronJob]?.value
        seen.pods = view.all(.pod)
        seen.claims = view.all(.persistentVolumeClaim)
        if !nodeImage.isEmpty { seen.defaults.image = nodeImage }
        return seen
    }

    private func referring(_ objects: [KubeObject], _ name: String) -> [KubeObject] {
        objects.filter { $0.string("spec", "clusterRef", "name") == name }
    }

    static func addresses(
        of pods: [KubeObject], _ desired: DesiredCluster, _ view: ClusterView
    ) -> [MemberAddress] {
        let tls = desired.usesTLS ? clientTLS(desired, view) : nil
        return pods.map { pod in
            MemberAddress(
                podName: pod.name, ip: pod.string("status", "podIP") ?? "",
                host: desired.host(pod.name), tls: tls)
        }
    }

    /// From the Secret that the operator issued for clients, or the one that the user names.
    private static func clientTLS(_ desired: DesiredCluster, _ view: ClusterView) -> ClientTLS {
        var tls = ClientTLS()
        guard let name = desired.operatorSecretName, let secret = view.named(.secret, name) else {
            return tls
        }
        func text(_ key: String) -> [UInt8]? {
            secret.string("data", key).flatMap { Base64.decode($0) }
        }
        let prefix = "\(secret.namespace)/\(secret.name)/"
        if let authority = text("ca.crt") {
            tls.authorityFile = prefix + "ca.crt"
            tls.texts[tls.authorityFile] = authority
        }
        if let certificate = text("tls.crt"), let key = text("tls.key") {
            tls.certificateFile = prefix + "tls.crt"
            tls.keyFile = prefix + "tls.key"
            tls.texts[tls.certificateFile] = certificate
            tls.texts[tls.keyFile] = key
        }
        return tls
    }
}
