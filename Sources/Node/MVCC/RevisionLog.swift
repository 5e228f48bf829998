// SPDX-License-Identifier: Apache-2.0
internal import Bytes

/// A chunk as its owner sees it: how far it is used, and which records compaction took.
final class Segment {
    let chunk: Chunk
    let slot: UInt32
    var used = 0
    var firstMain: Int64 = 0
    var lastMain: Int64 = 0
    /// Records that are not dead, and what they take of the chunk.
    var liveCount = 0
    var liveBytes = 0
    /// What the rows of dead records would still take of a database file.
    var deadRowBytes = 0
    /// One bit for each eight bytes of the chunk, set where a dead record begins; empty while
    /// there is none. Views share the array, so a later death copies it.
    private(set) var dead: [UInt64] = []

    init(chunk: Chunk, slot: UInt32) {
        self.chunk = chunk
        self.slot = slot
    }

    func isDead(_ offset: Int) -> Bool {
        DeadBits.contains(dead, offset)
    }

    func markDead(_ offset: Int) {
        if dead.isEmpty {
            dead = Array(repeating: 0, count: chunk.capacity / 512 + 1)
        }
        dead[offset >> 9] |= 1 << UInt64(offset >> 3 & 63)
    }
}

enum DeadBits {
    @inline(__always)
    static func contains(_ bits: [UInt64], _ offset: Int) -> Bool {
        !bits.isEmpty && bits[offset >> 9] >> UInt64(offset >> 3 & 63) & 1 == 1
    }
}

/// All records in revision order, in chunks. Appending is the only way in; compaction marks
/// records dead, and sparse chunks are copied together.
final class RevisionLog {
    /// What a row takes of a database file beyond its key and value: page element and slack.
    private static let rowOverhead = 32

    /// No more segments than this are copied at a time, so a slice of compaction stays short.
    private static let runMax = 16

    private let chunkSize: Int
    /// In revision order; the last one is appended to.
    private(set) var segments: [Segment] = []
    /// By slot, which is how a version names its chunk.
    private var slots: [Segment?] = []
    /// The chunks of `slots`: a point read needs no more, and touches one object less.
    private var chunks: [Chunk?] = []
    private var freeSlots: [UInt32] = []
    /// Estimates for a database file: all rows in memory, and those not dead.
    private(set) var rowBytes = 0
    private(set) var liveRowBytes = 0
    private(set) var liveCount = 0

    init(chunkSize: Int) {
        self.chunkSize = chunkSize
    }

    // MARK: Appending

    func append(_ draft: KeyValueDraft, _ revision: Revision, tombstone: Bool) -> Version {
        let length = draft.byteCount
        let (segment, offset) = reserve(length, revision, tombstone: tombstone)
        segment.chunk.write(
            draft, length: length, revision: revision, tombstone: tombstone, at: offset)
        return Version(revision.main, slot: segment.slot, offset: offset, tombstone: tombstone)
    }

    func append(
        _ wire: UnsafeRawBufferPointer, _ revision: Revision, tombstone: Bool
    ) -> Version {
        let (segment, offset) = reserve(wire.count, revision, tombstone: tombstone)
        unsafe segment.chunk.write(wire, revision: revision, tombstone: tombstone, at: offset)
        return Version(revision.main, slot: segment.slot, offset: offset, tombstone: tombstone)
    }

    private func reserve(
        _ length: Int, _ revision: Revision, tombstone: Bool
    ) -> (Segment, Int) {
        invariant(length < Chunk.numberMax, "a record of \(length) bytes")
        let size = Chunk.footprint(length)
        let segment = segmentWithRoom(size)
        let offset = segment.used
        if offset == 0 { segment.firstMain = revision.main }
        invariant(
            segment.lastMain <= revision.main,
            "revision \(revision.main) after \(segment.lastMain)")
        segment.lastMain = revision.main
        segment.used = offset &+ size
        segment.liveCount &+= 1
        segment.liveBytes &+= size
        let row = RevisionLog.rowSize(length, tombstone: tombstone)
        rowBytes &+= row
        liveRowBytes &+= row
        liveCount &+= 1
        return (segment, offset)
    }

    private func segmentWithRoom(_ size: Int) -> Segment {
        if let last = segments.last, last.chunk.capacity &- last.used >= size { return last }
        let segment = newSegment(capacity: max(chunkSize, size))
        segments.append(segment)
        return segment
    }

    private func newSegment(capacity: Int) -> Segment {
        let slot = freeSlots.popLast() ?? UInt32(truncatingIfNeeded: slots.count)
        let segment = Segment(chunk: Chunk(capacity: capacity), slot: slot)
        if Int(slot) == slots.count {
            slots.append(segment)
            chunks.append(segment.chunk)
        } else {
            slots[Int(slot)] = segment
            chunks[Int(slot)] = segment.chunk
        }
        return segment
    }

