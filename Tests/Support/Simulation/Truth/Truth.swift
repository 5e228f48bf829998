// SPDX-License-Identifier: Apache-2.0
internal import Bytes
internal import EtcdAPI
internal import MVCC
internal import NodeCore
internal import Raft
internal import Replicated

/// What has happened for certain: the committed entries, and all that follows from them.
final class Truth {
    private(set) var model: Model
    var history = HistoryChecker()
    var leases = LeaseChecker()
    private var committed: [Entry] = []
    /// The model's revision after each entry.
    private var revisions: [Int64] = []
    private var hashes: [UInt64: (hash: UInt32, by: String)] = [:]
    private(set) var lastElection = Instant(nanoseconds: 0)
    private var leaders = SortedMap<Term, String>()

    static let hashInterval: UInt64 = 32

    init(minimumTTL: Int64) {
        model = Model(minimumTTL: minimumTTL)
    }

    var lastIndex: LogIndex { LogIndex(UInt64(committed.count)) }

    // MARK: Elections

    func elected(_ member: SimMember, _ term: Term, _ world: World) {
        if let other = leaders[term], other != member.name {
            return world.fail(.election, "\(other) and \(member.name) both lead in term \(term)")
        }
        leaders[term] = member.name
        lastElection = world.now
        guard let raft = member.node?.raft, raft.term == term else { return }
        // One that was paused may learn late that it was elected; others have gone on meanwhile.
        let before = committed.last { $0.term < term }?.index ?? .zero
        if raft.lastIndex < before {
            world.fail(
                .election,
                "\(member.name) leads term \(term) with a log to \(raft.lastIndex), but \(before) was "
                    + "committed before that term")
        }
    }

    // MARK: Agreement

    /// What `member` has applied since it was last looked at.
    func observe(_ member: SimMember, _ node: Node, _ world: World) {
        let applied = node.ledger.appliedIndex
        guard applied > member.observed else { return }
        var index = member.observed.next
        while index <= applied, world.failure == nil {
            // What came inside of a snapshot is judged by the sum of the state.
            if let entry = member.entries[index] { commit(entry, by: member, world) }
            index = index.next
        }
        if applied > lastIndex {
            world.fail(
                .agreement, "\(member.name) applied \(applied), committed is \(lastIndex)")
        }
        member.observed = applied
        world.trace.add(.commit, at: world.now.nanoseconds, member.place, applied.number, 0)
        if world.failure == nil { judgeState(member, node, world) }
    }

    private func commit(_ entry: Entry, by member: SimMember, _ world: World) {
        let place = Int(entry.index.number) - 1
        if place < committed.count {
            if committed[place] != entry {
                world.fail(
                    .agreement,
                    "\(member.name) applied another entry at \(entry.index): term \(entry.term), "
                        + "before term \(committed[place].term)")
            }
            return
        }
        guard place == committed.count else {
            return world.fail(
                .agreement, "\(member.name) applied \(entry.index), committed is \(lastIndex)")
        }
        committed.append(entry)
        apply(entry, world)
        revisions.append(model.revision)
    }

    private func apply(_ entry: Entry, _ world: World) {
        guard entry.kind == .normal, !entry.data.isEmpty else { return }
        let request: InternalRaftRequest
        do throws(WireError) {
            request = try InternalRaftRequest(decoding: entry.data)
        } catch {
            return world.fail(.agreement, "committed entry \(entry.index) does not decode")
        }
        let effect = model.apply(request.command)
        switch effect {
        case .changed:
            for change in model.changes(of: model.revision) where !change.record.isTombstone {
                world.check(.linearizability, history.wrote(change.record.value))
            }
        case .leaseGone(let id):
            let wasLong = leases.timeToLive(of: id).map { $0 > 300 } ?? false
            if wasLong { world.count("long lease ended") }
            world.check(.lease, leases.ended(id, at: world.now))
        case .alarmRaised: world.count("alarm raised")
        case .alarmCleared: world.count("alarm cleared")
        case .nothing, .refused: break
        }
        countCommand(request.command, effect, world)
        if case .leaseGrant(let grant) = request.command, case .nothing = effect {
            leases.granted(grant.id, ttl: max(2, grant.ttl), at: world.now)
        }
    }

