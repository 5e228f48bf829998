// SPDX-License-Identifier: Apache-2.0
internal import Bytes
package import Storage

// A disk in memory that behaves as badly as real ones do, from one seed.
//
//   process ──writes──► page cache (what reads see) ──sync──► platter (what a crash leaves)
//
// A crash leaves of each unsynced write any of its 512-byte sectors, in any order, and of the
// unsynced changes of folders (create, rename, remove) any. Sectors themselves are never torn.
// A failed sync forgets what it could not write, as Linux does: a second sync then succeeds.
//
//   disk.crashAfter(3)          the process dies in the fourth changing call from now
//   disk.failNext(.sync, 5)     the next sync fails with EIO
//   disk.capacity = 1 << 20     then ENOSPC, after a partial write
//   disk.crash()                power cut; open files are dead, what is left can be opened again

/// Deterministic: the same seed and the same calls leave the same disk.
package final class SimulatedDisk: Disk {
    /// What every call answers between the crash and `restart`: the process is dead.
    package static let deadCode: Int32 = 9999

    /// What a power cut does to what was not synced.
    package enum CrashMode: Sendable {
        case losesAll, keepsAll, tears
    }

    /// Bytes that all files together may have; nil is no limit.
    package var capacity: Int64?
    /// Left to the owner of time: a simulator delays the answers of a slow disk.
    package var isSlow = false
    /// Calls that change something, or sync, so far.
    package private(set) var callCount = 0
    package private(set) var usedByteCount: Int64 = 0

    private var random: Random
    private var files: [String: SimulatedInode] = [:]
    private var folders: Set<String> = ["/", "."]
    private var durableFiles: [String: SimulatedInode] = [:]
    private var durableFolders: Set<String> = ["/", "."]
    private var changes: [FolderChange] = []
    private var faults: [Fault] = []
    private var callsUntilCrash: Int?
    private var isDead = false
    fileprivate private(set) var life = 0

    private struct Fault {
        var operation: DiskOperation
        var code: Int32
        var skip: Int
    }

    private enum FolderChange {
        case create(String, SimulatedInode)
        case makeFolder(String)
        case rename(String, String, SimulatedInode)
        case remove(String, SimulatedInode)

        func touches(_ folder: String) -> Bool {
            switch self {
            case .create(let path, _), .makeFolder(let path), .remove(let path, _):
                parent(path) == folder
            case .rename(let from, let target, _):
                parent(from) == folder || parent(target) == folder
            }
        }
    }

    package init(seed: UInt64) {
        random = Random(seed: seed)
    }

    // MARK: Faults

    /// The call number `skip` + 1 of that kind from now on fails with `code`.
    package func failNext(_ operation: DiskOperation, _ code: Int32, skip: Int = 0) {
        faults.append(Fault(operation: operation, code: code, skip: skip))
    }

    /// The process dies in the call after the next `count` changing calls: that call may have
    /// happened or not. Then everything answers `deadCode` until `restart`.
    package func crashAfter(_ count: Int) {
        callsUntilCrash = count
    }

    /// Forgets all faults that have not struck yet.
    package func cancelFaults() {
        faults = []
        callsUntilCrash = nil
        dieNow = false
    }

    /// True after `crashAfter` has struck.
    package var hasCrashed: Bool { isDead }

    /// Power cut and power on.
    package func crash(_ mode: CrashMode = .tears) {
        isDead = false
        callsUntilCrash = nil
        life += 1
        switch mode {
        case .losesAll: break
        case .keepsAll: changes.forEach(makeDurable)
        case .tears:
            // Half of the time in order, as journals do; half of the time any.
            let isOrdered = random.chance(percent: 50)
            let cut = random.below(changes.count + 1)
            for (step, change) in changes.enumerated()
            where isOrdered ? step < cut : random.chance(percent: 50) {
                makeDurable(change)
            }
        }
        changes = []
        let reachable = durableFolders.filter { folder in isReachable(folder) }
        durableFolders = reachable
        durableFiles = durableFiles.filter { path, _ in reachable.contains(parent(path)) }
        folders = durableFolders
        files = durableFiles
        usedByteCount = 0
        for path in files.keys.sorted() {
            guard let inode = files[path] else { continue }
            inode.crash(mode, seed: random.next())
            usedByteCount += Int64(inode.count)
        }
    }

    /// The process died but the machine did not: nothing is lost. Open files are dead.
    package func restart() {
        isDead = false
        callsUntilCrash = nil
        life += 1
    }

    // MARK: For tests

    package var paths: [String] { files.keys.sorted() }

    package func contents(_ path: String) -> [UInt8]? { files[path]?.current }

    /// Flips one bit, in the cache and on the platter.
    package func flipBit(_ path: String, offset: Int, bit: Int) {
        files[path]?.mutateBoth { bytes in
            if offset < bytes.count { bytes[offset] ^= 1 << UInt8(bit & 7) }
        }
    }

    /// Puts `bytes` there, durably, whatever was there before.
    package func replace(_ path: String, with bytes: [UInt8]) {
        let inode = SimulatedInode()
        inode.mutateBoth { contents in contents = bytes }
        usedByteCount += Int64(bytes.count - (files[path]?.count ?? 0))
        files[path] = inode
        durableFiles[path] = inode
    }

    // MARK: Disk

    package func makeDirectory(_ path: String) throws(DiskError) {
        try call(.makeDirectory, path)
        if folders.contains(path) { return }
        guard folders.contains(parent(path)) else { throw missing(.makeDirectory, path) }
        folders.insert(path)
        changes.append(.makeFolder(path))
        try dieIfDue(.makeDirectory, path)
    }

    package func list(_ path: String) throws(DiskError) -> [String] {
        try look(.list, path)
        guard folders.contains(path) else { throw missing(.list, path) }
        let inside = files.keys.filter { name in parent(name) == path }
        let below = folders.filter { name in name != path && parent(name) == path }
        return (Array(inside) + Array(below)).map(lastName).sorted()
    }

    package func exists(_ path: String) throws(DiskError) -> Bool {
        try look(.list, path)
        return files[path] != nil || folders.contains(path)
    }

    package func open(_ path: String, _ mode: OpenMode) throws(DiskError) -> any DiskFile {
        if mode != .create {
            try look(.open, path)
            guard let inode = files[path] else { throw missing(.open, path) }
            return SimulatedFile(disk: self, inode: inode, path: path, life: life)
        }
        try call(.open, path)
        guard folders.contains(parent(path)) else { throw missing(.open, path) }
        let inode: SimulatedInode
        if let old = files[path] {
            inode = old
            usedByteCount -= Int64(old.count)
            old.resize(to: 0)
        } else {
            inode = SimulatedInode()
            files[path] = inode
            changes.append(.create(path, inode))
        }
        try dieIfDue(.open, path)
        return SimulatedFile(disk: self, inode: inode, path: path, life: life)
    }

    package func rename(_ path: String, to target: String) throws(DiskError) {
        try call(.rename, path)
        guard let inode = files[path] else { throw missing(.rename, path) }
        if let replaced = files[target] { usedByteCount -= Int64(replaced.count) }
        files[path] = nil
        files[target] = inode
        changes.append(.rename(path, target, inode))
        try dieIfDue(.rename, path)
    }

    package func remove(_ path: String) throws(DiskError) {
        try call(.remove, path)
        guard let inode = files[path] else { throw missing(.remove, path) }
        usedByteCount -= Int64(inode.count)
        files[path] = nil
        changes.append(.remove(path, inode))
        try dieIfDue(.remove, path)
    }

    package func syncDirectory(_ path: String) throws(DiskError) {
        try call(.syncDirectory, path)
        try dieIfDue(.syncDirectory, path)
        for change in changes where change.touches(path) { makeDurable(change) }
        changes.removeAll { change in change.touches(path) }
    }

    // MARK: Steps

    private func makeDurable(_ change: FolderChange) {
        switch change {
        case .create(let path, let inode): durableFiles[path] = inode
        case .makeFolder(let path): durableFolders.insert(path)
        case .rename(let from, let target, let inode):
            if durableFiles[from] === inode { durableFiles[from] = nil }
            durableFiles[target] = inode
        case .remove(let path, let inode):
            if durableFiles[path] === inode { durableFiles[path] = nil }
        }
    }

    private func isReachable(_ folder: String) -> Bool {
        var folder = folder
        while folder != "/", folder != "." {
            if !durableFolders.contains(folder) { return false }
            folder = parent(folder)
        }
        return true
    }

    /// A call that changes nothing.
    fileprivate func look(_ operation: DiskOperation, _ path: String) throws(DiskError) {
        if isDead { throw DiskError(operation: operation, path: path, code: Self.deadCode) }
        try failIfPlanned(operation, path)
    }

    /// A call that changes something.
    fileprivate func call(_ operation: DiskOperation, _ path: String) throws(DiskError) {
        if isDead { throw DiskError(operation: operation, path: path, code: Self.deadCode) }
        callCount += 1
        try failIfPlanned(operation, path)
        if let left = callsUntilCrash, left > 0 {
            callsUntilCrash = left - 1
        } else if callsUntilCrash != nil {
            dieNow = true
        }
    }

    private var dieNow = false

    /// The process dies inside of the call: what it changed is there, as far as it was not synced.
    fileprivate func dieIfDue(_ operation: DiskOperation, _ path: String) throws(DiskError) {
        guard dieNow else { return }
        dieNow = false
        isDead = true
        throw DiskError(operation: operation, path: path, code: Self.deadCode)
    }

    private func failIfPlanned(_ operation: DiskOperation, _ path: String) throws(DiskError) {
        guard let index = faults.firstIndex(where: { fault in fault.operation == operation }) else {
            return
        }
        if faults[index].skip > 0 {
            faults[index].skip -= 1
            return
        }
        let fault = faults.remove(at: index)
        throw DiskError(operation: operation, path: path, code: fault.code)
    }

    private func missing(_ operation: DiskOperation, _ path: String) -> DiskError {
        DiskError(operation: operation, path: path, code: DiskError.noEntryCode)
    }

    /// How much of `growth` there is room for.
    fileprivate func room(for growth: Int64) -> Int64 {
        guard let capacity else { return growth }
        return max(0, min(growth, capacity - usedByteCount))
    }

    fileprivate func grew(by count: Int64) { usedByteCount += count }

    fileprivate func draw() -> UInt64 { random.next() }
}