    private static func rowSize(_ length: Int, tombstone: Bool) -> Int {
        (tombstone ? 18 : 17) &+ length &+ rowOverhead
    }

    // MARK: Finding

    func segment(of version: Version) -> Segment {
        guard let segment = slots[Int(version.slot)] else {
            fatalError("version \(version.main) names a chunk that is gone")
        }
        return segment
    }

    @inline(__always)
    func record(_ version: Version) -> Record {
        guard let chunk = chunks[Int(version.slot)] else {
            fatalError("version \(version.main) names a chunk that is gone")
        }
        return Record(chunk: chunk, offset: version.offset)
    }

    /// The first segment that may hold revision `main` or a later one.
    func position(of main: Int64) -> Int {
        var low = 0
        var high = segments.count
        while low < high {
            let middle = (low &+ high) / 2
            if segments[middle].lastMain < main { low = middle &+ 1 } else { high = middle }
        }
        return low
    }

    /// The living records from `start` on, until `body` returns false.
    func forEach(from start: Revision, _ body: (Segment, Int) -> Bool) {
        forEachWithDead(from: start) { segment, offset in
            segment.isDead(offset) || body(segment, offset)
        }
    }

    /// The same with the dead ones.
    func forEachWithDead(from start: Revision, _ body: (Segment, Int) -> Bool) {
        var position = position(of: start.main)
        while position < segments.count {
            let segment = segments[position]
            var offset = 0
            while offset < segment.used {
                let next = offset &+ segment.chunk.footprint(at: offset)
                if segment.chunk.revision(at: offset) >= start, !body(segment, offset) { return }
                offset = next
            }
            position &+= 1
        }
    }

    // MARK: Compaction

    func markDead(_ version: Version) {
        let segment = segment(of: version)
        let chunk = segment.chunk
        let offset = version.offset
        invariant(!segment.isDead(offset), "revision \(version.main) died twice")
        let row = RevisionLog.rowSize(chunk.length(at: offset), tombstone: version.isTombstone)
        segment.markDead(offset)
        segment.liveCount &-= 1
        segment.liveBytes &-= chunk.footprint(at: offset)
        segment.deadRowBytes &+= row
        liveRowBytes &-= row
        liveCount &-= 1
    }

    /// How many segments from `position` on are worth copying into one new chunk; zero if the one
    /// there is best left alone. The segment that is appended to never takes part.
    func sparseRun(at position: Int) -> Int {
        var live = 0
        var allocated = 0
        var best = 0
        var end = position
        while end < segments.count - 1, end < position &+ RevisionLog.runMax {
            live &+= segments[end].liveBytes
            if live > chunkSize, end > position { break }
            allocated &+= segments[end].chunk.capacity
            end &+= 1
            if live &* 2 <= allocated || end &- position >= 8 { best = end &- position }
        }
        return best
    }

    /// Copies what lives in `count` segments from `position` on into one new chunk, or drops them
    /// if nothing does. `moved` hears of every record's old and new place.
    func rewrite(
        at position: Int, count: Int, moved: (Chunk, Int, _ from: Version, _ to: Version) -> Void
    ) {
        let old = Array(segments[position..<position + count])
        let live = old.reduce(0) { $0 + $1.liveBytes }
        let target = live > 0 ? newSegment(capacity: live) : nil
        for segment in old {
            if let target, segment.liveCount > 0 { copyLiving(of: segment, to: target, moved) }
            rowBytes &-= segment.deadRowBytes
            slots[Int(segment.slot)] = nil
            chunks[Int(segment.slot)] = nil
            freeSlots.append(segment.slot)
        }
        segments.replaceSubrange(position..<position + count, with: target.map { [$0] } ?? [])
    }

    private func copyLiving(
        of segment: Segment, to target: Segment, _ moved: (Chunk, Int, Version, Version) -> Void
    ) {
        let chunk = segment.chunk
        var offset = 0
        while offset < segment.used {
            let size = chunk.footprint(at: offset)
            if !segment.isDead(offset) {
                let main = chunk.main(at: offset)
                let tombstone = chunk.isTombstone(at: offset)
                target.chunk.copy(from: chunk, at: offset, to: target.used)
                if target.used == 0 { target.firstMain = main }
                target.lastMain = main
                moved(
                    chunk, offset,
                    Version(main, slot: segment.slot, offset: offset, tombstone: tombstone),
                    Version(main, slot: target.slot, offset: target.used, tombstone: tombstone))
                target.used &+= size
                target.liveCount &+= 1
                target.liveBytes &+= size
            }
            offset &+= size
        }
    }
}
