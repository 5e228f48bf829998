// SPDX-License-Identifier: Apache-2.0
import Bytes
import Testing

@testable import NodeServer

@Suite struct StreamFrameTests {
    private static let peer = MemberID(7)
    private static let own = MemberID(9)

    /// raftpb.Message, kind append.
    private static func append(
        term: UInt64, index: UInt64, logTerm: UInt64, entries: Int, commit: UInt64
    ) -> [UInt8] {
        var writer = ByteWriter()
        writer.appendField(1, always: 3)
        writer.appendField(2, always: own.number)
        writer.appendField(3, always: peer.number)
        writer.appendField(4, always: term)
        writer.appendField(5, always: logTerm)
        writer.appendField(6, always: index)
        for offset in 0..<entries {
            let start = writer.beginNested(7)
            writer.appendField(1, always: 0)
            writer.appendField(2, always: term)
            writer.appendField(3, always: index + UInt64(offset) + 1)
            writer.appendField(4, bytes: [UInt8](repeating: UInt8(offset), count: offset % 40))
            writer.endNested(start)
        }
        writer.appendField(8, always: commit)
        return writer.bytes
    }

    /// The frame on the message stream.
    private static func frame(_ message: [UInt8]) throws -> [UInt8] {
        MessageFrame.encode(try MessageFrameReader.decode(message))
    }

    /// What comes out, as frames of the message stream.
    private static func all(_ reader: inout MessageFrameReader) throws -> [[UInt8]] {
        var frames: [[UInt8]] = []
        while let message = try reader.next() { frames.append(MessageFrame.encode(message)) }
        return frames
    }

    private static func all(_ reader: inout AppendFrameReader) throws -> [[UInt8]] {
        var frames: [[UInt8]] = []
        while let message = try reader.next() { frames.append(MessageFrame.encode(message)) }
        return frames
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
        let sent = try Self.frame(
            Self.append(term: 2, index: 3, logTerm: 2, entries: 1, commit: 1))
        var reader = MessageFrameReader()
        reader.receive(MessageFrame.linkHeartbeat + later + sent + later)
        let found = try Self.all(&reader)
        #expect(found == [sent])
    }

    @Test func `messages come out whole however the stream is cut`() throws {
        let sent = try (0..<20).map { number in
            try Self.frame(
                Self.append(
                    term: 2, index: UInt64(number * 7), logTerm: 1, entries: number, commit: 3))
        }
        let bytes = sent.flatMap { $0 }
        for size in [1, 2, 7, 8, 9, 100, bytes.count] {
            var reader = MessageFrameReader()
            var found: [[UInt8]] = []
            var at = 0
            while at < bytes.count {
                reader.receive(Array(bytes[at..<min(at + size, bytes.count)]))
                at += size
                found += try Self.all(&reader)
            }
            #expect(found == sent)
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
        let messages = [
            Self.append(term: 2, index: 3, logTerm: 1, entries: 1, commit: 3),
            Self.append(term: 2, index: 4, logTerm: 2, entries: 1, commit: 4),
            Self.append(term: 2, index: 5, logTerm: 2, entries: 0, commit: 5),
        ]
        let written = try messages.map { writer.encode(try MessageFrameReader.decode($0)) }
        #expect(written[0].first == 2)
        #expect(
            written[1] == [
                1, 0, 0, 0, 0, 0, 0, 0, 1, 0, 0, 0, 0, 0, 0, 0, 6, 0x08, 0, 0x10, 2, 0x18, 5, 0, 0,
                0, 0, 0, 0, 0, 4,
            ])
        #expect(written[2] == [1, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 5])
        var reader = AppendFrameReader(from: Self.peer, to: Self.own)
        reader.receive(
            written[0] + AppendFrameWriter.linkHeartbeat + written[1] + written[2])
        let found = try Self.all(&reader)
        let expected = try messages.map { try Self.frame($0) }
        #expect(found == expected)
    }

    @Test func `both ends agree whatever is sent and however it is cut`() throws {
        var random = Random(seed: 4711)
        for _ in 0..<300 {
            var writer = AppendFrameWriter()
            var reader = AppendFrameReader(from: Self.peer, to: Self.own)
            var sent: [[UInt8]] = []
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
                sent.append(try Self.frame(message))
                bytes += writer.encode(try MessageFrameReader.decode(message))
                if random.chance(percent: 20) { bytes += AppendFrameWriter.linkHeartbeat }
            }
            var found: [[UInt8]] = []
            var rest = bytes[...]
            while !rest.isEmpty {
                let piece = rest.prefix(1 + random.below(90))
                rest = rest.dropFirst(piece.count)
                reader.receive(Array(piece))
                found += try Self.all(&reader)
            }
            #expect(found == sent)
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

    @Test func `damaged message streams are refused and never trap`() throws {
        var random = Random(seed: 1)
        let sound = try Self.frame(
            Self.append(term: 2, index: 3, logTerm: 2, entries: 2, commit: 1))
        var refused = 0
        for _ in 0..<100_000 {
            var reader = MessageFrameReader()
            reader.receive(Self.damaged(sound, &random))
            do {
                while try reader.next() != nil {}
            } catch {
                refused += 1
            }
        }
        #expect(refused > 1_000)
    }

    @Test func `damaged append streams are refused and never trap`() throws {
        var random = Random(seed: 2)
        var writer = AppendFrameWriter()
        let messages = [
            Self.append(term: 2, index: 3, logTerm: 1, entries: 1, commit: 1),
            Self.append(term: 2, index: 4, logTerm: 2, entries: 2, commit: 1),
        ]
        let sound = try messages.flatMap { writer.encode(try MessageFrameReader.decode($0)) }
        var refused = 0
        for _ in 0..<100_000 {
            var reader = AppendFrameReader(from: Self.peer, to: Self.own)
            reader.receive(Self.damaged(sound, &random))
            do {
                while try reader.next() != nil {}
            } catch {
                refused += 1
            }
        }
        #expect(refused > 1_000)
    }
}
