// SPDX-License-Identifier: Apache-2.0
internal import Bytes
internal import EtcdAPI
internal import Raft
internal import Replicated

// Membership: etcd's strict checks before a change is proposed, its effect on raft when applied,
// and what a member tells the cluster of itself.
extension Node {
    func acceptMembership(_ call: Call, _ request: Request, _ outputs: inout [Output]) {
        switch request {
        case .memberAdd(let add, let id): acceptAdd(call, add, id, &outputs)
        case .memberRemove(let id): acceptRemove(call, id, &outputs)
        case .memberUpdate(let update): acceptUpdate(call, update, &outputs)
        case .memberPromote(let id):
            if isLeader {
                acceptPromote(call, id, .client, &outputs)
            } else if let leader = raft.leader {
                outputs.append(.forward(call.number, to: leader, .memberPromote(id)))
            } else {
                outputs.append(.reply(call.number, .failure(.noLeader)))
            }
        case .peerMemberPromote(let id):
            if isLeader {
                acceptPromote(call, id, .peer, &outputs)
            } else {
                outputs.append(.reply(call.number, .failure(.notLeader)))
            }
        default: invariant(false, "\(request) is not about membership")
        }
    }

    private func acceptAdd(
        _ call: Call, _ add: MemberAddRequest, _ id: MemberID, _ outputs: inout [Output]
    ) {
        if let error = strictAdd(isLearner: add.isLearner) {
            outputs.append(.reply(call.number, .failure(error)))
            return
        }
        let change = MembershipCommand.add(
            id: id, peerURLs: add.peerURLs.sorted(), isLearner: add.isLearner)
        proposeChange(call, change, .client, &outputs)
    }

    private func strictAdd(isLearner: Bool) -> EtcdError? {
        guard settings.strictReconfigCheck else { return nil }
        if !isLearner, !ledger.members.isReadyToAddVoter { return .memberNotEnoughStarted }
        let voters = ledger.members.voterIDs
        guard voters.count > 1 else { return nil }
        let active = members.activeCount(of: voters, own: settings.memberID, now: now)
        // The quorum of the cluster that it will be.
        return active < (voters.count + 1) / 2 + 1 ? .unhealthy : nil
    }

    private func acceptRemove(_ call: Call, _ id: MemberID, _ outputs: inout [Output]) {
        if let error = strictRemove(id) {
            outputs.append(.reply(call.number, .failure(error)))
            return
        }
        proposeChange(call, .remove(id), .client, &outputs)
    }

    private func strictRemove(_ id: MemberID) -> EtcdError? {
        guard settings.strictReconfigCheck, ledger.members.contains(id),
            !ledger.members.isLearner(id)
        else { return nil }
        if !ledger.members.isReadyToRemoveVoter(id) { return .memberNotEnoughStarted }
        // One that is down is no part of the active quorum: it may go.
        if id != settings.memberID, !members.isConnected(id) { return nil }
        let voters = ledger.members.voterIDs
        let active = members.activeCount(of: voters, own: settings.memberID, now: now)
        return active - 1 < 1 + (voters.count - 1) / 2 ? .unhealthy : nil
    }

    private func acceptUpdate(
        _ call: Call, _ update: MemberUpdateRequest, _ outputs: inout [Output]
    ) {
        let change = MembershipCommand.update(
            MemberID(update.id), peerURLs: update.peerURLs.sorted())
        proposeChange(call, change, .client, &outputs)
    }

    private func acceptPromote(
        _ call: Call, _ id: MemberID, _ asker: MemberFlow.Asker, _ outputs: inout [Output]
    ) {
        if let error = promotionMistake(id) {
            outputs.append(.reply(call.number, .failure(error)))
            return
        }
        proposeChange(call, .promote(id), asker, &outputs)
    }

    private func promotionMistake(_ id: MemberID) -> EtcdError? {
        guard ledger.members.contains(id) else { return .memberNotFound }
        guard ledger.members.isLearner(id) else { return .memberNotLearner }
        let own = raft.lastIndex.number
        let match = raft.progress(of: id)?.match.number ?? 0
        if match * 10 < own * 9 { return .learnerNotReady }
        guard settings.strictReconfigCheck else { return nil }
        return ledger.members.isReadyToPromote ? nil : .memberNotEnoughStarted
    }

    private func proposeChange(
        _ call: Call, _ change: MembershipCommand, _ asker: MemberFlow.Asker,
        _ outputs: inout [Output]
    ) {
        let id = numbers.next()
        members.asked[id] = asker
        proposals.add(
            id, Proposal(kind: .change, data: change.entryData(requestID: id)),
            Proposals.Waiting(
                call: call.number, deadline: now + settings.requestTimeout, begun: now,
                purpose: .client))
    }

    // MARK: Applied

