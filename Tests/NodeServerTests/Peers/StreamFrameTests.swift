// SPDX-License-Identifier: Apache-2.0
import Bytes
import Raft
import Testing

@testable import NodeServer

@Suite struct StreamFrameTests {
    private static let peer = MemberID(7)
    private static let own = MemberID(9)

    private static func append(
        term: UInt64, index: UInt64, logTerm: UInt64, entries: Int, commit: UInt64
    ) -> Message {
        var message = Message(kind: .append, to: own, from: peer, term: Term(term))
        message.index = LogIndex(index)
        message.logTerm = Term(logTerm)
        message.commit = LogIndex(commit)
        message.entries = (0..<entries).map { offset in
            Entry(
                term: Term(term), index: LogIndex(index + UInt64(offset) + 1),
                data: [UInt8](repeating: UInt8(offset & 0xff), count: offset % 40))
        }
        return message
    }

    private static func all(_ reader: inout MessageFrameReader) throws -> [Message] {
        var messages: [Message] = []
        while let message = try reader.next() { messages.append(message) }
        return messages
    }

    private static func all(_ reader: inout AppendFrameReader) throws -> [Message] {
        var messages: [Message] = []
        while let message = try reader.next() { messages.append(message) }
        return messages
    }

    // MARK: Message stream

    @Test func `the link heartbeat is what etcd 3.5 writes`() {
        let seen: [UInt8] = [
            0, 0, 0, 0, 0, 0, 0, 30, 0x08, 0x08, 0x10, 0, 0x18, 0, 0x20, 0, 0x28, 0, 0x30, 0, 0x40,
            0, 0x4a, 0x0a, 0x12, 0x08, 0x0a, 0x02, 0x28, 0, 0x10, 0, 0x18, 0, 0x50, 0, 0x58, 0,
        ]
        #expect(MessageFrame.linkHeartbeat == seen)
    }

    @Test func `link heartbeats of both versions are passed over`() throws {
        let later: [UInt8] = [
            0, 0, 0, 0, 0, 0, 0, 20, 0x08, 0x08, 0x10, 0, 0x18, 0, 0x20, 0, 0x28, 0, 0x30, 0, 0x40,
            0, 0x50, 0, 0x58, 0, 0x68, 0,
        ]
        let message = Message(
            kind: .heartbeat, to: Self.own, from: Self.peer, term: Term(3))
        var reader = MessageFrameReader()
        reader.receive(
            MessageFrame.linkHeartbeat + later + MessageFrame.encode(message) + later)
        let found = try Self.all(&reader)
        #expect(found.count == 1)
        #expect(found.first?.from == Self.peer)
        #expect(found.first?.term == Term(3))
    }

    @Test func `messages come out whole however the stream is cut`() throws {
        let messages = (0..<20).map { number in
            Self.append(
                term: 2, index: UInt64(number * 7), logTerm: 1, entries: number, commit: 3)
        }
        let bytes = messages.flatMap { MessageFrame.encode($0) }
        for size in [1, 2, 7, 8, 9, 100, bytes.count] {
            var reader = MessageFrameReader()
            var found: [Message] = []
            var at = 0
            while at < bytes.count {
                reader.receive(Array(bytes[at..<min(at + size, bytes.count)]))
                at += size
                found += try Self.all(&reader)
            }
            #expect(found.map(\.entries) == messages.map(\.entries))
            #expect(found.map(\.index) == messages.map(\.index))
        }
    }

    @Test func `a frame beyond the limit ends the stream`() {
        var reader = MessageFrameReader()
        reader.receive([0, 0, 0, 0, 0x20, 0, 0, 1])
        #expect(throws: PeerError.frameTooLong((512 << 20) + 1)) { try reader.next() }
        reader = MessageFrameReader()
        reader.receive([UInt8](repeating: 0xff, count: 8))
        #expect(throws: PeerError.frameTooLong(.max)) { try reader.next() }
    }

    // MARK: Append stream

