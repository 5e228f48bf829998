// SPDX-License-Identifier: Apache-2.0
internal import Bytes
internal import Kube
internal import Reconcile

/// One entry of a member's log that matters to us: a write that somebody may have been told of.
typealias WriteNumber = Int

/// What lies in a claim, and survives a process.
struct SimDisk {
    var clusterUID = ""
    var clusterID: ClusterID?
    var memberID: MemberID?
    var isRemoved = false
    var term: UInt64 = 0
    /// The term of the last entry.
    var lastTerm: UInt64 = 0
    var log: [WriteNumber] = []
    /// Entries that are no writes, so that indexes move with configuration changes too.
    var configChanges = 0
    var members: [ListedMember] = []
    var sizeBytes: Int64 = 64 << 20
    var inUseBytes: Int64 = 60 << 20

    var isEmpty: Bool { clusterID == nil }
    var index: UInt64 { UInt64(log.count + configChanges) }
}

/// A node's process in a pod.
struct SimProcess {
    var pod: String
    var podUID: String
    var claimUID: String
    var host: String
    var isCut = false
    /// The operator cannot reach it.
    var isHidden = false
    var ticket: Ticket?
    var exitCode: Int?
    /// Ticks until it does what it is about to do.
    var delay = 0
}

/// Members, their disks, and consensus as far as the operator can disturb it: who may lead, what is
/// acknowledged, what a member that begins anew has forgotten.
struct EtcdModel {
    /// By claim UID.
    var disks = SortedMap<String, SimDisk>()
    /// By pod name.
    var processes = SortedMap<String, SimProcess>()
    /// By cluster ID.
    var leaders = SortedMap<UInt64, MemberID>()
    var acknowledged: [WriteNumber] = []
    var bootstraps: [String] = []
    var alarms: [MemberAlarm] = []
    /// What a compaction gives back on every disk.
    var historyBytes: Int64 = 0
    var downHosts: [String] = []
    private var nextWrite = 1
    private var nextMember: UInt64 = 0x100
    private(set) var elections = 0

    func disk(_ process: SimProcess) -> SimDisk? { disks[process.claimUID] }

    func isUp(_ process: SimProcess) -> Bool {
        process.exitCode == nil && !downHosts.contains(process.host)
    }

    func process(_ id: MemberID) -> SimProcess? {
        processes.values.first { disk($0)?.memberID == id && isUp($0) }
    }

    private func canTalk(_ process: SimProcess) -> Bool { isUp(process) && !process.isCut }

    /// The leader's process, if a majority of the voters in its list can be reached by it.
    func leader(of clusterID: ClusterID) -> SimProcess? {
        guard let id = leaders[clusterID.number], let process = process(id), canTalk(process),
            let disk = disk(process), disk.clusterID == clusterID,
            disk.members.contains(where: { $0.id == id && !$0.isLearner })
        else { return nil }
        return votes(for: process, disk) ? process : nil
    }

    private func votes(for candidate: SimProcess, _ own: SimDisk) -> Bool {
        let voters = own.members.filter { !$0.isLearner }
        let granted = voters.filter { voter in
            guard let other = process(voter.id), canTalk(other), let disk = disk(other),
                disk.clusterID == own.clusterID
            else { return false }
            return (disk.lastTerm, disk.index) <= (own.lastTerm, own.index)
        }
        return !voters.isEmpty && granted.count >= QuorumCount.quorum(of: voters.count)
    }

    var clusterIDs: [ClusterID] {
        var found: [ClusterID] = []
        for process in processes.values {
            if let id = disk(process)?.clusterID, !found.contains(id) { found.append(id) }
        }
        return found.sorted { $0.number < $1.number }
    }

    // MARK: One second

    mutating func tick(writes: Bool, tickets: (String) -> Ticket?) {
        for name in processes.keys { step(name, tickets(name)) }
        for id in clusterIDs {
            if leader(of: id) == nil { elect(id) }
            replicate(id)
            if writes { write(id) }
        }
    }

