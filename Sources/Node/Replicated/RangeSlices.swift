// SPDX-License-Identifier: Apache-2.0
internal import Bytes
package import EtcdAPI
internal import MVCC

/// The answer to a range, encoded piece by piece: whoever sends it need never hold more of its bytes
/// than one piece. The records keep what they show alive, so all pieces are of one revision,
/// whatever is written meanwhile.
package struct RangeSlices: Sendable {
    private let reply: RangeReply
    private let head: [UInt8]
    private var measured = 0
    private var sent = 0
    /// Bytes of the next record that are sent already.
    private var sentBytes = 0
    /// The size of the message, once `measure` has said that it is known.
    package private(set) var byteCount: Int
    private let tail: [UInt8]
    private var isBegun = false
    private var isOver = false

    /// Only for a reply with values.
    package init(_ reply: RangeReply, header: ResponseHeader) {
        invariant(!reply.keysOnly, "a list of \(reply.records.count) keys is encoded at once")
        self.reply = reply
        var frame = reply
        frame.records = []
        frame.more = false
        frame.count = 0
        var writer = ByteWriter(capacity: 64)
        frame.encode(header: header, into: &writer)
        head = writer.bytes
        var end = ByteWriter(capacity: 16)
        end.appendField(3, reply.more ? 1 : 0)
        end.appendField(4, UInt64(bitPattern: reply.count))
        tail = end.bytes
        byteCount = head.count + tail.count
    }

    package var recordCount: Int { reply.records.count }

    /// Adds up the sizes of the next `count` records; true when all are.
    package mutating func measure(_ count: Int) -> Bool {
        let end = min(measured + count, reply.records.count)
        for index in measured..<end {
            let size = reply.records[index].byteCount
            byteCount += 1 + varintSize(UInt64(size)) + size
        }
        measured = end
        return measured == reply.records.count
    }

    /// The next piece, of about `limit` bytes, which may end inside a record; nil at the end.
    package mutating func next(_ limit: Int) -> [UInt8]? {
        invariant(measured == reply.records.count, "a list is sent before its size is known")
        return piece(limit, hasHead: !isBegun) { slices, writer in
            slices.appendPart(limit - writer.count, to: &writer)
        }
    }

    /// All of it at once, for those who must see the answer before they can go on.
    package mutating func whole() -> [UInt8] {
        while !measure(reply.records.count) {}
        return next(.max / 2) ?? []
    }

    /// The next piece as a message of its own, with the header in it; nil at the end. Merged in
    /// their order these messages are the answer. Needs no `measure`. Each has one record at least.
    package mutating func nextMessage(_ limit: Int) -> [UInt8]? {
        piece(limit, hasHead: true) { slices, writer in
            writer.appendRecord(2, slices.reply.records[slices.sent])
            slices.sent += 1
        }
    }

    private mutating func appendPart(_ limit: Int, to writer: inout ByteWriter) {
        let record = reply.records[sent]
        if sentBytes == 0 { writer.appendRecordHead(2, record) }
        let end = min(record.byteCount, sentBytes + limit)
        record.appendWire(sentBytes..<end, to: &writer)
        sentBytes = end
        if end == record.byteCount {
            sent += 1
            sentBytes = 0
        }
    }

    private mutating func piece(
        _ limit: Int, hasHead: Bool, _ append: (inout RangeSlices, inout ByteWriter) -> Void
    ) -> [UInt8]? {
        if isOver { return nil }
        var writer = ByteWriter(capacity: min(limit, 1 << 20) + 4096)
        if hasHead { writer.append(head) }
        isBegun = true
        while sent < reply.records.count, writer.count < limit {
            append(&self, &writer)
        }
        if sent == reply.records.count {
            writer.append(tail)
            isOver = true
        }
        return writer.bytes
    }
}
