// SPDX-License-Identifier: Apache-2.0
internal import Bytes

// mvccpb.KeyValue on the wire: key = 1, create_revision = 2, mod_revision = 3, version = 4,
// value = 5, lease = 6, in this order, zero and empty fields left out. A tombstone's row has the
// key alone. A restored row may hold other fields or another order; it is kept as it came.

/// Where the fields of one KeyValue are.
struct KeyValueFields {
    var key: Range<Int> = 0..<0
    var value: Range<Int> = 0..<0
    var createRevision: Int64 = 0
    var modRevision: Int64 = 0
    var version: Int64 = 0
    var lease: Int64 = 0

    /// Nil when the bytes are not a message.
    ///
    /// Collects in local variables, on purpose: Swift 6.3.1 with -O loses fields when a loop sets
    /// the properties of a value that a failable initializer then hands out.
    static func read(_ wire: UnsafeRawBufferPointer) -> KeyValueFields? {
        var key = 0..<0
        var value = 0..<0
        var numbers: (create: UInt64, mod: UInt64, version: UInt64, lease: UInt64) = (0, 0, 0, 0)
        var cursor = unsafe WireCursor(wire)
        while unsafe !cursor.isAtEnd {
            guard let tag = unsafe cursor.varint() else { return nil }
            switch tag {
            case 1 << 3 | 2:
                guard let range = unsafe cursor.range() else { return nil }
                key = range
            case 5 << 3 | 2:
                guard let range = unsafe cursor.range() else { return nil }
                value = range
            case 2 << 3, 3 << 3, 4 << 3, 6 << 3:
                guard let number = unsafe cursor.varint() else { return nil }
                switch tag >> 3 {
                case 2: numbers.create = number
                case 3: numbers.mod = number
                case 4: numbers.version = number
                default: numbers.lease = number
                }
            default:
                guard unsafe cursor.skip(tag) else { return nil }
            }
        }
        return KeyValueFields(
            key: key, value: value, createRevision: Int64(truncatingIfNeeded: numbers.create),
            modRevision: Int64(truncatingIfNeeded: numbers.mod),
            version: Int64(truncatingIfNeeded: numbers.version),
            lease: Int64(truncatingIfNeeded: numbers.lease))
    }
}

/// Reads protobuf from raw memory, checking each step.
@unsafe
struct WireCursor {
    private let bytes: UnsafeRawBufferPointer
    private var at = 0

    init(_ bytes: UnsafeRawBufferPointer) {
        unsafe self.bytes = unsafe bytes
    }

    var isAtEnd: Bool { unsafe at >= bytes.count }

    @inline(__always)
    mutating func varint() -> UInt64? {
        guard unsafe at < bytes.count else { return nil }
        let first = unsafe bytes[at]
        if first < 0x80 {
            unsafe at &+= 1
            return UInt64(first)
        }
        return unsafe longVarint()
    }

    private mutating func longVarint() -> UInt64? {
        var value: UInt64 = 0
        var shift: UInt64 = 0
        while unsafe at < bytes.count, shift < 64 {
            let byte = unsafe bytes[at]
            unsafe at &+= 1
            value |= UInt64(byte & 0x7f) << shift
            if byte < 0x80 { return shift == 63 && byte > 1 ? nil : value }
            shift += 7
        }
        return nil
    }

    mutating func range() -> Range<Int>? {
        guard let count = unsafe varint(),
            count <= UInt64(truncatingIfNeeded: unsafe bytes.count &- at)
        else { return nil }
        let start = unsafe at
        unsafe at &+= Int(truncatingIfNeeded: count)
        return unsafe start..<at
    }

    /// Passes over the field whose tag was just read. Groups are refused, as is field 0.
    mutating func skip(_ tag: UInt64) -> Bool {
        if tag >> 3 == 0 || tag >> 3 >= 1 << 29 { return false }
        switch tag & 7 {
        case 0: return unsafe varint() != nil
        case 1: return unsafe pass(8)
        case 2: return unsafe range() != nil
        case 5: return unsafe pass(4)
        default: return false
        }
    }

    private mutating func pass(_ count: Int) -> Bool {
        guard unsafe count <= bytes.count &- at else { return false }
        unsafe at &+= count
        return true
    }
}

/// A KeyValue about to be written into a chunk.
struct KeyValueDraft {
    var key: [UInt8]
    var value: [UInt8] = []
    var createRevision: Int64 = 0
    var modRevision: Int64 = 0
    var version: Int64 = 0
    var lease: Int64 = 0

    var byteCount: Int {
        sizeOf(key) &+ sizeOf(createRevision) &+ sizeOf(modRevision) &+ sizeOf(version)
            &+ sizeOf(value) &+ sizeOf(lease)
    }

    private func sizeOf(_ bytes: [UInt8]) -> Int {
        if bytes.isEmpty { return 0 }
        return 1 &+ varintSize(UInt64(truncatingIfNeeded: bytes.count)) &+ bytes.count
    }

    private func sizeOf(_ number: Int64) -> Int {
        number == 0 ? 0 : 1 &+ varintSize(UInt64(bitPattern: number))
    }

    /// Writes `byteCount` bytes.
    func write(to target: UnsafeMutableRawPointer) {
        var pen = unsafe WirePen(at: target)
        unsafe pen.put(1, key)
        unsafe pen.put(2, createRevision)
        unsafe pen.put(3, modRevision)
        unsafe pen.put(4, version)
        unsafe pen.put(5, value)
        unsafe pen.put(6, lease)
    }
}

@unsafe
private struct WirePen {
    var at: UnsafeMutableRawPointer

    init(at: UnsafeMutableRawPointer) {
        unsafe self.at = unsafe at
    }

    @inline(__always)
    mutating func put(_ field: UInt8, _ number: Int64) {
        if number == 0 { return }
        unsafe byte(field << 3)
        unsafe varint(UInt64(bitPattern: number))
    }

    @inline(__always)
    mutating func put(_ field: UInt8, _ bytes: [UInt8]) {
        if bytes.isEmpty { return }
        unsafe byte(field << 3 | 2)
        unsafe varint(UInt64(truncatingIfNeeded: bytes.count))
        unsafe bytes.withUnsafeBytes { source in
            guard let base = source.baseAddress else { return }
            unsafe at.copyMemory(from: base, byteCount: source.count)
        }
        unsafe at += bytes.count
    }

    @inline(__always)
    private mutating func varint(_ value: UInt64) {
        var rest = value
        while rest >= 0x80 {
            unsafe byte(UInt8(truncatingIfNeeded: rest) | 0x80)
            rest >>= 7
        }
        unsafe byte(UInt8(truncatingIfNeeded: rest))
    }

    @inline(__always)
    private mutating func byte(_ byte: UInt8) {
        unsafe at.storeBytes(of: byte, as: UInt8.self)
        unsafe at += 1
    }
}
