// SPDX-License-Identifier: Apache-2.0
import Bytes
import Testing

@Suite struct ByteCursorTests {
    @Test(arguments: [0, 1, 127, 128, 16_383, 16_384, UInt64(Int64.max), UInt64.max])
    func `a varint reads back and has the size that was told`(_ value: UInt64) throws {
        var writer = ByteWriter()
        writer.appendVarint(value)
        #expect(writer.count == varintSize(value))
        var reader = ByteReader(writer.bytes)
        #expect(try reader.varint() == value)
        #expect(reader.isAtEnd)
    }

    @Test func `integers keep their value in both byte orders`() throws {
        var writer = ByteWriter()
        writer.appendBigEndian(UInt64(0x0102_0304_0506_0708))
        writer.appendLittleEndian(UInt32(0x0a0b_0c0d))
        writer.appendBigEndian(Int64(-2))
        #expect(writer.bytes.prefix(8) == [1, 2, 3, 4, 5, 6, 7, 8])
        #expect(writer.bytes[8..<12] == [0x0d, 0x0c, 0x0b, 0x0a])
        var reader = ByteReader(writer.bytes)
        #expect(try reader.bigEndian(UInt64.self) == 0x0102_0304_0506_0708)
        #expect(try reader.littleEndian(UInt32.self) == 0x0a0b_0c0d)
        #expect(try reader.bigEndian(Int64.self) == -2)
    }

    @Test(arguments: [0, 1, 127, 128, 300, 20_000])
    func `a nested field's length is right at every width`(_ size: Int) throws {
        var writer = ByteWriter()
        let mark = writer.beginNested(7)
        writer.append([UInt8](repeating: 9, count: size))
        writer.endNested(mark)
        writer.append(0xff)
        var reader = ByteReader(writer.bytes)
        let tag = try #require(try reader.tag())
        #expect(tag == (7, 2))
        let length = try reader.length()
        #expect(length == size)
        #expect(try reader.take(length) == [UInt8](repeating: 9, count: size))
        #expect(reader.remaining == 1)
    }

    @Test func `a cursor never passes its end`() {
        var short = ByteReader([0x80])
        #expect(throws: ByteError(at: 1)) { try short.varint() }
        var none = ByteReader([])
        #expect(throws: ByteError(at: 0)) { try none.byte() }
        var huge = ByteReader([0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0x01])
        #expect(throws: ByteError.self) { try huge.length() }
        var tooLong = ByteReader([UInt8](repeating: 0xff, count: 11))
        #expect(throws: ByteError.self) { try tooLong.varint() }
        var overflowing = ByteReader([UInt8](repeating: 0xff, count: 9) + [0x02])
        #expect(throws: ByteError.self) { try overflowing.varint() }
        var negative = ByteReader([1, 2, 3])
        #expect(throws: ByteError.self) { try negative.take(-1) }
    }

    @Test func `random bytes never break the cursor`() {
        var random = Random(seed: 7)
        for _ in 0..<100_000 {
            var reader = ByteReader(random.bytes(random.below(24)))
            while let tag = try? reader.tag() {
                do { try reader.skipField(wire: tag.wire) } catch { break }
            }
            #expect(reader.index <= reader.end)
        }
    }
}
