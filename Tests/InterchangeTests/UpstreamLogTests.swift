// SPDX-License-Identifier: Apache-2.0
import Bytes
import Interchange
import Raft
import SimulatedDisk
import Storage
import Testing

struct UpstreamLogTests {
    private func entry(_ index: Int, term: UInt64 = 1, size: Int = 20) -> Entry {
        Entry(
            term: Term(term), index: LogIndex(UInt64(index)),
            data: [UInt8](repeating: UInt8(truncatingIfNeeded: index), count: size))
    }

    private func append(
        _ writer: inout UpstreamWriter, _ kept: inout [Entry], _ entry: Entry
    ) {
        kept.append(entry)
        writer.entry(entry)
    }

    private func steps(
        _ bytes: [UInt8], isLast: Bool = true, sum: UInt32 = 0
    ) throws -> [UpstreamSegment.Step] {
        var segment = try UpstreamSegment(MemoryFile(bytes), isLast: isLast, sum: sum)
        var found: [UpstreamSegment.Step] = []
        while true {
            let step = try segment.next()
            found.append(step)
            guard case .record = step else { return found }
        }
    }

    /// Entries replaced by later ones, checkpoints from the leader, segments of any length.
    @Test(arguments: 1...40)
    func `what was not replaced is read back`(seed: UInt64) throws {
        var random = Random(seed: seed)
        var writer = UpstreamWriter()
        var kept: [Entry] = []
        var base = 1
        var term: UInt64 = 1
        var state = HardState()
        for _ in 0..<random.below(300) {
            switch random.below(30) {
            case 0: writer.cut()
            case 1:
                base += kept.count + random.below(9) + 1
                kept = []
                writer.mark(LogIndex(UInt64(base - 1)), Term(term))
                append(&writer, &kept, entry(base, term: term))
            case 2...4 where !kept.isEmpty:
                term += 1
                kept.removeLast(random.below(kept.count))
                append(&writer, &kept, entry(base + kept.count, term: term))
            case 5:
                state = HardState(
                    term: Term(term), vote: MemberID(3),
                    commit: LogIndex(UInt64(base + kept.count - 1)))
                writer.state(state)
            default:
                let size = random.below(900)
                append(&writer, &kept, entry(base + kept.count, term: term, size: size))
            }
        }
        let disk = SimulatedDisk(seed: seed)
        try disk.makeDirectory("/wal")
        try writer.store(in: "/wal", on: disk)
        let log = try UpstreamLog.read("/wal", on: disk)
        #expect(log.metadata == LogMetadata(memberID: Story.memberID, clusterID: Story.clusterID))
        #expect(log.hardState == state)
        #expect(log.tornByteCount == 0)
        guard !kept.isEmpty else { return }
        #expect(log.base == kept[0].index && log.last == kept[kept.count - 1].index)
        for entry in kept { #expect(log.term(at: entry.index) == entry.term) }
    }

    @Test func `a last write cut anywhere is left out, and nothing before it`() throws {
        var writer = UpstreamWriter()
        for index in 1...5 { writer.entry(entry(index, size: 700)) }
        let bytes = writer.segments[0].bytes
        let last = writer.offsets[writer.offsets.count - 1]
        let whole = try steps(Array(bytes[..<last]))
        for end in last + 1..<bytes.count {
            for zeros in [0, 512] {
                let cut = Array(bytes[..<end]) + [UInt8](repeating: 0, count: zeros)
                // A sector of zeros tells a torn write; without one the sum alone does not.
                if zeros > 0, end + zeros >= bytes.count { continue }
                let found = try steps(cut)
                #expect(found.dropLast() == whole.dropLast(), "cut at \(end) and \(zeros)")
            }
        }
    }

    @Test func `an earlier segment must be whole`() throws {
        var writer = UpstreamWriter()
        for index in 1...5 { writer.entry(entry(index)) }
        let bytes = writer.segments[0].bytes
        for end in writer.offsets[4] + 1..<bytes.count where end != bytes.count {
            if writer.offsets.contains(end) { continue }
            #expect(throws: InterchangeError.self, "cut at \(end)") {
                try steps(Array(bytes[..<end]), isLast: false)
            }
        }
    }

    /// Values of zeros are what etcd's own rule mistakes for a write that was not finished.
    @Test func `no flipped bit in front of later records passes for a torn tail`() throws {
        var writer = UpstreamWriter()
        for index in 1...6 {
            writer.entry(
                Entry(
                    term: Term(1), index: LogIndex(UInt64(index)),
                    data: [UInt8](repeating: 0, count: 1_100)))
        }
        let good = writer.segments[0].bytes
        let reserved = [UInt8](repeating: 0, count: 2_048)
        let end = writer.offsets[writer.offsets.count - 3]
        let expected = try steps(good + reserved)
        var random = Random(seed: 3)
        // The sum of a record does not cover its type; a changed one is noticed by what it says.
        let types = writer.offsets.map { $0 + 9 }
        for place in 0..<end where place < 200 || random.chance(percent: 10) {
            if types.contains(place) { continue }
            for bit in 0..<8 {
                var bytes = good + reserved
                bytes[place] ^= 1 << UInt8(bit)
                do {
                    // Padding is not summed, and neither are unknown bits of a length.
                    let found = try steps(bytes)
                    #expect(found == expected, "byte \(place), bit \(bit)")
                } catch is InterchangeError {}
            }
        }
    }

    @Test func `another member's segment is refused`() throws {
        var one = UpstreamWriter()
        one.entry(entry(1))
        var other = UpstreamWriter(memberID: MemberID(99))
        other.entry(entry(2))
        let disk = SimulatedDisk(seed: 1)
        try disk.makeDirectory("/wal")
        try disk.put(one.segments[0].bytes, at: "/wal/0000000000000000-0000000000000000.wal")
        try disk.put(other.segments[0].bytes, at: "/wal/0000000000000001-0000000000000002.wal")
        #expect(throws: InterchangeError.self) { try UpstreamLog.read("/wal", on: disk) }
    }

    @Test func `a gap between entries is refused`() throws {
        var writer = UpstreamWriter()
        writer.entry(entry(1))
        writer.entry(entry(3))
        let disk = SimulatedDisk(seed: 1)
        try disk.makeDirectory("/wal")
        try writer.store(in: "/wal", on: disk)
        #expect(throws: InterchangeError.self) { try UpstreamLog.read("/wal", on: disk) }
    }
}
