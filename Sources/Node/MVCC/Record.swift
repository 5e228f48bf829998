// SPDX-License-Identifier: Apache-2.0
package import Bytes

/// One version of one key: a reference into a chunk, which it keeps alive. Copying costs a retain;
/// each field is decoded when it is asked for. May go to any thread.
package struct Record: Sendable {
    let chunk: Chunk
    private let position: UInt32

    init(chunk: Chunk, offset: Int) {
        self.chunk = chunk
        position = UInt32(truncatingIfNeeded: offset)
    }

    var offset: Int { Int(position) }

    package var revision: Revision { chunk.revision(at: offset) }
    package var modRevision: Int64 { chunk.main(at: offset) }
    package var isTombstone: Bool { chunk.isTombstone(at: offset) }
    package var createRevision: Int64 { chunk.fields(at: offset).createRevision }
    package var version: Int64 { chunk.fields(at: offset).version }
    package var lease: Int64 { chunk.fields(at: offset).lease }

    package var key: [UInt8] { unsafe Array(chunk.key(at: offset)) }

    package var value: [UInt8] {
        unsafe withWire { wire in unsafe Array(wire[chunk.fields(at: offset).value]) }
    }

    /// How many bytes the value has, without copying it.
    package var valueByteCount: Int { chunk.fields(at: offset).value.count }

    /// How many bytes `appendWire` appends.
    package var byteCount: Int { chunk.length(at: offset) }

    /// The bytes of the row: a mvccpb.KeyValue, of a tombstone only its key. They must not be kept
    /// beyond the call.
    package func withWire<Result, Failure: Error>(
        _ body: (UnsafeRawBufferPointer) throws(Failure) -> Result
    ) throws(Failure) -> Result {
        try unsafe body(chunk.wire(at: offset))
    }

    package func appendWire(to writer: inout ByteWriter) {
        unsafe writer.append(chunk.wire(at: offset))
    }

    /// Some of the bytes of `appendWire`.
    package func appendWire(_ part: Range<Int>, to writer: inout ByteWriter) {
        let wire = unsafe chunk.wire(at: offset)
        unsafe writer.append(UnsafeRawBufferPointer(rebasing: wire[part]))
    }

    /// The KeyValue as a watch event carries it: of a tombstone, the key and its mod_revision.
    package func appendEventWire(to writer: inout ByteWriter) {
        unsafe writer.append(chunk.wire(at: offset))
        if isTombstone { writer.appendField(3, UInt64(bitPattern: modRevision)) }
    }

    /// How many bytes `appendEventWire` appends.
    package var eventByteCount: Int {
        isTombstone ? byteCount + 1 + varintSize(UInt64(bitPattern: modRevision)) : byteCount
    }

    /// The KeyValue for a request that wants keys only.
    package func appendWireWithoutValue(to writer: inout ByteWriter) {
        let fields = chunk.fields(at: offset)
        unsafe withWire { wire in
            if !fields.key.isEmpty {
                unsafe writer.appendField(
                    1, bytes: UnsafeRawBufferPointer(rebasing: wire[fields.key]))
            }
        }
        writer.appendField(2, UInt64(bitPattern: fields.createRevision))
        writer.appendField(3, UInt64(bitPattern: fields.modRevision))
        writer.appendField(4, UInt64(bitPattern: fields.version))
        writer.appendField(6, UInt64(bitPattern: fields.lease))
    }
}

/// What a write did to one key.
package struct Change: Sendable {
    /// The new version; a tombstone for a delete.
    package var record: Record
    /// The live version before it, nil if there was none. Changes from `history` leave it nil:
    /// ask `Keyspace.previous(of:)`.
    package var previous: Record?

    package init(record: Record, previous: Record? = nil) {
        self.record = record
        self.previous = previous
    }
}