    private mutating func elect(_ id: ClusterID) {
        leaders[id.number] = nil
        let candidates = processes.values.filter { process in
            guard canTalk(process), let disk = disk(process), disk.clusterID == id else {
                return false
            }
            return disk.members.contains { $0.id == disk.memberID && !$0.isLearner }
        }
        var best: (SimProcess, SimDisk)?
        for process in candidates {
            guard let disk = disk(process), votes(for: process, disk) else { continue }
            if best.map({ ($0.1.lastTerm, $0.1.index) < (disk.lastTerm, disk.index) }) ?? true {
                best = (process, disk)
            }
        }
        guard let (winner, disk) = best, let memberID = disk.memberID else { return }
        leaders[id.number] = memberID
        elections += 1
        let term = disk.term + 1
        update(winner) { disk in
            disk.term = term
            disk.lastTerm = term
            disk.configChanges += 1
        }
    }

    mutating func update(_ process: SimProcess, _ body: (inout SimDisk) -> Void) {
        guard var disk = disks[process.claimUID] else { return }
        body(&disk)
        disks[process.claimUID] = disk
    }

    /// Everybody that the leader reaches and lists gets its log.
    private mutating func replicate(_ id: ClusterID) {
        if let leader = leader(of: id) { replicate(id, from: leader) }
    }

    private mutating func replicate(_ id: ClusterID, from leader: SimProcess) {
        guard let source = disk(leader) else { return }
        for process in processes.values where process.pod != leader.pod && canTalk(process) {
            guard let disk = disk(process), disk.clusterID == id, let memberID = disk.memberID
            else {
                continue
            }
            guard source.members.contains(where: { $0.id == memberID }) else {
                update(process) { $0.isRemoved = true }
                continue
            }
            guard disk.index != source.index || disk.lastTerm != source.lastTerm else { continue }
            update(process) { disk in
                disk.log = source.log
                disk.configChanges = source.configChanges
                disk.members = source.members
                disk.term = source.term
                disk.lastTerm = source.lastTerm
                disk.inUseBytes = source.inUseBytes
            }
        }
    }

    /// Deletions are let through by the alarm NOSPACE.
    mutating func write(_ id: ClusterID, isDeletion: Bool = false) {
        guard let leader = leader(of: id), alarms.isEmpty || isDeletion else { return }
        let number = nextWrite
        nextWrite += 1
        update(leader) { $0.log.append(number) }
        replicate(id)
        acknowledged.append(number)
    }

    // MARK: A process by itself

    private mutating func step(_ name: String, _ filed: Ticket?) {
        guard var process = processes[name], isUp(process), let disk = disk(process) else { return }
        if process.ticket.map({ $0.generation < filed?.generation ?? 0 }) ?? true {
            process.ticket = filed ?? process.ticket
        }
        if process.delay > 0 {
            process.delay -= 1
        } else if disk.isRemoved {
            process.exitCode = 4
        } else if let ticket = process.ticket {
            obey(ticket, &process, disk)
        }
        processes[name] = process
    }

    private mutating func obey(_ ticket: Ticket, _ process: inout SimProcess, _ disk: SimDisk) {
        if ticket.action == .forceNewCluster, ticket.podUID == process.podUID, !disk.isEmpty {
            forceNewCluster(ticket, process, disk)
            return
        }
        guard disk.isEmpty else { return }
        switch ticket.action {
        case .bootstrap, .restore:
            guard ticket.podUID == process.podUID else { return }
            bootstraps.append(ticket.clusterToken)
            nextMember += 1
            found(ticket, process, MemberID(nextMember))
        case .join:
            guard let id = ticket.memberID else { return }
            for clusterID in clusterIDs {
                guard let leader = leader(of: clusterID), let source = self.disk(leader),
                    source.members.contains(where: { $0.id == id }), !process.isCut
                else { continue }
                update(process) { disk in
                    disk.clusterUID = ticket.clusterUID
                    disk.clusterID = clusterID
                    disk.memberID = id
                }
                setName(clusterID, id, process.pod)
                return
            }
        case .resume, .hold, .forceNewCluster: break
        }
    }

