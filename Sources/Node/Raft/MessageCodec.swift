// SPDX-License-Identifier: Apache-2.0
package import Bytes

/// raftpb on the wire and in the log.
///
/// Written as etcd 3.5 does: proto2 fields that are not bytes or messages always, in the order of
/// their numbers, zero or not; `Message.snapshot` always, even when empty. Read from any version:
/// any order, fields missing, unknown fields skipped, lists of ids packed or not.
///
///     Message   1 type 2 to 3 from 4 term 5 logTerm 6 index 7 entries* 8 commit 9 snapshot
///               10 reject 11 rejectHint 12 context
///     Entry     1 type 2 term 3 index 4 data
///     Snapshot  1 data 2 metadata{1 conf_state 2 index 3 term}
package enum MessageCodec {
    package static func encode(_ message: Message) -> [UInt8] {
        var size = 96 + message.context.count + message.snapshotData.count
        for entry in message.entries { size += Self.size(of: entry) + 6 }
        var writer = ByteWriter(capacity: size)
        append(message, to: &writer)
        return writer.bytes
    }

    package static func encode(_ entry: Entry) -> [UInt8] {
        var writer = ByteWriter(capacity: size(of: entry))
        append(entry, to: &writer)
        return writer.bytes
    }

    package static func encode(_ state: HardState) -> [UInt8] {
        var writer = ByteWriter(capacity: 24)
        writer.appendField(1, always: state.term.number)
        writer.appendField(2, always: state.vote.number)
        writer.appendField(3, always: state.commit.number)
        return writer.bytes
    }

    package static func encode(_ configuration: Configuration) -> [UInt8] {
        var writer = ByteWriter()
        append(configuration, to: &writer)
        return writer.bytes
    }

    package static func encode(_ metadata: SnapshotMetadata) -> [UInt8] {
        var writer = ByteWriter()
        append(metadata, to: &writer)
        return writer.bytes
    }

    /// raftpb.Snapshot.
    package static func encode(snapshot metadata: SnapshotMetadata, data: [UInt8]) -> [UInt8] {
        var writer = ByteWriter()
        append(metadata, data, to: &writer)
        return writer.bytes
    }

    /// raftpb.ConfChange, for entries of kind `.change`.
    package static func encodeChange(_ change: MembershipChange) -> [UInt8] {
        invariant(change.steps.count == 1, "a simple change of \(change.steps.count) steps")
        var writer = ByteWriter()
        writer.appendField(1, always: change.identifier)
        for step in change.steps {
            writer.appendField(2, always: UInt64(step.operation.rawValue))
            writer.appendField(3, always: step.member.number)
        }
        writer.appendField(4, bytes: change.context)
        return writer.bytes
    }

    /// raftpb.ConfChangeV2, for entries of kind `.jointChange`.
    package static func encodeJointChange(_ change: MembershipChange) -> [UInt8] {
        var writer = ByteWriter()
        writer.appendField(1, always: UInt64(change.transition.rawValue))
        for step in change.steps {
            let start = writer.beginNested(2)
            writer.appendField(1, always: UInt64(step.operation.rawValue))
            writer.appendField(2, always: step.member.number)
            writer.endNested(start)
        }
        writer.appendField(3, bytes: change.context)
        return writer.bytes
    }

    // MARK: Parts

    /// The bytes of `encode(entry)`.
    package static func size(of entry: Entry) -> Int {
        let count = entry.data.count
        var size = 4 + varintSize(entry.term.number) + varintSize(entry.index.number)
        if count > 0 { size += 1 + varintSize(UInt64(count)) + count }
        return size
    }

    package static func append(_ entry: Entry, to writer: inout ByteWriter) {
        writer.appendField(1, always: UInt64(entry.kind.rawValue))
        writer.appendField(2, always: entry.term.number)
        writer.appendField(3, always: entry.index.number)
        writer.appendField(4, bytes: entry.data)
    }

    package static func append(_ message: Message, to writer: inout ByteWriter) {
        invariant(message.kind != .unknown, "message of unknown kind sent to \(message.to)")
        writer.appendField(1, always: UInt64(message.kind.rawValue))
        writer.appendField(2, always: message.to.number)
        writer.appendField(3, always: message.from.number)
        writer.appendField(4, always: message.term.number)
        writer.appendField(5, always: message.logTerm.number)
        writer.appendField(6, always: message.index.number)
        for entry in message.entries {
            writer.append(7 << 3 | 2)
            writer.appendVarint(UInt64(size(of: entry)))
            append(entry, to: &writer)
        }
        writer.appendField(8, always: message.commit.number)
        let start = writer.beginNested(9)
        append(message.snapshot ?? SnapshotMetadata(), message.snapshotData, to: &writer)
        writer.endNested(start)
        writer.appendField(10, always: message.reject ? 1 : 0)
        writer.appendField(11, always: message.rejectHint.number)
        writer.appendField(12, bytes: message.context)
    }

    private static func append(
        _ metadata: SnapshotMetadata, _ data: [UInt8], to writer: inout ByteWriter
    ) {
        writer.appendField(1, bytes: data)
        let start = writer.beginNested(2)
        append(metadata, to: &writer)
        writer.endNested(start)
    }

    private static func append(_ metadata: SnapshotMetadata, to writer: inout ByteWriter) {
        let start = writer.beginNested(1)
        append(metadata.configuration, to: &writer)
        writer.endNested(start)
        writer.appendField(2, always: metadata.index.number)
        writer.appendField(3, always: metadata.term.number)
    }

    private static func append(_ configuration: Configuration, to writer: inout ByteWriter) {
        for member in configuration.voters { writer.appendField(1, always: member.number) }
        for member in configuration.learners { writer.appendField(2, always: member.number) }
        for member in configuration.votersOutgoing { writer.appendField(3, always: member.number) }
        for member in configuration.learnersNext { writer.appendField(4, always: member.number) }
        writer.appendField(5, always: configuration.leavesByItself ? 1 : 0)
    }
}
