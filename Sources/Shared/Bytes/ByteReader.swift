// SPDX-License-Identifier: Apache-2.0

/// A cursor over bytes. Every step is checked against `end`; nothing is read past it.
@frozen @usableFromInline
package struct ByteReader: Sendable {
    @usableFromInline package let bytes: [UInt8]
    @usableFromInline package var index: Int
    @usableFromInline package var end: Int

    @inlinable
    package init(_ bytes: [UInt8]) {
        self.bytes = bytes
        index = 0
        end = bytes.count
    }

    @inlinable
    package init(_ bytes: [UInt8], from start: Int, to end: Int) {
        self.bytes = bytes
        index = start
        self.end = min(end, bytes.count)
    }

    @inlinable package var isAtEnd: Bool { index >= end }
    @inlinable package var remaining: Int { end - index }

    @inlinable
    package mutating func byte() throws(ByteError) -> UInt8 {
        guard index < end else { throw ByteError(at: index) }
        let byte = bytes[index]
        index += 1
        return byte
    }

    @inlinable
    package mutating func take(_ count: Int) throws(ByteError) -> [UInt8] {
        guard count >= 0, count <= end - index else { throw ByteError(at: index) }
        let taken = Array(bytes[index..<index + count])
        index += count
        return taken
    }

    @inlinable
    package mutating func skip(_ count: Int) throws(ByteError) {
        guard count >= 0, count <= end - index else { throw ByteError(at: index) }
        index += count
    }

    @inlinable
    package mutating func bigEndian<Number: FixedWidthInteger>(
        _ type: Number.Type = Number.self
    ) throws(ByteError) -> Number {
        let size = Number.bitWidth / 8
        guard size <= end - index else { throw ByteError(at: index) }
        var value: Number = 0
        for offset in 0..<size {
            if size > 1 { value <<= 8 }
            value |= Number(truncatingIfNeeded: bytes[index + offset])
        }
        index += size
        return value
    }

    @inlinable
    package mutating func littleEndian<Number: FixedWidthInteger>(
        _ type: Number.Type = Number.self
    ) throws(ByteError) -> Number {
        let size = Number.bitWidth / 8
        guard size <= end - index else { throw ByteError(at: index) }
        var value: Number = 0
        for offset in 0..<size {
            let byte = Number(truncatingIfNeeded: bytes[index + offset])
            value |= byte << Number(truncatingIfNeeded: offset * 8)
        }
        index += size
        return value
    }

    // MARK: Protobuf

    @inlinable
    package mutating func varint() throws(ByteError) -> UInt64 {
        var value: UInt64 = 0
        var shift: UInt64 = 0
        while index < end, shift < 64 {
            let byte = bytes[index]
            index += 1
            value |= UInt64(byte & 0x7f) << shift
            if byte < 0x80 {
                // The tenth byte holds one bit; more would not fit in 64.
                if shift == 63, byte > 1 { throw ByteError(at: index) }
                return value
            }
            shift += 7
        }
        throw ByteError(at: index)
    }

    /// A field's number and wire type, or nil at the end.
    @inlinable
    package mutating func tag() throws(ByteError) -> (number: Int, wire: Int)? {
        if index >= end { return nil }
        let tag = try varint()
        guard tag >> 3 > 0, tag >> 3 < 1 << 29 else { throw ByteError(at: index) }
        return (Int(truncatingIfNeeded: tag >> 3), Int(truncatingIfNeeded: tag & 7))
    }

    /// The length of a length-delimited field, checked against what is left.
    @inlinable
    package mutating func length() throws(ByteError) -> Int {
        let count = try varint()
        guard count <= UInt64(truncatingIfNeeded: end - index) else { throw ByteError(at: index) }
        return Int(truncatingIfNeeded: count)
    }

    /// Passes over a field that nobody takes. Groups (wire types 3 and 4) are refused.
    @inlinable
    package mutating func skipField(wire: Int) throws(ByteError) {
        switch wire {
        case 0: _ = try varint()
        case 1: try skip(8)
        case 2: try skip(try length())
        case 5: try skip(4)
        default: throw ByteError(at: index)
        }
    }
}
