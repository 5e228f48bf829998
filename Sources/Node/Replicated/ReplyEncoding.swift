// SPDX-License-Identifier: Apache-2.0
package import Bytes
package import EtcdAPI
internal import MVCC

// Response messages, written straight from records. Field numbers are those of rpc.proto.
extension Reply {
    /// Appends the gRPC response message. The header's revision is left out where etcd leaves it
    /// out, in answers about members.
    package func encode(header: ResponseHeader, into writer: inout ByteWriter) {
        switch self {
        case .range(let reply): reply.encode(header: header, into: &writer)
        case .put(let reply):
            writer.appendHeader(header)
            if let previous = reply.previous { writer.appendRecord(2, previous) }
        case .deleteRange(let reply):
            writer.appendHeader(header)
            reply.encodeBody(into: &writer)
        case .txn(let reply): reply.encode(header: header, into: &writer)
        case .compaction, .leaseRevoke, .leaseCheckpoint, .empty:
            writer.appendHeader(header)
        case .leaseGrant(let id, let ttl):
            writer.appendHeader(header)
            writer.appendField(2, UInt64(bitPattern: id))
            writer.appendField(3, UInt64(bitPattern: ttl))
        case .alarm(let alarms):
            writer.appendHeader(header)
            for alarm in alarms { writer.appendNested(2) { $0.appendAlarm(alarm) } }
        case .memberAdded(let member, let members):
            writer.appendHeader(header.withoutRevision)
            writer.appendNested(2) { $0.appendMember(member) }
            for member in members { writer.appendNested(3) { $0.appendMember(member) } }
        case .members(let members):
            writer.appendHeader(header.withoutRevision)
            for member in members { writer.appendNested(2) { $0.appendMember(member) } }
        case .authStatus(let isEnabled, let revision):
            writer.appendHeader(header)
            writer.appendField(2, isEnabled ? 1 : 0)
            writer.appendField(3, revision)
        case .loggedIn(let token, _, _):
            writer.appendHeader(header)
            writer.appendField(2, bytes: Array(token.utf8))
        case .names(let names):
            writer.appendHeader(header)
            for name in names { writer.appendField(2, alwaysBytes: Array(name.utf8)) }
        case .permissions(let permissions):
            writer.appendHeader(header)
            for permission in permissions {
                writer.appendField(2, alwaysBytes: permission.encoded())
            }
        }
    }
}

extension RangeReply {
    package func encode(header: ResponseHeader, into writer: inout ByteWriter) {
        let size = keysOnly ? 0 : records.reduce(64) { $0 + $1.byteCount + 6 }
        writer.bytes.reserveCapacity(writer.count + size)
        writer.appendHeader(header)
        for record in records {
            if keysOnly {
                writer.appendNested(2) { record.appendWireWithoutValue(to: &$0) }
            } else {
                writer.appendRecord(2, record)
            }
        }
        writer.appendField(3, more ? 1 : 0)
        writer.appendField(4, UInt64(bitPattern: count))
    }
}

extension DeleteReply {
    fileprivate func encodeBody(into writer: inout ByteWriter) {
        writer.appendField(2, UInt64(bitPattern: deleted))
        for record in previous { writer.appendRecord(3, record) }
    }
}

extension TxnReply {
    package func encode(header: ResponseHeader, into writer: inout ByteWriter) {
        writer.appendHeader(header)
        writer.appendField(2, succeeded ? 1 : 0)
        for part in parts { writer.appendNested(3) { part.encode(into: &$0) } }
    }
}

extension TxnReply.Part {
    /// A ResponseOp. Headers in here hold a revision and nothing else; that of a nested
    /// transaction is there but empty, as etcd sends it.
    fileprivate func encode(into writer: inout ByteWriter) {
        switch self {
        case .range(let reply):
            writer.appendNested(1) {
                reply.encode(header: .init(revision: reply.revision), into: &$0)
            }
        case .put(let reply):
            writer.appendNested(2) {
                $0.appendHeader(.init(revision: reply.revision))
                if let previous = reply.previous { $0.appendRecord(2, previous) }
            }
        case .deleteRange(let reply):
            writer.appendNested(3) {
                $0.appendHeader(.init(revision: reply.revision))
                reply.encodeBody(into: &$0)
            }
        case .txn(let reply):
            writer.appendNested(4) { reply.encode(header: .init(), into: &$0) }
        case .none: break
        }
    }
}

extension ByteWriter {
    fileprivate mutating func appendNested(_ number: Int, _ body: (inout ByteWriter) -> Void) {
        let start = beginNested(number)
        body(&self)
        endNested(start)
    }

    fileprivate mutating func appendHeader(_ header: ResponseHeader) {
        let start = beginNested(1)
        appendField(1, header.clusterID)
        appendField(2, header.memberID)
        appendField(3, UInt64(bitPattern: header.revision))
        appendField(4, header.raftTerm)
        endNested(start)
    }

    /// The length is known beforehand, so a long record is not moved.
    mutating func appendRecord(_ number: Int, _ record: Record) {
        appendRecordHead(number, record)
        record.appendWire(to: &self)
    }

    mutating func appendRecordHead(_ number: Int, _ record: Record) {
        appendVarint(UInt64(truncatingIfNeeded: number << 3 | 2))
        appendVarint(UInt64(truncatingIfNeeded: record.byteCount))
    }

    mutating func appendAlarm(_ alarm: AlarmMember) {
        appendField(1, alarm.memberID)
        appendField(2, UInt64(bitPattern: Int64(alarm.alarm.number)))
    }

    fileprivate mutating func appendMember(_ member: Member) {
        appendField(1, member.id)
        appendField(2, bytes: Array(member.name.utf8))
        for url in member.peerURLs { appendField(3, alwaysBytes: Array(url.utf8)) }
        for url in member.clientURLs { appendField(4, alwaysBytes: Array(url.utf8)) }
        appendField(5, member.isLearner ? 1 : 0)
    }
}

extension ResponseHeader {
    fileprivate var withoutRevision: ResponseHeader {
        var header = self
        header.revision = 0
        return header
    }
}
