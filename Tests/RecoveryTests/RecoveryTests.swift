// SPDX-License-Identifier: Apache-2.0
internal import Bytes
internal import EtcdAPI
internal import Raft
internal import Recovery
internal import Replicated
internal import SimulatedDisk
internal import Storage
internal import Testing

/// A member's disk, and a ledger that is written to it entry by entry.
private struct Machine {
    let disk = SimulatedDisk(seed: 7)
    let folder = MemberFolder(root: "/data")
    let settings = LedgerSettings(clusterID: ClusterID(0xc1), memberID: MemberID(1))
    var metadata: LogMetadata {
        LogMetadata(memberID: settings.memberID, clusterID: settings.clusterID)
    }

    init() throws {
        try folder.prepare(on: disk)
    }

    var store: StoreFolder {
        StoreFolder(on: disk, directory: folder.snapDirectory, settings: settings)
    }
    var memberLog: MemberLog {
        MemberLog(
            on: disk, directory: folder.logDirectory, settings: LogSettings(segmentByteCount: 4_096)
        )
    }

    func put(_ number: Int, term: Term = Term(2)) -> Entry {
        var request = InternalRaftRequest()
        request.command = .put(
            PutRequest(key: Array("k\(number % 7)".utf8), value: Array("v\(number)".utf8)))
        return Entry(
            kind: .normal, term: term, index: LogIndex(UInt64(number)), data: request.encoded())
    }

    func restart() throws -> Restart {
        var (log, found) = try memberLog.open(founders: [])
        try log.close()
        return try Restart.begin(found, store, settings: settings)
    }
}

struct RecoveryTests {
    private let founders = (1...3).map { number in
        Member(id: UInt64(number), name: "m\(number)", peerURLs: ["http://m\(number):2380"])
    }

    /// A founded log with entries through `last`, and a checkpoint at `checkpoint`.
    private func lived(through last: Int, checkpoint: Int?) throws -> (Machine, Ledger) {
        let machine = try Machine()
        var log = try machine.memberLog.create(machine.metadata, founders: founders)
        let ledger = Ledger(settings: machine.settings)
        let first = MemberLog.founding(founders)
        let entries = first.entries + (4...last).map { machine.put($0) }
        let state = HardState(term: Term(2), vote: MemberID(2), commit: LogIndex(UInt64(last - 1)))
        try log.append([LogBatch(hardState: state, entries: Array(entries.dropFirst(3)))])
        try log.sync()
        for entry in entries {
            _ = ledger.apply(entry, isProposer: false, now: Instant(nanoseconds: 0))
            if Int(entry.index.number) == checkpoint {
                _ = try machine.store.saveCheckpoint(ledger.view())
            }
        }
        try log.close()
        return (machine, ledger)
    }

    @Test func `a founder's log holds what all founders write alike`() throws {
        let machine = try Machine()
        #expect(try !machine.memberLog.exists)
        var log = try machine.memberLog.create(machine.metadata, founders: founders)
        try log.close()
        machine.disk.crash(.losesAll)
        #expect(try machine.memberLog.exists)
        let start = try machine.restart()
        #expect(start.restored.entries == MemberLog.founding(founders.reversed()).entries)
        #expect(start.restored.entries.map(\.term) == [Term(1), Term(1), Term(1)])
        #expect(start.restored.hardState.commit == LogIndex(3))
        #expect(start.ledger.appliedIndex == .zero)
    }

    @Test func `a founding that a crash cut short is completed`() throws {
        let machine = try Machine()
        var log = try machine.memberLog.create(machine.metadata, founders: [])
        try log.close()
        var (again, found) = try machine.memberLog.open(founders: founders)
        try again.close()
        #expect(found.entries == MemberLog.founding(founders).entries)
        machine.disk.crash(.losesAll)
        #expect(try machine.restart().restored.entries.count == 3)
    }

    @Test func `a log that has lived takes nothing from the founders`() throws {
        let (machine, _) = try lived(through: 9, checkpoint: nil)
        var (log, found) = try machine.memberLog.open(founders: founders + founders)
        try log.close()
        #expect(found.entries.count == 9)
    }

    @Test func `a joining member begins with nothing`() throws {
        let machine = try Machine()
        var log = try machine.memberLog.create(machine.metadata, founders: [])
        try log.close()
        let start = try machine.restart()
        var nothing = Restored()
        nothing.configuration = Configuration()
        #expect(start.restored == nothing)
    }

