// SPDX-License-Identifier: Apache-2.0
internal import Bytes
internal import EtcdAPI
internal import FileDisk
internal import Posix
internal import Raft
internal import Recovery
internal import Replicated
internal import Storage

/// Why a member cannot start from its data directory.
enum StartFailure: Error, CustomStringConvertible {
    case posix(PosixError)
    case files(RecoveryError)
    case locked(String)
    /// The sentence for the operator.
    case refused(String)
    /// The data is that of another cluster than the one that was asked for.
    case foreign(String)
    /// The member is none any more.
    case removed(String)
    /// Told to stop before there was a member.
    case stopped

    var description: String {
        switch self {
        case .posix(let error): "\(error)"
        case .files(let error): "\(error)"
        case .locked(let path):
            "\(path) is in use by another process; two members must not share a data directory"
        case .refused(let sentence), .foreign(let sentence), .removed(let sentence): sentence
        case .stopped: "told to stop before the member had started"
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
            try recovering { () throws(RecoveryError) in try log(salt: 0).exists }
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

    /// A new log and an empty store.
    func create(
        _ settings: LedgerSettings, founders: [EtcdAPI.Member], salt: UInt64
    ) throws(StartFailure) -> Recovered {
        let metadata = LogMetadata(memberID: settings.memberID, clusterID: settings.clusterID)
        let log = try recovering { () throws(RecoveryError) in
            try self.log(salt: salt).create(metadata, founders: founders)
        }
        let start = Restart.first(MemberLog.founding(founders), settings: settings)
        return Recovered(
            memberID: settings.memberID, clusterID: settings.clusterID, ledger: start.ledger,
            restored: start.restored, log: log, tornByteCount: 0)
    }

    /// Reads everything back. `founders` completes a first start that was cut short.
    func recover(
        _ settings: (LogMetadata) -> LedgerSettings, founders: [EtcdAPI.Member], salt: UInt64
    ) throws(StartFailure) -> Recovered {
        try recovering { () throws(RecoveryError) -> Recovered in
            let (log, found) = try self.log(salt: salt).open(founders: founders)
            let settings = settings(found.metadata)
            let start = try Restart.begin(
                found, storeFiles(settings).folder, settings: settings)
            return Recovered(
                memberID: found.metadata.memberID, clusterID: found.metadata.clusterID,
                ledger: start.ledger, restored: start.restored, log: log,
                tornByteCount: found.tornByteCount)
        }
    }

    func storeFiles(_ settings: LedgerSettings) -> StoreFiles {
        StoreFiles(directory: snapPath, settings: settings, syncs: syncs)
    }

    private func log(salt: UInt64) -> MemberLog {
        MemberLog(
            on: PosixDisk(syncs: syncs), directory: walPath,
            settings: DataDirectory.logSettings(salt))
    }

    /// KEELSON_LOG_SEGMENT_BYTES makes the log's files smaller, for small disks and for tests.
    private static func logSettings(_ salt: UInt64) -> LogSettings {
        var settings = LogSettings(salt: salt)
        if let told = NodeEnvironment.value("KEELSON_LOG_SEGMENT_BYTES").flatMap({ Int64($0) }) {
            settings.segmentByteCount = max(64 << 10, min(told, settings.segmentByteCount))
        }
        return settings
    }

    private func recovering<Value>(
        _ body: () throws(RecoveryError) -> Value
    ) throws(StartFailure) -> Value {
        do throws(RecoveryError) {
            return try body()
        } catch {
            throw .files(error)
        }
    }
}
