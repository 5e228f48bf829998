// SPDX-License-Identifier: Apache-2.0
internal import Bytes
internal import EtcdAPI
internal import MVCC

/// Writes WatchResponse messages. The events of a turn are written once for all that get them.
///
/// WatchResponse: header 1, watch_id 2, created 3, canceled 4, compact_revision 5, cancel_reason 6,
/// fragment 7, events 11. Event: type 1 (DELETE is 1), kv 2, prev_kv 3.
struct WatchEncoder {
    private let head: [UInt8]

    init(header: ResponseHeader) {
        var writer = ByteWriter(capacity: 48)
        WatchEncoder.appendHeader(header, to: &writer)
        head = writer.bytes
    }

    static func control(
        header: ResponseHeader, id: Int64, created: Bool = false, canceled: Bool = false,
        compactRevision: Int64 = 0, reason: String = ""
    ) -> [UInt8] {
        var writer = ByteWriter(capacity: 64)
        appendHeader(header, to: &writer)
        writer.appendField(2, UInt64(bitPattern: id))
        writer.appendField(3, created ? 1 : 0)
        writer.appendField(4, canceled ? 1 : 0)
        writer.appendField(5, UInt64(bitPattern: compactRevision))
        writer.appendField(6, bytes: Array(reason.utf8))
        return writer.bytes
    }

    /// A response with events that `events` has written.
    func response(_ id: Int64, _ events: [UInt8], isFragment: Bool = false) -> [UInt8] {
        var writer = ByteWriter(capacity: head.count + events.count + 16)
        writer.append(head)
        writer.appendField(2, UInt64(bitPattern: id))
        writer.appendField(7, isFragment ? 1 : 0)
        writer.append(events)
        return writer.bytes
    }

    /// The same changes in several responses, each below `limit` if its events allow it.
    func fragments(
        _ id: Int64, _ changes: [Change], limit: Int, previous: (Change) -> Record?
    ) -> [[UInt8]] {
        let pieces = changes.map { WatchEncoder.events([$0], previous: previous) }
        var parts: [[UInt8]] = []
        var start = 0
        while start < pieces.count {
            var end = start + 1
            var size = pieces[start].count + head.count + 16
            while end < pieces.count, size + pieces[end].count < limit {
                size += pieces[end].count
                end += 1
            }
            let events = Array(pieces[start..<end].joined())
            parts.append(response(id, events, isFragment: end < pieces.count))
            start = end
        }
        return parts
    }

    /// The `events` fields of a response.
    static func events(_ changes: [Change], previous: (Change) -> Record?) -> [UInt8] {
        var size = 0
        for change in changes { size += change.record.eventByteCount + 16 }
        var writer = ByteWriter(capacity: size)
        for change in changes { append(change.record, previous(change), to: &writer) }
        return writer.bytes
    }

    private static func append(
        _ record: Record, _ previous: Record?, to writer: inout ByteWriter
    ) {
        let isDelete = record.isTombstone
        let count = record.eventByteCount
        var size = fieldSize(count) + (isDelete ? 2 : 0)
        if let previous { size += fieldSize(previous.byteCount) }
        appendLength(11, size, to: &writer)
        if isDelete { writer.appendField(1, 1) }
        appendLength(2, count, to: &writer)
        record.appendEventWire(to: &writer)
        if let previous {
            appendLength(3, previous.byteCount, to: &writer)
            previous.appendWire(to: &writer)
        }
    }

    /// A nested message of `count` bytes with its tag and length.
    private static func fieldSize(_ count: Int) -> Int {
        1 + varintSize(UInt64(count)) + count
    }

    private static func appendLength(_ field: Int, _ count: Int, to writer: inout ByteWriter) {
        writer.appendVarint(UInt64(field << 3 | 2))
        writer.appendVarint(UInt64(count))
    }

    private static func appendHeader(_ header: ResponseHeader, to writer: inout ByteWriter) {
        let mark = writer.beginNested(1)
        writer.appendField(1, header.clusterID)
        writer.appendField(2, header.memberID)
        writer.appendField(3, UInt64(bitPattern: header.revision))
        writer.appendField(4, header.raftTerm)
        writer.endNested(mark)
    }
}
