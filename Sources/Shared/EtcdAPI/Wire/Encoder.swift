// SPDX-License-Identifier: Apache-2.0
internal import Bytes

/// Writes a message in protobuf wire format.
///
/// Lists are walked by value, never through `&list[index]`: the walk runs over a copy of the
/// message, and a write access would copy the whole list.
struct Encoder: FieldVisitor {
    typealias Failure = Never

    private var writer = ByteWriter(capacity: 64)

    static func encode<M: WireMessage>(_ message: M) -> [UInt8] {
        var encoder = Encoder()
        var walked = message
        walked.fields(&encoder)
        return encoder.writer.bytes
    }

    mutating func int64(
        _ number: Int, _ name: StaticString, _ value: inout Int64, always: Bool
    ) {
        uint(number, UInt64(bitPattern: value), always)
    }

    mutating func uint64(
        _ number: Int, _ name: StaticString, _ value: inout UInt64, always: Bool
    ) {
        uint(number, value, always)
    }

    mutating func uint32(_ number: Int, _ name: StaticString, _ value: inout UInt32) {
        uint(number, UInt64(value), false)
    }

    mutating func bool(
        _ number: Int, _ name: StaticString, _ value: inout Bool, always: Bool
    ) {
        uint(number, value ? 1 : 0, always)
    }

    mutating func string(
        _ number: Int, _ name: StaticString, _ value: inout String, always: Bool
    ) {
        if always || !value.isEmpty { text(number, value) }
    }

    mutating func bytes(_ number: Int, _ name: StaticString, _ value: inout [UInt8]) {
        writer.appendField(number, bytes: value)
    }

    mutating func enumeration<E: WireEnum>(
        _ number: Int, _ name: StaticString, _ value: inout E
    ) {
        uint(number, UInt64(bitPattern: Int64(value.number)), false)
    }

    mutating func optional(_ number: Int, _ name: StaticString, _ value: inout Int64?) {
        if let value { uint(number, UInt64(bitPattern: value), true) }
    }

    mutating func optional(_ number: Int, _ name: StaticString, _ value: inout Bool?) {
        if let value { uint(number, value ? 1 : 0, true) }
    }

    mutating func optional(_ number: Int, _ name: StaticString, _ value: inout [UInt8]?) {
        if let value { writer.appendField(number, alwaysBytes: value) }
    }

    mutating func stringList(_ number: Int, _ name: StaticString, _ value: inout [String]) {
        for element in value { text(number, element) }
    }

    mutating func bytesList(_ number: Int, _ name: StaticString, _ value: inout [[UInt8]]) {
        for element in value { writer.appendField(number, alwaysBytes: element) }
    }

    /// Packed, as proto3 asks for.
    mutating func enumerationList<E: WireEnum>(
        _ number: Int, _ name: StaticString, _ value: inout [E]
    ) {
        guard !value.isEmpty else { return }
        let start = writer.beginNested(number)
        for element in value {
            writer.appendVarint(UInt64(bitPattern: Int64(element.number)))
        }
        writer.endNested(start)
    }

    mutating func message<M: WireMessage>(
        _ number: Int, _ name: StaticString, _ value: inout M?
    ) {
        if let value { nested(number, value) }
    }

    mutating func messages<M: WireMessage>(
        _ number: Int, _ name: StaticString, _ value: inout [M]
    ) {
        for element in value { nested(number, element) }
    }

    // Inlined, so that the two closures are too: a raft request walks past thirty of these.
    @inline(__always)
    mutating func choice<Choice, M: WireMessage>(
        _ number: Int, _ name: StaticString, _ choice: inout Choice, _ wrap: (M) -> Choice,
        _ unwrap: (Choice) -> M?
    ) {
        if let held = unwrap(choice) { nested(number, held) }
    }

    private mutating func nested<M: WireMessage>(_ number: Int, _ message: M) {
        let start = writer.beginNested(number)
        var walked = message
        walked.fields(&self)
        writer.endNested(start)
    }

    private mutating func uint(_ number: Int, _ value: UInt64, _ always: Bool) {
        if always || value != 0 { writer.appendField(number, always: value) }
    }

    private mutating func text(_ number: Int, _ value: String) {
        writer.appendVarint(UInt64(truncatingIfNeeded: number << 3 | 2))
        writer.appendVarint(UInt64(truncatingIfNeeded: value.utf8.count))
        writer.append(text: value)
    }
}
