// SPDX-License-Identifier: Apache-2.0
internal import Bytes
package import Storage

// A segment of etcd's log, `%016x-%016x.wal`: its sequence number and the first index it may hold.
//
//   frame    u64 length word, little-endian: bits 0-55 bytes of the record, 56-58 bytes of padding
//            if bit 63 is set; then the record, then the padding, to a multiple of 8.
//            A length word of zero ends what is in the file: the rest was reserved.
//   record   protobuf: 1 type, 2 sum, 3 data
//   sum      CRC-32C over the data of all records so far, through all segments. A record of type 4
//            has no data; it stands first in a segment and says the sum that the one before ended
//            with.

/// What one record of the log is about.
package struct UpstreamRecord: Equatable, Sendable {
    package enum Kind: UInt64, Sendable {
        case metadata = 1
        case entry = 2
        case state = 3
        case sum = 4
        case snapshot = 5
    }

    package var kind: Kind
    package var data: [UInt8]
}

/// Reads one segment, checking every sum.
package struct UpstreamSegment {
    package enum Step: Equatable, Sendable {
        case record(UpstreamRecord)
        /// All that was written has been read.
        case end
        /// The last write was not finished, by etcd's own rules: it cuts such a tail off and goes
        /// on. Only in the last segment.
        case torn(String)
    }

    private static let lengthMask: UInt64 = (1 << 56) - 1
    private static let headerSize: Int64 = 8
    private static let sectorSize = 512

    private let file: any DiskFile
    package let path: String
    package let size: Int64
    private let isLast: Bool
    /// Where the next frame begins.
    package private(set) var offset: Int64 = 0
    /// The sum over all data so far.
    package private(set) var sum: UInt32

    private var window: [UInt8] = []
    private var windowStart: Int64 = 0
    private static let windowSize = 1 << 20

    /// `sum` is what the segment before ended with, 0 for the first one that is read.
    package init(
        _ file: any DiskFile, isLast: Bool, sum: UInt32 = 0
    ) throws(InterchangeError) {
        self.file = file
        path = file.path
        self.isLast = isLast
        self.sum = sum
        size = try onDisk { () throws(DiskError) in try file.size() }
    }

    /// A frame that an earlier reading found; its sum is not checked again.
    mutating func record(at place: Int64) throws(InterchangeError) -> UpstreamRecord {
        offset = place
        guard let frame = try frame(at: place),
            case .record(let record, _) = UpstreamSegment.decode(frame)
        else { throw damage("the record is not there any more") }
        return record
    }

    package mutating func next() throws(InterchangeError) -> Step {
        let start = offset
        guard size - start >= Self.headerSize else {
            return start == size ? .end : try cut("the file ends inside a frame's head", nil)
        }
        if try word(at: start) == 0 {
            if isLast, try isFollowed(nil, at: start, sum: nil) { throw damage(Self.middle) }
            return .end
        }
        guard let frame = try frame(at: start) else {
            return try cut("a record reaches beyond the file", nil)
        }
        guard frame.bytes.count & 7 == 0 else { return try cut("a length is not whole", nil) }
        switch UpstreamSegment.decode(frame) {
        case .ranOut: return try cut("a record is cut short", frame)
        case .malformed:
            guard hasZeroSector(frame, at: start) else {
                throw damage("the record does not decode")
            }
            return try cut("a record was not written whole", frame)
        case .record(let record, let told):
            let found = sumAfter(record)
            if record.kind == .sum {
                if sum != 0, sum != told { throw damage("the segment before it ended otherwise") }
                sum = told
            } else if found == told {
                sum = found
            } else {
                guard hasZeroSector(frame, at: start) else {
                    throw damage("the record has another sum")
                }
                return try cut("a record was not written whole", frame, sum: told)
            }
            offset = start + Self.headerSize + Int64(frame.bytes.count)
            return .record(record)
        }
    }

    private static let middle =
        "what stands here is not whole, but records behind it are; if etcd starts on this "
        + "directory, it cuts them off"

    private func sumAfter(_ record: UpstreamRecord) -> UInt32 {
        var crc = CRC32C(continuing: sum)
        crc.update(record.data)
        return crc.value
    }

    private func damage(_ reason: String) -> InterchangeError {
        .damaged(path: path, offset: offset, reason: reason)
    }

    /// What stands at `offset` is not whole.
    private mutating func cut(
        _ reason: String, _ frame: Frame?, sum told: UInt32? = nil
    ) throws(InterchangeError) -> Step {
        guard isLast else { throw damage("\(reason), and there are later segments") }
        if try isFollowed(frame, at: offset, sum: told) { throw damage(Self.middle) }
        return .torn(reason)
    }

    // MARK: Frames

    /// A record and the zeros behind it.
    private struct Frame {
        var bytes: [UInt8]
        var recordSize: Int
    }

    private mutating func word(at place: Int64) throws(InterchangeError) -> UInt64 {
        let bytes = try bytes(at: place, count: 8)
        return bytes.reversed().reduce(0) { $0 << 8 | UInt64($1) }
    }

    /// Nil when it reaches beyond the file.
    private mutating func frame(at place: Int64) throws(InterchangeError) -> Frame? {
        guard size - place >= Self.headerSize else { return nil }
        let word = try word(at: place)
        let length = word & Self.lengthMask
        let padding = word >> 63 == 1 ? word >> 56 & 7 : 0
        let rest = UInt64(size - place - Self.headerSize)
        // Both are below 2^56 + 8: the sum cannot overflow.
        guard length + padding <= rest else { return nil }
        return Frame(
            bytes: try bytes(at: place + Self.headerSize, count: Int(length + padding)),
            recordSize: Int(length))
    }

    private mutating func bytes(
        at place: Int64, count: Int
    ) throws(InterchangeError) -> [UInt8] {
        if place >= windowStart, place + Int64(count) <= windowStart + Int64(window.count) {
            let start = Int(place - windowStart)
            return Array(window[start..<start + count])
        }
        let wanted = max(count, Self.windowSize)
        let file = file
        let found = try onDisk { () throws(DiskError) in try file.read(at: place, count: wanted) }
        guard found.count >= count else { throw damage("the file became shorter") }
        // A record larger than the window is handed on and not kept.
        if count > Self.windowSize { return found }
        window = found
        windowStart = place
        return Array(found[..<count])
    }

    // MARK: Records

    private enum Decoded {
        case record(UpstreamRecord, sum: UInt32)
        /// A field reaches beyond the end: etcd takes it for a write that was cut.
        case ranOut
        case malformed
    }

    private static func decode(_ frame: Frame) -> Decoded {
        var reader = ByteReader(frame.bytes, from: 0, to: frame.recordSize)
        var kind: UInt64 = 0
        var sum: UInt64 = 0
        var data: [UInt8] = []
        do throws(ByteError) {
            while let field = try reader.tag() {
                switch (field.number, field.wire) {
                case (1, 0): kind = try reader.varint()
                case (2, 0): sum = try reader.varint()
                case (3, 2): data = try reader.take(try reader.length())
                case (1...3, _), (_, 3...4), (_, 6...7): return .malformed
                default: try reader.skipField(wire: field.wire)
                }
            }
        } catch {
            return .ranOut
        }
        guard let known = UpstreamRecord.Kind(rawValue: kind) else { return .malformed }
        return .record(
            UpstreamRecord(kind: known, data: data), sum: UInt32(truncatingIfNeeded: sum))
    }

    // MARK: Torn or damaged

    /// etcd's test: a sector of 512 bytes that the record covers is all zero, as a disk leaves it
    /// when a write did not come to its end. Sectors are counted from the start of the file.
    private func hasZeroSector(_ frame: Frame, at start: Int64) -> Bool {
        let bytes = frame.bytes
        var place = Int(start + Self.headerSize)
        var at = 0
        while at < bytes.count {
            let count = min(Self.sectorSize - place % Self.sectorSize, bytes.count - at)
            if bytes[at..<at + count].allSatisfy({ $0 == 0 }) { return true }
            at += count
            place += count
        }
        return false
    }

    /// True when records that belong together lie somewhere behind `start`: they were written after
    /// what is broken there, and a tail cut here would lose them. etcd would cut: a flipped bit in a
    /// length, or in a value of many zeros, passes for a torn write there.
    private mutating func isFollowed(
        _ frame: Frame?, at start: Int64, sum told: UInt32?
    ) throws(InterchangeError) -> Bool {
        if let frame, let told {
            let behind = start + Self.headerSize + Int64(frame.bytes.count)
            if let next = try record(behind), UpstreamSegment.chains(next, told) { return true }
        }
        var place = start + Self.headerSize
        while place + Self.headerSize <= size {
            let count = Int(min(Int64(Self.scanSize), size - place)) & ~7
            let words = try bytes(at: place, count: count)
            var at = 0
            while at < count {
                // Frames begin at multiples of 8, and a short one has six zeros in its length.
                let isSmall = words[at + 3] | words[at + 4] | words[at + 5] | words[at + 6] == 0
                let isFrame = isSmall && (words[at] | words[at + 1] | words[at + 2]) != 0
                if isFrame, try beginsChain(place + Int64(at)) { return true }
                at += 8
            }
            place += Int64(count)
        }
        return false
    }

    private static let scanSize = 1 << 16

    /// Whether two records lie here of which the second goes on from the first one's sum.
    private mutating func beginsChain(_ place: Int64) throws(InterchangeError) -> Bool {
        guard let first = try record(place), let second = try record(first.end) else {
            return false
        }
        return UpstreamSegment.chains(second, first.sum)
    }

    private typealias Found = (record: UpstreamRecord, sum: UInt32, end: Int64)

    private mutating func record(_ place: Int64) throws(InterchangeError) -> Found? {
        guard let frame = try frame(at: place), !frame.bytes.isEmpty,
            case .record(let record, let sum) = UpstreamSegment.decode(frame)
        else { return nil }
        return (record, sum, place + Self.headerSize + Int64(frame.bytes.count))
    }

    private static func chains(_ found: Found, _ sum: UInt32) -> Bool {
        if found.record.kind == .sum || found.record.data.isEmpty { return false }
        var crc = CRC32C(continuing: sum)
        crc.update(found.record.data)
        return crc.value == found.sum
    }
}
