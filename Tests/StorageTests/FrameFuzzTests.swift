// SPDX-License-Identifier: Apache-2.0
import Bytes
import Testing

@testable import Storage

struct FrameFuzzTests {
    private func frames() -> [UInt8] {
        var builder = FrameBuilder(
            at: LogPosition(offset: 0, number: 1, chain: 0), segment: 99, durableThrough: 0,
            reusing: [])
        builder.append(
            SegmentHead(
                sequence: 1, metadata: LogLife.metadata, previousIdentity: 0, previousEnd: 0,
                last: .zero, lastTerm: .zero, state: LogBatch(hardState: state(1, commit: 2))))
        builder.append(
            LogBatch(
                hardState: state(2, commit: 1), entries: entries(1...3, term: 2, size: 5),
                mark: mark(0, term: 0)))
        builder.appendEndMark()
        return builder.writer.bytes
    }

    @Test func `what was built is read back`() throws {
        let reader = FrameReader(bytes: frames())
        let head = try #require(reader.frame(at: 0))
        #expect(try reader.head(of: head, at: 0).metadata == LogLife.metadata)
        let batch = try #require(reader.frame(at: head.byteCount))
        let decoded = try reader.batch(of: batch, at: head.byteCount)
        #expect(decoded.entries == entries(1...3, term: 2, size: 5))
        #expect(decoded.mark == mark(0, term: 0))
        #expect(batch.chain == head.crc)
        #expect(batch.number == 2)
    }

    /// The bytes of a frame with numbers in them that no writer writes, and a right sum.
    private func forged(_ change: (inout [UInt8], Int) -> Void) throws -> (FrameReader, Int) {
        var bytes = frames()
        let head = try #require(FrameReader(bytes: bytes).frame(at: 0))
        change(&bytes, head.byteCount)
        return (FrameReader(bytes: bytes), head.byteCount)
    }

    /// Known bug: TOB-2020-7.
    @Test func `CVE-2020-15106: a record that claims to be huge is no record`() throws {
        for length in [UInt32.max, 0x8000_0000, 0x7fff_ffff, 1 << 20] {
            let (reader, at) = try forged { bytes, at in
                for place in 0..<4 {
                    bytes[at + 4 + place] = UInt8(truncatingIfNeeded: length >> (8 * place))
                }
            }
            #expect(reader.frame(at: at) == nil)
        }
    }

    /// Known bug: TOB-2020-6.
    @Test func `CVE-2020-15112: an entry index at the end of all numbers does not trap`() throws {
        for index in [UInt64.max, UInt64.max - 1, 1 << 63] {
            // Flags, hard state and mark come before the first index; it is looked for by its value.
            let (reader, at) = try forged { bytes, at in
                let wanted: [UInt8] = [1, 0, 0, 0, 0, 0, 0, 0, 3, 0, 0, 0]
                for start in (at + LogFormat.headerSize)..<(bytes.count - 12)
                where Array(bytes[start..<start + 12]) == wanted {
                    for place in 0..<8 {
                        bytes[start + place] = UInt8(truncatingIfNeeded: index >> (8 * place))
                    }
                }
            }
            let header = try #require(reader.header(at: at))
            let batch = try? reader.batch(of: header, at: at)
            let last = batch?.entries.last?.index.number ?? 0
            #expect(batch == nil || last >= index - 1)
        }
    }

    /// Known bug: TOB-2020-7.
    @Test func `fuzz: 100,000 frames, half of them with a right sum`() {
        let whole = frames()
        var random = Random(seed: 5)
        var accepted = 0
        for round in 0..<100_000 {
            var bytes = whole
            for _ in 0...random.below(3) {
                bytes[random.below(bytes.count)] = UInt8(random.below(256))
            }
            if round % 7 == 0 { bytes.removeLast(random.below(bytes.count)) }
            let reader = FrameReader(bytes: bytes)
            var offset = 0
            while let header = round % 2 == 0 ? reader.header(at: offset) : reader.frame(at: offset)
            {
                if (try? reader.batch(of: header, at: offset)) != nil { accepted += 1 }
                if (try? reader.head(of: header, at: offset)) != nil { accepted += 1 }
                offset += header.byteCount
            }
            if round % 64 == 0 { _ = reader.durableThrough(from: 0, segment: 99, number: 0) }
        }
        #expect(accepted > 0)
    }
}
