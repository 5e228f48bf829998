// SPDX-License-Identifier: Apache-2.0
import Bytes
import DataDriven
import Testing

@testable import Raft

@Suite struct GoldenTests {
    @Test(arguments: GoldenFile.all()) func `plays the script`(_ path: String) throws {
        var stage = Stage()
        let difference = try GoldenFile.play(path) { stage.play($0) }
        #expect(difference == nil)
    }
}

/// One core and the words of the scripts.
struct Stage {
    var core = Core(
        id: MemberID(1), settings: Settings(), restored: Restored(), seed: 1)
    var newest = AppendNumber.zero

    mutating func play(_ block: GoldenBlock) -> String {
        let arguments = block.arguments
        switch block.command {
        case "core":
            core = Self.core(arguments)
            newest = .zero
            return core.describe()
        case "describe": return core.describe()
        case "tick":
            let count = Int(arguments["count"] ?? "1") ?? 1
            return (0..<count).map { _ in tell(.ticked) }.filter { !$0.isEmpty }
                .joined(separator: "\n")
        case "campaign": return tell(.campaignRequested)
        case "receive": return tell(.received(Self.message(arguments, to: core.id)))
        case "appended":
            let through = arguments["through"].flatMap { UInt64($0) }.map { AppendNumber($0) }
            return tell(.appended(through: through ?? newest))
        case "propose":
            let words = block.input.split(separator: "\n")
            return tell(.proposed(words.map { Proposal(data: Array($0.utf8)) }))
        case "propose-change":
            let change = Self.change(arguments)
            let isJoint = arguments["joint"] != nil
            let data =
                isJoint
                ? MessageCodec.encodeJointChange(change) : MessageCodec.encodeChange(change)
            return tell(.proposed([Proposal(kind: isJoint ? .jointChange : .change, data: data)]))
        case "change-applied":
            if arguments["refused"] != nil { return tell(.changeApplied(nil)) }
            return [tell(.changeApplied(Self.change(arguments))), core.configuration.text]
                .filter { !$0.isEmpty }.joined(separator: "\n")
        case "applied": return tell(.applied(through: Self.index(arguments["through"])))
        case "read": return tell(.readRequested(context: UInt64(arguments["context"] ?? "") ?? 0))
        case "transfer": return tell(.transferRequested(to: Self.member(arguments["to"])))
        case "unreachable": return tell(.unreachable(Self.member(arguments["member"])))
        case "snapshot-message":
            let metadata = SnapshotMetadata(
                index: core.applied, term: core.term(at: core.applied) ?? .zero,
                configuration: core.configuration)
            let to = Self.member(arguments["to"])
            return core.snapshotMessage(to: to, metadata: metadata)?.text ?? "not wanted"
        case "snapshot-reported":
            return tell(
                .snapshotReported(
                    Self.member(arguments["member"]), succeeded: arguments["failed"] == nil))
        case "compact": return tell(.compacted(through: Self.index(arguments["through"])))
        default: return "unknown command"
        }
    }

    private mutating func tell(_ event: Event) -> String {
        var effects: [Effect] = []
        core.receive(event, effects: &effects)
        for case .append(let batch) in effects { newest = batch.number }
        return effects.map(\.text).joined(separator: "\n")
    }

    // MARK: Words

    private static func core(_ arguments: [String: String]) -> Core {
        var settings = Settings()
        settings.preVote = arguments["prevote"] != "off"
        settings.maxInFlight = Int(arguments["window"] ?? "") ?? 512
        settings.maxAppendBytes = Int(arguments["bytes"] ?? "") ?? 1 << 20
        var restored = Restored()
        let (index, term) = place(arguments["base"] ?? "0/0")
        restored.snapshot = SnapshotMetadata(
            index: index, term: term,
            configuration: Configuration(
                voters: members(arguments["voters"]), learners: members(arguments["learners"]),
                votersOutgoing: members(arguments["outgoing"])))
        restored.entries = entries(arguments["log"])
        let commit = Self.index(arguments["commit"])
        restored.hardState = HardState(
            term: Term(number(arguments["term"])), vote: member(arguments["vote"]), commit: commit)
        restored.applied = max(index, Self.index(arguments["applied"] ?? arguments["commit"]))
        return Core(
            id: member(arguments["id"] ?? "1"), settings: settings, restored: restored, seed: 1)
    }

    private static func message(_ arguments: [String: String], to id: MemberID) -> Message {
        let name = arguments["kind"] ?? ""
        let kind = Message.Kind.allCases.first { "\($0)" == name } ?? .unknown
        var message = Message(
            kind: kind, to: id, from: member(arguments["from"]),
            term: Term(number(arguments["term"])))
        (message.index, message.logTerm) = place(arguments["at"] ?? "0/0")
        message.commit = index(arguments["commit"])
        message.entries = entries(arguments["entries"])
        message.reject = arguments["reject"] != nil
        message.rejectHint = index(arguments["hint"])
        if arguments["forced"] != nil { message.context = Message.transferContext }
        if let context = arguments["context"] { message.context = bytes(context) }
        if let read = arguments["read"] {
            message.entries = [Entry(term: .zero, index: .zero, data: bytes(read))]
        }
        if let data = arguments["data"] {
            message.entries = [Entry(term: .zero, index: .zero, data: Array(data.utf8))]
        }
        if let snapshot = arguments["snapshot"] {
            let (index, term) = place(snapshot)
            message.snapshot = SnapshotMetadata(
                index: index, term: term,
                configuration: Configuration(
                    voters: members(arguments["voters"]), learners: members(arguments["learners"])))
        }
        return message
    }

    private static func change(_ arguments: [String: String]) -> MembershipChange {
        var change = MembershipChange([])
        for (name, operation) in [
            ("add", MembershipChange.Operation.addVoter), ("remove", .remove),
            ("learner", .addLearner), ("update", .update),
        ] {
            for member in members(arguments[name]) { change.steps.append(.init(operation, member)) }
        }
        if arguments["explicit"] != nil { change.transition = .jointExplicit }
        return change
    }

    private static func bytes(_ context: String) -> [UInt8] {
        var writer = ByteWriter()
        writer.appendBigEndian(number(context))
        return writer.bytes
    }

    private static func number(_ text: String?) -> UInt64 { text.flatMap { UInt64($0) } ?? 0 }
    private static func index(_ text: String?) -> LogIndex { LogIndex(number(text)) }
    private static func member(_ text: String?) -> MemberID { MemberID(number(text)) }
    private static func members(_ text: String?) -> [MemberID] {
        (text ?? "").split(separator: ",").map { member(String($0)) }
    }
    private static func place(_ text: String) -> (LogIndex, Term) {
        let parts = text.split(separator: "/").map(String.init)
        return (index(parts.first), Term(number(parts.count > 1 ? parts[1] : nil)))
    }
    private static func entries(_ text: String?) -> [Entry] {
        (text ?? "").split(separator: ",").map { word in
            let (index, term) = place(String(word.prefix { $0 != "!" }))
            if word.hasSuffix("!") {
                let data = MessageCodec.encodeChange(MembershipChange(.addVoter, MemberID(4)))
                return Entry(kind: .change, term: term, index: index, data: data)
            }
            return Entry(term: term, index: index, data: Array("e\(index)".utf8))
        }
    }
}
