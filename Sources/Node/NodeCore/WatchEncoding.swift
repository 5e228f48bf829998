// SPDX-License-Identifier: Apache-2.0
internal import Bytes
internal import EtcdAPI
internal import MVCC

/// Writes WatchResponse messages. An event that many watchers get is encoded once a turn.
///
/// WatchResponse: header 1, watch_id 2, created 3, canceled 4, compact_revision 5, cancel_reason 6,
/// fragment 7, events 11. Event: type 1 (DELETE is 1), kv 2, prev_kv 3.
struct WatchEncoder {
    let header: ResponseHeader
    private var events: [EventName: [UInt8]] = [:]

    private struct EventName: Hashable {
        var revision: Revision
        var withPrevious: Bool
    }

    init(header: ResponseHeader) {
        self.header = header
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

    /// One response, or several when the watcher takes fragments and the whole is over `limit`.
    mutating func responses(
        for watcher: Watcher, _ changes: [Change], limit: Int,
        previous: (Change) -> Record?
    ) -> [[UInt8]] {
        let encoded = changes.map { event($0, watcher, previous) }
        let total = encoded.reduce(0) { $0 + $1.count + 6 }
        guard watcher.fragments, total >= limit else {
            return [response(watcher.id, encoded[...], isFragment: false)]
        }
        return fragments(watcher.id, encoded, limit)
    }

    private func fragments(_ id: Int64, _ events: [[UInt8]], _ limit: Int) -> [[UInt8]] {
        var parts: [[UInt8]] = []
        var start = 0
        while start < events.count {
            var end = start + 1
            var size = events[start].count + 32
            while end < events.count, size + events[end].count + 6 < limit {
                size += events[end].count + 6
                end += 1
            }
            parts.append(response(id, events[start..<end], isFragment: end < events.count))
            start = end
        }
        return parts
    }

    private func response(
        _ id: Int64, _ events: ArraySlice<[UInt8]>, isFragment: Bool
    ) -> [UInt8] {
        var writer = ByteWriter(capacity: events.reduce(48) { $0 + $1.count + 6 })
        WatchEncoder.appendHeader(header, to: &writer)
        writer.appendField(2, UInt64(bitPattern: id))
        writer.appendField(7, isFragment ? 1 : 0)
        for event in events { writer.appendField(11, alwaysBytes: event) }
        return writer.bytes
    }

    private mutating func event(
        _ change: Change, _ watcher: Watcher, _ previous: (Change) -> Record?
    ) -> [UInt8] {
        let name = EventName(
            revision: change.record.revision, withPrevious: watcher.wantsPrevious)
        if let known = events[name] { return known }
        let before = watcher.wantsPrevious ? previous(change) : nil
        let encoded = WatchEncoder.encode(change.record, previous: before)
        events[name] = encoded
        return encoded
    }

    static func encode(_ record: Record, previous: Record?) -> [UInt8] {
        var writer = ByteWriter(
            capacity: record.byteCount + (previous?.byteCount ?? 0) + 24)
        if record.isTombstone {
            writer.appendField(1, 1)
            let mark = writer.beginNested(2)
            writer.appendField(1, bytes: record.key)
            writer.appendField(3, UInt64(bitPattern: record.revision.main))
            writer.endNested(mark)
        } else {
            appendRecord(2, record, to: &writer)
        }
        if let previous { appendRecord(3, previous, to: &writer) }
        return writer.bytes
    }

    private static func appendRecord(
        _ field: Int, _ record: Record, to writer: inout ByteWriter
    ) {
        let mark = writer.beginNested(field)
        record.appendWire(to: &writer)
        writer.endNested(mark)
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
