// SPDX-License-Identifier: Apache-2.0
internal import Bytes
internal import EtcdAPI
internal import NodeCore
internal import Raft
internal import Recovery
internal import Replicated
internal import SimulatedDisk
internal import Storage

// A process begins: everything is read back from the disk, as the server does it.
extension SimMember {
    var ledgerSettings: LedgerSettings {
        LedgerSettings(
            clusterID: World.clusterID, memberID: id, quotaBytes: -1, minimumLeaseTTL: 2,
            hashSeed: UInt64(place))
    }

    private var nodeSettings: NodeSettings {
        var settings = NodeSettings(
            memberID: id, clusterID: World.clusterID, name: name,
            clientURLs: ["http://\(name):2379"],
            startedAt: UInt64(world.now.nanoseconds / 1_000_000) + 1, seed: random.next())
        settings.snapshotCount = world.profile.snapshotCount
        settings.catchUpEntries = world.profile.catchUpEntries
        settings.preVote = world.profile.preVote
        settings.quotaBytes = -1
        settings.compactionBatch = 20
        settings.progressNotifyInterval = .seconds(2)
        return settings
    }

    /// Starts, or stays down when the disk fails meanwhile.
    func start() {
        guard state == .down else { return }
        beginLife()
        world.trace.add(.start, at: world.now.nanoseconds, place, UInt64(life), 0)
        do throws(RecoveryError) {
            let (log, found) = try openLog()
            let restart = try Restart.begin(found, store, settings: ledgerSettings)
            let (ledger, restored) = (restart.ledger, restart.restored)
            judge(found)
            entries = SeenLog(restored)
            let node = Node(
                settings: nodeSettings, ledger: ledger, restored: restored, now: clock)
            began(node, log)
            world.truth.started(self, node, world)
        } catch {
            guard error.isOfDisk else {
                world.fail(.recovery, "\(name) cannot start: \(error)")
                return
            }
            world.count("failed start")
            disk.crash(drawCrashMode())
        }
    }

    private func openLog() throws(RecoveryError) -> (Log, RecoveredLog) {
        let memberLog: MemberLog
        do throws(StorageError) {
            memberLog = try self.memberLog()
        } catch {
            throw .storage(error)
        }
        if !(try memberLog.exists) {
            let metadata = LogMetadata(memberID: id, clusterID: World.clusterID)
            var log = try memberLog.create(metadata, founders: founders)
            do throws(StorageError) {
                try log.close()
            } catch {
                throw .storage(error)
            }
        }
        return try memberLog.open(founders: founders)
    }

    /// Empty for a member that came later.
    private var founders: [Member] {
        guard isFounder else { return [] }
        return world.members.filter(\.isFounder).map { founder in
            Member(id: founder.id.number, name: founder.name, peerURLs: [founder.peerURL])
        }
    }

    var peerURL: String { "http://\(name):2380" }

    /// What was reported as durable must be there.
    private func judge(_ found: RecoveredLog) {
        let state = found.hardState ?? HardState()
        if state.term < confirmed.hardState.term {
            world.fail(
                .durability, "\(name) forgot term \(confirmed.hardState.term), has \(state.term)")
        } else if state.term == confirmed.hardState.term,
            confirmed.hardState.vote != .none, state.vote != confirmed.hardState.vote
        {
            world.fail(
                .durability, "\(name) forgot its vote of term \(state.term): \(state.vote)")
        }
        let last = found.entries.last?.index ?? found.marks.last?.index ?? .zero
        let lastTerm = found.entries.last?.term ?? found.marks.last?.term ?? .zero
        // Batches that were written and not confirmed may be there, and may have cut the log.
        if lastTerm == confirmed.lastTerm, last < confirmed.last {
            world.fail(
                .durability, "\(name) lost its log from \(last) to \(confirmed.last)")
        } else if lastTerm < confirmed.lastTerm {
            world.fail(
                .durability, "\(name) lost entries of term \(confirmed.lastTerm)")
        }
        confirmed.hardState = state
        confirmed.last = last
        confirmed.lastTerm = lastTerm
    }
}

/// The log as the core has asked for it; what is applied is looked up here.
struct SeenLog {
    private var base = LogIndex.zero
    private var entries: [Entry] = []

    init() {}

    init(_ restored: Restored) {
        base = restored.snapshot.index
        entries = restored.entries
    }

    mutating func take(_ batch: AppendBatch) {
        if let snapshot = batch.snapshot {
            base = snapshot.index
            entries = []
        }
        guard let first = batch.entries.first else { return }
        let kept = Int(first.index.number) - Int(base.number) - 1
        if kept < entries.count { entries.removeLast(entries.count - max(0, kept)) }
        entries += batch.entries
    }

    subscript(index: LogIndex) -> Entry? {
        guard index > base, index.number - base.number <= UInt64(entries.count) else { return nil }
        return entries[Int(index.number - base.number) - 1]
    }
}
