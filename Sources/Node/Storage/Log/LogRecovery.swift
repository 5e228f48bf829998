// SPDX-License-Identifier: Apache-2.0
internal import Bytes

extension Log {
    /// Opens the log in `directory` and gives back all that is in it. A torn tail is cut; damage is
    /// thrown. Everything given back is durable, also what an interrupted process had only written.
    package static func open(
        on disk: any Disk, directory: String, settings: LogSettings
    ) throws(StorageError) -> (log: Log, recovered: RecoveredLog) {
        var recovery = LogRecovery(disk: disk, directory: directory)
        try recovery.readAll()
        return try recovery.resume(settings)
    }
}

/// Reads the segments in order and keeps what they add up to.
struct LogRecovery {
    private let disk: any Disk
    private let directory: String

    private var segments: [LogSegment] = []
    private var position = LogPosition(offset: 0, number: 1, chain: 0)
    private var metadata: LogMetadata?
    private var shape = LogShape()
    private var hardState: HardState?
    private var marks: [CheckpointMark] = []
    private var entries: [Entry] = []
    private var lastFileSize: Int64 = 0
    private var tornByteCount: Int64 = 0
    /// How far the last segment was synced, as far as its frames say.
    private var vouched: Int64 = 0

    init(disk: any Disk, directory: String) {
        self.disk = disk
        self.directory = directory
    }

    mutating func readAll() throws(StorageError) {
        let sequences = try sequences()
        guard let first = sequences.first, let last = sequences.last else {
            throw .missing(path: directory)
        }
        for (step, sequence) in sequences.enumerated() where sequence != first + UInt64(step) {
            throw .missing(path: "\(directory)/\(LogFormat.name(first + UInt64(step)))")
        }
        for sequence in sequences {
            let path = "\(directory)/\(LogFormat.name(sequence))"
            let next = sequence == last ? nil : try followingHead(sequence + 1)
            let file = try onDisk { () throws(DiskError) in try disk.open(path, .readOnly) }
            defer { file.close() }
            var window = try SegmentWindow(file)
            try read(&window, path: path, sequence: sequence, next: next)
        }
        try checkNothingIsMissing()
    }

    /// Makes the last segment fit for writing: no remains behind the end, all of it durable.
    consuming func resume(
        _ settings: LogSettings
    ) throws(StorageError) -> (log: Log, recovered: RecoveredLog) {
        guard let metadata, let last = segments.last else { throw .missing(path: directory) }
        let file: any DiskFile
        let capacity: Int64
        do throws(DiskError) {
            file = try disk.open(last.path, .readWrite)
            if tornByteCount > 0 { try file.truncate(to: position.offset) }
            try rewriteUnvouched(file)
            capacity = try LogRecovery.reserve(max(settings.segmentByteCount, lastFileSize), file)
            try file.sync()
            try disk.syncDirectory(directory)
        } catch {
            throw .disk(error)
        }
        let recovered = RecoveredLog(
            metadata: metadata, hardState: hardState, marks: marks, entries: entries,
            tornByteCount: tornByteCount)
        let log = Log(
            disk: disk, directory: directory, metadata: metadata, settings: settings,
            segments: segments, file: file, capacity: capacity, position: position, shape: shape,
            state: LogBatch(hardState: hardState, mark: marks.last))
        return (log, recovered)
    }

    /// After a sync that failed, the system's cache may hold what the disk does not, and count it as
    /// written: a sync now would do nothing. What is written anew is synced for certain.
    private func rewriteUnvouched(_ file: any DiskFile) throws(DiskError) {
        let count = position.offset - vouched
        if count <= 0 { return }
        try file.write(try file.read(at: vouched, count: Int(clamping: count)), at: vouched)
    }

    /// A full disk is no reason not to start: then what is there must do, and appends will say so.
    private static func reserve(
        _ size: Int64, _ file: any DiskFile
    ) throws(DiskError) -> Int64 {
        do throws(DiskError) {
            try file.allocate(to: size)
            return size
        } catch {
            if error.isNoSpace { return try file.size() }
            throw error
        }
    }

    // MARK: Files

    /// The sequence numbers of the segments, ascending. Unfinished files are removed.
    private func sequences() throws(StorageError) -> [UInt64] {
        try onDisk { () throws(DiskError) in
            var found: [UInt64] = []
            guard try disk.exists(directory) else { return found }
            for name in try disk.list(directory) {
                if let sequence = LogFormat.sequence(ofName: name) {
                    found.append(sequence)
                } else if name.hasSuffix(LogFormat.unfinishedSuffix) {
                    try disk.remove("\(directory)/\(name)")
                }
            }
            return found.sorted()
        }
    }

    /// The first frame of a segment; read on its own, to learn where the one before ended.
    private func followingHead(_ sequence: UInt64) throws(StorageError) -> SegmentHead {
        let path = "\(directory)/\(LogFormat.name(sequence))"
        let file = try onDisk { () throws(DiskError) in try disk.open(path, .readOnly) }
        defer { file.close() }
        var window = try SegmentWindow(file)
        return try head(in: &window, path: path, sequence: sequence).head
    }

    // MARK: One segment

    private func head(
        in window: inout SegmentWindow, path: String, sequence: UInt64
    ) throws(StorageError) -> (header: FrameHeader, head: SegmentHead) {
        guard let header = try window.frame(at: 0), header.kind == LogFormat.Kind.head.rawValue
        else {
            throw .damaged(path: path, offset: 0, reason: "segment head is not whole")
        }
        do throws(ByteError) {
            let head = try window.head(of: header, at: 0)
            guard head.sequence == sequence else {
                throw ByteError(at: LogFormat.headerSize)
            }
            return (header, head)
        } catch {
            throw .damaged(
                path: path, offset: Int64(error.offset), reason: "segment head is not ours")
        }
    }

