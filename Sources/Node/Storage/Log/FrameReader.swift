// SPDX-License-Identifier: Apache-2.0
internal import Bytes

/// Looks at the bytes of a segment. Nothing in here trusts them.
struct FrameReader {
    private(set) var bytes: [UInt8]

    init(bytes: [UInt8]) {
        self.bytes = bytes
    }

    /// Lets `body` put other bytes in place of these, at least `count` of them; what lies behind
    /// what it has filled is of no meaning. Answers how many it has filled.
    mutating func refill(
        _ count: Int,
        _ body: (UnsafeMutableRawBufferPointer) throws(DiskError) -> Int
    ) throws(DiskError) -> Int {
        if bytes.count < count { bytes = [UInt8](repeating: 0, count: count) }
        var filled = 0
        var failure: DiskError?
        unsafe bytes.withUnsafeMutableBytes { buffer in
            do throws(DiskError) {
                filled = try unsafe body(UnsafeMutableRawBufferPointer(rebasing: buffer[..<count]))
            } catch {
                failure = error
            }
        }
        if let failure { throw failure }
        return filled
    }

    /// The frame at `offset` if it is whole: it fits and its CRC holds. Whether it belongs to this
    /// segment and this place is for the caller to see.
    func frame(at offset: Int) -> FrameHeader? {
        guard let header = header(at: offset) else { return nil }
        return isWhole(header, at: offset) ? header : nil
    }

    /// Its bytes must be here.
    func isWhole(_ header: FrameHeader, at offset: Int) -> Bool {
        bytes.crc(from: offset + 4, to: offset + header.byteCount) == header.crc
    }

    /// A header whose frame would fit; its CRC is not looked at.
    func header(at offset: Int) -> FrameHeader? {
        guard let header = anyHeader(at: offset) else { return nil }
        return header.byteCount <= bytes.count - offset ? header : nil
    }

    /// What stands where a header would; neither its length nor its CRC is looked at.
    func anyHeader(at offset: Int) -> FrameHeader? {
        var reader = ByteReader(bytes, from: offset, to: bytes.count)
        guard offset >= 0, reader.remaining >= LogFormat.headerSize else { return nil }
        do throws(ByteError) {
            let crc: UInt32 = try reader.littleEndian()
            let length: UInt32 = try reader.littleEndian()
            return FrameHeader(
                crc: crc, length: Int(length), segment: try reader.littleEndian(),
                number: try reader.littleEndian(), durableThrough: try reader.littleEndian(),
                chain: try reader.littleEndian(), kind: try reader.littleEndian())
        } catch {
            return nil
        }
    }

    /// The highest "durable through" of whole frames of `segment` from `start` on, with numbers of
    /// at least `number`; 0 if there is none.
    func durableThrough(from start: Int, segment: UInt64, number: UInt64) -> UInt64 {
        var highest: UInt64 = 0
        var offset = start
        var budget = 4 * bytes.count + (1 << 20)
        while offset + LogFormat.headerSize <= bytes.count, budget > 0 {
            if word(at: offset + 8) == segment, let header = header(at: offset),
                header.number >= number, header.durableThrough <= UInt64(offset),
                header.durableThrough > highest
            {
                // What pretends to be many overlapping frames must not cost the square of the size.
                budget -= header.byteCount
                if bytes.crc(from: offset + 4, to: offset + header.byteCount) == header.crc {
                    highest = header.durableThrough
                }
            }
            offset += 8
        }
        return highest
    }

    func isZero(from start: Int, to end: Int) -> Bool {
        unsafe bytes.withUnsafeBytes { buffer in
            var offset = start
            while offset + 8 <= end {
                let word = unsafe buffer.loadUnaligned(fromByteOffset: offset, as: UInt64.self)
                if word != 0 { return false }
                offset += 8
            }
            while offset < end {
                if unsafe buffer[offset] != 0 { return false }
                offset += 1
            }
            return true
        }
    }

    private func word(at offset: Int) -> UInt64 {
        unsafe bytes.withUnsafeBytes { buffer in
            unsafe UInt64(
                littleEndian: buffer.loadUnaligned(fromByteOffset: offset, as: UInt64.self))
        }
    }

    // MARK: Payloads

    func batch(of header: FrameHeader, at offset: Int) throws(ByteError) -> LogBatch {
        var reader = payload(of: header, at: offset)
        let batch = try reader.batch()
        guard reader.isAtEnd else { throw ByteError(at: reader.index) }
        return batch
    }

    func head(of header: FrameHeader, at offset: Int) throws(ByteError) -> SegmentHead {
        var reader = payload(of: header, at: offset)
        let version: UInt32 = try reader.littleEndian()
        guard version == LogFormat.version else { throw ByteError(at: reader.index) }
        let head = SegmentHead(
            sequence: try reader.littleEndian(),
            metadata: LogMetadata(
                memberID: MemberID(try reader.littleEndian()),
                clusterID: ClusterID(try reader.littleEndian())),
            previousIdentity: try reader.littleEndian(),
            previousEnd: try reader.littleEndian(), last: LogIndex(try reader.littleEndian()),
            lastTerm: Term(try reader.littleEndian()), state: try reader.batch())
        guard reader.isAtEnd, head.state.entries.isEmpty else { throw ByteError(at: reader.index) }
        return head
    }

    private func payload(of header: FrameHeader, at offset: Int) -> ByteReader {
        let start = offset + LogFormat.headerSize
        return ByteReader(bytes, from: start, to: start + header.length)
    }
}

extension ByteReader {
    fileprivate mutating func batch() throws(ByteError) -> LogBatch {
        let flags = try byte()
        guard flags & ~7 == 0 else { throw ByteError(at: index) }
        var batch = LogBatch()
        if flags & 1 != 0 {
            batch.hardState = HardState(
                term: Term(try littleEndian()), vote: MemberID(try littleEndian()),
                commit: LogIndex(try littleEndian()))
        }
        if flags & 2 != 0 { batch.mark = try mark() }
        if flags & 4 != 0 { batch.entries = try entries() }
        return batch
    }

    private mutating func mark() throws(ByteError) -> CheckpointMark {
        let position = LogIndex(try littleEndian())
        let term = Term(try littleEndian())
        let configuration = Configuration(
            voters: try members(), learners: try members(), votersOutgoing: try members(),
            learnersNext: try members(), leavesByItself: try byte() != 0)
        return CheckpointMark(index: position, term: term, configuration: configuration)
    }

    private mutating func members() throws(ByteError) -> [MemberID] {
        let count: UInt32 = try littleEndian()
        guard Int(count) <= remaining / 8 else { throw ByteError(at: index) }
        var list: [MemberID] = []
        for _ in 0..<count { list.append(MemberID(try littleEndian())) }
        return list
    }

    private mutating func entries() throws(ByteError) -> [Entry] {
        let first: UInt64 = try littleEndian()
        let count: UInt32 = try littleEndian()
        // An entry takes at least three bytes.
        guard count > 0, Int(count) <= remaining / 3 else { throw ByteError(at: index) }
        guard first > 0, first <= UInt64.max - UInt64(count) else { throw ByteError(at: index) }
        var list: [Entry] = []
        list.reserveCapacity(Int(count))
        for step in 0..<UInt64(count) {
            guard let kind = Entry.Kind(rawValue: try byte()) else { throw ByteError(at: index) }
            let term = Term(try varint())
            let size = try length()
            list.append(
                Entry(kind: kind, term: term, index: LogIndex(first + step), data: try take(size)))
        }
        return list
    }
}
