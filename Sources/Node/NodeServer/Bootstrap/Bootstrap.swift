// SPDX-License-Identifier: Apache-2.0
internal import Bytes
internal import EtcdAPI
internal import Formats
internal import Net
internal import Posix
internal import Program
internal import Raft
internal import Replicated
internal import Storage

/// How a member comes to its first state: from its own disk if it has lived before, by founding a
/// cluster with the others of `--initial-cluster`, or by joining one that runs.
struct Bootstrap {
    struct Start {
        var recovered: Recovered
        var files: StoreFiles
        /// The others as a running cluster named them; they can be spoken to before membership is
        /// known here.
        var remotes: [EtcdAPI.Member] = []
    }

    let config: NodeConfig
    let directory: DataDirectory
    let reactor: Reactor
    let dialer: Dialer
    let logger: Logger
    /// A random number: seeds what must differ between members and lives.
    let salt: UInt64
    /// Whether the process was told to end meanwhile.
    let isStopping: () -> Bool

    func begin() throws(StartFailure) -> Start {
        if try directory.hasLog { return try restart() }
        if try directory.isEtcds {
            throw .refused(
                "\(directory.walPath) was written by etcd, whose log has another format; "
                    + "convert it with `keelsonctl import`, or start with an empty --data-dir")
        }
        switch config.initialClusterState {
        case .new: return try found()
        case .existing: return try join()
        }
    }

    // MARK: Again

    private func restart() throws(StartFailure) -> Start {
        let recovered = try directory.recover(
            { self.ledgerSettings($0.memberID, $0.clusterID) }, founders: try foundersOrNone(),
            salt: salt)
        if recovered.ledger.members.isRemoved(recovered.memberID) {
            throw .removed(
                "member \(recovered.memberID) has been removed from the cluster; to join again, "
                    + "remove its data directory and add it as a new member")
        }
        if recovered.tornByteCount > 0 {
            logger.warn(
                "cut an unfinished write off the log",
                ["bytes": .integer(recovered.tornByteCount)])
        }
        logger.info(
            "restarting local member",
            [
                "local-member-id": .string("\(recovered.memberID)"),
                "cluster-id": .string("\(recovered.clusterID)"),
                "commit-index": .unsigned(recovered.restored.hardState.commit.number),
            ])
        return Start(
            recovered: recovered, files: directory.storeFiles(recovered.ledger.settings))
    }

    /// Only a first start that was cut short needs them; by then the configuration may have gone.
    private func foundersOrNone() throws(StartFailure) -> [EtcdAPI.Member] {
        guard config.initialClusterState == .new else { return [] }
        do throws(ConfigError) {
            return founders(of: try config.initialMembers())
        } catch {
            return []
        }
    }

    // MARK: First

    private func founders(of members: [InitialMember]) -> [EtcdAPI.Member] {
        members.map { member in
            let urls = member.peerURLs.map(\.description).sorted()
            let id = Identity.memberID(
                peerURLs: urls, token: config.initialClusterToken, addedAt: nil)
            return EtcdAPI.Member(id: id.number, name: member.name, peerURLs: urls)
        }
    }

    private func initialMembers() throws(StartFailure) -> [InitialMember] {
        do throws(ConfigError) {
            return try config.initialMembers()
        } catch {
            throw .refused(error.text)
        }
    }

    func found() throws(StartFailure) -> Start {
        let all = founders(of: try initialMembers())
        guard let own = all.first(where: { $0.name == config.name }) else {
            throw .refused("--initial-cluster does not name \(config.name)")
        }
        let others = all.filter { $0.id != own.id }
        if let known = fetch(others, patience: .seconds(1)),
            known.members.contains(where: { $0.id == own.id && !$0.clientURLs.isEmpty })
        {
            throw .refused(
                "member \(String(own.id, radix: 16)) has already been bootstrapped; its data "
                    + "directory is gone: remove the member and add it anew")
        }
        let clusterID = Identity.clusterID(of: all.map { MemberID($0.id) })
        return try create(MemberID(own.id), clusterID, founders: all, remotes: [])
    }

    private func join() throws(StartFailure) -> Start {
        let initial = try initialMembers()
        let others = initial.filter { $0.name != config.name }
        guard !others.isEmpty else {
            throw .refused("--initial-cluster-state=existing needs the other members' peer URLs")
        }
        let peers = founders(of: others)
        var known: ClusterFetch.Answer?
        var round = 0
        while known == nil {
            known = fetch(peers, patience: .seconds(15), isQuiet: round % 60 != 0)
            round += 1
            if isStopping() { throw .refused("told to stop before the cluster had answered") }
            if known == nil { ClusterFetch.rest(.milliseconds(500), on: reactor) }
        }
        guard let cluster = known else { throw .refused("no member answered") }
        let ownURLs = config.advertisePeerURLs.map(\.description).sorted()
        guard let own = cluster.members.first(where: { $0.peerURLs.sorted() == ownURLs }) else {
            throw .refused(
                "no member of cluster \(cluster.clusterID) has the peer URLs "
                    + "\(ownURLs.joined(separator: ",")); add this member first "
                    + "(etcdctl member add)")
        }
        guard cluster.members.count == initial.count else {
            throw .refused(
                "error validating peerURLs: member count is unequal: --initial-cluster names "
                    + "\(initial.count), the cluster has \(cluster.members.count)")
        }
        return try create(
            MemberID(own.id), cluster.clusterID, founders: [],
            remotes: cluster.members.filter { $0.id != own.id })
    }

    func create(
        _ memberID: MemberID, _ clusterID: ClusterID, founders: [EtcdAPI.Member],
        remotes: [EtcdAPI.Member]
    ) throws(StartFailure) -> Start {
        let settings = ledgerSettings(memberID, clusterID)
        let recovered = try directory.create(settings, founders: founders, salt: salt)
        return Start(
            recovered: recovered, files: directory.storeFiles(settings), remotes: remotes)
    }

    /// Asks the members for who they are; nil if nobody answered.
    private func fetch(
        _ members: [EtcdAPI.Member], patience: Duration, isQuiet: Bool = false
    ) -> ClusterFetch.Answer? {
        let urls = members.flatMap(\.peerURLs).sorted()
        guard !urls.isEmpty else { return nil }
        return ClusterFetch.waitForAnswer(
            on: reactor, dialer: dialer, urls: urls, patience: patience, logger: logger,
            isQuiet: isQuiet, isStopping: isStopping)
    }

    // MARK: Parts

    private func ledgerSettings(_ memberID: MemberID, _ clusterID: ClusterID) -> LedgerSettings {
        let minimum = (config.electionTimeout.milliseconds * 3 / 2 + 999) / 1_000
        return LedgerSettings(
            clusterID: clusterID, memberID: memberID, quotaBytes: config.quotaBytes ?? -1,
            minimumLeaseTTL: minimum, maxTxnOps: config.maxTxnOps,
            maxLearners: config.maxLearners, hashSeed: salt)
    }
}