private func parent(_ path: String) -> String {
    guard let slash = path.utf8.lastIndex(of: UInt8(ascii: "/")) else { return "." }
    return slash == path.startIndex ? "/" : String(path[..<slash])
}

private func lastName(_ path: String) -> String {
    guard let slash = path.lastIndex(of: "/") else { return path }
    return String(path[path.index(after: slash)...])
}

/// An open file of a `SimulatedDisk`; dead after a crash or a close.
private final class SimulatedFile: DiskFile {
    let path: String
    private let disk: SimulatedDisk
    private let inode: SimulatedInode
    private let life: Int
    private var isOpen = true

    init(disk: SimulatedDisk, inode: SimulatedInode, path: String, life: Int) {
        self.disk = disk
        self.inode = inode
        self.path = path
        self.life = life
    }

    func size() throws(DiskError) -> Int64 {
        try check(.size)
        return Int64(inode.count)
    }

    func read(
        into buffer: UnsafeMutableRawBufferPointer, at offset: Int64
    ) throws(DiskError) -> Int {
        try check(.read)
        try disk.look(.read, path)
        return unsafe inode.read(into: buffer, at: Int(offset))
    }

    func write(_ bytes: UnsafeRawBufferPointer, at offset: Int64) throws(DiskError) {
        try check(.write)
        do throws(DiskError) {
            try disk.call(.write, path)
        } catch {
            // Some of it may have been written all the same.
            let part = error.code == SimulatedDisk.deadCode ? 0 : Int(disk.draw() % 4)
            let count = min(bytes.count * part / 4, inode.count - min(inode.count, Int(offset)))
            unsafe inode.write(UnsafeRawBufferPointer(rebasing: bytes[..<count]), at: Int(offset))
            throw error
        }
        let growth = max(0, offset + Int64(bytes.count) - Int64(inode.count))
        let room = disk.room(for: growth)
        let fitting = max(0, bytes.count - Int(growth - room))
        let before = inode.count
        unsafe inode.write(UnsafeRawBufferPointer(rebasing: bytes[..<fitting]), at: Int(offset))
        disk.grew(by: Int64(inode.count - before))
        try disk.dieIfDue(.write, path)
        if room < growth {
            throw DiskError(operation: .write, path: path, code: DiskError.noSpaceCode)
        }
    }

