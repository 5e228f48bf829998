// SPDX-License-Identifier: Apache-2.0
internal import Bytes

/// Reads a message from protobuf wire format.
///
/// The tag of the next field is read ahead. The walk over the field list takes the value when it
/// comes to the field's number and then reads the next tag, so a message whose fields stand in
/// order, as every encoder writes them, is read in one walk; disorder costs another walk. A walk
/// that takes nothing met a field nobody knows, and it is skipped.
struct Decoder: FieldVisitor {
    typealias Failure = WireError

    /// Transactions hold transactions; nobody needs more floors than this.
    static let maxDepth = 100

    private var reader: ByteReader
    /// Of the field that comes next; zero at the end of the message.
    private var number = 0
    private var wire = 0
    private var depth = 0

    private init(_ bytes: [UInt8]) {
        reader = ByteReader(bytes)
    }

    static func decode<M: WireMessage>(_ bytes: [UInt8]) throws(WireError) -> M {
        var decoder = Decoder(bytes)
        var message = M()
        try decoder.merge(into: &message)
        return message
    }

    private mutating func merge<M: WireMessage>(into message: inout M) throws(WireError) {
        try readTag()
        while number != 0 {
            let before = reader.index
            try message.fields(&self)
            if reader.index == before { try skip() }
        }
    }

    // MARK: Fields

    mutating func int64(
        _ number: Int, _ name: StaticString, _ value: inout Int64, always: Bool
    ) throws(WireError) {
        if self.number == number { value = Int64(bitPattern: try takeVarint()) }
    }

    mutating func uint64(
        _ number: Int, _ name: StaticString, _ value: inout UInt64, always: Bool
    ) throws(WireError) {
        if self.number == number { value = try takeVarint() }
    }

    mutating func uint32(
        _ number: Int, _ name: StaticString, _ value: inout UInt32
    ) throws(WireError) {
        if self.number == number { value = UInt32(truncatingIfNeeded: try takeVarint()) }
    }

    mutating func bool(
        _ number: Int, _ name: StaticString, _ value: inout Bool, always: Bool
    ) throws(WireError) {
        if self.number == number { value = try takeVarint() != 0 }
    }

    mutating func string(
        _ number: Int, _ name: StaticString, _ value: inout String, always: Bool
    ) throws(WireError) {
        if self.number == number { value = try takeText() }
    }

    mutating func bytes(
        _ number: Int, _ name: StaticString, _ value: inout [UInt8]
    ) throws(WireError) {
        if self.number == number { value = try takeBytes() }
    }

    mutating func enumeration<E: WireEnum>(
        _ number: Int, _ name: StaticString, _ value: inout E
    ) throws(WireError) {
        if self.number == number {
            value = E(number: Int32(truncatingIfNeeded: try takeVarint()))
        }
    }

    mutating func optional(
        _ number: Int, _ name: StaticString, _ value: inout Int64?
    ) throws(WireError) {
        if self.number == number { value = Int64(bitPattern: try takeVarint()) }
    }

    mutating func optional(
        _ number: Int, _ name: StaticString, _ value: inout Bool?
    ) throws(WireError) {
        if self.number == number { value = try takeVarint() != 0 }
    }

    mutating func optional(
        _ number: Int, _ name: StaticString, _ value: inout [UInt8]?
    ) throws(WireError) {
        if self.number == number { value = try takeBytes() }
    }

    mutating func stringList(
        _ number: Int, _ name: StaticString, _ value: inout [String]
    ) throws(WireError) {
        while self.number == number { value.append(try takeText()) }
    }

    mutating func bytesList(
        _ number: Int, _ name: StaticString, _ value: inout [[UInt8]]
    ) throws(WireError) {
        while self.number == number { value.append(try takeBytes()) }
    }

