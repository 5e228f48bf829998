// SPDX-License-Identifier: Apache-2.0
internal import Bytes
package import EtcdAPI
internal import MVCC
internal import Raft
internal import Replicated

// What a member says of itself: always from what it holds, never by asking others.
extension Node {
    func status() -> StatusResponse {
        var response = StatusResponse()
        response.header = header()
        response.version = settings.version
        response.dbSize = Int64(max(ledger.keyspace.byteCount, Node.emptyStoreBytes))
        response.dbSizeInUse = Int64(max(ledger.keyspace.liveByteCount, Node.emptyStoreBytes))
        response.leader = raft.leader?.number ?? 0
        response.raftIndex = raft.commit.number
        response.raftTerm = raft.term.number
        response.raftAppliedIndex = ledger.appliedIndex.number
        response.isLearner = isLearner
        response.errors = troubles
        response.dbSizeQuota = settings.quotaBytes
        response.storageVersion = storageVersion
        if let downgrade = ledger.downgrade, downgrade.isEnabled {
            response.downgradeInfo = DowngradeInfo(
                enabled: true, targetVersion: downgrade.targetVersion)
        }
        return response
    }

    /// What a store file without keys takes: its head and the buckets.
    private static let emptyStoreBytes = 20_480

    /// From version 3.6 on the store's rows name their own version; older clusters have none.
    private var storageVersion: String {
        guard let version = ledger.clusterVersion.flatMap({ ClusterVersion($0) }),
            (version.major, version.minor) >= (3, 6)
        else { return "" }
        return version.text
    }

    private var troubles: [String] {
        var troubles: [String] = []
        if raft.leader == nil { troubles.append(EtcdError.noLeader.text) }
        troubles += ledger.alarms.list.map(\.statusText)
        return troubles
    }

    package var health: NodeHealth {
        NodeHealth(
            hasLeader: raft.leader != nil, isLearner: isLearner, isRemoved: isRemoved,
            isPublished: lifecycle.isPublished, isLoading: loading != nil,
            alarms: ledger.alarms.list)
    }
}

package struct NodeHealth: Equatable, Sendable {
    package var hasLeader: Bool
    package var isLearner: Bool
    package var isRemoved: Bool
    /// Name and client URLs are known to the cluster: clients may be served.
    package var isPublished: Bool
    package var isLoading: Bool
    package var alarms: [AlarmMember]
}

extension AlarmMember {
    /// As etcd writes an alarm into a status: protobuf text form, with its trailing blank.
    var statusText: String {
        let name =
            switch alarm {
            case .noSpace: "NOSPACE"
            case .corrupt: "CORRUPT"
            case .none: "NONE"
            case .unknown(let number): "\(number)"
            }
        return "memberID:\(memberID) alarm:\(name) "
    }
}
