// SPDX-License-Identifier: Apache-2.0
internal import Bytes
internal import Raft

/// The message stream: `length (8 bytes, big-endian) | raftpb.Message`, repeated.
enum MessageFrame {
    /// Longer ones end a stream.
    static let byteLimit: UInt64 = 512 << 20

    static func encode(_ message: Message) -> [UInt8] {
        var writer = ByteWriter(capacity: 128 + size(of: message))
        append(message, to: &writer)
        return writer.bytes
    }

    static func append(_ message: Message, to writer: inout ByteWriter) {
        let start = writer.count
        writer.appendBigEndian(UInt64(0))
        MessageCodec.append(message, to: &writer)
        var length = UInt64(writer.count - start - 8)
        for offset in 0..<8 {
            writer.bytes[start + 7 - offset] = UInt8(truncatingIfNeeded: length)
            length >>= 8
        }
    }

    /// Keeps a quiet stream open: a heartbeat from nobody to nobody.
    static let linkHeartbeat = encode(Message(kind: .heartbeat, to: .none, from: .none))

    static func isLinkHeartbeat(_ message: Message) -> Bool {
        message.kind == .heartbeat && message.from == .none && message.to == .none
    }

    private static func size(of message: Message) -> Int {
        message.entries.reduce(message.context.count + message.snapshotData.count) {
            $0 + MessageCodec.size(of: $1) + 6
        }
    }
}

/// Takes a message stream apart, however it was cut on its way.
struct MessageFrameReader {
    private var buffer = StreamBuffer()
    private var length: Int?

    mutating func receive(_ bytes: [UInt8]) {
        buffer.append(bytes)
    }

    /// The next message, nil when more bytes are needed. Link heartbeats are left out.
    mutating func next() throws(PeerError) -> Message? {
        while true {
            if length == nil {
                guard let count = buffer.takeNumber() else { return nil }
                guard count <= MessageFrame.byteLimit else { throw .frameTooLong(count) }
                length = Int(count)
            }
            guard let length, let bytes = buffer.take(length) else { return nil }
            self.length = nil
            let message = try MessageFrameReader.decode(bytes)
            if !MessageFrame.isLinkHeartbeat(message) { return message }
        }
    }

    static func decode(_ bytes: [UInt8]) throws(PeerError) -> Message {
        do throws(RaftError) {
            return try MessageCodec.decode(bytes)
        } catch {
            throw .undecodable("\(error)")
        }
    }
}
