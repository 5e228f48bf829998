// SPDX-License-Identifier: Apache-2.0
package import Bytes
package import Formats
package import Kube

/// What earlier passes wrote down and this one builds on. Facts that forbid a second bootstrap are
/// kept twice: here, and in the membership ConfigMap and on the claims, since a status can vanish.
package struct ClusterMemory: Equatable, Sendable {
    /// The UID of the cluster object that bootstrapped first; empty before.
    package var clusterUID: String
    package var clusterID: ClusterID?
    /// Counts restores and forced recoveries.
    package var restoreGeneration: Int64
    package var operation: RecordedOperation?
    package var members: [MemberMemory]
    package var conditions: [KubeObject.Condition]
    package var version: String
    /// Since when the quorum is lost on evidence, not merely out of sight.
    package var quorumLostSince: Instant?

    package init(status: JSONValue?) {
        clusterUID = status?["clusterUID"]?.string ?? ""
        clusterID = Hexadecimal.clusterID(status?["clusterID"]?.string)
        restoreGeneration = status?["restoreGeneration"]?.int64 ?? 0
        operation = RecordedOperation.read(status?["operation"])
        members = (status?["members"]?.array ?? []).map { MemberMemory($0) }
        version = status?["version"]?.string ?? ""
        quorumLostSince = (status?["quorumLostSince"]?.string).flatMap { KubeTime.parse($0) }
            .map { Instant(nanoseconds: $0) }
        var holder = KubeObject(JSONObject())
        holder["status"] = status
        conditions = holder.conditions
    }

    package func member(_ name: String) -> MemberMemory? { members.first { $0.name == name } }

    package func condition(_ type: String) -> KubeObject.Condition? {
        conditions.first { $0.type == type }
    }

    /// How long a condition has had its status; nil if it has another.
    package func age(of type: String, being status: String, now: Instant) -> Duration? {
        guard let condition = condition(type), condition.status == status,
            let since = KubeTime.parse(condition.lastTransitionTime)
        else { return nil }
        return now - Instant(nanoseconds: since)
    }
}

/// A line of `status.members`, as the pass before wrote it.
package struct MemberMemory: Equatable, Sendable {
    package var name: String
    package var memberID: MemberID?
    package var isHealthy: Bool
    /// It was a learner, of which nobody asks whether it is healthy.
    package var isJoining: Bool
    package var podUID: String
    package var claimUID: String
    package var recreates: Int
    /// The first of them.
    package var recreatesSince: Instant?
    /// When it was last seen to become healthy, or to cease to be.
    package var since: Instant?

    init(_ json: JSONValue) {
        name = json["name"]?.string ?? ""
        memberID = Hexadecimal.memberID(json["memberID"]?.string)
        isHealthy = json["state"]?.string == MemberState.healthy.rawValue
        isJoining = json["state"]?.string == MemberState.joining.rawValue
        podUID = json["podUID"]?.string ?? ""
        claimUID = json["pvcUID"]?.string ?? ""
        recreates = Int(clamping: json["recreates"]?.int64 ?? 0)
        recreatesSince = (json["recreatesSince"]?.string).flatMap { KubeTime.parse($0) }
            .map { Instant(nanoseconds: $0) }
        since = (json["lastTransitionTime"]?.string).flatMap { KubeTime.parse($0) }
            .map { Instant(nanoseconds: $0) }
    }
}

/// `status.members[].state`.
package enum MemberState: String, Sendable {
    case healthy = "Healthy"
    case unreachable = "Unreachable"
    case lagging = "Lagging"
    case joining = "Joining"
    case removing = "Removing"
    case dataLost = "DataLost"
    case unknown = "Unknown"
}
