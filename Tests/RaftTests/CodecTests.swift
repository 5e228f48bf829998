// SPDX-License-Identifier: Apache-2.0
import Bytes
import Testing

@testable import Raft

@Suite struct CodecTests {
    private static func bytes(_ hex: String) -> [UInt8] {
        hex.split(separator: " ").compactMap { UInt8($0, radix: 16) }
    }

    static let linkHeartbeat = bytes(
        """
        08 08 10 00 18 00 20 00 28 00 30 00 40 00 4a 0a 12 08 0a 02 28 00 10 00 18 00 50 00 58 00
        """)
    static let newerLinkHeartbeat = bytes(
        "08 08 10 00 18 00 20 00 28 00 30 00 40 00 50 00 58 00 68 00")

    @Test func `the link heartbeat has the bytes that 3.5 sends`() throws {
        let message = Message(kind: .heartbeat, to: .none, from: .none)
        #expect(MessageCodec.encode(message) == Self.linkHeartbeat)
        #expect(try MessageCodec.decode(Self.linkHeartbeat) == message)
        #expect(try MessageCodec.decode(Self.newerLinkHeartbeat) == message)
    }

    @Test func `an append has its fields in order`() throws {
        var message = Message(
            kind: .append, to: MemberID(2), from: MemberID(1), term: Term(3))
        message.logTerm = Term(2)
        message.index = LogIndex(300)
        message.commit = LogIndex(299)
        message.entries = [
            Entry(term: Term(3), index: LogIndex(301)),
            Entry(kind: .change, term: Term(3), index: LogIndex(302), data: [0xab, 0xcd]),
        ]
        let expected = Self.bytes(
            """
            08 03 10 02 18 01 20 03 28 02 30 ac 02 3a 07 08 00 10 03 18 ad 02 3a 0b 08 01 10 03 18 \
            ae 02 22 02 ab cd 40 ab 02 4a 0a 12 08 0a 02 28 00 10 00 18 00 50 00 58 00
            """)
        #expect(MessageCodec.encode(message) == expected)
        #expect(try MessageCodec.decode(expected) == message)
    }

