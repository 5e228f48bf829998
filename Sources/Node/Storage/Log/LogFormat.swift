// SPDX-License-Identifier: Apache-2.0
internal import Bytes

// The format of the log, version 1. All numbers are little-endian unless they are varints.
//
// A segment file `%016x.log` (its sequence number, from 1, without gaps) is preallocated with zeros
// and filled from its start with frames; the first frame is its head. A frame begins at a multiple
// of 8:
//
//      0  u32  CRC-32C of all that follows in the frame, padding included
//      4  u32  payload length
//      8  u64  identity of the segment: frames of another file or another life do not count
//     16  u64  frame number, counted through all segments from 1
//     24  u64  durable through: before this frame was written, a sync of this segment up to this
//              offset had succeeded
//     32  u32  the CRC field of the frame before (through segments; 0 before the first)
//     36  u32  kind: 1 head, 2 batch, 3 end mark (no payload)
//     40       payload, then zeros up to a multiple of 8
//
// Head:   u32 version · u64 sequence · u64 member · u64 cluster · u64 identity of the segment before
//         · u64 offset where that one ended · u64 last index · u64 its term · state (as in a batch)
// Batch:  u8 flags: 1 hard state, 2 mark, 4 entries; then those present, in this order
//   hard state  u64 term · u64 vote · u64 commit
//   mark        u64 index · u64 term · 4 lists (voters, learners, outgoing voters, next learners) of
//               u32 count and u64 each · u8 leaves by itself
//   entries     u64 first index · u32 count · each: u8 kind, varint term, varint length, data
//
// The head repeats the newest hard state and mark, so older segments may go at any time.
//
// A head is synced before its file gets its name, and the segment before is synced before that. So a
// named file has a whole head, and every segment but the last is whole up to where the next head
// says it ended: anything else there is damage. In the last segment, a bad frame at offset X is
//   damage     if a whole frame behind it says "durable through" more than X: X had been synced;
//   torn tail  otherwise. Writes that were not synced reach the disk in any order, so whole frames
//              behind a bad one prove nothing by themselves. The tail is cut and zeroed.
// What the last sync covered is vouched for by the next frame only; hence the end mark, written
// when the owner stops or has nothing else to write.

enum LogFormat {
    static let version: UInt32 = 1
    static let headerSize = 40
    static let suffix = ".log"
    static let unfinishedSuffix = ".log.tmp"

    enum Kind: UInt32 {
        case head = 1
        case batch = 2
        case endMark = 3
    }

    static func padded(_ count: Int) -> Int { (count + 7) & ~7 }

    static func name(_ sequence: UInt64) -> String { hexadecimal(sequence) + suffix }

    static func sequence(ofName name: String) -> UInt64? {
        guard name.hasSuffix(suffix) else { return nil }
        return number(fromHexadecimal: name.dropLast(suffix.count))
    }

    /// An identity for the segment that follows `previous`.
    static func identity(
        sequence: UInt64, previous: UInt64, chain: UInt32, metadata: LogMetadata, salt: UInt64
    ) -> UInt64 {
        var mixed: UInt64 = 0x4b65_656c_736f_6e31
        for part in [
            sequence, previous, UInt64(chain), metadata.memberID.number, metadata.clusterID.number,
            salt,
        ] {
            var random = Random(seed: mixed ^ part)
            mixed = random.next()
        }
        // Zeros must never look like an identity.
        return mixed | 1
    }
}

/// Where the next frame goes and what it must say.
struct LogPosition: Equatable {
    var offset: Int64
    var number: UInt64
    /// The CRC field of the frame before.
    var chain: UInt32
}

struct FrameHeader: Equatable {
    var crc: UInt32
    var length: Int
    var segment: UInt64
    var number: UInt64
    var durableThrough: UInt64
    var chain: UInt32
    var kind: UInt32

    var byteCount: Int { LogFormat.headerSize + LogFormat.padded(length) }
}

/// The first frame of a segment.
struct SegmentHead: Equatable {
    var sequence: UInt64
    var metadata: LogMetadata
    var previousIdentity: UInt64
    var previousEnd: UInt64
    var last: LogIndex
    var lastTerm: Term
    var state: LogBatch
}

/// Puts frames one behind another into `bytes`.
struct FrameBuilder {
    private(set) var writer = ByteWriter()
    private(set) var position: LogPosition
    private let segment: UInt64
    private let durableThrough: Int64

