// SPDX-License-Identifier: Apache-2.0
internal import Bytes
package import EtcdAPI
internal import MVCC
internal import Raft
internal import Replicated

// A client's request on its way in. The order of checks is etcd's: learner, leader wanted, the
// method's rule, quota, arguments, backlog, identity, size. What passes becomes a proposal, a waiting read, or an answer at once.
extension Node {
    func accept(_ call: Call, _ request: Request, _ outputs: inout [Output]) {
        if let error = refusal(call, request) ?? refusalByRule(call, request) {
            outputs.append(.reply(call.number, .failure(error)))
            return
        }
        switch request {
        case .range(let range): acceptRange(call, range, request, &outputs)
        case .txn(let txn): acceptTxn(call, txn, request, &outputs)
        case .put(let put):
            admit(call, .put(put), Ledger.check(put), &outputs)
        case .deleteRange(let delete):
            admit(call, .deleteRange(delete), Ledger.check(delete), &outputs)
        case .compact(let compaction):
            let purpose: Proposals.Purpose =
                compaction.physical ? .physicalCompaction : .client
            admit(call, .compaction(compaction), nil, purpose, &outputs)
        case .leaseGrant(let grant): acceptGrant(call, grant, &outputs)
        case .leaseRevoke(let revoke): admit(call, .leaseRevoke(revoke), nil, &outputs)
        case .leaseKeepAlive, .leaseTimeToLive, .peerLeaseKeepAlive, .peerLeaseTimeToLive:
            acceptLeaseRead(call, request, &outputs)
        case .leaseLeases: answerLeases(call, &outputs)
        case .memberList(let linearizable):
            if linearizable {
                enqueueRead(call, request, &outputs)
            } else {
                serve(call.number, call.identity, request, &outputs)
            }
        case .memberAdd, .memberRemove, .memberUpdate, .memberPromote, .peerMemberPromote:
            acceptMembership(call, request, &outputs)
        case .alarm(let alarm): admit(call, .alarm(alarm), nil, &outputs)
        case .status: outputs.append(.reply(call.number, .message(status().encoded())))
        case .hash:
            outputs.append(.reply(call.number, .compute(.hash(ledger.view(), header()))))
        case .hashKV(let revision): acceptHashKV(call, revision, &outputs)
        case .defragment:
            // Space is given back while serving; there is nothing to stop the world for.
            outputs.append(.reply(call.number, .message(DefragmentResponse().encoded())))
        case .moveLeader(let target): acceptMoveLeader(call, target, &outputs)
        case .snapshot:
            outputs.append(.reply(call.number, .compute(.snapshot(ledger.view()))))
        case .downgrade(let downgrade): acceptDowngrade(call, downgrade, request, &outputs)
        case .linearizableProbe, .credentials: enqueueRead(call, request, &outputs)
        case .administer(let asked): admit(call, asked.command, nil, &outputs)
        case .logIn(let name, let prefix, let revision):
            acceptLogIn(call, name, prefix, revision, &outputs)
        }
    }

    private func refusal(_ call: Call, _ request: Request) -> EtcdError? {
        if lifecycle.isRemoved { return .stopped }
        if isLearner, !request.isServedByLearner { return .notSupportedForLearner }
        if call.requiresLeader, raft.leader == nil { return .noLeader }
        return nil
    }

    // MARK: Writes

    private func admit(
        _ call: Call, _ command: InternalRaftRequest.Command, _ mistake: EtcdError?,
        _ purpose: Proposals.Purpose = .client, _ outputs: inout [Output]
    ) {
        if ledger.exceedsQuota(command) {
            raiseNoSpace()
            outputs.append(.reply(call.number, .failure(.noSpace)))
        } else if let mistake {
            outputs.append(.reply(call.number, .failure(mistake)))
        } else if diskIsFull, command.needsSpace {
            outputs.append(.reply(call.number, .failure(.noSpace)))
        } else if isOverloaded {
            outputs.append(.reply(call.number, .failure(.tooManyRequests)))
        } else {
            propose(call, command, purpose, &outputs)
        }
    }

    /// The entry says in whose name it is; whether that is enough is decided when it is applied.
    private func propose(
        _ call: Call, _ command: InternalRaftRequest.Command, _ purpose: Proposals.Purpose,
        _ outputs: inout [Output]
    ) {
        switch asker(call.identity) {
        case .failure(let error): outputs.append(.reply(call.number, .failure(error)))
        case .success(let asker) where asker.isNobody && ledger.auth.isEnabled:
            outputs.append(.reply(call.number, .failure(.userEmpty)))
        case .success(let asker):
            if let error = propose(command, by: asker, call: call.number, purpose: purpose) {
                outputs.append(.reply(call.number, .failure(error)))
            }
        }
    }

