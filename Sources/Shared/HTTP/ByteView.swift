// SPDX-License-Identifier: Apache-2.0

/// Bytes that belong to somebody else for the length of one call: what a socket read, or a part of
/// it. Never stored. Every access is checked against the end, so what is built on it needs no
/// unsafe code.
@safe
struct ByteView {
    private let bytes: UnsafeRawBufferPointer

    @inline(__always)
    init(_ bytes: UnsafeRawBufferPointer) {
        unsafe self.bytes = unsafe bytes
    }

    @inline(__always) var count: Int { unsafe bytes.count }
    @inline(__always) var isEmpty: Bool { count == 0 }

    @inline(__always)
    subscript(index: Int) -> UInt8 {
        if UInt(bitPattern: index) >= UInt(bitPattern: count) { Self.outside(index, count) }
        return unsafe bytes[index]
    }

    @inline(__always)
    func part(from start: Int, count size: Int) -> ByteView {
        if start < 0 || size < 0 || size > count &- start { Self.outside(start, count) }
        return unsafe ByteView(UnsafeRawBufferPointer(rebasing: bytes[start..<start &+ size]))
    }

    @inline(__always)
    func from(_ start: Int) -> ByteView {
        part(from: start, count: count &- start)
    }

    @inline(__always)
    func bigEndian32(at index: Int) -> UInt32 {
        if index < 0 || count &- index < 4 { Self.outside(index, count) }
        return unsafe UInt32(
            bigEndian: bytes.loadUnaligned(fromByteOffset: index, as: UInt32.self))
    }

    @inline(__always)
    func bigEndian64(at index: Int) -> UInt64 {
        UInt64(bigEndian32(at: index)) << 32 | UInt64(bigEndian32(at: index &+ 4))
    }

    var array: [UInt8] { unsafe Array(bytes) }

    /// Bytes that are no UTF-8 come out as replacement characters.
    var text: String { unsafe String(decoding: bytes, as: UTF8.self) }

    @inline(__always)
    func append(to array: inout [UInt8]) {
        unsafe array.append(contentsOf: bytes)
    }

    func equals(_ array: [UInt8]) -> Bool {
        if array.count != count { return false }
        return unsafe array.withUnsafeBytes { other in
            unsafe other.elementsEqual(bytes)
        }
    }

    /// Index of the first `byte` at or after `start`.
    func firstIndex(of byte: UInt8, from start: Int) -> Int? {
        var index = start
        while index < count {
            if self[index] == byte { return index }
            index &+= 1
        }
        return nil
    }

    @inline(never)
    private static func outside(_ index: Int, _ count: Int) -> Never {
        fatalError("byte \(index) is outside of \(count) bytes")
    }
}

extension Array where Element == UInt8 {
    /// The bytes as a view that must not leave `body`.
    @inline(__always)
    func withView<Result>(_ body: (ByteView) -> Result) -> Result {
        unsafe withUnsafeBytes { bytes in unsafe body(ByteView(bytes)) }
    }

    @inline(__always)
    mutating func append(bigEndian number: UInt32) {
        unsafe Swift.withUnsafeBytes(of: number.bigEndian) { bytes in
            unsafe append(contentsOf: bytes)
        }
    }

    @inline(__always)
    mutating func append(bigEndian number: UInt64) {
        unsafe Swift.withUnsafeBytes(of: number.bigEndian) { bytes in
            unsafe append(contentsOf: bytes)
        }
    }

    /// Appends `part` of `source` without an intermediate slice's bookkeeping.
    @inline(__always)
    mutating func append(_ source: [UInt8], from start: Int, count size: Int) {
        unsafe source.withUnsafeBytes { bytes in
            unsafe append(
                contentsOf: UnsafeRawBufferPointer(rebasing: bytes[start..<start + size]))
        }
    }
}