    /// Packed or one by one: readers must take both.
    mutating func enumerationList<E: WireEnum>(
        _ number: Int, _ name: StaticString, _ value: inout [E]
    ) throws(WireError) {
        while self.number == number {
            guard wire == 2 else {
                value.append(E(number: Int32(truncatingIfNeeded: try takeVarint())))
                continue
            }
            let count = try length()
            try packed(until: reader.index + count, into: &value)
            try readTag()
        }
    }

    mutating func message<M: WireMessage>(
        _ number: Int, _ name: StaticString, _ value: inout M?
    ) throws(WireError) {
        guard self.number == number else { return }
        var message = value ?? M()
        try nested(into: &message)
        value = message
    }

    mutating func messages<M: WireMessage>(
        _ number: Int, _ name: StaticString, _ value: inout [M]
    ) throws(WireError) {
        while self.number == number {
            var message = M()
            try nested(into: &message)
            value.append(message)
        }
    }

    // Inlined, so that the two closures are too: a raft request walks past thirty of these.
    @inline(__always)
    mutating func choice<Choice, M: WireMessage>(
        _ number: Int, _ name: StaticString, _ choice: inout Choice, _ wrap: (M) -> Choice,
        _ unwrap: (Choice) -> M?
    ) throws(WireError) {
        guard self.number == number else { return }
        var message = unwrap(choice) ?? M()
        try nested(into: &message)
        choice = wrap(message)
    }

    // MARK: Values

    private mutating func takeVarint() throws(WireError) -> UInt64 {
        try expect(wire: 0)
        let value = try varint()
        try readTag()
        return value
    }

    private mutating func takeBytes() throws(WireError) -> [UInt8] {
        try expect(wire: 2)
        let value: [UInt8]
        do throws(ByteError) {
            value = try reader.take(try reader.length())
        } catch {
            throw .malformed(offset: error.offset)
        }
        try readTag()
        return value
    }

    private mutating func takeText() throws(WireError) -> String {
        try expect(wire: 2)
        let count = try length()
        let range = reader.index..<reader.index + count
        guard let value = String(validating: reader.bytes[range], as: UTF8.self) else {
            throw .notUTF8(field: number, offset: reader.index)
        }
        reader.index = range.upperBound
        try readTag()
        return value
    }

    private mutating func packed<E: WireEnum>(
        until end: Int, into value: inout [E]
    ) throws(WireError) {
        let outer = reader.end
        reader.end = end
        while reader.index < end {
            value.append(E(number: Int32(truncatingIfNeeded: try varint())))
        }
        reader.end = outer
    }

    private mutating func nested<M: WireMessage>(into message: inout M) throws(WireError) {
        try expect(wire: 2)
        let count = try length()
        guard depth < Self.maxDepth else { throw .tooDeep(offset: reader.index) }
        depth += 1
        let outer = reader.end
        reader.end = reader.index + count
        try merge(into: &message)
        reader.end = outer
        depth -= 1
        try readTag()
    }

    // MARK: Bytes

    private mutating func readTag() throws(WireError) {
        guard reader.index < reader.end else {
            number = 0
            return
        }
        let tag = try varint()
        guard tag >> 3 > 0, tag >> 3 < 1 << 29 else {
            throw .malformed(offset: reader.index)
        }
        number = Int(truncatingIfNeeded: tag >> 3)
        wire = Int(truncatingIfNeeded: tag & 7)
    }

    private mutating func varint() throws(WireError) -> UInt64 {
        do throws(ByteError) {
            return try reader.varint()
        } catch {
            throw .malformed(offset: error.offset)
        }
    }

    private mutating func length() throws(WireError) -> Int {
        do throws(ByteError) {
            return try reader.length()
        } catch {
            throw .malformed(offset: error.offset)
        }
    }

    private func expect(wire expected: Int) throws(WireError) {
        guard wire == expected else {
            throw .wrongWireType(field: number, wire: wire, offset: reader.index)
        }
    }

    private mutating func skip() throws(WireError) {
        do throws(ByteError) {
            try reader.skipField(wire: wire)
        } catch {
            throw .malformed(offset: error.offset)
        }
        try readTag()
    }
}
