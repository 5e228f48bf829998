// SPDX-License-Identifier: Apache-2.0

/// `status` of an EtcdCluster: what was observed, and the operation under way.
package struct EtcdClusterStatus: Record {
    package enum Phase: String, ChoiceValue {
        case unknown = ""
        case pending = "Pending"
        case bootstrapping = "Bootstrapping"
        case restoring = "Restoring"
        case running = "Running"
        case scaling = "Scaling"
        case updating = "Updating"
        case repairing = "Repairing"
        case recovering = "Recovering"
        case hibernated = "Hibernated"
        case paused = "Paused"
        case degraded = "Degraded"
        case unavailable = "Unavailable"
        case failed = "Failed"
        case deleting = "Deleting"
    }

    package var observedGeneration = 0
    package var phase = Phase.unknown
    /// One sentence: `2/3 voters healthy, leader demo-1, can lose 0`.
    package var quorum = ""
    /// `2/3`, for the column READY.
    package var readyDisplay = ""
    package var replicas = 0
    package var readyReplicas = 0
    package var voters = 0
    package var learners = 0
    package var selector = ""
    /// Carried over when a re-created object adopts its disks.
    package var clusterUID = ""
    /// Raft's, in hexadecimal digits; latched.
    package var clusterID = ""
    /// Raised by each restore and each recovery of a quorum.
    package var restoreGeneration = 0
    package var leader = ""
    package var term = 0
    package var revision = 0
    /// The lowest that runs.
    package var version = ""
    package var targetVersion = ""
    package var currentImage = ""
    package var members: [MemberStatus] = []
    package var operation: OperationRecord?
    package var endpoints: [String] = []
    package var tls: TLSStatus?
    package var storage: StorageStatus?
    package var alarms: [AlarmStatus] = []
    package var backup: BackupSummary?
    /// Since when the quorum is lost; empty while there is one.
    package var quorumLostSince = ""
    /// The last value of each annotation that was acted on.
    package var handledAnnotations: KubeMap = [:]
    package var conditions = Conditions()

    package init() {}

    package static let words = "What was observed."

    package static let fields: [Field<EtcdClusterStatus>] = summaryFields + detailFields

    private static let summaryFields: [Field<EtcdClusterStatus>] = [
        plain("observedGeneration", \.observedGeneration, "Generation of the spec acted on."),
        Field("phase", \.phase, "A summary for people; the conditions are the contract."),
        Field("quorum", \.quorum, "A sentence: how many voters are healthy, who leads."),
        Field("readyDisplay", \.readyDisplay, "Ready members of those wanted, such as 2/3."),
        plain("replicas", \.replicas, "Pods there are."),
        plain("readyReplicas", \.readyReplicas, "Pods that are ready."),
        plain("voters", \.voters, "Voting members."),
        plain("learners", \.learners, "Members that do not vote yet."),
        Field("selector", \.selector, "Label selector of the pods, for scaling by others."),
        Field("clusterUID", \.clusterUID, "UID of the object that first made the cluster."),
        Field("clusterID", \.clusterID, "Raft's ID of the cluster, in hexadecimal digits."),
        plain("restoreGeneration", \.restoreGeneration, "Restores and recoveries so far."),
        Field("leader", \.leader, "Name of the leader."),
        plain("term", \.term, "Raft's term."),
        plain("revision", \.revision, "Revision of the store."),
        Field("version", \.version, "Lowest version that runs."),
        Field("targetVersion", \.targetVersion, "Version the members are brought to."),
        Field("currentImage", \.currentImage, "Image the members are brought to."),
    ]

    private static let detailFields: [Field<EtcdClusterStatus>] = [
        Field("members", \.members, "The members.") {
            $0.listMapKeys = ["name"]
        },
        Field("operation", \.operation, "The one operation under way."),
        Field("endpoints", \.endpoints, "URLs for clients, one per member.") { $0.isSet = true },
        Field("tls", \.tls, "What a client needs, and when certificates end."),
        Field("storage", \.storage, "The largest store of all members."),
        Field("alarms", \.alarms, "Alarms that are raised."),
        Field("backup", \.backup, "The backups of this cluster."),
        Field("quorumLostSince", \.quorumLostSince, "Since when there is no quorum.") {
            $0.format = "date-time"
        },
        Field("handledAnnotations", \.handledAnnotations, "Annotations already acted on."),
        Field("conditions", \.conditions, "Conditions; Available, Quorum, Progressing first."),
    ]

    /// A number without a default, which a status has no use for.
    private static func plain(
        _ name: String, _ path: any WritableKeyPath<EtcdClusterStatus, Int> & Sendable,
        _ words: String
    ) -> Field<EtcdClusterStatus> {
        Field(name, path, words) { $0.standard = nil }
    }
}

