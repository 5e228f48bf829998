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
final class EtcdModel {
    /// By claim UID.
    var disks = SortedMap<String, SimDisk>() { didSet { forget() } }
    /// By pod name.
    var processes = SortedMap<String, SimProcess>() { didSet { forget() } }
    /// By cluster ID.
    var leaders = SortedMap<UInt64, MemberID>() { didSet { forget() } }
    /// Members that were promoted.
    private(set) var promoted: [MemberID] = []
    var plant: Plant?
    /// As calls made them, in order; whoever looks takes them away.
    var changedLists: [(id: ClusterID, list: [ListedMember])] = []
    var acknowledged: [WriteNumber] = []
    var bootstraps: [String] = []
    var alarms: [MemberAlarm] = []
    /// What a compaction gives back on every disk.
    var historyBytes: Int64 = 0
    var downHosts: [String] = [] { didSet { forget() } }
    private var nextWrite = 1
    private var nextMember: UInt64 = 0x100
    private(set) var elections = 0

    // What was found of processes and leaders, until something changes.
    private var seatMemo: [Seat]?
    private var leaderMemo: [(id: ClusterID, leader: SimProcess?)] = []
    private var idMemo: [ClusterID]?

    /// A process that is up, and what its disk says.
    private struct Seat {
        var process: SimProcess
        var memberID: MemberID
        var clusterID: ClusterID
        var lastTerm: UInt64
        var index: UInt64
        var canTalk: Bool
    }

    private func forget() {
        if seatMemo != nil { seatMemo = nil }
        if !leaderMemo.isEmpty { leaderMemo = [] }
        if idMemo != nil { idMemo = nil }
    }

    private var seats: [Seat] {
        if let seatMemo { return seatMemo }
        var seats: [Seat] = []
        for process in processes.values where isUp(process) {
            guard let disk = disk(process), let memberID = disk.memberID,
                let clusterID = disk.clusterID
            else { continue }
            seats.append(
                Seat(
                    process: process, memberID: memberID, clusterID: clusterID,
                    lastTerm: disk.lastTerm, index: disk.index, canTalk: !process.isCut))
        }
        seatMemo = seats
        return seats
    }

    func disk(_ process: SimProcess) -> SimDisk? { disks[process.claimUID] }

    func isUp(_ process: SimProcess) -> Bool {
        process.exitCode == nil && (downHosts.isEmpty || !downHosts.contains(process.host))
    }

    func process(_ id: MemberID) -> SimProcess? {
        for seat in seats where seat.memberID == id { return seat.process }
        return nil
    }

    private func canTalk(_ process: SimProcess) -> Bool { isUp(process) && !process.isCut }

    /// The leader's process, if a majority of the voters in its list can be reached by it.
    func leader(of clusterID: ClusterID) -> SimProcess? {
        for known in leaderMemo where known.id == clusterID { return known.leader }
        let leader = findLeader(of: clusterID)
        leaderMemo.append((clusterID, leader))
        return leader
    }

    private func findLeader(of clusterID: ClusterID) -> SimProcess? {
        guard let id = leaders[clusterID.number] else { return nil }
        for seat in seats where seat.memberID == id && seat.canTalk {
            guard seat.clusterID == clusterID, let disk = disk(seat.process),
                disk.members.contains(where: { $0.id == id && !$0.isLearner })
            else { return nil }
            return votes(for: seat, disk.members) ? seat.process : nil
        }
        return nil
    }

    private func votes(for candidate: Seat, _ members: [ListedMember]) -> Bool {
        var voters = 0
        var granted = 0
        for member in members where !member.isLearner {
            voters += 1
            for seat in seats where seat.memberID == member.id {
                if seat.canTalk, seat.clusterID == candidate.clusterID,
                    (seat.lastTerm, seat.index) <= (candidate.lastTerm, candidate.index)
                {
                    granted += 1
                }
                break
            }
        }
        return voters > 0 && granted >= QuorumCount.quorum(of: voters)
    }

    /// Of processes that are down too.
    var clusterIDs: [ClusterID] {
        if let idMemo { return idMemo }
        var found: [ClusterID] = []
        for process in processes.values {
            if let id = disk(process)?.clusterID, !found.contains(id) { found.append(id) }
        }
        found.sort { $0.number < $1.number }
        idMemo = found
        return found
    }

    // MARK: One second

    /// `tickets`: those that lie before the processes.
    func tick(writes: Bool, tickets: [Membership.Line]) {
        for name in processes.keys { step(name, tickets.first { $0.pod == name }?.ticket) }
        for id in clusterIDs {
            if leader(of: id) == nil { elect(id) }
            replicate(id)
            if writes { write(id) }
        }
    }

