// SPDX-License-Identifier: Apache-2.0
package import Bytes

/// The folder member/snap: one checkpoint under the name `db`, and received ones that wait to
/// become it. Each has its sums beside it.
///
/// A checkpoint and its sums cannot be renamed at once, so the new sums come first, under a third
/// name, and take their place last:
///
///     tmp.db, tmp.db.sums written and synced          (a crash here leaves the old pair)
///     tmp.db.sums ─► db.next.sums, directory synced   (old pair, and sums that fit nothing yet)
///     tmp.db      ─► db,           directory synced   (db fits db.next.sums)
///     db.next.sums ─► db.sums,     directory synced   (the new pair)
///
/// `open` finishes whichever step is due. A `db` without any sums is taken as it is: that is what
/// etcd's own tools leave behind.
package struct Checkpoints {
    private let disk: any Disk
    package let directory: String

    /// The folder must exist.
    package init(on disk: any Disk, directory: String) {
        self.disk = disk
        self.directory = directory
    }

    package var path: String { "\(directory)/db" }
    private var sumsPath: String { "\(directory)/db.sums" }
    private var nextSumsPath: String { "\(directory)/db.next.sums" }
    private var temporaryPath: String { "\(directory)/tmp.db" }
    private var temporarySumsPath: String { "\(directory)/tmp.db.sums" }

    package func receivedPath(_ index: LogIndex) -> String {
        "\(directory)/\(hexadecimal(index.number)).snap.db"
    }

    // MARK: Start

    /// Removes what a crash left unfinished and finishes a publication that was nearly done.
    package func tidy() throws(StorageError) {
        let names = try onDisk { () throws(DiskError) in try disk.list(directory) }
        for name in names where name.hasPrefix("tmp") || name.hasPrefix("db.tmp") {
            try remove("\(directory)/\(name)")
        }
        for name in names where name.hasSuffix(".snap.db.sums") && !name.hasPrefix("tmp") {
            if !names.contains(String(name.dropLast(5))) { try remove("\(directory)/\(name)") }
        }
        try settleSums()
        try syncDirectory()
    }

    /// The indices of received checkpoints, ascending.
    package func received() throws(StorageError) -> [LogIndex] {
        let names = try onDisk { () throws(DiskError) in try disk.list(directory) }
        return names.compactMap { name in
            guard name.hasSuffix(".snap.db") else { return nil }
            return number(fromHexadecimal: name.dropLast(8)).map { LogIndex($0) }
        }.sorted()
    }

    /// Opens a checkpoint for reading, its sums verified if it has any; nil when there is none.
    package func open(_ path: String) throws(StorageError) -> OpenCheckpoint? {
        guard let found = try openForLoading(path) else { return nil }
        do throws(StorageError) {
            try found.reader.verifyRest()
            return found
        } catch {
            found.close()
            throw error
        }
    }

    /// The same for one that is read once and whole: each block is verified when it is read,
    /// before its rows are given out. The loader must call `reader.verifyRest` before it trusts
    /// what it has made of them.
    package func openForLoading(_ path: String) throws(StorageError) -> OpenCheckpoint? {
        guard try onDisk({ () throws(DiskError) in try disk.exists(path) }) else { return nil }
        let file = try onDisk { () throws(DiskError) in try disk.open(path, .readOnly) }
        do throws(StorageError) {
            let sums = try BlockSums.read(on: disk, path: path + ".sums")
            return OpenCheckpoint(
                path: path, file: file, reader: try BoltReader(file: file, sums: sums),
                hasSums: sums != nil)
        } catch {
            file.close()
            throw error
        }
    }

    /// The checkpoint in use, after `tidy`.
    package func newest() throws(StorageError) -> OpenCheckpoint? {
        try open(path)
    }

    // MARK: Publish

    /// Writes a new checkpoint and lets it replace the old one; durable when this returns. If it
    /// throws, the old one is still there (or, after an error of the last steps, either of them).
    package func publish(
        transaction: UInt64, _ body: (inout BoltWriter) throws(StorageError) -> Void
    ) throws(StorageError) -> Int64 {
        let temporary = temporaryPath
        let file = try onDisk { () throws(DiskError) in try disk.open(temporary, .create) }
        let size: Int64
        do throws(StorageError) {
            defer { file.close() }
            var writer = BoltWriter(file: file)
            try body(&writer)
            size = try writer.finish(transaction: transaction)
            try onDisk { () throws(DiskError) in try file.sync() }
            try writeSums(of: file, to: temporarySumsPath)
        } catch {
            discard([temporary, temporarySumsPath])
            throw error
        }
        try install(temporary, sums: temporarySumsPath)
        return size
    }

    /// Lets a received checkpoint become the one in use.
    package func adopt(_ index: LogIndex) throws(StorageError) {
        let received = receivedPath(index)
        guard try onDisk({ () throws(DiskError) in try disk.exists(received) }) else {
            throw .missing(path: received)
        }
        // A copy of the sums, so that the received pair is whole until it is not needed.
        try write(try sums(of: received), to: temporarySumsPath)
        try install(received, sums: temporarySumsPath)
        _ = try? disk.remove(received + ".sums")
    }

    /// Forgets received checkpoints up to `index`.
    package func removeReceived(through index: LogIndex) throws(StorageError) {
        for old in try received() where old <= index {
            try remove(receivedPath(old))
            let sums = receivedPath(old) + ".sums"
            if try onDisk({ () throws(DiskError) in try disk.exists(sums) }) { try remove(sums) }
        }
        try syncDirectory()
    }

    // MARK: Receive

    /// Begins to take a checkpoint from the leader. One at a time for each index.
    package func receive(_ index: LogIndex) throws(StorageError) -> IncomingCheckpoint {
        let path = "\(directory)/tmp.\(hexadecimal(index.number)).snap.db"
        let file = try onDisk { () throws(DiskError) in try disk.open(path, .create) }
        return IncomingCheckpoint(index: index, file: file)
    }

    /// Checks what has come and gives it its name; durable when this returns. If it is not a
    /// sound `.db` file it is removed and `.damaged` thrown.
    package func finish(_ incoming: IncomingCheckpoint) throws(StorageError) {
        let (file, final) = (incoming.file, receivedPath(incoming.index))
        let sums = file.path + ".sums"
        do throws(StorageError) {
            defer { file.close() }
            try onDisk { () throws(DiskError) in try file.sync() }
            let problems = try BoltReader(file: file).check()
            if let first = problems.first {
                throw .damaged(path: file.path, offset: 0, reason: first)
            }
            try writeSums(of: file, to: sums)
        } catch {
            discard([file.path, sums])
            throw error
        }
        // Sums without a file are removed by `tidy`; a file without sums never appears.
        try rename(sums, to: final + ".sums")
        try syncDirectory()
        try rename(file.path, to: final)
        try syncDirectory()
    }

    /// Drops what has come so far.
    package func abandon(_ incoming: IncomingCheckpoint) {
        incoming.file.close()
        discard([incoming.file.path])
    }

    // MARK: Steps

    private func install(_ file: String, sums: String) throws(StorageError) {
        try rename(sums, to: nextSumsPath)
        try syncDirectory()
        try rename(file, to: path)
        try syncDirectory()
        try rename(nextSumsPath, to: sumsPath)
        try syncDirectory()
    }

    /// Decides which sums belong to `db` and removes the others.
    private func settleSums() throws(StorageError) {
        let isWaiting = try onDisk { () throws(DiskError) in try disk.exists(nextSumsPath) }
        let path = path
        guard isWaiting, try onDisk({ () throws(DiskError) in try disk.exists(path) }) else {
            if isWaiting { try remove(nextSumsPath) }
            return
        }
        let file = try onDisk { () throws(DiskError) in try disk.open(path, .readOnly) }
        defer { file.close() }
        let next = try BlockSums.read(on: disk, path: nextSumsPath)
        if let next, try belongs(next, to: file) {
            try rename(nextSumsPath, to: sumsPath)
        } else {
            try remove(nextSumsPath)
        }
    }

    /// Those beside the file, or else new ones.
    private func sums(of path: String) throws(StorageError) -> BlockSums {
        if let sums = try BlockSums.read(on: disk, path: path + ".sums") { return sums }
        let file = try onDisk { () throws(DiskError) in try disk.open(path, .readOnly) }
        defer { file.close() }
        return try BlockSums.of(file)
    }

    private func belongs(
        _ sums: BlockSums, to file: any DiskFile
    ) throws(StorageError) -> Bool {
        guard try sums.fits(file) else { return false }
        let sumsPath = sumsPath
        let hasOld = try onDisk { () throws(DiskError) in try disk.exists(sumsPath) }
        // Without older sums to be right, the file is the new one, even if it is damaged.
        if !hasOld { return true }
        do throws(StorageError) {
            try sums.verify(file)
            return true
        } catch {
            if case .damaged = error { return false }
            throw error
        }
    }

    private func writeSums(of file: any DiskFile, to path: String) throws(StorageError) {
        try write(try BlockSums.of(file), to: path)
    }

    private func write(_ sums: BlockSums, to path: String) throws(StorageError) {
        let bytes = sums.encoded()
        try onDisk { () throws(DiskError) in
            let sums = try disk.open(path, .create)
            defer { sums.close() }
            try sums.write(bytes, at: 0)
            try sums.sync()
        }
    }

    private func rename(_ from: String, to target: String) throws(StorageError) {
        try onDisk { () throws(DiskError) in try disk.rename(from, to: target) }
    }

    private func remove(_ path: String) throws(StorageError) {
        try onDisk { () throws(DiskError) in try disk.remove(path) }
    }

    private func syncDirectory() throws(StorageError) {
        try onDisk { () throws(DiskError) in try disk.syncDirectory(directory) }
    }

    /// Best effort: what stays is removed at the next start.
    private func discard(_ paths: [String]) {
        for path in paths { _ = try? disk.remove(path) }
    }
}

/// A checkpoint open for reading; close it when done.
package struct OpenCheckpoint {
    package let path: String
    package let file: any DiskFile
    package let reader: BoltReader
    /// False for a file that etcd's tools made.
    package let hasSums: Bool

    package func close() {
        file.close()
    }
}

/// A checkpoint that is coming in, in order.
package struct IncomingCheckpoint {
    package let index: LogIndex
    let file: any DiskFile
    package private(set) var byteCount: Int64 = 0

    init(index: LogIndex, file: any DiskFile) {
        self.index = index
        self.file = file
    }

    package mutating func append(_ bytes: [UInt8]) throws(StorageError) {
        let (file, offset) = (file, byteCount)
        try onDisk { () throws(DiskError) in try file.write(bytes, at: offset) }
        byteCount += Int64(bytes.count)
    }
}