    private mutating func found(_ ticket: Ticket, _ process: SimProcess, _ id: MemberID) {
        let member = ListedMember(
            id: id, name: process.pod,
            peerURLs: [String(ticket.initialCluster.drop { $0 != "=" }.dropFirst())],
            isLearner: false)
        let clusterID = Self.clusterID(ticket.clusterToken)
        update(process) { disk in
            disk.clusterUID = ticket.clusterUID
            disk.clusterID = clusterID
            disk.memberID = id
            disk.members = [member]
        }
    }

    static func clusterID(_ token: String) -> ClusterID {
        ClusterID(UInt64(CRC32C.of(Array(token.utf8))) + 1)
    }

    private mutating func forceNewCluster(
        _ ticket: Ticket, _ process: SimProcess, _ disk: SimDisk
    ) {
        let clusterID = Self.clusterID(ticket.clusterToken)
        guard disk.clusterID != clusterID else { return }
        update(process) { disk in
            disk.clusterID = clusterID
            disk.members = disk.members.filter { $0.id == disk.memberID }
            for index in disk.members.indices { disk.members[index].isLearner = false }
            disk.configChanges += 1
        }
    }

    private mutating func setName(_ clusterID: ClusterID, _ id: MemberID, _ name: String) {
        guard let leader = leader(of: clusterID) else { return }
        update(leader) { disk in
            for index in disk.members.indices where disk.members[index].id == id {
                disk.members[index].name = name
            }
            disk.configChanges += 1
        }
    }

    // MARK: Calls

    /// The list as a quorum has it; nil if there is none.
    func quorumList(_ clusterID: ClusterID) -> [ListedMember]? {
        leader(of: clusterID).flatMap { disk($0)?.members }
    }

    mutating func call(_ call: EtcdCall, pod: String) -> Bool {
        guard let asked = processes[pod], isUp(asked), !asked.isHidden, !asked.isCut,
            let own = disk(asked), let clusterID = own.clusterID
        else { return false }
        if case .defragment = call {
            update(asked) { $0.sizeBytes = $0.inUseBytes }
            return true
        }
        guard let leader = leader(of: clusterID), let before = disk(leader) else { return false }
        var list = before.members
        switch call {
        case .addLearner(let urls):
            guard !list.contains(where: { $0.peerURLs == urls }) else { return false }
            nextMember += 1
            list.append(
                ListedMember(
                    id: MemberID(nextMember), name: "", peerURLs: urls, isLearner: true))
        case .promote(let id):
            guard let at = list.firstIndex(where: { $0.id == id && $0.isLearner }),
                let learner = process(id), let disk = disk(learner),
                disk.index + 10 >= before.index
            else { return false }
            list[at].isLearner = false
        case .remove(let id):
            guard list.contains(where: { $0.id == id }) else { return false }
            list.removeAll { $0.id == id }
        case .moveLeader(let id):
            guard asked.pod == leader.pod, let heir = process(id), canTalk(heir),
                list.contains(where: { $0.id == id && !$0.isLearner })
            else { return false }
            leaders[clusterID.number] = id
            return true
        case .compact:
            for name in disks.keys {
                let used = disks[name]?.inUseBytes ?? 0
                disks[name]?.inUseBytes = used - min(historyBytes, used)
            }
            historyBytes = 0
            return true
        case .disarm(let alarm):
            alarms.removeAll { $0 == alarm }
            return true
        case .defragment: return true
        }
        update(leader) { disk in
            disk.members = list
            disk.configChanges += 1
        }
        replicate(clusterID, from: leader)
        return true
    }

    mutating func addOutside(_ clusterID: ClusterID, url: String) {
        guard let leader = leader(of: clusterID) else { return }
        nextMember += 1
        let id = MemberID(nextMember)
        update(leader) { disk in
            disk.members.append(
                ListedMember(id: id, name: "", peerURLs: [url], isLearner: true))
            disk.configChanges += 1
        }
    }
}
