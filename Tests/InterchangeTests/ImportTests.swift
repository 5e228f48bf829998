// SPDX-License-Identifier: Apache-2.0
import Bytes
import EtcdAPI
import Interchange
import Raft
import Recovery
import Replicated
import SimulatedDisk
import Storage
import Testing

struct ImportTests {
    private let source = MemberFolder(root: "/etcd")
    private let target = MemberFolder(root: "/ours")

    /// A directory of etcd's: everything in the log, the database at `place`, and if wanted a .snap
    /// at `snap` with a log that begins behind it.
    private func directory(
        _ story: Story, place: Int, snap: Int?, seed: UInt64, drop: Bool = false
    ) throws -> SimulatedDisk {
        let disk = SimulatedDisk(seed: seed)
        try source.prepare(on: disk)
        try disk.makeDirectory(source.logDirectory)
        var random = Random(seed: seed)
        var writer = UpstreamWriter()
        for (number, entry) in story.entries.enumerated() {
            writer.entry(entry)
            if number + 1 == snap { writer.mark(entry.index, entry.term) }
            if random.chance(percent: 4) {
                writer.state(
                    HardState(term: entry.term, vote: MemberID(0x12), commit: entry.index))
            }
            if random.chance(percent: 2) { writer.cut() }
        }
        if let last = story.entries.last {
            writer.state(HardState(term: last.term, vote: MemberID(0x12), commit: last.index))
        }
        try writer.store(in: source.logDirectory, on: disk)
        try story.ledger(through: place).view().write(
            to: "\(source.snapDirectory)/db", on: disk)
        if let snap {
            let ledger = story.ledger(through: snap)
            try disk.put(
                SnapWriter.bytes(ledger),
                at: "\(source.snapDirectory)/\(SnapWriter.name(ledger))")
        }
        return disk
    }

    private func restart(_ disk: SimulatedDisk) throws -> (Restart, RecoveredLog) {
        let settings = LedgerSettings(clusterID: Story.clusterID, memberID: Story.memberID)
        var (log, found) = try Log.open(
            on: disk, directory: target.logDirectory,
            settings: LogSettings(segmentByteCount: 65_536))
        try log.close()
        let store = StoreFolder(on: disk, directory: target.snapDirectory, settings: settings)
        return (try Restart.begin(found, store, settings: settings), found)
    }

    @Test(arguments: 1...30)
    func `nothing of the log is lost, wherever the database stands`(seed: UInt64) throws {
        var random = Random(seed: seed &* 77)
        let count = 40 + random.below(200)
        let story = Story(seed: seed, count: count)
        let place = random.below(count + 1)
        let snap = place > 0 && random.chance(percent: 60) ? 1 + random.below(place) : nil
        let disk = try directory(story, place: place, snap: snap, seed: seed)
        let work = try Import(from: source, on: disk)
        let report = try work.write(
            to: target, on: disk, log: LogSettings(segmentByteCount: 65_536, salt: seed))
        work.close()
        #expect(report.checkpoint.number == UInt64(place))
        #expect(report.last.number == UInt64(count))
        #expect(report.entryCount == count - place)
        let (restart, found) = try restart(disk)
        #expect(found.metadata.memberID == Story.memberID)
        #expect(found.metadata.clusterID == Story.clusterID)
        #expect(restart.restored.hardState.vote == MemberID(0x12))
        #expect(restart.restored.hardState.commit.number == UInt64(count))
        #expect(restart.ledger.appliedIndex.number == UInt64(place))
        let whole = story.ledger(through: count)
        for entry in restart.restored.entries {
            _ = restart.ledger.apply(entry, isProposer: false, now: Instant(nanoseconds: 0))
        }
        #expect(restart.ledger.stateHash() == whole.stateHash(), "seed \(seed)")
        #expect(restart.ledger.members == whole.members)
        #expect(restart.ledger.configuration == whole.configuration)
    }

