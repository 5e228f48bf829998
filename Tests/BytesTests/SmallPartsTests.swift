import Testing

// SPDX-License-Identifier: Apache-2.0
@testable import Bytes

@Suite struct SmallPartsTests {
    @Test func `the processor's instruction and the tables give the same sums`() {
        var random = Random(seed: 5)
        for round in 0..<300 {
            let bytes = (0..<random.below(200)).map { _ in UInt8(truncatingIfNeeded: random.next())
            }
            let skipped = random.below(9)
            unsafe bytes.withUnsafeBytes { buffer in
                let part = unsafe UnsafeRawBufferPointer(rebasing: buffer.dropFirst(skipped))
                var one = CRC32C(continuing: UInt32(round))
                var other = one
                unsafe one.update(part)
                unsafe other.updateByTable(part)
                #expect(one.value == other.value, "round \(round), \(bytes.count) bytes")
            }
        }
    }

    @Test func `the checksum agrees with RFC 3720`() {
        #expect(CRC32C.of([UInt8](repeating: 0, count: 32)) == 0x8a91_36aa)
        #expect(CRC32C.of([UInt8](repeating: 0xff, count: 32)) == 0x62a8_ab43)
        #expect(CRC32C.of(Array(0..<32)) == 0x46dd_794e)
        #expect(CRC32C.of(Array("123456789".utf8)) == 0xe306_9283)
    }

    @Test func `a checksum may be taken in pieces`() {
        var random = Random(seed: 3)
        let bytes = random.bytes(1_000)
        for cut in stride(from: 0, through: 1_000, by: 37) {
            var first = CRC32C()
            first.update(Array(bytes[..<cut]))
            var second = CRC32C(continuing: first.value)
            second.update(Array(bytes[cut...]))
            #expect(second.value == CRC32C.of(bytes))
        }
    }

    @Test func `the same seed gives the same numbers`() {
        var first = Random(seed: 42)
        var second = Random(seed: 42)
        var other = Random(seed: 43)
        let numbers = (0..<100).map { _ in first.next() }
        #expect(numbers == (0..<100).map { _ in second.next() })
        #expect(numbers != (0..<100).map { _ in other.next() })
        #expect(Set(numbers).count == 100)
    }

    @Test func `a sorted map behaves as a dictionary walked in order`() {
        var random = Random(seed: 11)
        var map = SortedMap<Int, Int>()
        var twin: [Int: Int] = [:]
        for _ in 0..<5_000 {
            let key = random.below(200)
            let value = random.chance(percent: 30) ? nil : Optional(random.below(1_000))
            map[key] = value
            twin[key] = value
            #expect(map[key] == twin[key])
            #expect(map.count == twin.count)
        }
        #expect(map.map { $0.0 } == twin.keys.sorted())
        #expect(map.map { $0.1 } == twin.keys.sorted().compactMap { twin[$0] })
        let known = map.keys[0]
        #expect(map.update(known) { $0 += 1 } != nil)
        #expect(map[known] == (twin[known] ?? 0) + 1)
        #expect(map.update(-1) { $0 += 1 } == nil)
    }

    @Test func `instants and durations keep nanoseconds`() {
        let start = Instant(nanoseconds: 1_500)
        let later = start + .milliseconds(2)
        #expect(later.nanoseconds == 2_001_500)
        #expect(later - start == .milliseconds(2))
        #expect(Duration.seconds(3).milliseconds == 3_000)
        #expect(start < later)
    }

    @Test func `a large value leaves room for the few bytes behind it`() {
        var writer = ByteWriter(capacity: 16)
        writer.appendField(1, bytes: [UInt8](repeating: 7, count: 1_000_000))
        let room = writer.bytes.capacity
        writer.appendField(100, bytes: [UInt8](repeating: 8, count: 100))
        writer.appendField(2, UInt64.max)
        #expect(writer.bytes.capacity == room)
        #expect(room < 1_100_000)
    }
}