    @Test func `the first append names its place and the next ones go on from there`() throws {
        var writer = AppendFrameWriter()
        let first = writer.encode(
            Self.append(term: 2, index: 3, logTerm: 1, entries: 1, commit: 3))
        let second = writer.encode(
            Self.append(term: 2, index: 4, logTerm: 2, entries: 1, commit: 4))
        let third = writer.encode(
            Self.append(term: 2, index: 5, logTerm: 2, entries: 0, commit: 5))
        #expect(first.first == 2)
        #expect(
            second == [
                1, 0, 0, 0, 0, 0, 0, 0, 1, 0, 0, 0, 0, 0, 0, 0, 6, 0x08, 0, 0x10, 2, 0x18, 5, 0, 0,
                0, 0, 0, 0, 0, 4,
            ])
        #expect(third == [1, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 5])
        var reader = AppendFrameReader(from: Self.peer, to: Self.own)
        reader.receive(first + AppendFrameWriter.linkHeartbeat + second + third)
        let found = try Self.all(&reader)
        #expect(found.map(\.index.number) == [3, 4, 5])
        #expect(found.map(\.logTerm.number) == [1, 2, 2])
        #expect(found.map(\.commit.number) == [3, 4, 5])
        #expect(found.allSatisfy { $0.from == Self.peer && $0.to == Self.own })
    }

    @Test func `both ends agree whatever is sent and however it is cut`() throws {
        var random = Random(seed: 4711)
        for _ in 0..<300 {
            var writer = AppendFrameWriter()
            var reader = AppendFrameReader(from: Self.peer, to: Self.own)
            var sent: [Message] = []
            var bytes: [UInt8] = []
            var index: UInt64 = 0
            var term: UInt64 = 1
            for _ in 0..<20 {
                if random.chance(percent: 20) { term += 1 }
                if random.chance(percent: 20) { index = UInt64(random.below(100)) }
                let logTerm = random.chance(percent: 80) ? term : term - 1
                let count = random.below(4)
                let message = Self.append(
                    term: term, index: index, logTerm: logTerm, entries: count, commit: index)
                index += UInt64(count)
                sent.append(message)
                bytes += writer.encode(message)
                if random.chance(percent: 20) { bytes += AppendFrameWriter.linkHeartbeat }
            }
            var found: [Message] = []
            var rest = bytes[...]
            while !rest.isEmpty {
                let piece = rest.prefix(1 + random.below(90))
                rest = rest.dropFirst(piece.count)
                reader.receive(Array(piece))
                found += try Self.all(&reader)
            }
            #expect(found.map(\.entries) == sent.map(\.entries))
            #expect(found.map(\.index) == sent.map(\.index))
            #expect(found.map(\.logTerm) == sent.map(\.logTerm))
            #expect(found.map(\.term) == sent.map(\.term))
        }
    }

    @Test func `an unknown frame type and frames beyond the limit end the stream`() {
        var reader = AppendFrameReader(from: Self.peer, to: Self.own)
        reader.receive([0, 0, 3])
        #expect(throws: PeerError.unknownFrame(3)) { try reader.next() }
        reader = AppendFrameReader(from: Self.peer, to: Self.own)
        reader.receive([1] + [UInt8](repeating: 0xff, count: 8))
        #expect(throws: PeerError.frameTooLong(.max)) { try reader.next() }
        reader = AppendFrameReader(from: Self.peer, to: Self.own)
        reader.receive([1, 0, 0, 0, 0, 0, 0, 0, 1] + [UInt8](repeating: 0xff, count: 8))
        #expect(throws: PeerError.frameTooLong(.max)) { try reader.next() }
        reader = AppendFrameReader(from: Self.peer, to: Self.own)
        reader.receive([2] + [UInt8](repeating: 0xff, count: 8))
        #expect(throws: PeerError.frameTooLong(.max)) { try reader.next() }
    }

    // MARK: Damage

    /// Sound frames with a few bytes changed, cut or made up.
    private static func damaged(_ sound: [UInt8], _ random: inout Random) -> [UInt8] {
        if random.chance(percent: 20) { return random.bytes(random.below(40)) }
        var bytes = sound
        for _ in 0..<1 + random.below(3) {
            bytes[random.below(bytes.count)] = UInt8(random.below(256))
        }
        return random.chance(percent: 30) ? Array(bytes.prefix(random.below(bytes.count))) : bytes
    }

    @Test func `damaged message streams are refused and never trap`() {
        var random = Random(seed: 1)
        let sound = MessageFrame.encode(
            Self.append(term: 2, index: 3, logTerm: 2, entries: 2, commit: 1))
        var refused = 0
        for _ in 0..<100_000 {
            var reader = MessageFrameReader()
            reader.receive(Self.damaged(sound, &random))
            do {
                _ = try Self.all(&reader)
            } catch {
                refused += 1
            }
        }
        #expect(refused > 1_000)
    }

    @Test func `damaged append streams are refused and never trap`() {
        var random = Random(seed: 2)
        var writer = AppendFrameWriter()
        let sound =
            writer.encode(Self.append(term: 2, index: 3, logTerm: 1, entries: 1, commit: 1))
            + writer.encode(Self.append(term: 2, index: 4, logTerm: 2, entries: 2, commit: 1))
        var refused = 0
        for _ in 0..<100_000 {
            var reader = AppendFrameReader(from: Self.peer, to: Self.own)
            reader.receive(Self.damaged(sound, &random))
            do {
                _ = try Self.all(&reader)
            } catch {
                refused += 1
            }
        }
        #expect(refused > 1_000)
    }
}