    /// Members of 3.5 may leave old rows in that bucket.
    /// Known bugs: 19557, 20793.
    @Test func `stale rows of members do not count`() throws {
        let story = Story(seed: 4, count: 80)
        let disk = try directory(story, place: 80, snap: 60, seed: 4)
        let stale = story.ledger(through: 2).view()
        let right = story.ledger(through: 80)
        let file = try disk.open("\(source.snapDirectory)/db", .create)
        var writer = BoltWriter(file: file)
        for bucket in LedgerView.bucketNames {
            try writer.beginBucket(bucket)
            let view = bucket == "members" ? stale : right.view()
            unsafe try view.forEachRow(in: bucket) { key, value throws(StorageError) in
                unsafe try writer.put(key: key, value: value)
            }
            try writer.endBucket()
        }
        _ = try writer.finish(transaction: 9)
        let work = try Import(from: source, on: disk)
        _ = try work.write(
            to: target, on: disk, log: LogSettings(segmentByteCount: 65_536, salt: 1))
        #expect(try restart(disk).0.ledger.members == right.members)
    }

    @Test func `a database behind the .snap file is no start`() throws {
        let disk = try directory(Story(seed: 5, count: 90), place: 30, snap: nil, seed: 5)
        let ledger = Story(seed: 5, count: 90).ledger(through: 60)
        var writer = UpstreamWriter()
        for entry in Story(seed: 5, count: 90).entries {
            writer.entry(entry)
            if entry.index.number == 60 { writer.mark(entry.index, entry.term) }
        }
        writer.state(HardState(term: Term(9), vote: .none, commit: LogIndex(90)))
        for name in try disk.list(source.logDirectory) {
            try disk.remove("\(source.logDirectory)/\(name)")
        }
        try writer.store(in: source.logDirectory, on: disk)
        try disk.put(
            SnapWriter.bytes(ledger), at: "\(source.snapDirectory)/\(SnapWriter.name(ledger))")
        #expect(throws: InterchangeError.self) { try Import(from: source, on: disk) }
        // The one from the leader takes its place.
        try ledger.view().write(
            to: "\(source.snapDirectory)/000000000000003c.snap.db", on: disk)
        let work = try Import(from: source, on: disk)
        let report = try work.write(
            to: target, on: disk, log: LogSettings(segmentByteCount: 65_536, salt: 1))
        #expect(report.checkpoint == LogIndex(60))
    }

    @Test func `committed entries that the log has lost are missed`() throws {
        let story = Story(seed: 6, count: 60)
        let disk = try directory(story, place: 20, snap: nil, seed: 6)
        var writer = UpstreamWriter()
        for entry in story.entries.prefix(50) { writer.entry(entry) }
        writer.state(HardState(term: Term(2), vote: .none, commit: LogIndex(55)))
        for name in try disk.list(source.logDirectory) {
            try disk.remove("\(source.logDirectory)/\(name)")
        }
        try writer.store(in: source.logDirectory, on: disk)
        #expect(throws: InterchangeError.self) { try Import(from: source, on: disk) }
    }

    @Test func `changes of users that are only in the log are not lost`() throws {
        var story = Story(seed: 7, count: 40)
        var request = InternalRaftRequest()
        request.command = .authUserAdd(
            .with {
                $0.name = "ann"
                $0.hashedPassword = "eA=="
            })
        story.entries.append(
            Entry(term: Term(9), index: LogIndex(41), data: request.encoded()))
        let disk = try directory(story, place: 40, snap: nil, seed: 7)
        let work = try Import(from: source, on: disk)
        _ = try work.write(
            to: target, on: disk, log: LogSettings(segmentByteCount: 65_536, salt: 1))
        work.close()
        let (restart, _) = try restart(disk)
        let tail = try #require(restart.restored.entries.last)
        #expect(tail.index == LogIndex(41))
        #expect(!restart.ledger.auth.contains(user: "ann"))
        _ = restart.ledger.apply(tail, isProposer: false, now: Instant(nanoseconds: 0))
        #expect(restart.ledger.auth.contains(user: "ann"))
    }
}