    @Test func `the checkpoint and the log behind and beyond it are joined`() throws {
        let (machine, ledger) = try lived(through: 30, checkpoint: 20)
        machine.disk.crash(.losesAll)
        let start = try machine.restart()
        #expect(start.ledger.appliedIndex == LogIndex(20))
        #expect(start.restored.applied == LogIndex(20))
        #expect(start.restored.snapshot.index == LogIndex(1))
        #expect(start.restored.entries.map(\.index.number) == Array(2...30))
        #expect(start.restored.hardState.vote == MemberID(2))
        for entry in start.restored.entries where entry.index > LogIndex(20) {
            _ = start.ledger.apply(entry, isProposer: false, now: Instant(nanoseconds: 0))
        }
        #expect(start.ledger.stateHash() == ledger.stateHash())
    }

    @Test func `what a checkpoint holds was committed`() throws {
        let (machine, _) = try lived(through: 30, checkpoint: 30)
        let start = try machine.restart()
        #expect(start.restored.hardState.commit == LogIndex(30))
    }

    @Test func `a store that ends before the log begins is refused`() throws {
        let (machine, _) = try lived(through: 10, checkpoint: 5)
        var (log, found) = try machine.memberLog.open(founders: [])
        try log.close()
        found.entries.removeAll { $0.index < LogIndex(8) }
        let error = #expect(throws: RecoveryError.self) {
            try Restart.begin(found, machine.store, settings: machine.settings)
        }
        #expect(error == .gap(logBegins: LogIndex(8), storeEnds: LogIndex(5)))
        #expect(error?.isOfDisk == false)
    }

    @Test func `a store behind the newest mark of the log is refused`() throws {
        let (machine, _) = try lived(through: 10, checkpoint: 5)
        let error = #expect(throws: RecoveryError.self) {
            _ = try machine.store.loadNewest(mark: LogIndex(6))
        }
        guard case .storage(.missing(let path)) = error else {
            Issue.record("\(String(describing: error))")
            return
        }
        #expect(path == machine.store.checkpoints.receivedPath(LogIndex(6)))
    }

    @Test func `a flipped bit of the checkpoint is refused with its file`() throws {
        let (machine, _) = try lived(through: 10, checkpoint: 5)
        machine.disk.flipBit(machine.store.checkpoints.path, offset: 4_500, bit: 2)
        let error = #expect(throws: RecoveryError.self) { try machine.restart() }
        guard case .storage(.damaged(let path, _, _)) = error else {
            Issue.record("\(String(describing: error))")
            return
        }
        #expect(path == machine.store.checkpoints.path)
    }

    @Test func `an exported store is received, loaded and adopted by another member`() throws {
        let (machine, ledger) = try lived(through: 12, checkpoint: nil)
        let path = "/data/member/snap/tmp.1.db"
        let size = try machine.store.export(ledger.view(), to: path)
        let bytes = try #require(machine.disk.contents(path))
        #expect(bytes.count == Int(size))

        let other = try Machine()
        let checkpoints = other.store.checkpoints
        var incoming = try checkpoints.receive(LogIndex(12))
        try incoming.append(bytes)
        try checkpoints.finish(incoming)
        let loaded = try other.store.loadReceived(at: LogIndex(12))
        #expect(loaded.appliedIndex == LogIndex(12))
        #expect(loaded.stateHash() == ledger.stateHash())
        #expect(try checkpoints.received().isEmpty)
        other.disk.crash(.losesAll)
        let again = try #require(try other.store.loadNewest(mark: LogIndex(12)))
        #expect(again.stateHash() == ledger.stateHash())
    }

    @Test func `a received store that a crash kept from being adopted is found by the mark`() throws
    {
        let (machine, ledger) = try lived(through: 12, checkpoint: 5)
        let bytes = try #require(
            try {
                _ = try machine.store.export(ledger.view(), to: "/data/member/snap/tmp.1.db")
                return machine.disk.contents("/data/member/snap/tmp.1.db")
            }())
        var incoming = try machine.store.checkpoints.receive(LogIndex(12))
        try incoming.append(bytes)
        try machine.store.checkpoints.finish(incoming)
        machine.disk.crash(.losesAll)
        let loaded = try #require(try machine.store.loadNewest(mark: LogIndex(12)))
        #expect(loaded.appliedIndex == LogIndex(12))
        let older = try #require(try machine.store.loadNewest(mark: .zero))
        #expect(older.appliedIndex == LogIndex(12))
    }
}