    private func admit(
        _ call: Call, _ command: InternalRaftRequest.Command, _ mistake: EtcdError?,
        _ outputs: inout [Output]
    ) {
        admit(call, command, mistake, .client, &outputs)
    }

    var isOverloaded: Bool {
        raft.commit.number > ledger.appliedIndex.number + Limits.applyGap
            || proposals.count >= Limits.proposals || proposals.byteCount >= Limits.proposalBytes
    }

    /// Makes the entry and lists it; it leaves at the end of the turn. Returns why it could not.
    /// Without an asker it is the member's own upkeep.
    @discardableResult
    func propose(
        _ command: InternalRaftRequest.Command, by asker: Asker? = nil, call: CallNumber?,
        purpose: Proposals.Purpose
    ) -> EtcdError? {
        let id = numbers.next()
        var request = InternalRaftRequest()
        var header = RequestHeader()
        header.id = id
        let asker = asker ?? ownAsker
        header.username = asker.name
        header.authRevision = asker.authRevision
        request.header = header
        request.command = command
        let data = request.encoded()
        if data.count > settings.maxRequestBytes { return .requestTooLarge }
        proposals.add(
            id, Proposal(kind: .normal, data: data),
            Proposals.Waiting(
                call: call, deadline: now + settings.requestTimeout, begun: now, purpose: purpose))
        return nil
    }

    private func acceptGrant(
        _ call: Call, _ asked: LeaseGrantRequest, _ outputs: inout [Output]
    ) {
        var grant = asked
        // The id is chosen before proposing, so that appliers invent nothing.
        if grant.id == 0 { grant.id = Int64(numbers.next() & UInt64(Int64.max)) }
        admit(call, .leaseGrant(grant), nil, &outputs)
    }

    // MARK: Reads

    private func acceptRange(
        _ call: Call, _ range: RangeRequest, _ request: Request, _ outputs: inout [Output]
    ) {
        if let mistake = Ledger.check(range) {
            outputs.append(.reply(call.number, .failure(mistake)))
        } else if range.serializable {
            serve(call.number, call.identity, request, &outputs)
        } else {
            enqueueRead(call, request, &outputs)
        }
    }

    private func acceptTxn(
        _ call: Call, _ txn: TxnRequest, _ request: Request, _ outputs: inout [Output]
    ) {
        let mistake = Ledger.check(txn, maxOps: settings.maxTxnOps)
        guard Ledger.isReadOnly(txn) else {
            admit(call, .txn(txn), mistake, &outputs)
            return
        }
        if let mistake {
            outputs.append(.reply(call.number, .failure(mistake)))
        } else if Ledger.isSerializable(txn) {
            serve(call.number, call.identity, request, &outputs)
        } else {
            enqueueRead(call, request, &outputs)
        }
    }

    func enqueueRead(_ call: Call, _ request: Request, _ outputs: inout [Output]) {
        guard reads.count < Limits.reads else {
            outputs.append(.reply(call.number, .failure(.tooManyRequests)))
            return
        }
        reads.add(
            Reads.Waiting(
                call: call.number, identity: call.identity, request: request,
                deadline: now + settings.requestTimeout))
    }

    func beginReads(_ outputs: inout [Output]) {
        guard reads.wantsRound, raft.leader != nil, loading == nil else { return }
        let context = numbers.next()
        reads.beginRound(context: context, at: now)
        step(.readRequested(context: context), &outputs)
        // A member alone is its own quorum and has its answer already: more may be waiting.
    }

    /// Serves what is ready, as far as a turn's share of bytes goes; true if there is more. The
    /// answers of many reads of large values must not be in memory all at once.
    func serveReads(_ outputs: inout [Output]) -> Bool {
        guard loading == nil else { return false }
        let ready = reads.ready(applied: ledger.appliedIndex)
        var byteCount = 0
        for (place, read) in ready.enumerated() {
            if byteCount > Limits.readBytes {
                reads.putBack(Array(ready[place...]), at: ledger.appliedIndex)
                return true
            }
            if reads.wasAbandoned(read.call) { continue }
            serve(read.call, read.identity, read.request, &outputs)
            if case .reply(_, .message(let bytes))? = outputs.last { byteCount += bytes.count }
        }
        reads.forgetAbandoned()
        return false
    }

