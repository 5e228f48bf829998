// SPDX-License-Identifier: Apache-2.0
internal import Bytes
internal import EtcdAPI
internal import EtcdClient

/// The member that a backup is taken from.
struct BackupSource: Equatable {
    enum Wish: Equatable, Sendable {
        case follower, leader
        /// By name or id.
        case member(String)

        init(_ text: String) {
            switch text.lowercased() {
            case "", "follower": self = .follower
            case "leader": self = .leader
            default: self = .member(text)
            }
        }
    }

    var endpoint: String
    var name = ""
    var memberID: UInt64
    var clusterID: UInt64
    var leader: UInt64
    var isLearner = false
    var appliedIndex: UInt64 = 0
    var byteCount: Int64 = 0
    var version = ""
    var problems: [String] = []

    var id: String { String(memberID, radix: 16) }
    var isLeader: Bool { memberID == leader }
    var isHealthy: Bool { leader != 0 && problems.isEmpty }

    /// The order in which to try them; empty if none will do. A leader has enough to do, and a
    /// learner may lag; a member that somebody names is taken as it is.
    static func ranked(_ found: [BackupSource], _ wish: Wish) -> [BackupSource] {
        if case .member(let name) = wish {
            return found.filter { $0.name == name || $0.id == name.lowercased() }
        }
        func rank(_ source: BackupSource) -> Int {
            if source.isLearner { return 2 }
            return source.isLeader == (wish == .leader) ? 0 : 1
        }
        return found.filter(\.isHealthy).sorted { one, other in
            if rank(one) != rank(other) { return rank(one) < rank(other) }
            if one.appliedIndex != other.appliedIndex {
                return one.appliedIndex > other.appliedIndex
            }
            return one.memberID < other.memberID
        }
    }

    /// Asks the endpoints, and the other members that they know of. Failures come along as
    /// sentences.
    static func find(
        _ call: Invocation
    ) throws(CtlError) -> (found: [BackupSource], failures: [String]) {
        var found: [BackupSource] = []
        var failures: [String] = []
        var members: [Member] = []
        for endpoint in call.globals.endpoints {
            do throws(CtlError) {
                let client = try call.client(endpoints: [endpoint])
                take(try status(client, endpoint), &found)
                if members.isEmpty {
                    members = try calling { () throws(ClientError) in
                        try client.memberList(.with { $0.linearizable = false }).members
                    }
                }
            } catch {
                if case .failed(.badArguments, _) = error { throw error }
                failures.append("\(endpoint): \(BackupCommand.text(error))")
            }
        }
        for member in members where !found.contains(where: { $0.memberID == member.id }) {
            for endpoint in member.clientURLs {
                // Names of the inside may mean nothing here: that one does not answer is told only
                // if there is no other.
                do throws(CtlError) {
                    var settings = try call.settings(endpoints: [endpoint])
                    settings.callTimeout = min(.seconds(2), call.globals.commandTimeout)
                    settings.dialTimeout = min(.seconds(1), call.globals.dialTimeout)
                    take(try status(try call.client(settings), endpoint), &found)
                    break
                } catch {
                    failures.append("\(endpoint): \(BackupCommand.text(error))")
                }
            }
        }
        for place in found.indices {
            found[place].name = members.first { $0.id == found[place].memberID }?.name ?? ""
        }
        return (found, failures)
    }

    private static func take(_ source: BackupSource, _ found: inout [BackupSource]) {
        if !found.contains(where: { $0.memberID == source.memberID }) { found.append(source) }
    }

    private static func status(
        _ client: Client, _ endpoint: String
    ) throws(CtlError) -> BackupSource {
        let status = try calling { () throws(ClientError) in try client.status() }
        return BackupSource(
            endpoint: endpoint, memberID: status.header?.memberID ?? 0,
            clusterID: status.header?.clusterID ?? 0, leader: status.leader,
            isLearner: status.isLearner, appliedIndex: status.raftAppliedIndex,
            byteCount: status.dbSize, version: status.version, problems: status.errors)
    }
}
