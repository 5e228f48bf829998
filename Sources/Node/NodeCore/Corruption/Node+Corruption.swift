// SPDX-License-Identifier: Apache-2.0
internal import Bytes
internal import EtcdAPI
internal import MVCC
internal import Raft
internal import Replicated

// The check in a member's life: hashes at compactions, rounds of the leader, alarms.
extension Node {
    private var others: [MemberID] {
        ledger.members.list.map { MemberID($0.id) }.filter { $0 != settings.memberID }
    }

    // MARK: Hashes

    /// A compaction was just applied; none of its rows is removed yet.
    func hashCompaction(_ revision: Int64, after earlier: Int64, _ outputs: inout [Output]) {
        guard corruption.watchesCompactions, !others.isEmpty, corruption.beginHashing(now: now)
        else { return }
        let view = ledger.keyspace.view().compacted(at: earlier)
        outputs.append(.hash(HashOrder(.compaction, view, revision: revision)))
    }

    /// For a check at this member's start, and for rounds over the whole store.
    package func wholeStoreHash() -> HashOrder {
        let view = ledger.keyspace.view()
        return HashOrder(.comparison, view, revision: view.revision)
    }

    func takeHash(
        _ hash: KeyspaceHash?, _ purpose: HashPurpose, took: Duration, _ outputs: inout [Output]
    ) {
        corruption.hashed(hash, purpose, took: took, now: now)
        guard purpose == .comparison, isLeader, corruption.round == nil, let hash else { return }
        ask(hash, older: [], purpose, &outputs)
    }

    /// What another member's leader asks for: the hash of a compaction is kept, for its rows are
    /// gone.
    func keptHash(_ revision: Int64) -> HashKVResponse? {
        guard let hash = corruption.hash(ofCompaction: revision) else { return nil }
        var response = HashKVResponse()
        response.header = header()
        response.hash = hash.hash
        response.compactRevision = hash.compactRevision
        response.hashRevision = hash.revision
        return response
    }

    // MARK: Rounds

    func considerCorruption(_ outputs: inout [Output]) {
        let isCompactionDue = corruption.compactionsAreDue(now: now)
        let isStoreDue = corruption.storeIsDue(now: now)
        guard isLeader, loading == nil, !others.isEmpty, corruption.round == nil else { return }
        if isCompactionDue, let newest = corruption.uncompared.first {
            let older = Array(corruption.uncompared.dropFirst())
            ask(newest, older: older, .compaction, &outputs)
        }
        guard isStoreDue else { return }
        if corruption.round == nil, corruption.beginHashing(now: now) {
            outputs.append(.hash(wholeStoreHash()))
        } else {
            corruption.postponeStore(now: now)
        }
    }

    private func ask(
        _ hash: KeyspaceHash, older: [KeyspaceHash], _ purpose: HashPurpose,
        _ outputs: inout [Output]
    ) {
        let round = corruption.begin(hash, older: older, purpose)
        outputs.append(.askHashes(round: round.number, revision: hash.revision))
    }

    func compareHashes(
        _ number: UInt64, _ answers: [MemberID: KeyspaceHash], _ outputs: inout [Output]
    ) {
        guard let round = corruption.finish(number), isLeader, loading == nil else { return }
        let hash = round.hash
        // Members that have compacted meanwhile may have answered for another set of rows.
        if round.purpose == .comparison,
            ledger.keyspace.compactRevision != hash.compactRevision
        {
            return
        }
        let others = self.others
        let known = answers.filter { others.contains($0.key) }
        let verdict = HashVerdict(
            own: settings.memberID, hash, others: known, memberCount: others.count + 1)
        if !verdict.wrong.isEmpty {
            outputs.append(.note(.storesDiffer(revision: hash.revision, members: verdict.wrong)))
            for member in verdict.wrong { raiseCorrupt(member) }
        } else if verdict.compared.count == others.count + 1 {
            outputs.append(
                .note(.storesAgree(revision: hash.revision, members: others.count + 1)))
            if round.purpose == .compaction { corruption.compared(through: hash.revision) }
        } else if let next = round.older.first {
            ask(next, older: Array(round.older.dropFirst()), round.purpose, &outputs)
        } else {
            outputs.append(
                .note(
                    .storesNotCompared(
                        revision: hash.revision, compared: verdict.compared.count,
                        members: others.count + 1)))
        }
    }

    private func raiseCorrupt(_ member: MemberID) {
        guard !ledger.alarms.isActive(.corrupt, of: member.number) else { return }
        var request = AlarmRequest()
        request.action = .activate
        request.memberID = member.number
        request.alarm = .corrupt
        propose(.alarm(request), call: nil, purpose: .upkeep)
    }
}
