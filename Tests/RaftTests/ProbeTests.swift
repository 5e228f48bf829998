// SPDX-License-Identifier: Apache-2.0
import Bytes
import Testing

@testable import Raft

/// What a leader of four etcd releases answered to a made-up follower F (member 2). The leader is
/// member 1 of term 2; member 3 is alive; the log ends at 4.
@Suite struct ProbeTests {
    static func leader() -> Core {
        var restored = Restored()
        restored.snapshot.configuration = Configuration(
            voters: [MemberID(1), MemberID(2), MemberID(3)])
        restored.hardState = HardState(term: Term(1), vote: .none, commit: LogIndex(3))
        restored.entries = (1...3).map { Entry(term: Term(1), index: LogIndex($0)) }
        restored.applied = LogIndex(3)
        var core = Core(id: MemberID(1), settings: Settings(), restored: restored, seed: 3)
        _ = answers(&core, .campaignRequested)
        _ = hear(&core, answer(.preVoteResponse, 2, from: 3))
        _ = answers(&core, .appended(through: AppendNumber(1)))
        _ = hear(&core, answer(.voteResponse, 2, from: 3))
        _ = answers(&core, .appended(through: AppendNumber(2)))
        _ = hear(&core, answer(.appendResponse, 2, from: 3, index: 4))
        #expect(core.isEstablished)
        return core
    }

    static func answer(
        _ kind: Message.Kind, _ term: UInt64, from: UInt64 = 2, index: UInt64 = 0
    ) -> Message {
        var message = Message(
            kind: kind, to: MemberID(1), from: MemberID(from), term: Term(term))
        message.index = LogIndex(index)
        return message
    }

    static func answers(_ core: inout Core, _ event: Event) -> [String] {
        var effects: [Effect] = []
        core.receive(event, effects: &effects)
        var texts: [String] = []
        for effect in effects {
            if case .send(let message) = effect { texts.append(message.text) }
            if case .append(let batch) = effect {
                // This disk takes no time.
                texts += answers(&core, .appended(through: batch.number))
            }
        }
        return texts
    }

    static func hear(_ core: inout Core, _ message: Message) -> [String] {
        answers(&core, .received(message))
    }

    private static func ballot(_ kind: Message.Kind, _ term: UInt64, forced: Bool = false)
        -> Message
    {
        var message = answer(kind, term, index: 4)
        message.logTerm = Term(2)
        if forced { message.context = Message.transferContext }
        return message
    }

    @Test func `the first heartbeat answer brings the append from next`() {
        var core = Self.leader()
        let texts = Self.hear(&core, Self.answer(.heartbeatResponse, 2))
        #expect(texts == ["1->2 append term 2 at 3/1 commit 4 [4/2]"])
        // Still behind: again.
        #expect(Self.hear(&core, Self.answer(.heartbeatResponse, 2)) == texts)
    }

    @Test func `a stale leader learns our term`() {
        var core = Self.leader()
        for kind in [Message.Kind.append, .heartbeat] {
            let texts = Self.hear(&core, Self.answer(kind, 1))
            #expect(texts == ["1->2 appendResponse term 2 at 0/0"])
        }
    }

    @Test func `votes and pre-votes of an old or this term`() {
        var core = Self.leader()
        let refusal = ["1->2 preVoteResponse term 2 reject"]
        #expect(Self.hear(&core, Self.ballot(.preVote, 1)) == refusal)
        #expect(Self.hear(&core, Self.ballot(.vote, 1)).isEmpty)
        #expect(Self.hear(&core, Self.ballot(.preVote, 2)) == refusal)
    }

    /// Known bug: cloudflare-2020-11-02.
    @Test func `votes and pre-votes of the next term meet the lease`() {
        var core = Self.leader()
        #expect(Self.hear(&core, Self.ballot(.preVote, 3)).isEmpty)
        #expect(Self.hear(&core, Self.ballot(.vote, 3)).isEmpty)
        #expect(core.role == .leader)
    }

