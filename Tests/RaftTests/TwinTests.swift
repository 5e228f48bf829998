// SPDX-License-Identifier: Apache-2.0
import Bytes
import Testing

@testable import Raft

/// Each clever structure against one that is obviously right.
@Suite struct TwinTests {
    @Test func `the committed index is that of the sorted matches`() {
        var random = Random(seed: 1)
        for _ in 0..<20_000 {
            let voters = (0..<(1 + random.below(9))).map { MemberID(UInt64($0 + 1)) }
            let matches = voters.map { _ in LogIndex(UInt64(random.below(12))) }
            let sorted = matches.sorted(by: >)
            let expected = sorted[Quorum.size(of: voters.count) - 1]
            let index = Quorum.committed(voters) { matches[Int($0.number) - 1] }
            #expect(index == expected)
        }
    }

    @Test func `a joint quorum is two quorums`() {
        var random = Random(seed: 2)
        for _ in 0..<20_000 {
            let pool = (1...7).map { MemberID(UInt64($0)) }
            let incoming = pool.filter { _ in random.chance(percent: 50) }
            let outgoing = pool.filter { _ in random.chance(percent: 40) }
            let votes = pool.map { _ in [true, false, nil][random.below(3)] }
            let quorum = JointQuorum(Configuration(voters: incoming, votersOutgoing: outgoing))
            let outcome = quorum.outcome { votes[Int($0.number) - 1] }
            #expect(outcome == naive(incoming, outgoing, votes))
            #expect(quorum.voters == Set(incoming + outgoing).sorted())
        }
    }

    /// Tries every way in which the missing votes may still come in.
    private func naive(
        _ incoming: [MemberID], _ outgoing: [MemberID], _ votes: [Bool?]
    ) -> VoteOutcome {
        func wins(_ missing: Bool) -> Bool {
            [incoming, outgoing].allSatisfy { half in
                let granted = half.filter { votes[Int($0.number) - 1] ?? missing }
                return half.isEmpty || granted.count * 2 > half.count
            }
        }
        return wins(false) ? .won : wins(true) ? .pending : .lost
    }

    @Test func `the place of agreement is found like by stepping back`() {
        var random = Random(seed: 3)
        for _ in 0..<5_000 {
            let (log, model) = Self.log(&random)
            let limit = LogIndex(UInt64(random.below(Int(log.lastIndex.number) + 3)))
            let term = Term(UInt64(random.below(8)))
            var expected = min(limit, log.lastIndex)
            while expected > .zero, (model[expected] ?? .zero) > term {
                expected = expected.previous
            }
            #expect(log.lastIndex(notBeyond: limit, term: term) == expected)
        }
    }

    @Test func `the log view is a dictionary of entries`() {
        var random = Random(seed: 4)
        for _ in 0..<1_000 {
            var (log, model) = Self.log(&random)
            for _ in 0..<6 {
                let span = Int(log.lastIndex.number - log.baseIndex.number)
                let first = log.baseIndex.number + 1 + UInt64(random.below(span + 1))
                if random.chance(percent: 30), span > 0 {
                    let index = LogIndex(first - 1)
                    log.compact(through: index)
                    for gone in model.keys where gone < index { model[gone] = nil }
                } else {
                    let term = Term(log.lastTerm.number + 1)
                    let fresh = (0..<UInt64(1 + random.below(4))).map {
                        Entry(term: term, index: LogIndex(first + $0))
                    }
                    log.append(fresh)
                    for gone in model.keys where gone.number >= first { model[gone] = nil }
                    for entry in fresh { model[entry.index] = term }
                }
                for number in 0...(log.lastIndex.number + 2) {
                    #expect(log.term(at: LogIndex(number)) == model[LogIndex(number)])
                }
            }
        }
    }

