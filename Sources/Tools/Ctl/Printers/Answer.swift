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
    /// Done, as the sentence says; there is a header and nothing else.
    case acknowledged(String, ResponseHeader?)
    case authStatus(AuthStatusResponse)
    case user(String, AuthUserGetResponse)
    case users(AuthUserListResponse)
    case role(String, AuthRoleGetResponse)
    case roles(AuthRoleListResponse)
    case revoked(role: String, key: [UInt8], end: [UInt8], ResponseHeader?)
    case downgrade(String, DowngradeResponse)
}

struct EndpointHealth: Equatable {
    var endpoint: String
    var isHealthy: Bool
    /// As Go prints durations.
    var took: String
    var error: String
    /// Whole lines for people; not part of the answer.
    var advice = ""
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
    /// Of the storage; nil as releases before 3.6 tell it.
    var version: String?
}

enum Printer {
    static func bytes(
        _ answer: Answer, _ format: OutputFormat, hex: Bool, for personality: Personality
    ) throws(CtlError) -> [UInt8] {
        let answer = personality.explains ? answer : answer.asOlder
        switch format {
        case .simple: return SimplePrinter(hex: hex, personality).bytes(answer)
        case .fields:
            if let text = FieldsPrinter.text(answer, personality) { return Array(text.utf8) }
        case .json: return JSONPrinter.bytes(answer, hex: hex)
        case .table:
            if let text = TablePrinter.text(answer, personality) { return Array(text.utf8) }
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

    init?(_ answer: Answer, _ personality: Personality) {
        let isNew = personality.explains
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
            titles = isNew ? StatusRow.newTitles : StatusRow.titles
            rows = list.map { isNew ? StatusRow.newCells($0) : StatusRow.cells($0) }
        case .hashes(let list):
            titles = ["endpoint", "hash"] + (isNew ? ["hash revision"] : [])
            rows = list.map { entry in
                [entry.endpoint, "\(entry.hash.hash)"]
                    + (isNew ? ["\(entry.hash.hashRevision)"] : [])
            }
        case .snapshot(let summary):
            let version = summary.version.map { [$0] } ?? []
            titles =
                ["hash", "revision", "total keys", "total size"] + version.map { _ in "version" }
            rows = [
                [
                    String(summary.hash, radix: 16), "\(summary.revision)", "\(summary.keyCount)",
                    humanSize(summary.size),
                ] + version
            ]
        default: return nil
        }
    }
}

/// A member's status as a line: as 3.5 tells it, and as 3.6 does.
private enum StatusRow {
    static let titles = [
        "endpoint", "ID", "version", "db size", "is leader", "is learner", "raft term",
        "raft index", "raft applied index", "errors",
    ]

    static let newTitles = [
        "endpoint", "ID", "version", "storage version", "db size", "in use",
        "percentage not in use", "quota", "is leader", "is learner", "raft term", "raft index",
        "raft applied index", "errors", "downgrade target version", "downgrade enabled",
    ]

    static func cells(_ entry: EndpointStatus) -> [String] {
        head(entry) + [humanSize(entry.status.dbSize)] + raft(entry.status)
    }

    static func newCells(_ entry: EndpointStatus) -> [String] {
        let status = entry.status
        let share =
            status.dbSize > 0 ? Double(status.dbSizeInUse) / Double(status.dbSize) * 100 : 100
        let percent = Int(max(0, min(100, 100 - share)))
        return head(entry)
            + [
                status.storageVersion, humanSize(status.dbSize), humanSize(status.dbSizeInUse),
                "\(percent)%", humanSize(status.dbSizeQuota),
            ] + raft(status)
            + [
                status.downgradeInfo?.targetVersion ?? "",
                "\(status.downgradeInfo?.enabled ?? false)",
            ]
    }

    private static func head(_ entry: EndpointStatus) -> [String] {
        let member = entry.status.header?.memberID ?? 0
        return [entry.endpoint, String(member, radix: 16), entry.status.version]
    }

    private static func raft(_ status: StatusResponse) -> [String] {
        [
            "\(status.leader == (status.header?.memberID ?? 0))", "\(status.isLearner)",
            "\(status.raftTerm)", "\(status.raftIndex)", "\(status.raftAppliedIndex)",
            status.errors.joined(separator: ", "),
        ]
    }
}

extension Answer {
    /// Without what came with 3.6.
    var asOlder: Answer {
        switch self {
        case .status(let list):
            return .status(
                list.map { entry in
                    var entry = entry
                    entry.status.storageVersion = ""
                    entry.status.dbSizeQuota = 0
                    entry.status.downgradeInfo = nil
                    return entry
                })
        case .hashes(let list):
            return .hashes(
                list.map { entry in
                    var entry = entry
                    entry.hash.hashRevision = 0
                    return entry
                })
        case .snapshot(var summary):
            summary.version = nil
            return .snapshot(summary)
        default: return self
        }
    }
}