    @Test func `a forwarded read is answered after a majority`() {
        var core = Self.leader()
        var request = Self.answer(.readIndex, 0)
        request.entries = [Entry(term: .zero, index: .zero, data: [1, 2, 3, 4, 5, 6, 7, 8])]
        let texts = Self.hear(&core, request)
        #expect(
            texts == [
                "1->2 heartbeat term 2 context 1.2.3.4.5.6.7.8",
                "1->3 heartbeat term 2 commit 4 context 1.2.3.4.5.6.7.8",
            ])
        var confirmation = Self.answer(.heartbeatResponse, 2, from: 3)
        confirmation.context = [1, 2, 3, 4, 5, 6, 7, 8]
        let answers = Self.hear(&core, confirmation)
        #expect(answers == ["1->2 readIndexResponse term 2 at 4/0 [(8 bytes)]"])
    }

    @Test func `a forwarded proposal gets no answer and is replicated`() {
        var core = Self.leader()
        var proposal = Self.answer(.propose, 0)
        proposal.entries = [Entry(term: .zero, index: .zero, data: Array("put".utf8))]
        let texts = Self.hear(&core, proposal)
        #expect(texts == ["1->3 append term 2 at 4/2 commit 4 [5/2\"put\"]"])
    }

    @Test func `what the leader proposed before it led goes back to it`() {
        var core = Self.leader()
        _ = Self.hear(&core, Self.answer(.heartbeat, 3))
        for kind in [Message.Kind.propose, .readIndex] {
            var late = Self.answer(kind, 0)
            late.entries = [Entry(term: .zero, index: .zero, data: Array("12345678".utf8))]
            let texts = Self.hear(&core, late)
            #expect(texts.count == 1)
            #expect(texts.first?.hasPrefix("2->2 \(kind)") == true, "\(texts)")
        }
    }

    @Test func `a forwarded proposal that has no place comes back to its owner`() {
        var core = Self.leader()
        var proposal = Self.answer(.propose, 0)
        proposal.entries = [Entry(term: .zero, index: .zero, data: Array("put".utf8))]
        #expect(core.takesProposals)
        let dropped = [Effect.proposalsDropped([Proposal(data: Array("put".utf8))])]
        _ = Self.answers(&core, .transferRequested(to: MemberID(3)))
        #expect(!core.takesProposals)
        var effects: [Effect] = []
        core.receive(.received(proposal), effects: &effects)
        #expect(effects == dropped)
        _ = Self.hear(&core, Self.ballot(.vote, 3, forced: true))
        #expect(core.role == .follower)
        #expect(!core.takesProposals)
        effects = []
        core.receive(.received(proposal), effects: &effects)
        #expect(effects == dropped)
    }

    @Test func `a forced vote breaks the lease and the new leader is obeyed`() {
        var core = Self.leader()
        let granted = Self.hear(&core, Self.ballot(.vote, 3, forced: true))
        #expect(granted == ["1->2 voteResponse term 3"])
        #expect(core.role == .follower)
        var append = Self.answer(.append, 3, index: 9999)
        append.logTerm = Term(9)
        let refused = Self.hear(&core, append)
        #expect(refused == ["1->2 appendResponse term 3 at 9999/2 reject hint 4"])
        let heard = Self.hear(&core, Self.answer(.heartbeat, 3))
        #expect(heard == ["1->2 heartbeatResponse term 3"])
        #expect(Self.hear(&core, Self.ballot(.preVote, 4)).isEmpty)
    }

    @Test func `timeouts are spread over one election timeout`() {
        var seen: Set<Int> = []
        for seed in 0..<400 {
            var restored = Restored()
            restored.snapshot.configuration = Configuration(voters: [MemberID(1), MemberID(2)])
            var core = Core(
                id: MemberID(1), settings: Settings(), restored: restored, seed: UInt64(seed))
            var ticks = 0
            while core.role == .follower, ticks < 100 {
                ticks += 1
                _ = Self.answers(&core, .ticked)
            }
            seen.insert(ticks)
        }
        #expect(seen == Set(10...19))
    }

    /// Known bug: fuzz-2022-assertion.
    @Test func `garbage never breaks a core`() {
        var random = Random(seed: 9)
        for round in 0..<400 {
            var core =
                round % 2 == 0
                ? Self.leader()
                : Core(
                    id: MemberID(1), settings: Settings(), restored: Restored(), seed: 4)
            for _ in 0..<40 {
                var message = CodecTests.message(&random)
                message.to = MemberID(1)
                message.from = MemberID(UInt64(1 + random.below(4)))
                if random.chance(percent: 80) { message.term = Term(UInt64(random.below(5))) }
                if random.chance(percent: 60) { message.index = LogIndex(UInt64(random.below(7))) }
                if random.chance(percent: 60) { message.logTerm = Term(UInt64(random.below(4))) }
                if random.chance(percent: 60) { message.commit = LogIndex(UInt64(random.below(7))) }
                if random.chance(percent: 60) {
                    message.rejectHint = LogIndex(UInt64(random.below(9)))
                }
                var index = message.index
                for at in message.entries.indices where random.chance(percent: 90) {
                    index = LogIndex(index.number &+ 1)
                    message.entries[at].index = index
                    message.entries[at].term = message.term
                }
                _ = Self.hear(&core, message)
                if random.chance(percent: 20) { _ = Self.answers(&core, .ticked) }
            }
        }
    }
}