    /// The committed change is decided; raft is told, also when nothing changes.
    func finishChange(_ entry: Entry, _ applied: Applied, _ outputs: inout [Output]) {
        var isAccepted = false
        if case .accepted = applied.membership { isAccepted = true }
        step(.changeApplied(isAccepted ? decodedChange(entry) : nil), &outputs)
        ledger.configuration = raft.configuration
        note(applied.membership, &outputs)
        if let asker = members.asked.removeValue(forKey: applied.requestID) {
            answerChange(asker, applied, &outputs)
        }
        if isAccepted { outputs.append(.membersChanged) }
        if applied.removedSelf, !lifecycle.isRemoved {
            lifecycle.isRemoved = true
            outputs.append(.removed)
        }
    }

    private func decodedChange(_ entry: Entry) -> MembershipChange? {
        do throws(RaftError) {
            return try MessageCodec.decodeChange(entry)
        } catch {
            invariant(false, "an accepted change does not decode: \(error)")
            return nil
        }
    }

    private func answerChange(
        _ asker: MemberFlow.Asker, _ applied: Applied, _ outputs: inout [Output]
    ) {
        guard let call = proposals.finish(applied.requestID)?.call else { return }
        switch applied.outcome {
        case .failure(let error): outputs.append(.reply(call, .failure(error)))
        case .nothing: outputs.append(.reply(call, .done))
        case .reply(let reply):
            switch asker {
            case .client: outputs.append(.reply(call, .message(encode(reply, revision: 0))))
            case .peer: outputs.append(.reply(call, .members(ledger.members.list)))
            }
        }
    }

    private func note(_ decision: MembershipDecision?, _ outputs: inout [Output]) {
        switch decision {
        case .refused(let error): outputs.append(.note(.membershipRefused(error.text)))
        case .accepted(.added(let member)):
            outputs.append(
                .note(
                    .memberAdded(
                        MemberID(member.id), peerURLs: member.peerURLs,
                        isLearner: member.isLearner)))
        case .accepted(.promoted(let id)): outputs.append(.note(.memberPromoted(id)))
        case .accepted(.removed(let id)): outputs.append(.note(.memberRemoved(id)))
        case .accepted(.updated(let member)):
            outputs.append(
                .note(.memberUpdated(MemberID(member.id), peerURLs: member.peerURLs)))
        case nil: return
        }
    }

    // MARK: What the cluster is told

    /// Name and client URLs go through the log before clients are served.
    func considerPublishing(_ outputs: inout [Output]) {
        guard !lifecycle.isPublished, loading == nil,
            let own = ledger.members.member(settings.memberID)
        else { return }
        if own.name == settings.name, own.clientURLs == settings.clientURLs {
            finishPublishing(&outputs)
            return
        }
        guard raft.leader != nil else { return }
        if let asked = lifecycle.publishAskedAt, now - asked < settings.electionTimeout * 2 {
            return
        }
        lifecycle.publishAskedAt = now
        var request = ClusterMemberAttrSetRequest()
        request.memberID = settings.memberID.number
        var attributes = MemberAttributes()
        attributes.name = settings.name
        attributes.clientURLs = settings.clientURLs
        request.memberAttributes = attributes
        propose(.clusterMemberAttrSet(request), call: nil, purpose: .upkeep)
    }

    func finishPublishing(_ outputs: inout [Output]) {
        guard !lifecycle.isPublished else { return }
        lifecycle.isPublished = true
        outputs.append(.note(.published(name: settings.name)))
    }

    /// The leader settles the cluster's version: the lowest that any member runs.
    func decideClusterVersion(
        _ versions: [MemberID: String?], _ outputs: inout [Output]
    ) {
        guard isLeader, loading == nil else { return }
        var lowest = ClusterVersion(settings.version)
        var known = [lowest].compactMap(\.self)
        for id in raft.configuration.voters + raft.configuration.learners
        where id != settings.memberID {
            guard let told = versions[id], let text = told, let version = ClusterVersion(text)
            else {
                lowest = nil
                known = []
                break
            }
            known.append(version)
            if let least = lowest, version < least { lowest = version }
        }
        if considerDowngrade(known, &outputs) { return }
        let current = ledger.clusterVersion.flatMap { ClusterVersion($0) }
        guard let wanted = lowest ?? (current == nil ? ClusterVersion("3.0.0") : nil) else {
            return
        }
        if let current, wanted <= current { return }
        guard lifecycle.askedVersion != wanted.text else { return }
        lifecycle.askedVersion = wanted.text
        var request = ClusterVersionSetRequest()
        request.ver = wanted.text
        propose(.clusterVersionSet(request), call: nil, purpose: .upkeep)
    }
}

/// `X.Y.0`: a cluster's version names a minor release.
struct ClusterVersion: Comparable {
    let major: Int
    let minor: Int

    init?(_ text: String) {
        // A pre-release counts as its release.
        let parts = text.split(separator: "-").first?.split(separator: ".") ?? []
        guard parts.count == 3, let major = Int(parts[0]), let minor = Int(parts[1]),
            Int(parts[2]) != nil
        else { return nil }
        self.major = major
        self.minor = minor
    }

    var text: String { "\(major).\(minor).0" }

    static func < (left: ClusterVersion, right: ClusterVersion) -> Bool {
        (left.major, left.minor) < (right.major, right.minor)
    }
}