    private mutating func read(
        _ window: inout SegmentWindow, path: String, sequence: UInt64, next: SegmentHead?
    ) throws(StorageError) {
        let (header, head) = try head(in: &window, path: path, sequence: sequence)
        try enter(header, head, path: path)
        let limit = next.map { next in Int(clamping: next.previousEnd) } ?? window.size
        var reason = "segment ends too early"
        while Int(position.offset) < limit {
            let offset = Int(position.offset)
            guard let frame = try window.frame(at: offset) else {
                reason = "frame is not whole"
                break
            }
            guard frame.segment == header.segment, frame.number == position.number,
                frame.chain == position.chain
            else {
                reason = "frame is out of place"
                break
            }
            try take(frame, window, path: path)
            advance(over: frame)
        }
        if let next {
            guard Int(position.offset) == limit, next.previousIdentity == header.segment else {
                throw .damaged(path: path, offset: position.offset, reason: reason)
            }
        } else {
            try judgeTail(&window, segment: header.segment, path: path, reason: reason)
        }
    }

    private mutating func enter(
        _ header: FrameHeader, _ head: SegmentHead, path: String
    ) throws(StorageError) {
        if let metadata {
            let follows = header.number == position.number && header.chain == position.chain
            guard follows, head.metadata == metadata else {
                throw .damaged(path: path, offset: 0, reason: "segment does not follow")
            }
        } else {
            guard header.number > 0, max(header.number, head.last.number) < UInt64.max / 2 else {
                throw .damaged(path: path, offset: 0, reason: "segment head is out of range")
            }
            metadata = head.metadata
            hardState = head.state.hardState
            marks = head.state.mark.map { mark in [mark] } ?? []
            guard (marks.last?.index.number ?? 0) < UInt64.max / 2 else {
                throw .damaged(path: path, offset: 0, reason: "mark is out of range")
            }
            shape = LogShape(last: head.last, term: head.lastTerm)
            position.number = header.number
        }
        position.offset = 0
        vouched = 0
        advance(over: header)
        segments.append(
            LogSegment(
                sequence: head.sequence, path: path, identity: header.segment, highest: .zero))
    }

    private mutating func advance(over frame: FrameHeader) {
        vouched = max(vouched, Int64(clamping: frame.durableThrough))
        position.offset += Int64(frame.byteCount)
        position.number += 1
        position.chain = frame.crc
    }

    private mutating func take(
        _ frame: FrameHeader, _ window: SegmentWindow, path: String
    ) throws(StorageError) {
        let offset = position.offset
        guard frame.durableThrough <= UInt64(offset) else {
            throw .damaged(path: path, offset: offset, reason: "frame vouches for itself")
        }
        switch LogFormat.Kind(rawValue: frame.kind) {
        case .endMark where frame.length == 0: return
        case .batch: break
        case .head, .endMark, nil:
            throw .damaged(path: path, offset: offset, reason: "kind \(frame.kind) in this place")
        }
        let batch: LogBatch
        do throws(ByteError) {
            batch = try window.batch(of: frame, at: Int(offset))
        } catch {
            throw .damaged(
                path: path, offset: Int64(error.offset), reason: "batch is malformed")
        }
        if let objection = take(batch) {
            throw .damaged(path: path, offset: offset, reason: objection)
        }
    }

    /// Why the batch cannot come here, or nil.
    private mutating func take(_ batch: LogBatch) -> String? {
        if let mark = batch.mark {
            guard mark.index.number < UInt64.max / 2 else { return "mark is out of range" }
            if let objection = shape.objection(to: mark, after: marks.last) { return objection }
            if shape.take(mark) { entries.removeAll() }
            marks.append(mark)
        }
        if let objection = shape.objection(to: batch.entries) { return objection }
        shape.take(batch.entries)
        if let first = batch.entries.first, let last = batch.entries.last {
            if let oldest = entries.first {
                let kept = first.index > oldest.index ? first.index.number - oldest.index.number : 0
                entries.removeLast(max(0, entries.count - Int(clamping: kept)))
            }
            entries.append(contentsOf: batch.entries)
            let open = segments.count - 1
            segments[open].highest = max(segments[open].highest, last.index)
        }
        if let newer = batch.hardState { hardState = newer }
        return nil
    }

    // MARK: The end

    /// The last segment stopped making sense at `position`: is it the end, a torn tail, or damage?
    private mutating func judgeTail(
        _ window: inout SegmentWindow, segment: UInt64, path: String, reason: String
    ) throws(StorageError) {
        let end = Int(position.offset)
        lastFileSize = Int64(window.size)
        if try window.isZero(from: end) { return }
        let durable = try window.whole().durableThrough(
            from: end, segment: segment, number: position.number)
        if durable > UInt64(end) {
            throw .damaged(path: path, offset: Int64(end), reason: reason)
        }
        tornByteCount = Int64(window.size - end)
    }

    private func checkNothingIsMissing() throws(StorageError) {
        let path = segments.first?.path ?? directory
        let covered = marks.last?.index ?? .zero
        let first = entries.first?.index ?? shape.last.next
        if first > covered.next {
            throw .damaged(
                path: path, offset: 0,
                reason: "entries after \(covered) are missing; the first is \(first)")
        }
    }
}
