// SPDX-License-Identifier: Apache-2.0
internal import EtcdAPI

/// What commands have to tell.
enum Answer: Equatable {
    case get(RangeResponse, valuesOnly: Bool)
    case put(PutResponse)
    case delete(DeleteRangeResponse)
    case txn(TxnResponse)
    case watch(WatchResponse)
    case leaseGranted(LeaseGrantResponse)
    case leaseRevoked(Int64, LeaseRevokeResponse)
    case leaseKept(LeaseKeepAliveResponse)
    case leaseLife(LeaseTimeToLiveResponse, withKeys: Bool)
    case leases(LeaseLeasesResponse)
    case members(MemberListResponse)
    case memberAdded(MemberAddResponse, name: String, peerURLs: String)
    case memberRemoved(UInt64, MemberRemoveResponse)
    case memberUpdated(UInt64, MemberUpdateResponse)
    case memberPromoted(UInt64, MemberPromoteResponse)
    case health([EndpointHealth])
    case status([EndpointStatus])
    case hashes([EndpointHash])
    case alarms(AlarmResponse)
    case leaderMoved(from: UInt64, to: UInt64, MoveLeaderResponse)
    case snapshot(SnapshotSummary)
}

struct EndpointHealth: Equatable {
    var endpoint: String
    var isHealthy: Bool
    /// As Go prints durations.
    var took: String
    var error: String
}

struct EndpointStatus: Equatable {
    var endpoint: String
    var status: StatusResponse
}

struct EndpointHash: Equatable {
    var endpoint: String
    var hash: HashKVResponse
}

struct SnapshotSummary: Equatable {
    var hash: UInt32
    var revision: Int64
    var keyCount: Int64
    var size: Int64
}

enum Printer {
    static func bytes(
        _ answer: Answer, _ format: OutputFormat, hex: Bool
    ) throws(CtlError) -> [UInt8] {
        switch format {
        case .simple: return SimplePrinter(hex: hex).bytes(answer)
        case .fields:
            if let text = FieldsPrinter.text(answer) { return Array(text.utf8) }
        case .json: return JSONPrinter.bytes(answer, hex: hex)
        case .table:
            if let text = TablePrinter.text(answer) { return Array(text.utf8) }
        case .protobuf:
            if let bytes = ProtobufPrinter.bytes(answer) { return bytes }
        }
        throw .failed(.badFeature, "\(format.rawValue) not supported as output format")
    }
}

/// Titles and cells that the simple format and tables share.
struct Listing {
    let titles: [String]
    let rows: [[String]]

    init?(_ answer: Answer) {
        switch answer {
        case .members(let response):
            titles = ["ID", "Status", "Name", "Peer Addrs", "Client Addrs", "Is Learner"]
            rows = response.members.map { member in
                [
                    String(member.id, radix: 16), member.name.isEmpty ? "unstarted" : "started",
                    member.name, member.peerURLs.joined(separator: ","),
                    member.clientURLs.joined(separator: ","), "\(member.isLearner)",
                ]
            }
        case .health(let list):
            titles = ["endpoint", "health", "took", "error"]
            rows = list.map { [$0.endpoint, "\($0.isHealthy)", $0.took, $0.error] }
        case .status(let list):
            titles = [
                "endpoint", "ID", "version", "db size", "is leader", "is learner", "raft term",
                "raft index", "raft applied index", "errors",
            ]
            rows = list.map(Listing.row)
        case .hashes(let list):
            titles = ["endpoint", "hash"]
            rows = list.map { [$0.endpoint, "\($0.hash.hash)"] }
        case .snapshot(let summary):
            titles = ["hash", "revision", "total keys", "total size"]
            rows = [
                [
                    String(summary.hash, radix: 16), "\(summary.revision)", "\(summary.keyCount)",
                    humanSize(summary.size),
                ]
            ]
        default: return nil
        }
    }

    private static func row(_ entry: EndpointStatus) -> [String] {
        let status = entry.status
        let member = status.header?.memberID ?? 0
        return [
            entry.endpoint, String(member, radix: 16), status.version, humanSize(status.dbSize),
            "\(status.leader == member)", "\(status.isLearner)", "\(status.raftTerm)",
            "\(status.raftIndex)", "\(status.raftAppliedIndex)",
            status.errors.joined(separator: ", "),
        ]
    }
}
