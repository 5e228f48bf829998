// SPDX-License-Identifier: Apache-2.0
internal import Bytes
internal import FileDisk
internal import Formats
internal import Interchange
internal import Posix
internal import Raft
internal import Recovery
internal import Replicated
internal import Storage

/// A member that is made aside, of a snapshot or of what a survivor has, and put into its place by a
/// rename when it is whole. Every step can be taken again.
///
///     keelson.new.partial/member   in the making; removed by the next try
///     keelson.new/member           whole
///     member ─► member.before-N    what was there before force-new-cluster; it stays
struct NewMember: Sendable {
    let config: NodeConfig
    let ticket: Ticket
    let salt: UInt64

    private var root: String { config.dataDirectory }
    private var partial: String { "\(root)/keelson.new.partial" }
    private var ready: String { "\(root)/keelson.new" }
    private var place: String { "\(root)/member" }
    private var before: String { "\(root)/member.before-\(ticket.generation)" }

    /// Pages that are written anew may take a little more room than before.
    private static func room(for size: Int64) -> Int64 { size + size / 8 + (64 << 20) }

    // MARK: Of a snapshot

    func restore() throws(StartFailure) {
        try checkPlace()
        if !Directory.exists(ready) {
            guard let source = ticket.restore else { throw .refused("the ticket names no file") }
            let path = MountTable.real(source.path)
            try clear()
            try checkSpace(for: path)
            try traded { () throws(InterchangeError) in
                let snapshot = try SnapshotFile.open(path, on: PosixDisk(syncs: true))
                defer { snapshot.close() }
                try check(snapshot, source)
                try write(snapshot, bump: source.bumpRevision)
            }
        }
        try putInPlace()
    }

    private func check(
        _ snapshot: SnapshotFile, _ source: Ticket.Source
    ) throws(InterchangeError) {
        if !source.sha256.isEmpty {
            let sum = try snapshot.wholeSum(.ofLibrary)
            let found = sum.map { byte in
                (byte < 16 ? "0" : "") + String(byte, radix: 16)
            }.joined()
            guard found == source.sha256 else {
                throw .refused(
                    "\(source.path) has the SHA-256 \(found), the ticket says \(source.sha256)")
            }
        }
        _ = try SnapshotCheck.of(snapshot, .ofLibrary, requiresSum: true)
    }

    private func write(_ snapshot: SnapshotFile, bump: UInt64) throws(InterchangeError) {
        let own = config.advertisePeerURLs.map(\.description)
        let alone = own.map { "\(config.name)=\($0)" }.joined(separator: ",")
        let told = ticket.action == .restore ? ticket.initialCluster : ""
        let plan = try BootstrapPlan(
            name: config.name, initialCluster: told.isEmpty ? alone : told,
            token: ticket.clusterToken.isEmpty
                ? "\(ticket.clusterUID)-\(ticket.generation)" : ticket.clusterToken,
            peerURLs: own.joined(separator: ","), digests: .ofLibrary)
        let restore = Restore(
            plan: plan, bumpRevision: bump, marksCompacted: bump > 0,
            log: LogSettings(salt: salt))
        try restore.write(
            snapshot, to: MemberFolder(root: partial), on: PosixDisk(syncs: true))
        do throws(PosixError) {
            try Directory.rename(partial, to: ready)
            try Directory.sync(root)
        } catch {
            throw .refused("\(error)")
        }
    }

    // MARK: Of a survivor

    /// Everything that lies in its log counts, also what it does not know to be committed: somebody
    /// may have been told that it is.
    func forceNewCluster() throws(StartFailure) {
        try checkPlace()
        if !Directory.exists(ready), !Directory.exists(before) {
            try clear()
            let export = "\(root)/keelson.export.db"
            try exportOwn(to: export)
            try traded { () throws(InterchangeError) in
                let snapshot = try SnapshotFile.open(export, on: PosixDisk(syncs: true))
                defer { snapshot.close() }
                _ = try SnapshotCheck.of(snapshot, .ofLibrary)
                try write(snapshot, bump: ticket.restore?.bumpRevision ?? Ticket.standardBump)
            }
            try files { () throws(PosixError) in try Directory.remove(export) }
        }
        if Directory.exists(ready), !Directory.exists(before) {
            try files { () throws(PosixError) in
                try Directory.rename(place, to: before)
                try Directory.sync(root)
            }
        }
        try putInPlace()
    }