    @Test func `a snapshot carries its configuration`() throws {
        let members = (1...5).map { MemberID(UInt64($0)) }
        let metadata = SnapshotMetadata(
            index: LogIndex(7), term: Term(2),
            configuration: Configuration(
                voters: [members[0], members[1]], learners: [members[2]],
                votersOutgoing: [members[0], members[3]], learnersNext: [members[4]],
                leavesByItself: true))
        let encoded = MessageCodec.encode(snapshot: metadata, data: [9])
        let expected = Self.bytes(
            "0a 01 09 12 14 0a 0e 08 01 08 02 10 03 18 01 18 04 20 05 28 01 10 07 18 02")
        #expect(encoded == expected)
        let decoded = try MessageCodec.decodeSnapshot(encoded)
        #expect(decoded.metadata == metadata)
        #expect(decoded.data == [9])
        let packed = Self.bytes("0a 02 02 01 12 01 03 28 00")
        let configuration = try MessageCodec.decodeConfiguration(packed)
        #expect(
            configuration
                == Configuration(voters: [members[0], members[1]], learners: [members[2]]))
    }

    @Test func `changes of members have the bytes of raftpb`() throws {
        var simple = MembershipChange(.remove, MemberID(5))
        simple.identifier = 7
        let expected = Self.bytes("08 07 10 01 18 05")
        #expect(MessageCodec.encodeChange(simple) == expected)
        var joint = MembershipChange([.init(.addLearner, MemberID(1)), .init(.remove, MemberID(2))])
        joint.transition = .jointExplicit
        joint.context = [0x61]
        let expectedJoint = Self.bytes("08 02 12 04 08 03 10 01 12 04 08 01 10 02 1a 01 61")
        #expect(MessageCodec.encodeJointChange(joint) == expectedJoint)
        for (kind, change, data) in [
            (Entry.Kind.change, simple, expected), (.jointChange, joint, expectedJoint),
            (.jointChange, .leave, []),
        ] {
            let entry = Entry(kind: kind, term: .zero, index: .zero, data: data)
            #expect(try MessageCodec.decodeChange(entry) == change)
        }
    }

    @Test func `a hard state is written whole`() throws {
        let state = HardState(term: Term(1), vote: .none, commit: LogIndex(3))
        #expect(MessageCodec.encode(state) == Self.bytes("08 01 10 00 18 03"))
        #expect(try MessageCodec.decodeHardState(MessageCodec.encode(state)) == state)
    }

    @Test func `unknown fields are skipped and unknown kinds kept apart`() throws {
        let future = Self.bytes("08 63 10 02 a2 06 02 00 00 ad 06 01 02 03 04 70 01")
        let message = try MessageCodec.decode(future)
        #expect(message.kind == .unknown)
        #expect(message.to == MemberID(2))
        #expect(throws: RaftError.unknownEntryKind(9)) {
            try MessageCodec.decodeEntry(Self.bytes("08 09"))
        }
        #expect(throws: RaftError.self) { try MessageCodec.decode(Self.bytes("3a 7f 00")) }
    }

    @Test func `random messages survive the way there and back`() throws {
        var random = Random(seed: 5)
        for _ in 0..<3_000 {
            let message = Self.message(&random)
            let bytes = MessageCodec.encode(message)
            #expect(try MessageCodec.decode(bytes) == message)
            for entry in message.entries {
                #expect(MessageCodec.size(of: entry) == MessageCodec.encode(entry).count)
            }
        }
    }

    /// Known bug: fuzz-2022-nil.
    @Test func `no bytes break a decoder`() {
        #expect(Self.fuzz(seed: 11, count: 120_000) > 1_000)
    }

    /// How many inputs were read as something.
    static func fuzz(seed: UInt64, count: Int) -> Int {
        var random = Random(seed: seed)
        var base: [UInt8] = []
        var readable = 0
        for round in 0..<count {
            if round % 16 == 0 { base = MessageCodec.encode(message(&random)) }
            var bytes = random.chance(percent: 20) ? random.bytes(random.below(24)) : base
            for _ in 0..<random.below(4) where !bytes.isEmpty {
                bytes[random.below(bytes.count)] = UInt8(truncatingIfNeeded: random.next())
            }
            if random.chance(percent: 30) { bytes.removeLast(random.below(bytes.count + 1)) }
            if decodes(bytes, round) { readable += 1 }
        }
        return readable
    }

    private static func decodes(_ bytes: [UInt8], _ round: Int) -> Bool {
        do throws(RaftError) {
            switch round % 8 {
            case 0: _ = try MessageCodec.decodeEntry(bytes)
            case 1: _ = try MessageCodec.decodeHardState(bytes)
            case 2: _ = try MessageCodec.decodeSnapshot(bytes)
            case 3:
                let kind: Entry.Kind = round % 16 < 8 ? .change : .jointChange
                let entry = Entry(kind: kind, term: .zero, index: .zero, data: bytes)
                _ = try MessageCodec.decodeChange(entry)
            case 4: _ = try MessageCodec.decodeConfiguration(bytes)
            default:
                let message = try MessageCodec.decode(bytes)
                guard message.kind != .unknown else { return true }
                let again = try MessageCodec.decode(MessageCodec.encode(message))
                if again != message { Issue.record("\(message) became \(again)") }
            }
            return true
        } catch {
            return false
        }
    }

    private static func number(_ random: inout Random) -> UInt64 {
        random.next() >> UInt64(random.below(64))
    }

    static func message(_ random: inout Random) -> Message {
        let kinds = Message.Kind.allCases.filter { $0 != .unknown }
        var message = Message(
            kind: kinds[random.below(kinds.count)], to: MemberID(number(&random)),
            from: MemberID(number(&random)), term: Term(number(&random)))
        message.logTerm = Term(number(&random))
        message.index = LogIndex(number(&random))
        message.commit = LogIndex(number(&random))
        message.reject = random.chance(percent: 50)
        message.rejectHint = LogIndex(number(&random))
        message.context = random.bytes(random.below(3) * 8)
        for _ in 0..<random.below(3) {
            let kinds: [Entry.Kind] = [.normal, .change, .jointChange]
            message.entries.append(
                Entry(
                    kind: kinds[random.below(3)], term: Term(number(&random)),
                    index: LogIndex(number(&random)), data: random.bytes(random.below(200))))
        }
        guard message.kind == .snapshot else { return message }
        let members = (0..<random.below(4)).map { MemberID(UInt64($0 + 1)) }
        message.snapshot = SnapshotMetadata(
            index: LogIndex(number(&random)), term: Term(number(&random)),
            configuration: Configuration(voters: members, learners: [MemberID(number(&random))]))
        message.snapshotData = random.bytes(random.below(20))
        return message
    }
}