    init(at position: LogPosition, segment: UInt64, durableThrough: Int64, reusing bytes: [UInt8]) {
        writer.bytes = bytes
        writer.bytes.removeAll(keepingCapacity: true)
        self.position = position
        self.segment = segment
        self.durableThrough = durableThrough
    }

    mutating func append(_ batch: LogBatch) {
        frame(.batch) { writer in writer.append(batch: batch) }
    }

    mutating func append(_ head: SegmentHead) {
        frame(.head) { writer in
            writer.appendLittleEndian(LogFormat.version)
            writer.appendLittleEndian(head.sequence)
            writer.appendLittleEndian(head.metadata.memberID.number)
            writer.appendLittleEndian(head.metadata.clusterID.number)
            writer.appendLittleEndian(head.previousIdentity)
            writer.appendLittleEndian(head.previousEnd)
            writer.appendLittleEndian(head.last.number)
            writer.appendLittleEndian(head.lastTerm.number)
            writer.append(batch: head.state)
        }
    }

    mutating func appendEndMark() {
        frame(.endMark) { _ in }
    }

    /// Zeros over what a failed write may have left behind.
    mutating func appendZeros(_ count: Int) {
        writer.append([UInt8](repeating: 0, count: count))
    }

    private mutating func frame(_ kind: LogFormat.Kind, _ payload: (inout ByteWriter) -> Void) {
        let start = writer.count
        writer.appendLittleEndian(UInt32(0))
        writer.appendLittleEndian(UInt32(0))
        writer.appendLittleEndian(segment)
        writer.appendLittleEndian(position.number)
        writer.appendLittleEndian(UInt64(durableThrough))
        writer.appendLittleEndian(position.chain)
        writer.appendLittleEndian(kind.rawValue)
        payload(&writer)
        let length = writer.count - start - LogFormat.headerSize
        invariant(length <= Int(UInt32.max), "a frame of \(length) bytes does not fit")
        while writer.count & 7 != 0 { writer.append(0) }
        writer.bytes.store(UInt32(length), at: start + 4)
        let crc = writer.bytes.crc(from: start + 4, to: writer.count)
        writer.bytes.store(crc, at: start)
        position.offset += Int64(writer.count - start)
        position.number += 1
        position.chain = crc
    }
}

extension ByteWriter {
    fileprivate mutating func append(batch: LogBatch) {
        let hardStateFlag: UInt8 = batch.hardState == nil ? 0 : 1
        let markFlag: UInt8 = batch.mark == nil ? 0 : 2
        let entriesFlag: UInt8 = batch.entries.isEmpty ? 0 : 4
        append(hardStateFlag | markFlag | entriesFlag)
        if let state = batch.hardState {
            appendLittleEndian(state.term.number)
            appendLittleEndian(state.vote.number)
            appendLittleEndian(state.commit.number)
        }
        if let mark = batch.mark { append(mark: mark) }
        guard let first = batch.entries.first else { return }
        appendLittleEndian(first.index.number)
        appendLittleEndian(UInt32(batch.entries.count))
        for entry in batch.entries {
            append(entry.kind.rawValue)
            appendVarint(entry.term.number)
            appendVarint(UInt64(entry.data.count))
            append(entry.data)
        }
    }

    private mutating func append(mark: CheckpointMark) {
        appendLittleEndian(mark.index.number)
        appendLittleEndian(mark.term.number)
        let configuration = mark.configuration
        for list in [
            configuration.voters, configuration.learners, configuration.votersOutgoing,
            configuration.learnersNext,
        ] {
            appendLittleEndian(UInt32(list.count))
            for member in list { appendLittleEndian(member.number) }
        }
        append(configuration.leavesByItself ? 1 : 0)
    }
}

extension [UInt8] {
    fileprivate mutating func store(_ number: UInt32, at offset: Int) {
        for byte in 0..<4 {
            self[offset + byte] = UInt8(truncatingIfNeeded: number >> UInt32(8 * byte))
        }
    }

    /// The CRC-32C of a part.
    func crc(from start: Int, to end: Int) -> UInt32 {
        var crc = CRC32C()
        unsafe withUnsafeBytes { buffer in
            unsafe crc.update(UnsafeRawBufferPointer(rebasing: buffer[start..<end]))
        }
        return crc.value
    }
}