    private func exportOwn(to path: String) throws(StartFailure) {
        let directory = try DataDirectory(path: root, walPath: nil, syncs: true)
        var found = try directory.recover(
            { LedgerSettings(clusterID: $0.clusterID, memberID: $0.memberID, maxLearners: .max) },
            founders: [], salt: salt)
        let applied = found.ledger.appliedIndex
        for entry in found.restored.entries where entry.index > applied {
            _ = found.ledger.apply(entry, isProposer: false, now: Instant(nanoseconds: 0))
        }
        do throws(RecoveryError) {
            let folder = directory.storeFiles(found.ledger.settings).folder
            _ = try folder.export(found.ledger.view(), to: path)
        } catch {
            throw .files(error)
        }
        do throws(StorageError) {
            try found.log.close()
        } catch {
            throw .files(.storage(error))
        }
    }

    // MARK: Place

    private func checkPlace() throws(StartFailure) {
        if config.logDirectory != nil {
            throw .refused("\(ticket.action.rawValue) does not work with --wal-dir")
        }
    }

    private func checkSpace(for path: String) throws(StartFailure) {
        var size: Int64 = 0
        var free: Int64 = 0
        try files { () throws(PosixError) in
            size = try Directory.size(of: path)
            free = try Directory.space(at: root).free
        }
        guard free >= Self.room(for: size) else {
            throw .refused("\(root) has \(free) bytes free, too little for a snapshot of \(size)")
        }
    }

    private func clear() throws(StartFailure) {
        try files { () throws(PosixError) in try NewMember.clear(root) }
    }

    private static func clear(_ root: String) throws(PosixError) {
        try Directory.removeTree("\(root)/keelson.new.partial")
        try Directory.removeTree("\(root)/keelson.export.db")
    }

    /// Removes what a life that was cut short has left, once the member is in its place.
    static func tidy(_ root: String) throws(PosixError) {
        try clear(root)
        if !Directory.exists("\(root)/keelson.new/member") {
            try Directory.removeTree("\(root)/keelson.new")
        }
    }

    /// The folders of a member that never was give way; anything else does not.
    private func putInPlace() throws(StartFailure) {
        guard Directory.exists("\(ready)/member") else {
            return try files { () throws(PosixError) in try Directory.removeTree(ready) }
        }
        try files { () throws(PosixError) in
            if Directory.exists(place) {
                for name in ["lock", "snap", "wal"] where Directory.exists("\(place)/\(name)") {
                    try Directory.remove("\(place)/\(name)")
                }
                try Directory.remove(place)
            }
            try Directory.rename("\(ready)/member", to: place)
            try Directory.sync(root)
            try Directory.removeTree(ready)
        }
    }

    private func files(_ body: () throws(PosixError) -> Void) throws(StartFailure) {
        do throws(PosixError) {
            try body()
        } catch {
            throw .posix(error)
        }
    }

    private func traded(_ body: () throws(InterchangeError) -> Void) throws(StartFailure) {
        do throws(InterchangeError) {
            try body()
        } catch {
            throw .refused("\(error)")
        }
    }
}

extension Digests {
    fileprivate static let ofLibrary = Digests(
        sha1: { Digest.sha1($0) }, sha256: { LibraryDigest() })
}

private final class LibraryDigest: RunningDigest {
    private let digest = Digest(.sha256)

    func update(_ bytes: UnsafeRawBufferPointer) { unsafe digest.update(bytes) }
    func finish() -> [UInt8] { digest.finish() }
}
