// SPDX-License-Identifier: Apache-2.0
package import Bytes
package import EtcdAPI
internal import MVCC
internal import Raft
internal import Replicated
package import Storage

/// The data directory of a stopped member of etcd (3.4 or 3.5) becomes one of Keelson's. The member
/// keeps its id, its cluster, its promises (term and vote) and every entry of its log.
///
///     db, its place C in the log   ─►  our checkpoint at C, membership put right (below)
///     log entries behind C          ─►  our log
///     hard state                    ─►  our log
///
/// Members of these releases do not trust the rows of members in their db, and neither does this:
/// membership at C is that of the newest valid .snap, brought forward by the entries up to C.
package struct Import {
    package struct Report: Equatable, Sendable {
        package var memberID: MemberID
        package var clusterID: ClusterID
        /// Where the checkpoint stands.
        package var checkpoint: LogIndex
        package var last: LogIndex
        package var commit: LogIndex
        /// Entries that are in the log and not yet in the checkpoint.
        package var entryCount: Int
        package var tornByteCount: Int64
        package var members: [EtcdAPI.Member]

        /// Those that have not started yet by their ids.
        package var memberNames: [String] {
            members.map { $0.name.isEmpty ? String($0.id, radix: 16) : $0.name }
        }
    }

    private let log: UpstreamLog
    private let database: SnapshotFile
    private let checkpoint: LogIndex
    private let checkpointTerm: Term
    private let ledger: Ledger

    /// Bytes of the database that is copied.
    package var databaseSize: Int64 { database.reader.size }

    // MARK: Looking

    /// Reads and checks everything but the rows of the database. The caller holds the database's
    /// lock. Close it when done.
    package init(
        from source: MemberFolder, on disk: any Disk, progress: ByteCounter = { _ in }
    ) throws(InterchangeError) {
        let log = try UpstreamLog.read(source.logDirectory, on: disk, progress: progress)
        let snapshot = try Import.newestSnapshot(source, log, disk)
        let database = try Import.database(source, snapshot, disk)
        do throws(InterchangeError) {
            let meta = try MetaRows(of: database.reader)
            let place = LogIndex(meta.consistentIndex ?? 0)
            try Import.check(log, place, snapshot, source)
            let ledger = try Import.membership(log, snapshot, through: place)
            try Import.checkConfiguration(ledger, at: place, log, database)
            let term = log.term(at: place) ?? meta.term.map { Term($0) } ?? ledger.appliedTerm
            self.log = log
            self.database = database
            checkpoint = place
            checkpointTerm = term
            self.ledger = ledger
        } catch {
            database.close()
            throw error
        }
    }

    package func close() {
        database.close()
    }

    /// By name, newest first: term, then index. One that the log does not vouch for, or that does
    /// not read, is passed over, as etcd does.
    private static func newestSnapshot(
        _ source: MemberFolder, _ log: UpstreamLog, _ disk: any Disk
    ) throws(InterchangeError) -> UpstreamSnapshot? {
        let names = try onDisk { () throws(DiskError) in try disk.list(source.snapDirectory) }
        for name in names.reversed() where name.hasSuffix(".snap") && name.utf8.count == 38 {
            let parts = name.dropLast(5).split(separator: "-", omittingEmptySubsequences: false)
            guard parts.count == 2, let term = hexadecimalNumber(parts[0]),
                let index = hexadecimalNumber(parts[1]),
                log.marks.contains(where: { $0.index.number == index && $0.term.number == term }),
                index <= log.hardState.commit.number
            else { continue }
            let path = "\(source.snapDirectory)/\(name)"
            let bytes = try onDisk { () throws(DiskError) in
                let file = try disk.open(path, .readOnly)
                defer { file.close() }
                return try file.read(
                    at: 0, count: Int(min(try file.size(), UpstreamSnapshot.byteCountMax)))
            }
            if let read = UpstreamSnapshot(decoding: bytes), read.index.number == index {
                return read
            }
        }
        return nil
    }

    /// The database; or the one that came from the leader and was about to take its place.
    private static func database(
        _ source: MemberFolder, _ snapshot: UpstreamSnapshot?, _ disk: any Disk
    ) throws(InterchangeError) -> SnapshotFile {
        let path = "\(source.snapDirectory)/db"
        guard try onDisk({ () throws(DiskError) in try disk.exists(path) }) else {
            throw .refused("\(path) is missing: without it this is no member's directory")
        }
        let current = try SnapshotFile.open(path, on: disk)
        guard let snapshot else { return current }
        do throws(InterchangeError) {
            let place = try MetaRows(of: current.reader).consistentIndex ?? 0
            if place >= snapshot.index.number { return current }
        } catch {
            current.close()
            throw error
        }
        current.close()
        let digits = String(snapshot.index.number, radix: 16)
        let padded = String(repeating: "0", count: 16 - digits.count) + digits
        let received = "\(source.snapDirectory)/\(padded).snap.db"
        guard try onDisk({ () throws(DiskError) in try disk.exists(received) }) else {
            throw .refused(
                "\(path) ends before its log begins, at index \(snapshot.index), and \(received) "
                    + "is missing; etcd cannot start on this directory either")
        }
        return try SnapshotFile.open(received, on: disk)
    }

    private static func check(
        _ log: UpstreamLog, _ place: LogIndex, _ snapshot: UpstreamSnapshot?,
        _ source: MemberFolder
    ) throws(InterchangeError) {
        let start = snapshot?.index ?? .zero
        let commit = log.hardState.commit
        let directory = source.logDirectory
        if !log.isEmpty, log.base > start.next, log.base > place.next {
            throw .refused(
                "\(directory): entries \(start.next) to \(log.base.previous) are missing")
        }
        if snapshot == nil, log.isEmpty || log.base > LogIndex(1) {
            throw .refused(
                "\(source.snapDirectory) holds no .snap file that the log vouches for, and the log "
                    + "does not begin with its first entry: who is in the cluster cannot be told")
        }
        let last = log.isEmpty ? start : max(log.last, start)
        if place < start {
            throw .refused("\(source.snapDirectory): the database ends before the .snap file")
        }
        if commit > last, commit > place {
            throw .refused(
                "\(directory): entry \(commit) was committed, but the log ends with \(last): "
                    + "entries are lost"
                    + (log.tornByteCount > 0
                        ? " (\(log.tornByteCount) bytes at its end do not read)" : ""))
        }
    }

    // MARK: Membership

    private static func membership(
        _ log: UpstreamLog, _ snapshot: UpstreamSnapshot?, through place: LogIndex
    ) throws(InterchangeError) -> Ledger {
        let settings = LedgerSettings(
            clusterID: log.metadata.clusterID, memberID: log.metadata.memberID,
            maxLearners: Int.max)
        let ledger =
            try snapshot.map { snapshot throws(InterchangeError) in
                try loaded(snapshot, settings)
            } ?? Ledger(settings: settings)
        guard place > ledger.appliedIndex else { return ledger }
        guard !log.isEmpty, log.base <= ledger.appliedIndex.next else {
            throw .refused(
                "the log begins with entry \(log.base); those from \(ledger.appliedIndex.next) on "
                    + "are missing")
        }
        try log.forEach(
            from: ledger.appliedIndex.next, through: place, { $0 }
        ) { entry throws(InterchangeError) in
            guard entry.term >= ledger.appliedTerm else {
                throw .refused("entry \(entry.index) is of an older term than the one before it")
            }
            _ = ledger.apply(
                withoutData(entry), isProposer: false, now: Instant(nanoseconds: 0))
        }
        return ledger
    }

    /// A member may apply an entry before its own log has it. Then the log does not tell whether
    /// members changed at the very end; the database may.
    private static func checkConfiguration(
        _ ledger: Ledger, at place: LogIndex, _ log: UpstreamLog, _ database: SnapshotFile
    ) throws(InterchangeError) {
        guard place > ledger.appliedIndex else { return }
        if log.tornByteCount > 0 {
            throw .refused(
                "\(database.path) stands at entry \(place), but the log was cut off behind entry "
                    + "\(ledger.appliedIndex) (\(log.tornByteCount) bytes do not read)")
        }
        let told = try stored { () throws(StorageError) in
            try database.reader.value(of: "confState", in: "meta")
        }
        if told == UpstreamSnapshot.configurationRow(ledger.configuration).value { return }
        throw .refused(
            "\(database.path) stands at entry \(place), but the log ends with "
                + "\(ledger.appliedIndex), and who is in the cluster at \(place) cannot be told; "
                + "start this member of etcd, let it catch up, stop it, and try again")
    }

    private static func loaded(
        _ snapshot: UpstreamSnapshot, _ settings: LedgerSettings
    ) throws(InterchangeError) -> Ledger {
        var loader = LedgerLoader(settings: settings)
        var rows = snapshot.rows
        for (name, number) in [
            ("consistent_index", snapshot.index.number), ("term", snapshot.term.number),
        ] {
            var writer = ByteWriter(capacity: 8)
            writer.appendBigEndian(number)
            rows.append(UpstreamSnapshot.Row(bucket: "meta", key: name, value: writer.bytes))
        }
        rows.append(UpstreamSnapshot.configurationRow(snapshot.configuration))
        do throws(LoadFailure) {
            for row in rows {
                let key = Array(row.key.utf8)
                try unsafe key.span.withUnsafeBytes { (key) throws(LoadFailure) in
                    try unsafe row.value.span.withUnsafeBytes { (value) throws(LoadFailure) in
                        unsafe try loader.row(bucket: row.bucket, key: key, value: value)
                    }
                }
            }
            return try loader.finish()
        } catch {
            throw .refused(
                "the .snap file of index \(snapshot.index) does not say who is in the cluster: "
                    + "\(error)")
        }
    }

    /// What an entry says of the cluster stays; what it says of keys is in the database already.
    private static func withoutData(_ entry: Entry) -> Entry {
        guard entry.kind == .normal, let command = command(of: entry) else { return entry }
        switch command {
        case .clusterVersionSet, .clusterMemberAttrSet, .downgradeInfoSet, .v2: return entry
        default: return Entry(term: entry.term, index: entry.index)
        }
    }

    /// Nil for an empty entry, and for a request of the second API.
    private static func command(of entry: Entry) -> InternalRaftRequest.Command? {
        guard entry.kind == .normal, !entry.data.isEmpty else { return nil }
        do throws(WireError) {
            return try InternalRaftRequest(decoding: entry.data).command
        } catch {
            return nil
        }
    }

    // MARK: Writing

    /// Writes `target`, which holds nothing yet; durable when this returns. The folder above it
    /// must exist, and the one above its log directory.
    package func write(
        to target: MemberFolder, on disk: any Disk, log settings: LogSettings,
        progress: ByteCounter = { _ in }
    ) throws(InterchangeError) -> Report {
        let view = ledger.view()
        var copy = DatabaseCopy()
        copy.take(membershipOf: view, at: checkpoint, checkpointTerm)
        let problems = database.reader.check()
        if let first = problems.first {
            throw .notSnapshot(path: database.path, "is damaged: \(first)")
        }
        try stored { () throws(StorageError) in
            try target.prepare(on: disk)
            let checkpoints = Checkpoints(on: disk, directory: target.snapDirectory)
            _ = try checkpoints.publish(
                transaction: max(1, database.reader.transaction)
            ) { writer throws(StorageError) in
                try copy.write(database, to: &writer, progress: progress)
            }
        }
        let count = try writeLog(target, disk, settings, view.configuration)
        return Report(
            memberID: log.metadata.memberID, clusterID: log.metadata.clusterID,
            checkpoint: checkpoint, last: max(checkpoint, log.isEmpty ? .zero : log.last),
            commit: max(checkpoint, log.hardState.commit), entryCount: count,
            tornByteCount: log.tornByteCount, members: ledger.members.list)
    }

    private static let batchSize = 1 << 20

    private func writeLog(
        _ target: MemberFolder, _ disk: any Disk, _ settings: LogSettings,
        _ configuration: Configuration
    ) throws(InterchangeError) -> Int {
        var written = 0
        var state = log.hardState
        state.term = max(state.term, checkpointTerm)
        state.commit = max(state.commit, checkpoint)
        try stored { () throws(StorageError) in
            var ours = try Log.create(
                on: disk, directory: target.logDirectory, metadata: log.metadata,
                settings: settings)
            if checkpoint > .zero {
                let mark = CheckpointMark(
                    index: checkpoint, term: checkpointTerm, configuration: configuration)
                try ours.append([LogBatch(mark: mark)])
            }
            var batch: [Entry] = []
            var size = 0
            let convert = { (error: InterchangeError) in StorageError.refused("\(error)") }
            if !log.isEmpty {
                try log.forEach(
                    from: checkpoint.next, through: log.last, convert
                ) { entry throws(StorageError) in
                    batch.append(entry)
                    size += entry.data.count + 32
                    written += 1
                    if size >= Self.batchSize {
                        try ours.append([LogBatch(entries: batch)])
                        batch.removeAll(keepingCapacity: true)
                        size = 0
                    }
                }
            }
            try ours.append([LogBatch(hardState: state, entries: batch)])
            try ours.close()
        }
        return written
    }
}