/// One item of `status.members`.
package struct MemberStatus: Record, OptionalContent {
    package enum Role: String, ChoiceValue {
        case unknown = ""
        case voter = "Voter"
        case learner = "Learner"
    }

    package enum State: String, ChoiceValue {
        case unknown = "Unknown"
        case healthy = "Healthy"
        case unreachable = "Unreachable"
        case lagging = "Lagging"
        case joining = "Joining"
        case removing = "Removing"
        case dataLost = "DataLost"
    }

    package var name = ""
    package var ordinal = 0
    package var memberID = ""
    package var role = Role.unknown
    package var state = State.unknown
    package var isLeader = false
    package var version = ""
    package var dbSizeBytes = 0
    package var dbInUseBytes = 0
    /// Entries behind the leader.
    package var raftLag = 0
    package var node = ""
    package var zone = ""
    package var podUID = ""
    package var pvcName = ""
    package var pvcUID = ""
    package var recreates = 0
    package var recreatesSince = ""
    package var lastTransitionTime = ""
    package var message = ""

    package init() {}

    package static let fields: [Field<MemberStatus>] = [
        Field("name", \.name, "Name, which is the pod's too.", required: true),
        plain("ordinal", \.ordinal, "Its number."),
        Field("memberID", \.memberID, "Raft's ID, in hexadecimal digits."),
        Field("role", \.role, "Voter or Learner."),
        Field("state", \.state, "What was observed.") { $0.standard = nil },
        Field("isLeader", \.isLeader, "Whether it leads.") { $0.standard = nil },
        Field("version", \.version, "The version that runs."),
        plain("dbSizeBytes", \.dbSizeBytes, "Size of its store."),
        plain("dbInUseBytes", \.dbInUseBytes, "The part of it in use."),
        plain("raftLag", \.raftLag, "Entries behind the leader."),
        Field("node", \.node, "Node of the pod."),
        Field("zone", \.zone, "Zone of the node."),
        Field("podUID", \.podUID, "UID of the pod."),
        Field("pvcName", \.pvcName, "Its claim."),
        Field("pvcUID", \.pvcUID, "UID of the claim."),
        plain("recreates", \.recreates, "Times its pod was recreated in the present window."),
        Field("recreatesSince", \.recreatesSince, "When that window began.") {
            $0.format = "date-time"
        },
        Field("lastTransitionTime", \.lastTransitionTime, "When its state last changed.") {
            $0.format = "date-time"
        },
        Field("message", \.message, "What is the matter, for people."),
    ]

    private static func plain(
        _ name: String, _ path: any WritableKeyPath<MemberStatus, Int> & Sendable, _ words: String
    ) -> Field<MemberStatus> {
        Field(name, path, words) { $0.standard = nil }
    }
}

/// `status.operation`: written before the first effect, so that another operator goes on with it.
package struct OperationRecord: Record, OptionalContent {
    package enum Kind: String, ChoiceValue {
        case none = ""
        case bootstrap = "Bootstrap"
        case adopt = "Adopt"
        case restore = "Restore"
        case quorumRecovery = "QuorumRecovery"
        case replace = "Replace"
        case reclaim = "Reclaim"
        case recreate = "Recreate"
        case retire = "Retire"
        case promote = "Promote"
        case roll = "Roll"
        case resize = "Resize"
        case scaleOut = "ScaleOut"
        case scaleIn = "ScaleIn"
        case defrag = "Defrag"
        case moveLeader = "MoveLeader"
    }

    package var type = Kind.none
    package var id = ""
    /// Name of the member it is about.
    package var target = ""
    package var step = ""
    package var reason = ""
    package var startedAt = ""
    package var stepStartedAt = ""
    package var attempts = 0
    package var lastError = ""
    /// Name of the member a recovery is made from.
    package var survivor = ""
    /// Raft's ID of the target, in hexadecimal digits, once known.
    package var memberID = ""
    package var podUID = ""
    package var pvcUID = ""
    /// Names of members that are done, of operations over all members.
    package var done: [String] = []
    /// Of a restore.
    package var expectedKeys: Int?
    package var expectedRevision: Int?
    /// When it was last tried.
    package var attemptedAt = ""

    package init() {}

    package static let fields: [Field<OperationRecord>] = [
        Field("type", \.type, "What is done.", required: true),
        Field("id", \.id, "Tells it from others of its kind."),
        Field("target", \.target, "The member it is about."),
        Field("step", \.step, "The step it is in."),
        Field("done", \.done, "Members it is done with."),
        Field("reason", \.reason, "Why it was begun."),
        Field("expectedKeys", \.expectedKeys, "Of a restore: keys in the backup."),
        Field(
            "expectedRevision", \.expectedRevision,
            "Of a restore: the revision at which the first member must have these keys."),
        Field("startedAt", \.startedAt, "When it began.") { $0.format = "date-time" },
        Field("stepStartedAt", \.stepStartedAt, "When its step began.") {
            $0.format = "date-time"
        },
        Field("attempts", \.attempts, "Tries of this step.") { $0.standard = nil },
        Field("lastError", \.lastError, "How the last try failed."),
        Field("survivor", \.survivor, "The member a recovery is made from."),
        Field("memberID", \.memberID, "Raft's ID of the target, in hexadecimal digits."),
        Field("podUID", \.podUID, "UID of the pod it is about."),
        Field("pvcUID", \.pvcUID, "UID of the claim it is about."),
        Field("attemptedAt", \.attemptedAt, "When it was last tried.") {
            $0.format = "date-time"
        },
    ]
}
