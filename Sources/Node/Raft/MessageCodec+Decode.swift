// SPDX-License-Identifier: Apache-2.0
package import Bytes

extension MessageCodec {
    package static func decode(_ bytes: [UInt8]) throws(RaftError) -> Message {
        var reader = ByteReader(bytes)
        return try message(&reader)
    }

    package static func decodeEntry(_ bytes: [UInt8]) throws(RaftError) -> Entry {
        var reader = ByteReader(bytes)
        return try entry(&reader)
    }

    package static func decodeHardState(_ bytes: [UInt8]) throws(RaftError) -> HardState {
        var reader = ByteReader(bytes)
        var state = HardState()
        while let field = try reader.field() {
            switch (field.number, field.wire) {
            case (1, 0): state.term = Term(try reader.number())
            case (2, 0): state.vote = MemberID(try reader.number())
            case (3, 0): state.commit = LogIndex(try reader.number())
            default: try reader.pass(field.wire)
            }
        }
        return state
    }

    package static func decodeConfiguration(_ bytes: [UInt8]) throws(RaftError) -> Configuration {
        var reader = ByteReader(bytes)
        return try configuration(&reader)
    }

    package static func decodeSnapshotMetadata(
        _ bytes: [UInt8]
    ) throws(RaftError) -> SnapshotMetadata {
        var reader = ByteReader(bytes)
        return try metadata(&reader)
    }

    /// raftpb.Snapshot.
    package static func decodeSnapshot(
        _ bytes: [UInt8]
    ) throws(RaftError) -> (metadata: SnapshotMetadata, data: [UInt8]) {
        var reader = ByteReader(bytes)
        return try snapshot(&reader)
    }

    /// The change that a committed entry holds.
    package static func decodeChange(_ entry: Entry) throws(RaftError) -> MembershipChange {
        var reader = ByteReader(entry.data)
        switch entry.kind {
        case .normal: throw .unknownEntryKind(0)
        case .change: return try simpleChange(&reader)
        case .jointChange: return try jointChange(&reader)
        }
    }

    // MARK: Messages

    private static func message(_ reader: inout ByteReader) throws(RaftError) -> Message {
        var message = Message(kind: .hup, to: .none, from: .none)
        while let field = try reader.field() {
            switch (field.number, field.wire) {
            case (1, 0): message.kind = kind(try reader.number())
            case (2, 0): message.to = MemberID(try reader.number())
            case (3, 0): message.from = MemberID(try reader.number())
            case (4, 0): message.term = Term(try reader.number())
            case (5, 0): message.logTerm = Term(try reader.number())
            case (6, 0): message.index = LogIndex(try reader.number())
            case (7, 2):
                var part = try reader.part()
                message.entries.append(try entry(&part))
            case (8, 0): message.commit = LogIndex(try reader.number())
            case (9, 2):
                var part = try reader.part()
                (message.snapshot, message.snapshotData) = try snapshot(&part)
            case (10, 0): message.reject = try reader.number() != 0
            case (11, 0): message.rejectHint = LogIndex(try reader.number())
            case (12, 2): message.context = try reader.blob()
            default: try reader.pass(field.wire)
            }
        }
        // 3.5 writes an empty snapshot into every message.
        if message.kind == .snapshot {
            message.snapshot = message.snapshot ?? SnapshotMetadata()
        } else {
            message.snapshot = nil
            message.snapshotData = []
        }
        return message
    }

    private static func kind(_ number: UInt64) -> Message.Kind {
        UInt8(exactly: number).flatMap(Message.Kind.init) ?? .unknown
    }

    private static func entry(_ reader: inout ByteReader) throws(RaftError) -> Entry {
        var kind = Entry.Kind.normal
        var term = Term.zero
        var index = LogIndex.zero
        var data: [UInt8] = []
        while let field = try reader.field() {
            switch (field.number, field.wire) {
            case (1, 0):
                let number = try reader.number()
                guard let known = UInt8(exactly: number).flatMap(Entry.Kind.init) else {
                    throw .unknownEntryKind(number)
                }
                kind = known
            case (2, 0): term = Term(try reader.number())
            case (3, 0): index = LogIndex(try reader.number())
            case (4, 2): data = try reader.blob()
            default: try reader.pass(field.wire)
            }
        }
        return Entry(kind: kind, term: term, index: index, data: data)
    }

    private static func snapshot(
        _ reader: inout ByteReader
    ) throws(RaftError) -> (metadata: SnapshotMetadata, data: [UInt8]) {
        var result = SnapshotMetadata()
        var data: [UInt8] = []
        while let field = try reader.field() {
            switch (field.number, field.wire) {
            case (1, 2): data = try reader.blob()
            case (2, 2):
                var part = try reader.part()
                result = try metadata(&part)
            default: try reader.pass(field.wire)
            }
        }
        return (result, data)
    }

