// SPDX-License-Identifier: Apache-2.0
internal import Bytes
internal import Raft

// The msgapp stream ("msgapp v2"), numbers 8 bytes big-endian:
//
//     0                                                   link heartbeat
//     1 | count | count x (length | raftpb.Entry) | commit
//     2 | length | raftpb.Message
//
// Both ends know where the last append ended, (0, 0) at first; type 1 goes on from there and so
// needs to name neither term nor index.

private enum FrameType {
    static let linkHeartbeat: UInt8 = 0
    static let entries: UInt8 = 1
    static let message: UInt8 = 2
}

/// Writes appends for one connection.
struct AppendFrameWriter {
    private var term = Term.zero
    private var index = LogIndex.zero

    static let linkHeartbeat: [UInt8] = [FrameType.linkHeartbeat]

    mutating func encode(_ message: Message) -> [UInt8] {
        let goesOn =
            message.index == index && message.logTerm == term && message.logTerm == message.term
        return goesOn ? entries(of: message) : whole(message)
    }

    private mutating func entries(of message: Message) -> [UInt8] {
        let sizes = message.entries.map { MessageCodec.size(of: $0) }
        var writer = ByteWriter(capacity: sizes.reduce(17) { $0 + $1 + 8 })
        writer.append(FrameType.entries)
        writer.appendBigEndian(UInt64(message.entries.count))
        for (entry, size) in zip(message.entries, sizes) {
            writer.appendBigEndian(UInt64(size))
            MessageCodec.append(entry, to: &writer)
        }
        writer.appendBigEndian(message.commit.number)
        index = LogIndex(index.number &+ UInt64(message.entries.count))
        return writer.bytes
    }

    private mutating func whole(_ message: Message) -> [UInt8] {
        var writer = ByteWriter(capacity: 256)
        writer.append(FrameType.message)
        MessageFrame.append(message, to: &writer)
        term = message.term
        index = message.entries.last?.index ?? message.index
        return writer.bytes
    }
}

/// Takes a msgapp stream apart, however it was cut on its way.
struct AppendFrameReader {
    private enum Stage {
        case type
        case count
        case entryLength(left: UInt64)
        case entry(left: UInt64, length: Int)
        case commit
        case messageLength
        case message(length: Int)
    }

    private let from: MemberID
    private let to: MemberID
    private var buffer = StreamBuffer()
    private var stage = Stage.type
    private var term = Term.zero
    private var index = LogIndex.zero
    private var entries: [Entry] = []
    private var frameBytes: UInt64 = 0

    /// `from` is the member at the other end, `to` this one.
    init(from: MemberID, to: MemberID) {
        self.from = from
        self.to = to
    }

    mutating func receive(_ bytes: [UInt8]) {
        buffer.append(bytes)
    }

    /// The next append, nil when more bytes are needed.
    mutating func next() throws(PeerError) -> Message? {
        while true {
            switch stage {
            case .type:
                guard let type = buffer.takeByte() else { return nil }
                try begin(type)
            case .count:
                guard let count = buffer.takeNumber() else { return nil }
                // Each entry takes its length at least.
                guard count <= MessageFrame.byteLimit / 8 else { throw .frameTooLong(count) }
                stage = count == 0 ? .commit : .entryLength(left: count)
            case .entryLength(let left):
                guard let length = buffer.takeNumber() else { return nil }
                stage = .entry(left: left, length: try checked(length))
            case .entry(let left, let length):
                guard let bytes = buffer.take(length) else { return nil }
                entries.append(try decode(bytes))
                stage = left == 1 ? .commit : .entryLength(left: left - 1)
            case .commit:
                guard let commit = buffer.takeNumber() else { return nil }
                return finishEntries(LogIndex(commit))
            case .messageLength:
                guard let length = buffer.takeNumber() else { return nil }
                stage = .message(length: try checked(length))
            case .message(let length):
                guard let bytes = buffer.take(length) else { return nil }
                return try finishMessage(bytes)
            }
        }
    }

    private mutating func begin(_ type: UInt8) throws(PeerError) {
        frameBytes = 0
        switch type {
        case FrameType.linkHeartbeat: stage = .type
        case FrameType.entries: stage = .count
        case FrameType.message: stage = .messageLength
        default: throw .unknownFrame(type)
        }
    }

    /// No frame is longer than the limit, whatever it is made of.
    private mutating func checked(_ length: UInt64) throws(PeerError) -> Int {
        guard length <= MessageFrame.byteLimit, frameBytes + length <= MessageFrame.byteLimit
        else { throw .frameTooLong(length) }
        frameBytes += length
        return Int(length)
    }

    private func decode(_ bytes: [UInt8]) throws(PeerError) -> Entry {
        do throws(RaftError) {
            return try MessageCodec.decodeEntry(bytes)
        } catch {
            throw .undecodable("\(error)")
        }
    }

    private mutating func finishEntries(_ commit: LogIndex) -> Message {
        var message = Message(kind: .append, to: to, from: from, term: term)
        message.logTerm = term
        message.index = index
        message.commit = commit
        message.entries = entries
        index = LogIndex(index.number &+ UInt64(entries.count))
        entries = []
        stage = .type
        return message
    }

    private mutating func finishMessage(_ bytes: [UInt8]) throws(PeerError) -> Message {
        let message = try MessageFrameReader.decode(bytes)
        term = message.term
        index = message.entries.last?.index ?? message.index
        stage = .type
        return message
    }
}
