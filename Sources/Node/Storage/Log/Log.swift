// SPDX-License-Identifier: Apache-2.0
package import Bytes

/// The log of one member. One owner, one thread; a copy of the value must not be used.
///
/// `append` has written when it returns; `sync` has made durable what was appended before it. An
/// error with `isNoSpace` from `append` means that none of its batches counts and the log may be
/// used on. Any other error of the disk ends the log: see `StorageError.poisoned`.
package struct Log {
    package let metadata: LogMetadata
    private let disk: any Disk
    private let directory: String
    private let settings: LogSettings

    /// Oldest first; the last one is written to.
    private var segments: [LogSegment]
    private var file: any DiskFile
    /// What is reserved of the last segment.
    private var capacity: Int64
    private var position: LogPosition
    private var durableEnd: Int64
    /// How far failed writes may have reached; beyond `position.offset` until written over.
    private var dirtyEnd: Int64
    private var isEndMarked = false
    /// Up to here the file system has written blocks of the last segment, as far as is known.
    private var preparedEnd: Int64 = 0
    private var lastWriteByteCount = 0

    private var shape: LogShape
    private var hardState: HardState?
    private var mark: CheckpointMark?
    private var durableMark: CheckpointMark?
    private var failure: DiskError?
    private var buffer: [UInt8] = []

    /// The last entry, or the mark after which the log goes on.
    package var lastIndex: LogIndex { shape.last }
    package var segmentCount: Int { segments.count }
    /// Everything appended has been synced.
    package var isDurable: Bool { durableEnd == position.offset }

    // MARK: Begin

    /// True when a log was created in `directory`.
    package static func exists(
        on disk: any Disk, directory: String
    ) throws(StorageError) -> Bool {
        try onDisk { () throws(DiskError) in
            guard try disk.exists(directory) else { return false }
            return try disk.list(directory).contains { name in
                LogFormat.sequence(ofName: name) != nil
            }
        }
    }

    /// A new log in `directory`, durable when this returns. The parent folder must exist. What an
    /// earlier attempt left unfinished is replaced.
    package static func create(
        on disk: any Disk, directory: String, metadata: LogMetadata, settings: LogSettings
    ) throws(StorageError) -> Log {
        if try exists(on: disk, directory: directory) { throw .exists(path: directory) }
        try onDisk { () throws(DiskError) in
            try disk.makeDirectory(directory)
            try disk.syncDirectory(parent(of: directory))
        }
        let head = SegmentHead(
            sequence: 1, metadata: metadata, previousIdentity: 0, previousEnd: 0, last: .zero,
            lastTerm: .zero, state: LogBatch())
        let identity = LogFormat.identity(
            sequence: 1, previous: 0, chain: 0, metadata: metadata, salt: settings.salt)
        let start = LogPosition(offset: 0, number: 1, chain: 0)
        let fresh = try onDisk { () throws(DiskError) in
            try LogSegment.create(
                on: disk, directory: directory, head: head, identity: identity, start: start,
                size: settings.segmentByteCount, spare: 0)
        }
        return Log(
            disk: disk, directory: directory, metadata: metadata, settings: settings,
            segments: [fresh.segment], file: fresh.file, capacity: fresh.capacity,
            position: fresh.position, shape: LogShape(), state: LogBatch())
    }

    init(
        disk: any Disk, directory: String, metadata: LogMetadata, settings: LogSettings,
        segments: [LogSegment], file: any DiskFile, capacity: Int64, position: LogPosition,
        shape: LogShape, state: LogBatch
    ) {
        self.disk = disk
        self.directory = directory
        self.metadata = metadata
        self.settings = settings
        self.segments = segments
        self.file = file
        self.capacity = capacity
        self.position = position
        self.shape = shape
        durableEnd = position.offset
        dirtyEnd = position.offset
        hardState = state.hardState
        mark = state.mark
        durableMark = state.mark
    }

    // MARK: Use

    /// Writes the batches with one write call. Not durable before `sync`.
    ///
    /// A batch that is only a mark, and an older one than the log has, says nothing: a checkpoint
    /// was being written while a newer one came from the leader.
    package mutating func append(_ given: [LogBatch]) throws(StorageError) {
        let batches = given.filter { !isOvertaken($0) }
        if batches.isEmpty { return }
        try refuseIfPoisoned()
        var after = shape
        var newest = mark
        var highest = LogIndex.zero
        for batch in batches {
            let markObjection = after.objection(to: batch.mark, after: newest)
            invariant(markObjection == nil, "log: \(markObjection ?? "")")
            if let mark = batch.mark {
                _ = after.take(mark)
                newest = mark
            }
            let objection = after.objection(to: batch.entries)
            invariant(objection == nil, "log: \(objection ?? "")")
            after.take(batch.entries)
            highest = max(highest, batch.entries.last?.index ?? .zero)
        }
        try write { builder in
            for batch in batches { builder.append(batch) }
        }
        shape = after
        for batch in batches {
            if let newer = batch.hardState { hardState = newer }
            if let newer = batch.mark { mark = newer }
        }
        let open = segments.count - 1
        segments[open].highest = max(segments[open].highest, highest)
        isEndMarked = false
    }

    private func isOvertaken(_ batch: LogBatch) -> Bool {
        guard batch.entries.isEmpty, batch.hardState == nil, let given = batch.mark, let mark else {
            return false
        }
        return given.index < mark.index
    }

    /// Makes everything appended durable.
    package mutating func sync() throws(StorageError) {
        try refuseIfPoisoned()
        if isDurable { return }
        try syncAnyway()
    }

    /// Removes segments in which all entries are at or before `index`, but never what the newest
    /// durable mark does not cover.
    package mutating func release(through index: LogIndex) throws(StorageError) {
        try refuseIfPoisoned()
        guard let durableMark else { return }
        let limit = min(index, durableMark.index)
        while segments.count > 1, segments[0].highest <= limit {
            let path = segments[0].path
            do throws(DiskError) {
                try disk.remove(path)
                // One by one, in order: a crash must never leave a gap.
                try disk.syncDirectory(directory)
            } catch {
                throw poison(error)
            }
            segments.removeFirst()
        }
        shape.forget(before: limit)
    }

    /// Vouches on disk for what is synced (LogFormat: end mark). Syncs first what is not; the mark
    /// itself is written only. For an owner with nothing else to write, and before `close`.
    package mutating func markEnd() throws(StorageError) {
        try sync()
        if isEndMarked { return }
        try write { builder in builder.appendEndMark() }
        isEndMarked = true
    }

    /// A clean stop; the log may not be used any more.
    package mutating func close() throws(StorageError) {
        defer { file.close() }
        try markEnd()
        try sync()
    }

    /// Writes zeros a little ahead of the end. A reserved block becomes a written one in the file
    /// system's own journal, and a small append should not wait for that; so it is done here, for
    /// many appends at once, by an owner who has just reported the last one. Appends that are large
    /// pay once for many blocks anyway and are not prepared for.
    package mutating func prepare() throws(StorageError) {
        try refuseIfPoisoned()
        guard wantsPreparing else { return }
        let ahead = settings.preparedByteCount
        let start = max(preparedEnd, position.offset)
        let end = min(capacity, position.offset + ahead)
        guard start < end else { return }
        do throws(DiskError) {
            try file.write([UInt8](repeating: 0, count: Int(end - start)), at: start)
        } catch {
            // There are reserved blocks; if they are not to be had after all, appends will say so.
            if error.isNoSpace { return }
            throw poison(error)
        }
        preparedEnd = end
        try syncAnyway()
    }

    /// Whether `prepare` would do anything.
    package var wantsPreparing: Bool {
        let ahead = settings.preparedByteCount
        return lastWriteByteCount <= ahead / 4 && preparedEnd < capacity
            && preparedEnd - position.offset < ahead / 2
    }

    private mutating func syncAnyway() throws(StorageError) {
        do throws(DiskError) {
            try file.sync()
        } catch {
            // Whatever the code: the kernel may have dropped the pages it could not write.
            throw poison(error)
        }
        durableEnd = position.offset
        durableMark = mark
    }

    // MARK: Writing

    private mutating func write(_ build: (inout FrameBuilder) -> Void) throws(StorageError) {
        var builder = builder()
        build(&builder)
        if builder.position.offset > capacity {
            try roll(forByteCount: Int64(builder.writer.count))
            builder = self.builder()
            build(&builder)
        }
        let end = builder.position.offset
        if dirtyEnd > end { builder.appendZeros(Int(dirtyEnd - end)) }
        buffer = builder.writer.bytes
        do throws(DiskError) {
            try file.write(buffer, at: position.offset)
        } catch {
            dirtyEnd = max(dirtyEnd, end)
            throw error.isNoSpace ? .disk(named(error)) : poison(error)
        }
        position = builder.position
        dirtyEnd = end
        lastWriteByteCount = buffer.count
        // A buffer that was huge once is not kept for ever.
        if buffer.count > 4 << 20 { buffer = [] }
    }

    private mutating func builder() -> FrameBuilder {
        var reused: [UInt8] = []
        swap(&reused, &buffer)
        return FrameBuilder(
            at: position, segment: segments[segments.count - 1].identity,
            durableThrough: durableEnd, reusing: reused)
    }

    /// Begins the next segment. A full disk leaves everything as it was.
    private mutating func roll(forByteCount count: Int64) throws(StorageError) {
        try sync()
        let current = segments[segments.count - 1]
        let identity = LogFormat.identity(
            sequence: current.sequence + 1, previous: current.identity, chain: position.chain,
            metadata: metadata, salt: settings.salt)
        let head = SegmentHead(
            sequence: current.sequence + 1, metadata: metadata, previousIdentity: current.identity,
            previousEnd: UInt64(position.offset), last: shape.last, lastTerm: shape.lastTerm,
            state: LogBatch(hardState: hardState, mark: mark))
        let fresh: LogSegment.Fresh
        do throws(DiskError) {
            fresh = try LogSegment.create(
                on: disk, directory: directory, head: head, identity: identity,
                start: LogPosition(offset: 0, number: position.number, chain: position.chain),
                size: settings.segmentByteCount, spare: count)
        } catch {
            let mayGoOn = error.isNoSpace && error.operation != .sync
            throw mayGoOn && error.operation != .syncDirectory ? .disk(error) : poison(error)
        }
        file.close()
        segments.append(fresh.segment)
        file = fresh.file
        capacity = fresh.capacity
        position = fresh.position
        durableEnd = position.offset
        dirtyEnd = position.offset
        preparedEnd = 0
        isEndMarked = false
    }

    // MARK: Errors

    private func refuseIfPoisoned() throws(StorageError) {
        if let failure { throw .poisoned(failure) }
    }

    private mutating func poison(_ error: DiskError) -> StorageError {
        let error = named(error)
        failure = error
        return .disk(error)
    }

    /// A segment's file was opened under a temporary name; errors carry the real one.
    private func named(_ error: DiskError) -> DiskError {
        guard error.path == file.path else { return error }
        var error = error
        error.path = segments[segments.count - 1].path
        return error
    }
}
