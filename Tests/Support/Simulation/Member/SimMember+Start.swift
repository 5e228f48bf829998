// SPDX-License-Identifier: Apache-2.0
internal import Bytes
internal import EtcdAPI
internal import NodeCore
internal import Raft
internal import Replicated
internal import SimulatedDisk
internal import Storage

// A process begins: everything is read back from the disk, as the server does it.
extension SimMember {
    private static let walPath = "/data/member/wal"

    var ledgerSettings: LedgerSettings {
        LedgerSettings(
            clusterID: World.clusterID, memberID: id, quotaBytes: -1, minimumLeaseTTL: 2,
            hashSeed: UInt64(place))
    }

    var store: MemberStore {
        MemberStore(disk: disk, settings: ledgerSettings, plant: world.plant)
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
        do throws(StoreProblem) {
            let (log, found) = try openLog()
            let ledger =
                try store.loadNewest(mark: found.marks.last?.index ?? .zero)
                ?? Ledger(settings: ledgerSettings)
            guard let restored = restore(found, ledger) else { return }
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

    private func openLog() throws(StoreProblem) -> (Log, RecoveredLog) {
        try store.stored { () throws(StorageError) -> (Log, RecoveredLog) in
            try MemberFolder(root: "/data").prepare(on: disk)
            let settings = LogSettings(
                segmentByteCount: world.profile.segmentByteCount, salt: UInt64(place))
            if !(try Log.exists(on: disk, directory: Self.walPath)) {
                let metadata = LogMetadata(memberID: id, clusterID: World.clusterID)
                var log = try Log.create(
                    on: disk, directory: Self.walPath, metadata: metadata, settings: settings)
                try found(&log)
                try log.close()
            }
            var (log, recovered) = try Log.open(
                on: disk, directory: Self.walPath, settings: settings)
            let isEmpty =
                recovered.hardState == nil && recovered.entries.isEmpty && recovered.marks.isEmpty
            if isEmpty, isFounder {
                // The first start was cut short.
                try found(&log)
                let first = founding
                recovered.entries = first.entries
                recovered.hardState = first.hardState
            }
            return (log, recovered)
        }
    }

    private func found(_ log: inout Log) throws(StorageError) {
        guard isFounder else { return }
        let first = founding
        try log.append([LogBatch(hardState: first.hardState, entries: first.entries)])
        try log.sync()
    }

    private var founding: Restored {
        var restored = Restored()
        let founders = world.members.filter(\.isFounder).map { founder in
            Member(id: founder.id.number, name: founder.name, peerURLs: [founder.peerURL])
        }
        restored.entries = MembershipCommand.bootstrap(founders).enumerated().map { offset, data in
            Entry(
                kind: .change, term: Term(1), index: LogIndex(UInt64(offset) + 1), data: data)
        }
        restored.hardState = HardState(
            term: Term(1), vote: .none, commit: LogIndex(UInt64(founders.count)))
        return restored
    }

    var peerURL: String { "http://\(name):2380" }

    /// What raft starts from; nil (and a failure) when log and store do not meet.
    private func restore(_ found: RecoveredLog, _ ledger: Ledger) -> Restored? {
        var restored = Restored()
        restored.hardState = found.hardState ?? HardState()
        restored.applied = ledger.appliedIndex
        restored.configuration = ledger.configuration
        restored.entries = found.entries.filter { $0.index > ledger.appliedIndex }
        if let first = restored.entries.first, first.index != ledger.appliedIndex.next {
            world.fail(
                .recovery,
                "\(name): log begins at \(first.index), the store ends at \(ledger.appliedIndex)")
            return nil
        }
        let behind = found.entries.filter { $0.index <= ledger.appliedIndex }
        if let base = behind.suffix(5_001).first {
            restored.snapshot = SnapshotMetadata(index: base.index, term: base.term)
            restored.entries = behind.suffix(5_001).dropFirst() + restored.entries
        } else {
            restored.snapshot = SnapshotMetadata(
                index: ledger.appliedIndex, term: ledger.appliedTerm,
                configuration: ledger.configuration)
        }
        let last = restored.entries.last?.index ?? ledger.appliedIndex
        restored.hardState.commit = min(
            max(restored.hardState.commit, ledger.appliedIndex), last)
        restored.hardState.term = max(
            restored.hardState.term, restored.entries.last?.term ?? ledger.appliedTerm)
        return restored
    }

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
