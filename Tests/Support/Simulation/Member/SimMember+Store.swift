// SPDX-License-Identifier: Apache-2.0
internal import Bytes
internal import Raft
internal import Recovery
internal import Replicated
internal import SimulatedDisk
internal import Storage

// The files of a simulated machine, through the room that the server uses too.
extension SimMember {
    private static let folder = MemberFolder(root: "/data")

    /// What the member's process sees of its disk.
    private var seenDisk: any Disk {
        world.plant == .staleIndex ? StaleIndexDisk(disk) : disk
    }

    var store: StoreFolder {
        StoreFolder(
            on: seenDisk, directory: Self.folder.snapDirectory, settings: ledgerSettings)
    }

    /// The folders are made when they are missing.
    func memberLog() throws(StorageError) -> MemberLog {
        try Self.folder.prepare(on: disk)
        let settings = LogSettings(
            segmentByteCount: world.profile.segmentByteCount, salt: UInt64(place))
        return MemberLog(on: disk, directory: Self.folder.logDirectory, settings: settings)
    }

    /// The store as the bytes of a `.db` file.
    func exported(_ view: LedgerView) -> [UInt8] {
        let scratch = SimulatedDisk(seed: 1)
        let folder = StoreFolder(on: scratch, directory: "/", settings: ledgerSettings)
        do throws(RecoveryError) {
            _ = try folder.export(view, to: "/db")
        } catch {
            world.fail(.recovery, "\(name) cannot export its store: \(error)")
        }
        return scratch.contents("/db") ?? []
    }

    /// Takes a checkpoint as it comes from the leader, piece by piece.
    func save(_ bytes: [UInt8], receivedAt index: LogIndex) throws(StorageError) {
        let checkpoints = store.checkpoints
        var incoming = try checkpoints.receive(index)
        do throws(StorageError) {
            var start = 0
            while start < bytes.count {
                let end = min(start + 16_384, bytes.count)
                try incoming.append(Array(bytes[start..<end]))
                start = end
            }
        } catch {
            checkpoints.abandon(incoming)
            throw error
        }
        try checkpoints.finish(incoming)
    }
}
