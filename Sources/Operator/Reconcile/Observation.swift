// SPDX-License-Identifier: Apache-2.0
internal import Bytes
package import Kube

/// What was found, or why it is not known. Unknown is never read as absent.
package enum Seen<Value: Equatable & Sendable>: Equatable, Sendable {
    case known(Value)
    case unknown(String)

    package var value: Value? { if case .known(let value) = self { value } else { nil } }
    package var isKnown: Bool { value != nil }
}

/// All that a pass knows of one cluster, taken together at one time.
///
/// If a list of the API could not be read, there is no observation and no pass: an empty list here
/// means that there are none. What may stay unknown says so in its type.
package struct Observation: Equatable, Sendable {
    /// The EtcdCluster, with the status that was last written.
    package var cluster: KubeObject
    package var statefulSet: KubeObject?
    /// Those of this cluster's stateful set, sorted by name.
    package var pods: [KubeObject]
    /// All claims called `data-<cluster>-<ordinal>`, sorted by name, whoever made them.
    package var claims: [KubeObject]
    package var configMap: KubeObject?
    package var disruptionBudget: KubeObject?
    package var serviceAccount: KubeObject?
    /// Those that `Children` names, sorted by name.
    package var services: [KubeObject]
    package var secrets: [KubeObject]
    /// Of cert-manager, with our label; unknown where it is not installed.
    package var certificates: Seen<[KubeObject]>
    /// Rights to see them may be missing; then nothing follows from them.
    package var nodes: Seen<[KubeObject]>
    package var volumes: Seen<[KubeObject]>
    package var storageClasses: Seen<[KubeObject]>
    /// Known where the API server has the kind.
    package var serviceMonitors: Seen<[KubeObject]> = .unknown("not asked")
    package var prometheusRules: Seen<[KubeObject]> = .unknown("not asked")
    /// EtcdBackupSchedules and EtcdBackups whose `clusterRef` names this cluster.
    package var backups: [KubeObject]
    package var backupSchedules: [KubeObject]
    /// Jobs of ours for this cluster: checks of artefacts before a restore.
    package var jobs: [KubeObject]
    /// Pods of these jobs.
    package var jobPods: [KubeObject] = []
    package var etcd: EtcdView
    /// How the step of the pass before ended; nil after a start, and if that pass took no step.
    package var outcome: StepOutcome?

    package init(cluster: KubeObject, etcd: EtcdView = EtcdView()) {
        self.cluster = cluster
        self.etcd = etcd
        pods = []
        claims = []
        services = []
        secrets = []
        certificates = .unknown("not asked")
        nodes = .unknown("not asked")
        volumes = .unknown("not asked")
        storageClasses = .unknown("not asked")
        backups = []
        backupSchedules = []
        jobs = []
    }
}

/// How a step ended, for messages and for the back-off; never evidence of what was done.
package struct StepOutcome: Equatable, Sendable {
    package var operationID: String
    /// Nil if it succeeded.
    package var failure: String?

    package init(operationID: String, failure: String?) {
        self.operationID = operationID
        self.failure = failure
    }
}
