// SPDX-License-Identifier: Apache-2.0
internal import Bytes
internal import EtcdAPI
internal import Posix
internal import Raft
internal import Replicated
internal import Storage

/// Why a member cannot start from its data directory.
enum StartFailure: Error, CustomStringConvertible {
    case posix(PosixError)
    case files(StoreFilesError)
    case locked(String)
    /// The sentence for the operator.
    case refused(String)

    var description: String {
        switch self {
        case .posix(let error): "\(error)"
        case .files(let error): "\(error)"
        case .locked(let path):
            "\(path) is in use by another process; two members must not share a data directory"
        case .refused(let sentence): sentence
        }
    }
}

/// What a member starts from: its identity, its state, the log beyond that state, and the log
/// itself, ready to be written.
struct Recovered {
    var memberID: MemberID
    var clusterID: ClusterID
    var ledger: Ledger
    var restored: Restored
    var log: Log
    var tornByteCount: Int64
}

/// The folder of one member, as etcd lays it out: DIR/member/wal and DIR/member/snap. Locked while
/// the process lives.
struct DataDirectory {
    let path: String
    let walPath: String
    let snapPath: String
    private let syncs: Bool
    private let lock: FileLock

    init(path: String, walPath: String?, syncs: Bool) throws(StartFailure) {
        self.path = path
        self.syncs = syncs
        self.walPath = walPath ?? "\(path)/member/wal"
        snapPath = "\(path)/member/snap"
        do throws(PosixError) {
            try Directory.make(path)
            try Directory.make("\(path)/member")
            try Directory.make(snapPath)
            try Directory.make(Directory.parent(of: self.walPath))
        } catch {
            throw .posix(error)
        }
        do throws(PosixError) {
            lock = try FileLock("\(path)/member/lock")
        } catch {
            if error.isWouldBlock { throw .locked(path) }
            throw .posix(error)
        }
    }

    var hasLog: Bool {
        get throws(StartFailure) {
            try recovered { () throws(StorageError) in
                try Log.exists(on: PosixDisk(syncs: syncs), directory: walPath)
            }
        }
    }

    /// True for a folder that real etcd has written: its log is in another format.
    var isEtcds: Bool {
        get throws(StartFailure) {
            guard Directory.exists(walPath) else { return false }
            do throws(PosixError) {
                return try Directory.list(walPath).contains { $0.hasSuffix(".wal") }
            } catch {
                throw .posix(error)
            }
        }
    }

    /// A new log. A founding member's holds the cluster's first entries, which all founders write
    /// alike (term 1, committed); a joining one's holds nothing.
    func create(
        memberID: MemberID, clusterID: ClusterID, founders: [EtcdAPI.Member], salt: UInt64
    ) throws(StartFailure) -> Log {
        try recovered { () throws(StorageError) in
            var log = try Log.create(
                on: PosixDisk(syncs: syncs), directory: walPath,
                metadata: LogMetadata(memberID: memberID, clusterID: clusterID),
                settings: DataDirectory.logSettings(salt))
            try DataDirectory.found(&log, founders)
            return log
        }
    }

    /// KEELSON_LOG_SEGMENT_BYTES makes the log's files smaller, for small disks and for tests.
    private static func logSettings(_ salt: UInt64) -> LogSettings {
        var settings = LogSettings(salt: salt)
        if let told = NodeEnvironment.value("KEELSON_LOG_SEGMENT_BYTES").flatMap({ Int64($0) }) {
            settings.segmentByteCount = max(64 << 10, min(told, settings.segmentByteCount))
        }
        return settings
    }

    static func found(_ log: inout Log, _ founders: [EtcdAPI.Member]) throws(StorageError) {
        guard !founders.isEmpty else { return }
        let first = founding(founders)
        try log.append([LogBatch(hardState: first.hardState, entries: first.entries)])
        try log.sync()
    }

    /// What every founding member's log holds at first; nothing for one that joins.
    static func founding(_ founders: [EtcdAPI.Member]) -> Restored {
        var restored = Restored()
        restored.entries = MembershipCommand.bootstrap(founders).enumerated().map { offset, data in
            Entry(
                kind: .change, term: Term(1), index: LogIndex(UInt64(offset) + 1), data: data)
        }
        if !founders.isEmpty {
            restored.hardState = HardState(
                term: Term(1), vote: .none, commit: LogIndex(UInt64(founders.count)))
        }
        return restored
    }

    /// Reads everything back. `founders` completes a first start that was cut short.
    func recover(
        files: (LogMetadata) -> (StoreFiles, LedgerSettings), founders: [EtcdAPI.Member],
        salt: UInt64
    ) throws(StartFailure) -> Recovered {
        var (log, found) = try recovered { () throws(StorageError) in
            try Log.open(
                on: PosixDisk(syncs: syncs), directory: walPath,
                settings: DataDirectory.logSettings(salt))
        }
        if found.hardState == nil, found.entries.isEmpty, found.marks.isEmpty, !founders.isEmpty {
            try recovered { () throws(StorageError) in try DataDirectory.found(&log, founders) }
            let first = DataDirectory.founding(founders)
            found.entries = first.entries
            found.hardState = first.hardState
        }
        let (store, settings) = files(found.metadata)
        let ledger: Ledger
        do throws(StoreFilesError) {
            ledger =
                try store.loadNewest(mark: found.marks.last?.index ?? .zero)
                ?? Ledger(settings: settings)
        } catch {
            throw .files(error)
        }
        return Recovered(
            memberID: found.metadata.memberID, clusterID: found.metadata.clusterID,
            ledger: ledger, restored: try DataDirectory.restored(found, ledger), log: log,
            tornByteCount: found.tornByteCount)
    }

    private static let keptBehind = 5_000

    /// What raft starts from: the state's place in the log, and the entries around it. Entries
    /// behind the state are kept for peers that lag.
    private static func restored(
        _ found: RecoveredLog, _ ledger: Ledger
    ) throws(StartFailure) -> Restored {
        var restored = Restored()
        restored.hardState = found.hardState ?? HardState()
        restored.applied = ledger.appliedIndex
        restored.configuration = ledger.configuration
        restored.entries = found.entries.filter { $0.index > ledger.appliedIndex }
        if let first = restored.entries.first, first.index != ledger.appliedIndex.next {
            throw .refused(
                "the log begins at index \(first.index) but the store ends at "
                    + "\(ledger.appliedIndex): entries between them are missing")
        }
        // Older entries stay in memory, so that a peer that lags a little needs no snapshot.
        let behind = found.entries.filter { $0.index <= ledger.appliedIndex }
        if let base = behind.suffix(keptBehind + 1).first {
            restored.snapshot = SnapshotMetadata(index: base.index, term: base.term)
            restored.entries = behind.suffix(keptBehind + 1).dropFirst() + restored.entries
        } else {
            restored.snapshot = SnapshotMetadata(
                index: ledger.appliedIndex, term: ledger.appliedTerm,
                configuration: ledger.configuration)
        }
        let last = restored.entries.last?.index ?? ledger.appliedIndex
        // The checkpoint's entries were committed, whatever the last written commit index says.
        restored.hardState.commit = min(
            max(restored.hardState.commit, ledger.appliedIndex), last)
        restored.hardState.term = max(
            restored.hardState.term, restored.entries.last?.term ?? ledger.appliedTerm)
        return restored
    }

    private func recovered<Value>(
        _ body: () throws(StorageError) -> Value
    ) throws(StartFailure) -> Value {
        do throws(StorageError) {
            return try body()
        } catch {
            throw .files(.storage(error))
        }
    }
}
