// SPDX-License-Identifier: Apache-2.0

/// Bytes that grow at the end.
///
/// The protobuf part writes wire types 0 and 2 only, which is all that etcd's messages use.
@frozen @usableFromInline
package struct ByteWriter: Sendable {
    @usableFromInline package var bytes: [UInt8]

    @inlinable
    package init(capacity: Int = 0) {
        bytes = []
        if capacity > 0 { bytes.reserveCapacity(capacity) }
    }

    @inlinable package var count: Int { bytes.count }

    @inlinable
    package mutating func append(_ byte: UInt8) {
        bytes.append(byte)
    }

    @inlinable
    package mutating func append(_ more: [UInt8]) {
        if more.count > bytes.capacity { reserve(besides: more.count) }
        bytes.append(contentsOf: more)
    }

    /// A large value fills its array to the last byte, and the next few would copy it all.
    @usableFromInline
    mutating func reserve(besides count: Int) {
        bytes.reserveCapacity(bytes.count + count + 256)
    }

    @inlinable
    package mutating func append(_ more: ArraySlice<UInt8>) {
        bytes.append(contentsOf: more)
    }

    @inlinable
    package mutating func append(_ more: UnsafeRawBufferPointer) {
        unsafe bytes.append(contentsOf: more)
    }

    @inlinable
    package mutating func append(text: String) {
        bytes.append(contentsOf: text.utf8)
    }

    // MARK: Fixed-width integers

    @inlinable
    package mutating func appendBigEndian<Number: FixedWidthInteger>(_ number: Number) {
        var shift = Number.bitWidth - 8
        while shift >= 0 {
            bytes.append(UInt8(truncatingIfNeeded: number >> Number(shift)))
            shift -= 8
        }
    }

    @inlinable
    package mutating func appendLittleEndian<Number: FixedWidthInteger>(_ number: Number) {
        var shift = 0
        while shift < Number.bitWidth {
            bytes.append(UInt8(truncatingIfNeeded: number >> Number(shift)))
            shift += 8
        }
    }

    // MARK: Protobuf

    @inlinable
    package mutating func appendVarint(_ value: UInt64) {
        var rest = value
        while rest >= 0x80 {
            bytes.append(UInt8(truncatingIfNeeded: rest) | 0x80)
            rest >>= 7
        }
        bytes.append(UInt8(truncatingIfNeeded: rest))
    }

    /// Wire type 0, written even when zero (proto2's habit in raftpb).
    @inlinable
    package mutating func appendField(_ number: Int, always value: UInt64) {
        appendVarint(UInt64(truncatingIfNeeded: number << 3))
        appendVarint(value)
    }

    /// Wire type 0, left out when zero (proto3).
    @inlinable
    package mutating func appendField(_ number: Int, _ value: UInt64) {
        if value != 0 { appendField(number, always: value) }
    }

    /// Wire type 2, left out when empty (proto3).
    @inlinable
    package mutating func appendField(_ number: Int, bytes value: [UInt8]) {
        if !value.isEmpty { appendField(number, alwaysBytes: value) }
    }

    @inlinable
    package mutating func appendField(_ number: Int, alwaysBytes value: [UInt8]) {
        appendVarint(UInt64(truncatingIfNeeded: number << 3 | 2))
        appendVarint(UInt64(truncatingIfNeeded: value.count))
        append(value)
    }

    @inlinable
    package mutating func appendField(_ number: Int, bytes value: UnsafeRawBufferPointer) {
        appendVarint(UInt64(truncatingIfNeeded: number << 3 | 2))
        appendVarint(UInt64(truncatingIfNeeded: value.count))
        unsafe bytes.append(contentsOf: value)
    }

    /// Opens a nested message; give the answer to `endNested`.
    ///
    /// One byte is kept for the length, which is enough for most messages; a longer body moves once.
    @inlinable
    package mutating func beginNested(_ number: Int) -> Int {
        appendVarint(UInt64(truncatingIfNeeded: number << 3 | 2))
        bytes.append(0)
        return bytes.count
    }

    @inlinable
    package mutating func endNested(_ start: Int) {
        let size = bytes.count - start
        if size < 0x80 {
            bytes[start - 1] = UInt8(truncatingIfNeeded: size)
        } else {
            widenLength(start, size)
        }
    }

    @usableFromInline
    mutating func widenLength(_ start: Int, _ size: Int) {
        var prefix = ByteWriter(capacity: 10)
        prefix.appendVarint(UInt64(size))
        bytes.replaceSubrange((start - 1)..<start, with: prefix.bytes)
    }
}

/// How many bytes `value` takes as a varint.
@inlinable
package func varintSize(_ value: UInt64) -> Int {
    let bits = max(1, UInt64.bitWidth - value.leadingZeroBitCount)
    return (bits + 6) / 7
}
