// SPDX-License-Identifier: Apache-2.0

extension EtcdClusterSpec: CheckedSpec {
    package func check(against old: EtcdClusterSpec?, _ check: inout RuleCheck) {
        checkChange(from: old, &check)
        check.require(
            storage.medium != .memory || replicas >= 3,
            "storage in memory needs at least 3 replicas", of: Self.self)
        check.require(
            fitsQuota, "quotaBackendBytes must be at most 80 % of storage.size", of: Self.self)
        check.below("storage") { storage.check(against: old?.storage, &$0) }
        check.below("podTemplate.metadata") { podTemplate.metadata.check(&$0) }
        check.below("service") { service.check(&$0) }
        check.below("options") { options.check(&$0) }
        check.below("tls") { tls.check(against: old?.tls, &$0) }
        check.below("repair") { repair.check(&$0) }
        for (index, window) in maintenance.windows.enumerated() {
            check.below("maintenance.windows[\(index)]") { window.check(&$0) }
        }
        check.below("quorumRecovery") { quorumRecovery.check(&$0) }
        check.below("monitoring") { monitoring.check(&$0) }
        for (index, schedule) in backup.schedules.enumerated() {
            check.below("backup.schedules[\(index)].destination") {
                schedule.destination.check(&$0)
            }
            check.below("backup.schedules[\(index)].retention") { schedule.retention.check(&$0) }
        }
        if let source = bootstrap?.restore {
            check.below("bootstrap.restore") { source.check(&$0) }
        }
    }

    private func checkChange(from old: EtcdClusterSpec?, _ check: inout RuleCheck) {
        guard let old else { return }
        check.require(
            !hibernate || old.hibernate || (replicas == old.replicas && version == old.version),
            "hibernate cannot be set together with a change of replicas or version", of: Self.self)
        check.require(bootstrap == old.bootstrap, "bootstrap is immutable", of: Self.self)
        guard let new = MinorVersion(version), let before = MinorVersion(old.version) else {
            return
        }
        check.require(
            new.major == before.major, "the major version cannot change", of: Self.self)
        check.require(
            new.minor >= before.minor, "the minor version cannot go down", of: Self.self)
        check.require(
            new.minor <= before.minor + 1, "a minor version cannot be skipped", of: Self.self)
    }

    /// In thousandths on both sides; sizes that do not fit are no size of a disk.
    private var fitsQuota: Bool {
        guard storage.medium == .persistentVolume, let quota = options.quotaBackendBytes else {
            return true
        }
        return quota.thousandths / 4 <= storage.size.thousandths / 5
    }
}

/// `3.6` of `3.6.1`
private struct MinorVersion {
    var major: Int
    var minor: Int

    init?(_ version: String) {
        let parts = version.split(separator: ".")
        guard parts.count >= 3, let major = Int(parts[0]), let minor = Int(parts[1]) else {
            return nil
        }
        self.major = major
        self.minor = minor
    }
}

extension ClusterStorage {
    fileprivate func check(against old: ClusterStorage?, _ check: inout RuleCheck) {
        guard let old else { return }
        check.require(size >= old.size, "size cannot be reduced", of: Self.self)
        check.require(
            storageClassName == old.storageClassName, "storageClassName is immutable",
            of: Self.self)
        check.require(accessModes == old.accessModes, "accessModes is immutable", of: Self.self)
        check.require(medium == old.medium, "medium is immutable", of: Self.self)
    }
}

extension PodTemplate {
    package static let ownLabels = [
        "app.kubernetes.io/name", "app.kubernetes.io/instance", "app.kubernetes.io/component",
        "app.kubernetes.io/managed-by",
    ]

}

extension PodTemplate.Metadata {
    fileprivate func check(_ check: inout RuleCheck) {
        let isFree = labels.keys.allSatisfy {
            !$0.hasPrefix("keelson.dev/") && !PodTemplate.ownLabels.contains($0)
        }
        check.require(isFree, "labels of the operator cannot be set", of: Self.self)
    }
}

extension ClientService {
    fileprivate func check(_ check: inout RuleCheck) {
        check.require(
            loadBalancerSourceRanges.isEmpty || type == .loadBalancer,
            "loadBalancerSourceRanges needs type LoadBalancer", of: Self.self)
    }
}

extension MemberOptions {
    fileprivate func check(_ check: inout RuleCheck) {
        check.require(
            electionTimeout >= heartbeatInterval * 5,
            "electionTimeout must be at least five times heartbeatInterval", of: Self.self)
        check.require(
            heartbeatInterval >= .milliseconds(10) && electionTimeout <= .seconds(50),
            "heartbeatInterval must be at least 10ms and electionTimeout at most 50s",
            of: Self.self)
        check.require(
            autoCompactionMode != .revision
                || autoCompactionRetention.utf8.allSatisfy { (48...57).contains($0) },
            "autoCompactionRetention must be a number of revisions in mode revision",
            of: Self.self)
        let isFree = extraArgs.allSatisfy { argument in
            !Self.deniedArgs.contains(String(argument.dropFirst(2).prefix { $0 != "=" }))
        }
        check.require(isFree, "extraArgs holds a flag of the operator", of: Self.self)
    }
}

extension Repair {
    fileprivate func check(_ check: inout RuleCheck) {
        check.require(
            podUnavailableTimeout >= .seconds(30),
            "podUnavailableTimeout must be at least 30s", of: Self.self)
        check.require(
            recreateWindow >= .seconds(300), "recreateWindow must be at least 5m", of: Self.self)
    }
}
