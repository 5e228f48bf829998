// SPDX-License-Identifier: Apache-2.0
package import Bytes
internal import Kube

/// The cluster as this pass sees it: members joined by ID, and the numbers that guards need.
package struct Survey: Equatable, Sendable {
    /// Sorted by ordinal: all that are in the list, have a pod, a claim, or a ticket.
    package var members: [MemberView]
    /// Listed under peer URLs that are not ours.
    package var foreign: [ListedMember]
    /// The list came from a quorum read in this pass.
    package var isListKnown: Bool
    package var clusterID: ClusterID?
    package var leader: MemberID?
    package var count: QuorumCount

    package func member(_ name: String) -> MemberView? { members.first { $0.name == name } }
    package func member(_ ordinal: Int) -> MemberView? { members.first { $0.ordinal == ordinal } }
    package func member(_ id: MemberID) -> MemberView? { members.first { $0.listed?.id == id } }
    package var voters: [MemberView] { members.filter(\.isVoter) }
    package var learners: [MemberView] { members.filter(\.isLearner) }
    package var leading: MemberView? { members.first(where: \.isLeader) }
    package var isQuorate: Bool { isListKnown && leader != nil && count.isQuorate }

    /// Pods to ask for a call to the cluster: the leader, then healthy voters.
    package var askable: Asking {
        let healthy = voters.filter(\.isHealthy)
        return Asking(
            healthy.filter(\.isLeader).map(\.name) + healthy.filter { !$0.isLeader }.map(\.name))
    }
}

extension Survey {
    package init(
        _ observation: Observation, desired: DesiredCluster, memory: ClusterMemory,
        tickets: Membership?, now: Instant
    ) {
        let view = observation.etcd
        let list = view.members.value ?? []
        isListKnown = view.members.isKnown
        clusterID = view.clusterID
        foreign = list.filter { member in
            !member.peerURLs.contains { desired.podName(ofPeerURL: $0) != nil }
        }
        var ordinals: [Int] = list.compactMap { Self.podName($0, desired) }
            .compactMap { desired.ordinal(ofPod: $0) }
        ordinals += observation.pods.compactMap { desired.ordinal(ofPod: $0.name) }
        ordinals += observation.claims.compactMap { desired.ordinal(ofClaim: $0.name) }
        ordinals += tickets?.tickets.compactMap { desired.ordinal(ofPod: $0.pod) } ?? []
        let sorted = ordinals.sorted()
        let unique = sorted.indices.filter { $0 == 0 || sorted[$0] != sorted[$0 - 1] }
            .map { sorted[$0] }
        members = unique.map { ordinal in
            let name = desired.podName(ordinal)
            return MemberView(
                name: name, ordinal: ordinal,
                listed: list.first { Self.podName($0, desired) == name },
                pod: observation.pods.first { $0.name == name },
                claim: observation.claims.first { $0.name == desired.claimName(ordinal) },
                probe: view.probe(name), memory: memory.member(name),
                ticket: tickets?.ticket(name)?.ticket)
        }
        leader = nil
        count = QuorumCount(voters: 0, healthy: 0)
        judgeHealth()
        var judge = StandingJudge(observation, desired: desired, now: now)
        for index in members.indices { members[index].standing = judge.standing(members[index]) }
    }

    private static func podName(_ member: ListedMember, _ desired: DesiredCluster) -> String? {
        member.peerURLs.lazy.compactMap { desired.podName(ofPeerURL: $0) }.first
    }

    /// Healthy is who answered a linearizable read as the member that the list names; learners
    /// cannot, and are healthy if they answer at all.
    private mutating func judgeHealth() {
        for index in members.indices {
            let member = members[index]
            guard let listed = member.listed, let status = member.status,
                status.memberID == listed.id, clusterID == nil || status.clusterID == clusterID
            else { continue }
            members[index].isHealthy = listed.isLearner || member.probe?.isLinearizable == true
        }
        let healthy = voters.filter(\.isHealthy)
        // One agreed leader: those who answered name the same voter.
        let newest = healthy.compactMap { $0.status?.term }.max() ?? .zero
        let named = healthy.filter { $0.status?.term == newest }.compactMap { $0.status?.leader }
        if let first = named.first, first != .none, named.allSatisfy({ $0 == first }),
            voters.contains(where: { $0.listed?.id == first })
        {
            leader = first
        }
        for index in members.indices {
            members[index].isLeader = leader != nil && members[index].listed?.id == leader
        }
        let foreignVoters = foreign.filter { !$0.isLearner }.count
        count = QuorumCount(voters: voters.count + foreignVoters, healthy: healthy.count)
    }
}
