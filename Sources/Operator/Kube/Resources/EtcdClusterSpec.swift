// SPDX-License-Identifier: Apache-2.0

/// `spec` of an EtcdCluster: what its owner asks for.
package struct EtcdClusterSpec: Record {
    package var replicas = 3
    package var allowEvenReplicas = false
    /// Empty: the version of the operator's own node image.
    package var version = ""
    /// Empty: the operator's node image.
    package var image = ""
    package var imagePullPolicy = ImagePullPolicy.ifNotPresent
    package var imagePullSecrets: [LocalReference] = []
    package var storage = ClusterStorage()
    package var resources = Resources()
    package var podTemplate = PodTemplate()
    package var podPlacement = PodPlacement()
    package var options = MemberOptions()
    package var tls = ClusterTLS()
    package var service = ClientService()
    package var podDisruptionBudget = DisruptionBudget()
    package var updateStrategy = UpdateStrategy()
    package var repair = Repair()
    package var quorumRecovery = QuorumRecovery()
    package var defrag = Defrag()
    package var maintenance = Maintenance()
    package var backup = ClusterBackup()
    package var monitoring = ClusterMonitoring()
    /// Of creation only; nil afterwards means nothing.
    package var bootstrap: Bootstrap?
    package var hibernate = false
    package var paused = false
    package var progressDeadlineSeconds = 600
    package var deletionPolicy = DeletionPolicy.retain

    package init() {}

    package static let words = "What the cluster is to be."
    package static let maxReplicas = 9

    package static let fields: [Field<EtcdClusterSpec>] = shapeFields + behaviourFields

    private static let shapeFields: [Field<EtcdClusterSpec>] = [
        Field("replicas", \.replicas, "Members wanted. Odd numbers: a fourth tolerates no more.") {
            $0.format = "int32"
            $0.minimum = 1
            $0.maximum = Int64(maxReplicas)
        },
        Field(
            "allowEvenReplicas", \.allowEvenReplicas,
            "Accept an even number of members without the SpecValid warning."),
        Field(
            "version", \.version,
            "Version of the members, such as 3.6.1; the operator's own when empty. One minor "
                + "version up at a time, never down."
        ) {
            $0.pattern = "^[0-9]+\\.[0-9]+\\.[0-9]+(-[0-9A-Za-z.-]+)?$"
            $0.maxLength = 64
        },
        Field(
            "image", \.image,
            "Image of the members, for mirrors; the operator's node image when empty."
        ) { $0.maxLength = 512 },
        Field("imagePullPolicy", \.imagePullPolicy, "As in a Pod."),
        Field("imagePullSecrets", \.imagePullSecrets, "Secrets to pull the image with.") {
            $0.maxItems = 16
        },
        Field("storage", \.storage, "Disk of each member."),
        Field("resources", \.resources, "Requests and limits of a member."),
        Field("podTemplate", \.podTemplate, "What a member's pod has besides the operator's own."),
        Field("podPlacement", \.podPlacement, "How the members are kept apart."),
        Field("options", \.options, "Settings of the members. A change restarts one at a time."),
        Field("tls", \.tls, "Encryption and identity between members and to clients."),
        Field("service", \.service, "The Service for clients, named as the cluster."),
        Field(
            "podDisruptionBudget", \.podDisruptionBudget,
            "How many members a drain may take; the number is always computed."),
    ]

    private static let behaviourFields: [Field<EtcdClusterSpec>] = [
        Field("updateStrategy", \.updateStrategy, "How members are restarted for a change."),
        Field("repair", \.repair, "When a broken member is made anew."),
        Field(
            "quorumRecovery", \.quorumRecovery,
            "Whether a survivor goes on alone when the disks of a quorum are lost."),
        Field("defrag", \.defrag, "When free space in the store is given back to the disk."),
        Field("maintenance", \.maintenance, "When there is time for what can wait."),
        Field("backup", \.backup, "Scheduled backups of this cluster."),
        Field("monitoring", \.monitoring, "Objects for the Prometheus operator."),
        Field(
            "bootstrap", \.bootstrap,
            "What the cluster starts with. Only read when it is created."),
        Field("hibernate", \.hibernate, "Stop all members and keep their disks."),
        Field("paused", \.paused, "Observe, write the status, and change nothing."),
        Field(
            "progressDeadlineSeconds", \.progressDeadlineSeconds,
            "An operation without progress for this long is reported as stalled."
        ) {
            $0.format = "int32"
            $0.minimum = 30
            $0.maximum = 86_400
        },
        Field(
            "deletionPolicy", \.deletionPolicy,
            "What becomes of the disks when the cluster is deleted. Retain: they stay. Snapshot: a "
                + "last backup is taken, for at most 25 minutes, then Delete; without a backup they "
                + "stay."),
    ]

    package static let rules: [Rule] = [
        Rule(
            "!self.hibernate || oldSelf.hibernate || (self.replicas == oldSelf.replicas "
                + "&& (has(self.version) ? self.version : '') "
                + "== (has(oldSelf.version) ? oldSelf.version : ''))",
            "hibernate cannot be set together with a change of replicas or version",
            at: ".hibernate"),
        Rule(
            "!has(self.version) || !has(oldSelf.version) "
                + "|| int(self.version.split('.')[0]) == int(oldSelf.version.split('.')[0])",
            "the major version cannot change", at: ".version"),
        Rule(
            "!has(self.version) || !has(oldSelf.version) "
                + "|| int(self.version.split('.')[1]) >= int(oldSelf.version.split('.')[1])",
            "the minor version cannot go down", at: ".version"),
        Rule(
            "!has(self.version) || !has(oldSelf.version) "
                + "|| int(self.version.split('.')[1]) <= int(oldSelf.version.split('.')[1]) + 1",
            "a minor version cannot be skipped", at: ".version"),
        Rule(
            "has(self.bootstrap) == has(oldSelf.bootstrap) "
                + "&& (!has(self.bootstrap) || self.bootstrap == oldSelf.bootstrap)",
            "bootstrap is immutable", at: ".bootstrap"),
        Rule(
            "self.storage.medium != 'Memory' || self.replicas >= 3",
            "storage in memory needs at least 3 replicas", at: ".storage.medium"),
        Rule(
            "self.storage.medium == 'Memory' || !has(self.options.quotaBackendBytes) "
                + "|| quantity(string(self.options.quotaBackendBytes)).asApproximateFloat() "
                + "<= 0.8 * quantity(string(self.storage.size)).asApproximateFloat()",
            "quotaBackendBytes must be at most 80 % of storage.size",
            at: ".options.quotaBackendBytes"),
    ]
}

package enum ImagePullPolicy: String, ChoiceValue {
    case ifNotPresent = "IfNotPresent"
    case always = "Always"
    case never = "Never"
}

package enum DeletionPolicy: String, ChoiceValue {
    case retain = "Retain"
    case delete = "Delete"
    /// A last backup, then Delete.
    case snapshot = "Snapshot"
}

/// The name of something in the same namespace.
package struct LocalReference: Record, OptionalContent {
    package var name = ""

    package init() {}
    package init(_ name: String) { self.name = name }

    package static let fields: [Field<LocalReference>] = [
        Field("name", \.name, "Name of the object, in the same namespace.", required: true) {
            $0.minLength = 1
            $0.maxLength = 253
        }
    ]
}
