// SPDX-License-Identifier: Apache-2.0
package import Bytes
package import Kube

/// One ordinal of the cluster, joined from the member list (by peer URL), its pod, its claim and
/// what its process answered.
package struct MemberView: Equatable, Sendable {
    package var name: String
    package var ordinal: Int
    package var listed: ListedMember?
    package var pod: KubeObject?
    package var claim: KubeObject?
    package var probe: MemberProbe?
    package var memory: MemberMemory?
    package var ticket: Ticket?
    package var isHealthy = false
    package var isLeader = false
    package var standing: Standing = .unknown("not judged")

    package var status: NodeStatus? { probe?.status.value }
    package var identity: NodeIdentity? {
        guard let identity = probe?.identity.value else { return nil }
        // An answer of the pod before this one says nothing.
        guard identity.podUID.isEmpty || identity.podUID == pod?.uid else { return nil }
        return identity
    }
    package var isVoter: Bool { listed.map { !$0.isLearner } ?? false }
    package var isLearner: Bool { listed?.isLearner ?? false }
    package var appliedIndex: LogIndex { status?.appliedIndex ?? .zero }
    /// Its process waits with an empty disk for a ticket to begin with.
    package var isWaitingEmpty: Bool {
        guard let identity else { return false }
        return identity.state == .awaitingTicket && identity.memberID == nil
            && identity.clusterID == nil
    }
}

/// How a member stands. Only `.lost` lets a disk be given up, and only on evidence.
package enum Standing: Equatable, Sendable {
    case healthy
    /// It is expected to come back by itself.
    case transient(String)
    /// Its pod will not come back by itself; its disk may be good.
    case stuck(String)
    case lost(Loss, String)
    /// Nothing follows from this.
    case unknown(String)

    package var isLost: Bool { if case .lost = self { true } else { false } }

    package var isUnknown: Bool { if case .unknown = self { true } else { false } }

    package var reason: String {
        switch self {
        case .healthy: "healthy"
        case .transient(let reason), .stuck(let reason), .unknown(let reason): reason
        case .lost(_, let reason): reason
        }
    }
}

package enum Loss: String, Sendable {
    case disk = "DiskLost"
    case node = "NodeLost"
    case pod = "PodLost"
    case corrupt = "Corrupt"
}
