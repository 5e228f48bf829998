// SPDX-License-Identifier: Apache-2.0
package import Bytes

/// What the members said in this pass, each asked by itself, in parallel, with two seconds each.
package struct EtcdView: Equatable, Sendable {
    /// From a member that answered a linearizable MemberList in this pass.
    package var members: Seen<[ListedMember]>
    /// The cluster ID in the header of that answer.
    package var clusterID: ClusterID?
    /// One for each pod, sorted by pod name. Pods without an address are listed as unknown.
    package var probes: [MemberProbe]
    /// Of the first member after a restore; nil if it was not asked or did not answer.
    package var restoredKeys: KeyCount?

    package init(
        members: Seen<[ListedMember]> = .unknown("nobody was asked"), clusterID: ClusterID? = nil,
        probes: [MemberProbe] = []
    ) {
        self.members = members
        self.clusterID = clusterID
        self.probes = probes
    }

    package func probe(_ podName: String) -> MemberProbe? {
        probes.first { $0.podName == podName }
    }
}

/// A line of the member list.
package struct ListedMember: Equatable, Sendable {
    package var id: MemberID
    /// Empty until it has started once.
    package var name: String
    package var peerURLs: [String]
    package var isLearner: Bool

    package init(id: MemberID, name: String, peerURLs: [String], isLearner: Bool) {
        self.id = id
        self.name = name
        self.peerURLs = peerURLs
        self.isLearner = isLearner
    }
}

/// What one pod answered.
package struct MemberProbe: Equatable, Sendable {
    package var podName: String
    /// `GET /identity` on the health port.
    package var identity: Seen<NodeIdentity>
    /// The Status call, answered by the member alone.
    package var status: Seen<NodeStatus>
    /// A linearizable read came back within its time. False if it was asked and did not.
    package var isLinearizable: Bool

    package init(
        podName: String, identity: Seen<NodeIdentity> = .unknown("not asked"),
        status: Seen<NodeStatus> = .unknown("not asked"), isLinearizable: Bool = false
    ) {
        self.podName = podName
        self.identity = identity
        self.status = status
        self.isLinearizable = isLinearizable
    }
}

/// The answer of `GET /identity`.
package struct NodeIdentity: Equatable, Sendable {
    package enum State: String, Sendable {
        case awaitingTicket = "AwaitingTicket"
        case starting = "Starting"
        case running = "Running"
        case refused = "Refused"
    }

    package var state: State
    package var reason: String
    package var clusterUID: String
    package var clusterID: ClusterID?
    package var memberID: MemberID?
    package var podUID: String
    /// It was told to resume, and its disk is empty.
    package var dataLost: Bool
    package var ticketGeneration: Int64

    package init(
        state: State, reason: String = "", clusterUID: String = "", clusterID: ClusterID? = nil,
        memberID: MemberID? = nil, podUID: String = "", dataLost: Bool = false,
        ticketGeneration: Int64 = 0
    ) {
        self.state = state
        self.reason = reason
        self.clusterUID = clusterUID
        self.clusterID = clusterID
        self.memberID = memberID
        self.podUID = podUID
        self.dataLost = dataLost
        self.ticketGeneration = ticketGeneration
    }
}

/// The answer of the Status call, with the alarms that it lists.
package struct NodeStatus: Equatable, Sendable {
    package var clusterID: ClusterID
    package var memberID: MemberID
    /// `MemberID.none` if it knows no leader.
    package var leader: MemberID
    package var term: Term
    package var raftIndex: LogIndex
    package var appliedIndex: LogIndex
    package var revision: Int64
    package var dbSizeBytes: Int64
    package var dbInUseBytes: Int64
    package var version: String
    package var isLearner: Bool
    /// Of the whole cluster; unknown if the member could not list them.
    package var alarms: Seen<[MemberAlarm]>

    package init(
        clusterID: ClusterID, memberID: MemberID, leader: MemberID, term: Term,
        raftIndex: LogIndex, appliedIndex: LogIndex, revision: Int64 = 0, dbSizeBytes: Int64 = 0,
        dbInUseBytes: Int64 = 0, version: String = "", isLearner: Bool = false,
        alarms: Seen<[MemberAlarm]> = .known([])
    ) {
        self.clusterID = clusterID
        self.memberID = memberID
        self.leader = leader
        self.term = term
        self.raftIndex = raftIndex
        self.appliedIndex = appliedIndex
        self.revision = revision
        self.dbSizeBytes = dbSizeBytes
        self.dbInUseBytes = dbInUseBytes
        self.version = version
        self.isLearner = isLearner
        self.alarms = alarms
    }
}

package struct MemberAlarm: Equatable, Sendable {
    package enum Kind: String, Sendable {
        case noSpace = "NOSPACE"
        case corrupt = "CORRUPT"
    }

    package var kind: Kind
    package var memberID: MemberID

    package init(kind: Kind, memberID: MemberID) {
        self.kind = kind
        self.memberID = memberID
    }
}
