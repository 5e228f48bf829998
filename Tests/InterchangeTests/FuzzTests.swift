// SPDX-License-Identifier: Apache-2.0
import Bytes
import Interchange
import Storage
import Testing

/// Bytes from anywhere never trap a reader, nor keep it for longer than its file is long.
struct InterchangeFuzzTests {
    private static let seed: UInt64 = 20_260_102

    private func mutate(_ good: [UInt8], _ random: inout Random) -> [UInt8] {
        var bytes = good
        switch random.below(6) {
        case 0: bytes = random.bytes(random.below(200))
        case 1: bytes.removeLast(random.below(bytes.count + 1))
        case 2:
            let place = random.below(bytes.count + 1)
            bytes.insert(contentsOf: random.bytes(random.below(12)), at: place)
        default:
            for _ in 0...random.below(4) {
                bytes[random.below(bytes.count)] = UInt8(truncatingIfNeeded: random.next())
            }
        }
        return bytes
    }

    @Test func `70,000 segments of a log`() throws {
        var writer = UpstreamWriter()
        for index in 1...3 {
            writer.entry(
                Entry(
                    term: Term(1), index: LogIndex(UInt64(index)),
                    data: [UInt8](repeating: UInt8(index), count: 9 * index)))
        }
        writer.state(HardState(term: Term(1), vote: MemberID(1), commit: LogIndex(3)))
        let good = writer.segments[0].bytes
        var random = Random(seed: Self.seed)
        var ends = (whole: 0, torn: 0, damaged: 0)
        for round in 0..<70_000 {
            let bytes = mutate(good, &random)
            var segment = try UpstreamSegment(
                MemoryFile(bytes), isLast: random.chance(percent: 70))
            var steps = 0
            do {
                reading: while true {
                    steps += 1
                    switch try segment.next() {
                    case .record: continue
                    case .end: ends.whole += 1
                    case .torn: ends.torn += 1
                    }
                    break reading
                }
            } catch {
                ends.damaged += 1
            }
            guard steps <= bytes.count / 8 + 2, segment.offset <= bytes.count else {
                Issue.record("round \(round) of seed \(Self.seed): \(steps) steps")
                return
            }
        }
        print("seed \(Self.seed): \(ends)")
        #expect(ends.whole > 1_000 && ends.torn > 1_000 && ends.damaged > 1_000)
    }

    @Test func `40,000 files of membership`() {
        let good = SnapWriter.bytes(Story(seed: 1, count: 20).ledger(through: 20))
        var random = Random(seed: Self.seed)
        var readable = 0
        for round in 0..<40_000 {
            var bytes = round == 0 ? good : mutate(good, &random)
            // Half of them with a sum that fits, or no mutation would get behind it.
            if round % 2 == 1, bytes.count > 12 {
                var file = ByteWriter()
                let data = Array(bytes.dropFirst(8))
                file.appendField(1, always: UInt64(CRC32C.of(data)))
                file.appendField(2, alwaysBytes: data)
                bytes = file.bytes
            }
            if UpstreamSnapshot(decoding: bytes) != nil { readable += 1 }
        }
        print("seed \(Self.seed): \(readable) readable")
        #expect(readable >= 1)
    }
}