    func allocate(to size: Int64) throws(DiskError) {
        try change(.allocate)
        let growth = max(0, size - Int64(inode.count))
        if disk.room(for: growth) < growth {
            throw DiskError(operation: .allocate, path: path, code: DiskError.noSpaceCode)
        }
        if growth > 0 { inode.resize(to: Int(size)) }
        disk.grew(by: growth)
        try disk.dieIfDue(.allocate, path)
    }

    func truncate(to size: Int64) throws(DiskError) {
        try change(.truncate)
        disk.grew(by: size - Int64(inode.count))
        inode.resize(to: Int(size))
        try disk.dieIfDue(.truncate, path)
    }

    func sync() throws(DiskError) {
        do throws(DiskError) {
            try change(.sync)
        } catch {
            if error.code != SimulatedDisk.deadCode { inode.failSync(seed: disk.draw()) }
            throw error
        }
        try disk.dieIfDue(.sync, path)
        inode.sync()
    }

    func close() { isOpen = false }

    private func change(_ operation: DiskOperation) throws(DiskError) {
        try check(operation)
        try disk.call(operation, path)
    }

    private func check(_ operation: DiskOperation) throws(DiskError) {
        guard isOpen, life == disk.life else {
            throw DiskError(operation: operation, path: path, code: SimulatedDisk.deadCode)
        }
    }
}
