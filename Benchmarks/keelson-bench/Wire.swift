// SPDX-License-Identifier: Apache-2.0
internal import Bytes

/// A gRPC message made once, in which keys are overwritten in place for each request.
internal struct Body {
    internal static let keyDigits = 10

    internal private(set) var bytes: [UInt8]
    private var digitOffsets: [Int] = []

    /// `prefix` marks where ten digits follow.
    internal init(_ message: ByteWriter, numberedAfter prefix: [UInt8] = []) {
        var writer = ByteWriter(capacity: message.count + 5)
        writer.append(0)
        writer.appendBigEndian(UInt32(message.count))
        writer.append(message.bytes)
        bytes = writer.bytes
        if prefix.isEmpty { return }
        for start in bytes.indices where bytes[start...].starts(with: prefix) {
            let digits = start + prefix.count
            if digits + Body.keyDigits <= bytes.count, bytes[digits] == UInt8(ascii: "0") {
                digitOffsets.append(digits)
            }
        }
    }

    internal mutating func number(_ key: Int) {
        for offset in digitOffsets {
            var rest = key
            var place = offset + Body.keyDigits - 1
            while place >= offset {
                bytes[place] = 48 + UInt8(truncatingIfNeeded: rest % 10)
                rest /= 10
                place -= 1
            }
        }
    }

    internal mutating func overwrite(at offset: Int, _ byte: UInt8) {
        bytes[offset] = byte
    }

    internal func offset(of part: [UInt8]) -> Int? {
        bytes.indices.first { bytes[$0...].starts(with: part) }
    }
}

/// The requests. Field numbers are those of etcd's rpc.proto and kv.proto.
internal enum Requests {
    internal static func key(_ prefix: [UInt8]) -> [UInt8] {
        prefix + [UInt8](repeating: UInt8(ascii: "0"), count: Body.keyDigits)
    }

    internal static func put(_ key: [UInt8], _ value: [UInt8]) -> ByteWriter {
        var writer = ByteWriter(capacity: value.count + 64)
        writer.appendField(1, bytes: key)
        writer.appendField(2, bytes: value)
        return writer
    }

    internal static func get(_ key: [UInt8], serializable: Bool = false) -> ByteWriter {
        var writer = ByteWriter()
        writer.appendField(1, bytes: key)
        writer.appendField(7, serializable ? 1 : 0)
        return writer
    }

    internal static func list(_ prefix: [UInt8]) -> ByteWriter {
        var writer = ByteWriter()
        writer.appendField(1, bytes: prefix)
        writer.appendField(2, bytes: end(of: prefix))
        return writer
    }

    /// If MOD(key) = revision then put else get.
    internal static func txn(_ key: [UInt8], _ value: [UInt8], revision: Int64) -> ByteWriter {
        var writer = ByteWriter(capacity: value.count + 128)
        let compare = writer.beginNested(1)
        writer.appendField(2, 2)
        writer.appendField(3, bytes: key)
        writer.appendField(6, always: UInt64(revision))
        writer.endNested(compare)
        for (branch, operation, request) in [(2, 2, put(key, value)), (3, 1, get(key))] {
            let start = writer.beginNested(branch)
            writer.appendField(operation, alwaysBytes: request.bytes)
            writer.endNested(start)
        }
        return writer
    }

    internal static func watch(_ prefix: [UInt8]) -> ByteWriter {
        var writer = ByteWriter()
        let create = writer.beginNested(1)
        writer.appendField(1, bytes: prefix)
        writer.appendField(2, bytes: end(of: prefix))
        writer.endNested(create)
        return writer
    }

    internal static func grant(_ lease: Int64, seconds: UInt64) -> ByteWriter {
        var writer = ByteWriter()
        writer.appendField(1, seconds)
        writer.appendField(2, UInt64(lease))
        return writer
    }

    internal static func renew(_ lease: Int64) -> ByteWriter {
        var writer = ByteWriter()
        writer.appendField(1, UInt64(lease))
        return writer
    }

    /// The end of the range of all keys with this prefix, whose last byte is not 255.
    private static func end(of prefix: [UInt8]) -> [UInt8] {
        guard let last = prefix.last else { return [0] }
        return prefix.dropLast() + [last + 1]
    }
}

/// Walks over the fields of a message that is known to be well formed.
@safe
internal struct Fields {
    private let bytes: UnsafeRawBufferPointer
    private var offset = 0
    internal private(set) var field = 0
    /// Of a number.
    internal private(set) var value: UInt64 = 0
    /// Of bytes and nested messages.
    internal private(set) var body: UnsafeRawBufferPointer

    internal init(_ bytes: UnsafeRawBufferPointer) {
        unsafe self.bytes = unsafe bytes
        unsafe body = unsafe UnsafeRawBufferPointer(rebasing: bytes[0..<0])
    }

    internal mutating func next() -> Bool {
        if unsafe offset >= bytes.count { return false }
        let tag = varint()
        field = Int(truncatingIfNeeded: tag >> 3)
        value = varint()
        if tag & 7 == 2 {
            let end = unsafe min(bytes.count, offset + Int(truncatingIfNeeded: value))
            if end < offset { return false }
            unsafe body = unsafe UnsafeRawBufferPointer(rebasing: bytes[offset..<end])
            offset = end
        }
        return true
    }

    private mutating func varint() -> UInt64 {
        var value: UInt64 = 0
        var shift: UInt64 = 0
        while unsafe offset < bytes.count, shift < 64 {
            let byte = unsafe bytes[offset]
            offset += 1
            value |= UInt64(byte & 127) << shift
            if byte < 128 { break }
            shift += 7
        }
        return value
    }

    /// The number in field `wanted` of a message, 0 if it is not there.
    internal static func number(_ wanted: Int, in bytes: UnsafeRawBufferPointer) -> UInt64 {
        var fields = unsafe Fields(bytes)
        while fields.next() {
            if fields.field == wanted { return fields.value }
        }
        return 0
    }
}

/// Puts gRPC messages together again, by slot, when frames cut them.
internal struct Assembler {
    private static let prefixByteCount = 5

    private var rests: [Int32: [UInt8]] = [:]

    internal mutating func feed(
        _ slot: Int32, _ data: UnsafeRawBufferPointer, _ body: (UnsafeRawBufferPointer) -> Void
    ) {
        if !rests.isEmpty, var rest = rests.removeValue(forKey: slot) {
            unsafe rest.append(contentsOf: data)
            unsafe rest.withUnsafeBytes { bytes in unsafe take(slot, bytes, body) }
        } else {
            unsafe take(slot, data, body)
        }
    }

    private mutating func take(
        _ slot: Int32, _ bytes: UnsafeRawBufferPointer, _ body: (UnsafeRawBufferPointer) -> Void
    ) {
        var offset = 0
        while bytes.count - offset >= Assembler.prefixByteCount {
            let size = unsafe bytes.loadUnaligned(fromByteOffset: offset + 1, as: UInt32.self)
            let start = offset + Assembler.prefixByteCount
            let end = start + Int(UInt32(bigEndian: size))
            if end > bytes.count { break }
            unsafe body(UnsafeRawBufferPointer(rebasing: bytes[start..<end]))
            offset = end
        }
        if offset < bytes.count { unsafe rests[slot] = Array(bytes[offset...]) }
    }
}