    /// What a run must have seen to be worth something.
    private func countCommand(
        _ command: InternalRaftRequest.Command, _ effect: Model.Effect, _ world: World
    ) {
        switch (command, effect) {
        case (.compaction, .nothing):
            if !model.alarms.isEmpty { world.count("compaction under alarm") }
        case (.leaseCheckpoint(let request), _):
            for checkpoint in request.checkpoints {
                world.say("lease \(checkpoint.id) is recorded with \(checkpoint.remainingTTL) s")
                world.count(
                    checkpoint.remainingTTL > 0 ? "lease checkpoint" : "lease checkpoint reset")
            }
        case (.put, .refused), (.txn, .refused), (.leaseGrant, .refused):
            if !model.alarms.isEmpty { world.count("refused under alarm") }
        default: break
        }
    }

    /// The store must be what the model says, and what other members have at the same place.
    private func judgeState(_ member: SimMember, _ node: Node, _ world: World) {
        let applied = node.ledger.appliedIndex.number
        guard applied > 0, Int(applied) <= revisions.count else { return }
        let expected = revisions[Int(applied) - 1]
        if node.ledger.keyspace.revision != expected {
            return world.fail(
                .agreement,
                "\(member.name) is at revision \(node.ledger.keyspace.revision) after entry "
                    + "\(applied), expected \(expected)")
        }
        if applied % Self.hashInterval == 0 { compareHash(member, node, world) }
    }

    func compareHash(_ member: SimMember, _ node: Node, _ world: World) {
        let applied = node.ledger.appliedIndex.number
        let hash = node.ledger.stateHash()
        if let known = hashes[applied] {
            world.count("state compared")
            if known.hash != hash {
                world.fail(
                    .agreement,
                    "\(member.name) and \(known.by) differ in state after entry \(applied)")
            }
        } else {
            hashes[applied] = (hash, member.name)
        }
    }

    /// A member has come back: it must stand where it stood.
    func started(_ member: SimMember, _ node: Node, _ world: World) {
        if node.ledger.appliedIndex > lastIndex {
            return world.fail(
                .agreement, "\(member.name) starts at \(node.ledger.appliedIndex), not committed")
        }
        judgeState(member, node, world)
        if world.failure == nil, node.ledger.appliedIndex > .zero {
            compareHash(member, node, world)
        }
    }

    // MARK: The end

    /// Everything that a member holds is what the model holds, in all revisions that are left.
    func judgeContents(_ member: SimMember, _ node: Node, _ world: World) {
        compareHash(member, node, world)
        let alarms = node.ledger.alarms.list.map(\.memberID).sorted()
        if alarms != model.alarms.sorted() {
            world.fail(.agreement, "\(member.name) has alarms \(alarms), not \(model.alarms)")
        }
        let newest = model.revision
        let oldest = max(model.compacted, 1)
        for revision in [newest, (newest + oldest) / 2, oldest] where revision >= 1 {
            let request = RangeRequest(key: [0], rangeEnd: [0], revision: revision)
            guard case .success(let reply) = node.ledger.range(request) else {
                return world.fail(.durability, "\(member.name) cannot read revision \(revision)")
            }
            var writer = ByteWriter()
            reply.encode(header: ResponseHeader(revision: newest), into: &writer)
            do throws(WireError) {
                let response = try RangeResponse(decoding: writer.bytes)
                let problem = Replies.difference(request, response, model, .after(revision))
                world.check(.durability, problem.map { "\(member.name) at \(revision): \($0)" })
            } catch {
                world.fail(.durability, "\(member.name): a range does not decode")
            }
        }
    }
}