    /// Answers from the state as it is now.
    func serve(
        _ call: CallNumber, _ identity: Identity, _ request: Request, _ outputs: inout [Output]
    ) {
        if let error = refusalToServe(request, identity) {
            outputs.append(.reply(call, .failure(error)))
            return
        }
        switch request {
        case .range(let range): answer(call, ledger.range(range), &outputs)
        case .txn(let txn): answer(call, ledger.readTxn(txn), &outputs)
        case .leaseKeepAlive(let id), .peerLeaseKeepAlive(let id): renew(call, id, &outputs)
        case .leaseTimeToLive(let asked), .peerLeaseTimeToLive(let asked):
            answerTimeToLive(call, asked, &outputs)
        case .memberList:
            let reply = Reply.members(ledger.members.list)
            outputs.append(.reply(call, .message(encode(reply, revision: 0))))
        case .downgrade(let downgrade): serveDowngrade(call, downgrade, &outputs)
        case .credentials(let name): serveCredentials(call, name, &outputs)
        case .linearizableProbe: outputs.append(.reply(call, .done))
        default: invariant(false, "\(request) is not a read")
        }
    }

    private func answer(
        _ call: CallNumber, _ result: Result<Reply, EtcdError>, _ outputs: inout [Output]
    ) {
        switch result {
        case .failure(let error): outputs.append(.reply(call, .failure(error)))
        case .success(.range(let list)) where slices(list):
            outputs.append(.reply(call, .list(RangeSlices(list, header: header()))))
        case .success(let reply):
            outputs.append(.reply(call, .message(encode(reply, revision: nil))))
        }
    }

    private func slices(_ list: RangeReply) -> Bool {
        guard settings.slicesLists, !list.keysOnly else { return false }
        if list.records.count >= Limits.longList { return true }
        var byteCount = 0
        for record in list.records {
            byteCount += record.byteCount
            if byteCount >= Limits.longListBytes { return true }
        }
        return false
    }

    /// True when the answer, as things stand, would be a list that is better sent in pieces.
    package func isLongList(_ range: RangeRequest) -> Bool {
        guard !range.keysOnly, !range.countOnly, !range.rangeEnd.isEmpty else { return false }
        if range.limit > 0, range.limit < Limits.longList { return false }
        let keys = KeyRange(key: range.key, end: range.rangeEnd)
        // Of the past nothing is known without a walk; then the present must do as a guess.
        let now = try? ledger.keyspace.range(keys, countOnly: true)
        return (now?.count ?? 0) >= Limits.longList
    }

    private func acceptHashKV(_ call: Call, _ revision: Int64, _ outputs: inout [Output]) {
        if revision > ledger.keyspace.revision {
            outputs.append(.reply(call.number, .failure(.futureRevision)))
        } else if revision > 0, revision < ledger.keyspace.compactRevision {
            outputs.append(.reply(call.number, .failure(.compacted)))
        } else {
            outputs.append(
                .reply(
                    call.number,
                    .compute(.hashKV(ledger.view(), revision: revision, header()))))
        }
    }

    private func acceptMoveLeader(
        _ call: Call, _ target: MemberID, _ outputs: inout [Output]
    ) {
        guard isLeader else {
            outputs.append(.reply(call.number, .failure(.notLeader)))
            return
        }
        guard raft.configuration.voters.contains(target) else {
            outputs.append(.reply(call.number, .failure(.badLeaderTransferee)))
            return
        }
        if target == settings.memberID {
            outputs.append(.reply(call.number, .message(MoveLeaderResponse().encoded())))
        } else if lifecycle.transfer != nil {
            outputs.append(.reply(call.number, .failure(.timeoutLeaderTransfer)))
        } else {
            beginTransfer(to: target, call: call.number, &outputs)
        }
    }
}

extension Request {
    /// A learner answers about itself, from itself, and hands out its state; nothing more.
    var isServedByLearner: Bool {
        switch self {
        case .status, .snapshot, .linearizableProbe: true
        case .range(let range): range.serializable
        case .peerLeaseKeepAlive, .peerLeaseTimeToLive, .peerMemberPromote: true
        default: false
        }
    }
}

extension InternalRaftRequest.Command {
    /// Deletes, compactions, revokes and alarms are let through when the disk or the quota is full:
    /// they are the way out.
    var needsSpace: Bool {
        switch self {
        case .put, .txn, .leaseGrant: true
        default: false
        }
    }
}