    private static func log(_ random: inout Random) -> (LogView, [LogIndex: Term]) {
        let base = UInt64(random.below(4))
        var term = UInt64(base == 0 ? 0 : 1 + random.below(2))
        var model = [LogIndex(base): Term(term)]
        var entries: [Entry] = []
        for number in 0..<UInt64(random.below(12)) {
            term = max(1, term + UInt64(random.below(3) == 0 ? 1 : 0))
            let index = LogIndex(base + 1 + number)
            entries.append(Entry(term: Term(term), index: index))
            model[index] = Term(term)
        }
        let baseTerm = model[LogIndex(base)] ?? .zero
        return (LogView(baseIndex: LogIndex(base), baseTerm: baseTerm, entries: entries), model)
    }

    @Test func `the window is a queue`() {
        var random = Random(seed: 6)
        for capacity in [1, 2, 9, 40] {
            var window = InFlight(capacity: capacity)
            var model: [LogIndex] = []
            var next = UInt64(1)
            for _ in 0..<3_000 {
                switch random.below(5) {
                case 0:
                    let through = LogIndex(next - min(next, UInt64(random.below(5))))
                    window.free(through: through)
                    model.removeAll { $0 <= through }
                case 1:
                    window.freeOldest()
                    if !model.isEmpty { model.removeFirst() }
                default:
                    if window.isFull { continue }
                    window.add(LogIndex(next))
                    model.append(LogIndex(next))
                    next += 1 + UInt64(random.below(2))
                }
                #expect(window.count == model.count)
                #expect(window.isFull == (model.count >= capacity))
            }
        }
    }

    /// The journal against a disk that really holds the batches.
    @Test func `the durable prefix is what the disk shares with the memory`() {
        var random = Random(seed: 7)
        for _ in 0..<1_000 {
            var journal = Journal(hardState: HardState(), lastIndex: .zero)
            var memory: [Entry] = []
            var disk: [Entry] = []
            var flying: [AppendBatch] = []
            for step in 1...UInt64(30) {
                if random.chance(percent: 60) {
                    let first = UInt64(random.below(memory.count + 1)) + 1
                    let fresh = (0..<UInt64(1 + random.below(3))).map {
                        Entry(term: Term(step), index: LogIndex(first + $0))
                    }
                    memory.removeAll { $0.index.number >= first }
                    memory.append(contentsOf: fresh)
                    journal.stage(fresh)
                    let state = HardState(term: Term(step))
                    if let batch = journal.issue(state, flushCommit: false) {
                        flying.append(batch)
                    }
                } else if !flying.isEmpty {
                    let batch = flying.removeFirst()
                    if let first = batch.entries.first {
                        disk.removeAll { $0.index >= first.index }
                        disk.append(contentsOf: batch.entries)
                    }
                    _ = journal.confirm(through: batch.number)
                }
                let shared = zip(memory, disk).prefix { $0 == $1 }.count
                #expect(journal.durableIndex <= LogIndex(UInt64(shared)))
                if flying.isEmpty { #expect(journal.durableIndex.number == UInt64(memory.count)) }
            }
        }
    }

    @Test func `allowed changes keep a configuration in order`() {
        var random = Random(seed: 8)
        var joint = 0
        for _ in 0..<500 {
            var configuration = Configuration(voters: [MemberID(1)])
            for _ in 0..<20 {
                let operations: [MembershipChange.Operation] = [
                    .addVoter, .remove, .addLearner, .update,
                ]
                var change = MembershipChange(
                    (0..<random.below(4)).map { _ in
                        .init(operations[random.below(4)], MemberID(UInt64(random.below(6))))
                    })
                if random.chance(percent: 20) { change.transition = .jointExplicit }
                guard let next = configuration.applying(change) else { continue }
                if next.isJoint { joint += 1 }
                #expect(!next.voters.isEmpty)
                #expect(Set(next.voters).isDisjoint(with: next.learners))
                #expect(Set(next.learnersNext).isSubset(of: next.votersOutgoing))
                #expect(Set(next.votersOutgoing).isDisjoint(with: next.learners))
                #expect(next.isJoint || next.learnersNext.isEmpty)
                let sorted = Configuration(
                    voters: next.voters, learners: next.learners,
                    votersOutgoing: next.votersOutgoing, learnersNext: next.learnersNext,
                    leavesByItself: next.leavesByItself)
                #expect(next == sorted)
                configuration = next
            }
        }
        #expect(joint > 100)
    }
}
