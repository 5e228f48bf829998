// SPDX-License-Identifier: Apache-2.0
internal import Bytes
internal import EtcdAPI
internal import Replicated

/// What this member knows of the others' presence, and the membership changes it has asked for.
struct MemberFlow {
    /// Since when messages have reached each peer without a break.
    private var connectedSince = SortedMap<MemberID, Instant>()
    /// Request id to who asked, so the reply has the right form.
    var asked: [UInt64: Asker] = [:]

    enum Asker: Equatable {
        case client
        /// A member that is not the leader, for its own client.
        case peer
    }

    /// How long a peer must have been there before it counts as active (etcd's HealthInterval).
    static let healthInterval = Duration.seconds(5)

    mutating func setConnected(_ peer: MemberID, _ isConnected: Bool, now: Instant) {
        if !isConnected {
            connectedSince[peer] = nil
        } else if connectedSince[peer] == nil {
            connectedSince[peer] = now
        }
    }

    func isConnected(_ peer: MemberID) -> Bool { connectedSince[peer] != nil }

    /// Voters that are reachable, this member among them.
    func connectedQuorum(of members: Membership, besides own: MemberID) -> Bool {
        let voters = members.voterIDs
        let count = voters.count { $0 == own || isConnected($0) }
        return count >= voters.count / 2 + 1
    }

    /// How many of `voters` have been connected for the health interval; oneself always is.
    func activeCount(of voters: [MemberID], own: MemberID, now: Instant) -> Int {
        voters.count { voter in
            if voter == own { return true }
            guard let since = connectedSince[voter] else { return false }
            return now - since >= Self.healthInterval
        }
    }
}