    private static func metadata(
        _ reader: inout ByteReader
    ) throws(RaftError) -> SnapshotMetadata {
        var result = SnapshotMetadata()
        while let field = try reader.field() {
            switch (field.number, field.wire) {
            case (1, 2):
                var part = try reader.part()
                result.configuration = try configuration(&part)
            case (2, 0): result.index = LogIndex(try reader.number())
            case (3, 0): result.term = Term(try reader.number())
            default: try reader.pass(field.wire)
            }
        }
        return result
    }

    private static func configuration(
        _ reader: inout ByteReader
    ) throws(RaftError) -> Configuration {
        var lists = [Set<MemberID>](repeating: [], count: 4)
        var leavesByItself = false
        while let field = try reader.field() {
            switch (field.number, field.wire) {
            case (1...4, 0): lists[field.number - 1].insert(MemberID(try reader.number()))
            case (1...4, 2):
                var part = try reader.part()
                while !part.isAtEnd {
                    lists[field.number - 1].insert(MemberID(try part.number()))
                }
            case (5, 0): leavesByItself = try reader.number() != 0
            default: try reader.pass(field.wire)
            }
        }
        return Configuration(
            voters: Array(lists[0]), learners: Array(lists[1]), votersOutgoing: Array(lists[2]),
            learnersNext: Array(lists[3]), leavesByItself: leavesByItself)
    }

    // MARK: Changes

    private static func simpleChange(
        _ reader: inout ByteReader
    ) throws(RaftError) -> MembershipChange {
        var change = MembershipChange(.addVoter, .none)
        while let field = try reader.field() {
            switch (field.number, field.wire) {
            case (1, 0): change.identifier = try reader.number()
            case (2, 0): change.steps[0].operation = try operation(&reader)
            case (3, 0): change.steps[0].member = MemberID(try reader.number())
            case (4, 2): change.context = try reader.blob()
            default: try reader.pass(field.wire)
            }
        }
        return change
    }

    private static func jointChange(
        _ reader: inout ByteReader
    ) throws(RaftError) -> MembershipChange {
        var change = MembershipChange([])
        while let field = try reader.field() {
            switch (field.number, field.wire) {
            case (1, 0):
                let number = try reader.number()
                let known = UInt8(exactly: number).flatMap(MembershipChange.Transition.init)
                guard let known else { throw .unknownChange(number) }
                change.transition = known
            case (2, 2):
                var part = try reader.part()
                change.steps.append(try step(&part))
            case (3, 2): change.context = try reader.blob()
            default: try reader.pass(field.wire)
            }
        }
        return change
    }

    private static func step(
        _ reader: inout ByteReader
    ) throws(RaftError) -> MembershipChange.Step {
        var step = MembershipChange.Step(.addVoter, .none)
        while let field = try reader.field() {
            switch (field.number, field.wire) {
            case (1, 0): step.operation = try operation(&reader)
            case (2, 0): step.member = MemberID(try reader.number())
            default: try reader.pass(field.wire)
            }
        }
        return step
    }

    private static func operation(
        _ reader: inout ByteReader
    ) throws(RaftError) -> MembershipChange.Operation {
        let number = try reader.number()
        let known = UInt8(exactly: number).flatMap(MembershipChange.Operation.init)
        guard let known else { throw .unknownChange(number) }
        return known
    }
}

/// The same steps with this room's error.
extension ByteReader {
    fileprivate mutating func field() throws(RaftError) -> (number: Int, wire: Int)? {
        do throws(ByteError) { return try tag() } catch { throw .malformed(offset: error.offset) }
    }

    fileprivate mutating func number() throws(RaftError) -> UInt64 {
        do throws(ByteError) { return try varint() } catch {
            throw .malformed(offset: error.offset)
        }
    }

    fileprivate mutating func blob() throws(RaftError) -> [UInt8] {
        do throws(ByteError) { return try take(try length()) } catch {
            throw .malformed(offset: error.offset)
        }
    }

    /// A reader of the nested message that begins here.
    fileprivate mutating func part() throws(RaftError) -> ByteReader {
        do throws(ByteError) {
            let count = try length()
            let part = ByteReader(bytes, from: index, to: index + count)
            try skip(count)
            return part
        } catch {
            throw .malformed(offset: error.offset)
        }
    }

    fileprivate mutating func pass(_ wire: Int) throws(RaftError) {
        do throws(ByteError) { try skipField(wire: wire) } catch {
            throw .malformed(offset: error.offset)
        }
    }
}
