// SPDX-License-Identifier: Apache-2.0
package import Bytes

// Everything etcd says on the wire: messages, RPCs, error texts.
//
//   Messages/*   one struct per protobuf message; each lists its fields once
//   Wire/*       visitors over that list: Encoder and Decoder (protobuf)
//   RPC          the table of methods: path, streaming, path of the JSON gateway
//   EtcdError    the table of errors: gRPC code and exact text
//
//        fields(&visitor)
//   PutRequest ──────────▶ Encoder ──▶ bytes        (cannot fail: Failure == Never)
//   PutRequest ◀────────── Decoder ◀── bytes        (throws WireError)
//
// The names in a field list are protobuf's own; JSON uses them as they stand.
//
// Promises of the decoder: it never traps, whatever the bytes; it never reads past a message's
// end; fields it does not know are skipped; a known field with a foreign wire type, a group, text
// that is not UTF-8 and nesting beyond `Decoder.maxDepth` are refused. The strictness is needed:
// it is what tells a `V2Request` in the log from an `InternalRaftRequest`.
//
// Messages with nothing in them (`HashRequest`) are structs too, so that each RPC has its pair.
// `T?` is a sub-message that may be absent; a oneof is an enum with the case `none`.

/// A message lists its fields once, in ascending order of their numbers.
package protocol WireMessage: Equatable, Sendable {
    init()
    mutating func fields<V: FieldVisitor>(_ visitor: inout V) throws(V.Failure)
}

extension WireMessage {
    // Messages of the data path repeat these two in their own type: across the room's wall a
    // generic body is called unspecialised, some twenty times slower.

    package func encoded() -> [UInt8] { Encoder.encode(self) }

    package init(decoding bytes: [UInt8]) throws(WireError) {
        self = try Decoder.decode(bytes)
    }

    /// Builds a message field by field.
    package static func with(_ build: (inout Self) -> Void) -> Self {
        var message = Self()
        build(&message)
        return message
    }
}

extension ResponseHeader {
    /// Writes the header as field `number` of the message under construction.
    package func append(as number: Int, to writer: inout ByteWriter) {
        let start = writer.beginNested(number)
        writer.appendField(1, clusterID)
        writer.appendField(2, memberID)
        writer.appendField(3, UInt64(bitPattern: revision))
        writer.appendField(4, raftTerm)
        writer.endNested(start)
    }
}

/// An enumeration of protobuf: open, so numbers from the future survive a round trip.
package protocol WireEnum: Equatable, Sendable {
    /// The names of the known values; the index is the number.
    static var names: [StaticString] { get }
    init(number: Int32)
    var number: Int32 { get }
}

extension WireEnum {
    /// The name protobuf gives the value, or nil if it has none.
    package var name: String? {
        let index = Int(number)
        return Self.names.indices.contains(index) ? "\(Self.names[index])" : nil
    }

    package init?(name: String) {
        guard let index = Self.names.firstIndex(where: { "\($0)" == name }) else { return nil }
        self.init(number: Int32(truncatingIfNeeded: index))
    }
}

/// Why bytes are not the message they claim to be. `offset` counts from the first byte.
package enum WireError: Error, Equatable, Sendable {
    /// Cut short, or a number, length or field tag that cannot be.
    case malformed(offset: Int)
    case wrongWireType(field: Int, wire: Int, offset: Int)
    case notUTF8(field: Int, offset: Int)
    case tooDeep(offset: Int)
}

extension WireError: CustomStringConvertible {
    /// Clients get to see it, behind gRPC's words for a message that cannot be read.
    package var description: String {
        switch self {
        case .malformed(let offset): "malformed at byte \(offset)"
        case .wrongWireType(let field, let wire, let offset):
            "wrong wire type \(wire) of field \(field) at byte \(offset)"
        case .notUTF8(let field, let offset): "no UTF-8 in field \(field) at byte \(offset)"
        case .tooDeep(let offset): "nested too deep at byte \(offset)"
        }
    }
}