    private func elect(_ id: ClusterID) {
        if leaders[id.number] != nil { leaders[id.number] = nil }
        var best: Seat?
        for seat in seats where seat.canTalk && seat.clusterID == id {
            guard let disk = disk(seat.process),
                disk.members.contains(where: { $0.id == seat.memberID && !$0.isLearner }),
                votes(for: seat, disk.members)
            else { continue }
            if best.map({ ($0.lastTerm, $0.index) < (seat.lastTerm, seat.index) }) ?? true {
                best = seat
            }
        }
        guard let winner = best, let disk = disk(winner.process) else { return }
        leaders[id.number] = winner.memberID
        elections += 1
        let term = disk.term + 1
        update(winner.process) { disk in
            disk.term = term
            disk.lastTerm = term
            disk.configChanges += 1
        }
    }

    func update(_ process: SimProcess, _ body: (inout SimDisk) -> Void) {
        _ = disks.update(process.claimUID, body)
    }

    /// Everybody that the leader reaches and lists gets its log.
    private func replicate(_ id: ClusterID) {
        if let leader = leader(of: id) { replicate(id, from: leader) }
    }

    private func replicate(_ id: ClusterID, from leader: SimProcess) {
        guard let source = disk(leader) else { return }
        for seat in seats
        where seat.clusterID == id && seat.canTalk && seat.process.pod != leader.pod {
            guard source.members.contains(where: { $0.id == seat.memberID }) else {
                if disk(seat.process)?.isRemoved == false {
                    update(seat.process) { $0.isRemoved = true }
                }
                continue
            }
            guard seat.index != source.index || seat.lastTerm != source.lastTerm else { continue }
            update(seat.process) { disk in
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
    func write(_ id: ClusterID, isDeletion: Bool = false) {
        guard let leader = leader(of: id), alarms.isEmpty || isDeletion else { return }
        let number = nextWrite
        nextWrite += 1
        update(leader) { $0.log.append(number) }
        replicate(id)
        acknowledged.append(number)
    }

    // MARK: A process by itself

    private func step(_ name: String, _ filed: Ticket?) {
        guard var process = processes[name], isUp(process), let disk = disk(process) else { return }
        var hasChanged = false
        if let filed, process.ticket.map({ $0.generation < filed.generation }) ?? true {
            process.ticket = filed
            hasChanged = true
        }
        if process.delay > 0 {
            process.delay -= 1
            hasChanged = true
        } else if disk.isRemoved {
            process.exitCode = 4
            hasChanged = true
        } else if let ticket = process.ticket {
            obey(ticket, process, disk)
        }
        if hasChanged { processes[name] = process }
    }

    private func obey(_ ticket: Ticket, _ process: SimProcess, _ disk: SimDisk) {
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

    private func found(_ ticket: Ticket, _ process: SimProcess, _ id: MemberID) {
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

    private func forceNewCluster(
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

    private func setName(_ clusterID: ClusterID, _ id: MemberID, _ name: String) {
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

    func call(_ call: EtcdCall, pod: String) -> Bool {
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
            // As etcd has it: no name twice, one learner at a time.
            guard !list.contains(where: { $0.peerURLs == urls || $0.isLearner }) else {
                return false
            }
            nextMember += 1
            list.append(
                ListedMember(
                    id: MemberID(nextMember), name: "", peerURLs: urls,
                    isLearner: plant != .addsVoters))
        case .promote(let id):
            guard let at = list.firstIndex(where: { $0.id == id && $0.isLearner }),
                let learner = process(id), let disk = disk(learner),
                disk.index + 10 >= before.index
            else { return false }
            list[at].isLearner = false
            promoted.append(id)
        case .remove(let id):
            guard list.contains(where: { $0.id == id }), mayRemove(id, list) else { return false }
            list.removeAll { $0.id == id }
        case .moveLeader(let id):
            guard asked.pod == leader.pod, let heir = process(id), canTalk(heir),
                list.contains(where: { $0.id == id && !$0.isLearner })
            else { return false }
            leaders[clusterID.number] = id
            return true
        case .compact:
            for name in disks.keys {
                _ = disks.update(name) { $0.inUseBytes -= min(historyBytes, $0.inUseBytes) }
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
        changedLists.append((clusterID, list))
        replicate(clusterID, from: leader)
        return true
    }

    /// As etcd has it: one that is down may always go, one that is up only if the rest of those that
    /// are up is a quorum then.
    private func mayRemove(_ id: MemberID, _ list: [ListedMember]) -> Bool {
        guard list.contains(where: { $0.id == id && !$0.isLearner }) else { return true }
        let voters = list.filter { !$0.isLearner }
        let active = voters.filter { voter in
            seats.contains { $0.memberID == voter.id && $0.canTalk }
        }
        guard active.contains(where: { $0.id == id }) else { return true }
        return active.count - 1 >= 1 + (voters.count - 1) / 2
    }

    func addOutside(_ clusterID: ClusterID, url: String) {
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
