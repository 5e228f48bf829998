// SPDX-License-Identifier: Apache-2.0
internal import Bytes
internal import Formats
internal import Kube

// Nothing is recorded: the first trigger that applies, in the order of urgency. A trigger whose
// guard refuses says so and lets the next one have its turn, so that one sick member never blocks
// the action that would heal it.
extension Pass {
    /// How long a scale-out rests after its learner had to be retired.
    static let learnerPause = Duration.seconds(60)

    mutating func pick() {
        let triggers: [(Pass) -> Trigger?] = [
            { $0.founding() }, { $0.quorumRecovery() }, { $0.corruptMember() }, { $0.staleAlarm() },
            { $0.fullStore() }, { $0.lostMember() }, { $0.stuckPod() }, { $0.surplusLearner() },
            { $0.leftOver() },
            { $0.openLearner() },
            { $0.requested() }, { $0.grownStorage() }, { $0.oldPods() }, { $0.tooFew() },
            { $0.tooMany() }, { $0.fragmented() },
        ]
        for trigger in triggers {
            switch trigger(self) {
            case nil: continue
            case .refused(let reason, let text):
                if progress == nil {
                    progress = (false, reason, text)
                    announce(reason, text)
                    requeue = .seconds(5)
                }
            case .waiting(let text):
                if progress == nil { progress = (false, "Waiting", text) }
                requeue = min(requeue, .seconds(2))
                return
            case .begin(let record, let news):
                operation = record
                if record.type == .recreate { recreated = record.target }
                progress = (true, record.type.rawValue, describe(record))
                events += news
                requeue = .zero
                return
            }
        }
    }

    enum Trigger {
        case begin(RecordedOperation, [ClusterEvent])
        case refused(String, String)
        /// This comes first, and not yet.
        case waiting(String)
    }

    func hasUrgentTrigger(besides record: RecordedOperation) -> Bool {
        // A backup may take long, and writes are refused meanwhile.
        if record.step == .backUp, case .begin? = fullStore() { return true }
        // What is more urgent than lost members must not give way to them, or neither would end.
        let triggers =
            record.type == .reclaim ? [corruptMember()] : [corruptMember(), lostMember()]
        for trigger in triggers {
            guard case .begin(let urgent, _)? = trigger else { continue }
            // Between two pods the target is the one that was done.
            if urgent.target != record.target || record.step == .choose { return true }
        }
        return false
    }

    // MARK: a, b

    /// Has there ever been a cluster of this object? Any one sign suffices.
    var hasHistory: Bool {
        memory.clusterID != nil || membership?.isVirgin == false || survey.isListKnown
            || ClaimMarks(observation.claims).clusterUID != nil
            || observation.etcd.probes.contains { $0.identity.value?.clusterID != nil }
    }

    private func founding() -> Trigger? {
        if let record = openPermission() { return .begin(record, []) }
        guard membership == nil || membership?.isVirgin == true else { return nil }
        let marks = ClaimMarks(observation.claims)
        if let problem = marks.problem { return .refused("InvalidSpec", problem) }
        if marks.clusterUID != nil {
            guard !desired.refusesExistingClaims else {
                return .refused("InvalidSpec", "there are claims of an earlier cluster")
            }
            let record = RecordedOperation(
                .adopt, step: .adoptClaims, now: now, cause: marks.clusterID?.description ?? "")
            return .begin(record, [])
        }
        if let known = memory.clusterID {
            if rememberedClusterUID != nil {
                return .begin(
                    RecordedOperation(
                        .adopt, step: .adoptClaims, now: now, cause: known.description), [])
            }
            return .refused(
                "DataLost", "cluster \(known) was here, and neither its claims nor its map are")
        }
        guard desired.restore == nil else {
            return .begin(
                RecordedOperation(.restore, target: seedName, step: .checkArtefact, now: now), [])
        }
        return .begin(
            RecordedOperation(.bootstrap, target: seedName, step: .awaitSeed, now: now), [])
    }

    /// The map is gone, and with it the stateful set's size; no list can be read to make it again.
    /// Then the cluster is adopted anew from its claims, whatever was under way in it.
    func isWithoutGround(_ record: RecordedOperation) -> Bool {
        switch record.type {
        case .bootstrap, .restore, .adopt, .quorumRecovery: return false
        case .replace, .reclaim, .recreate, .retire, .promote, .roll, .resize, .scaleOut, .scaleIn,
            .defrag, .moveLeader:
            break
        }
        guard membership == nil, !survey.isListKnown, case .begin(let found, _)? = founding()
        else { return false }
        return found.type == .adopt
    }

    /// A status can vanish while a permission to make a cluster is on record. It is burnt, as it
    /// would have been, before anything else happens.
    private func openPermission() -> RecordedOperation? {
        guard let line = membership?.tickets.first(where: { $0.ticket.action.isPermission }) else {
            return nil
        }
        let isRestore = line.ticket.action == .restore
        guard line.ticket.action == .forceNewCluster else {
            return RecordedOperation(
                isRestore ? .restore : .bootstrap, target: line.pod, step: .startSeed, now: now,
                podUID: line.ticket.podUID, claimUID: membership?.bootstrapClaim ?? "")
        }
        var record = RecordedOperation(
            .quorumRecovery, target: line.pod, step: .awaitSurvivor, now: now,
            cause: "\(restoreGeneration)", podUID: line.ticket.podUID)
        record.survivor = line.pod
        return record
    }

    private func quorumRecovery() -> Trigger? {
        guard !survey.isQuorate else { return nil }
        let lostFor = memory.age(of: "Quorum", being: "False", now: now) ?? .zero
        // Nothing else in the list below may touch a cluster without a quorum but restarts.
        guard observation.pods.contains(where: { !$0.isBeingDeleted }) else { return nil }
        guard !desired.approvedRecovery.isEmpty else { return recoveryByItself() }
        guard desired.approvedRecovery == latchedClusterID?.description else {
            return .refused(
                "QuorumRecoveryRequired", "the approval names another cluster than this one")
        }
        guard lostFor > .zero else { return nil }
        if let refusal = recovery.refusal { return .refused("QuorumRecoveryRequired", refusal) }
        return .begin(
            RecordedOperation(.quorumRecovery, step: .chooseSurvivor, now: now), [])
    }

    /// Nobody is asked, but the evidence must be the same, and stand for a while.
    private func recoveryByItself() -> Trigger? {
        guard desired.recoversByItself, let since = memory.quorumLostSince,
            now - since > desired.recoveryAfter, !recovery.lost.isEmpty
        else { return nil }
        if let refusal = recovery.refusal { return .refused("QuorumRecoveryRequired", refusal) }
        return .begin(
            RecordedOperation(.quorumRecovery, step: .chooseSurvivor, now: now), [])
    }

    // MARK: c, d, e, f

    private func corruptMember() -> Trigger? {
        let corrupt = survey.voters.filter { $0.standing.loss == .corrupt }
        guard let member = corrupt.first else { return nil }
        guard corrupt.count <= (survey.count.voters - 1) / 2 else {
            return .refused("DataLost", "\(corrupt.count) members report corruption")
        }
        return replacement(of: member, cause: Loss.corrupt.rawValue)
    }

    /// The member that raised it was taken out by somebody else, or the record of it was lost.
    private func staleAlarm() -> Trigger? {
        guard survey.isQuorate, !staleAlarms.isEmpty else { return nil }
        return .begin(
            RecordedOperation(.reclaim, step: .disarm, now: now, cause: Loss.corrupt.rawValue), [])
    }

    private func fullStore() -> Trigger? {
        guard survey.isQuorate, !noSpaceAlarms.isEmpty else { return nil }
        // Tried already, and nothing was deleted since.
        let storage = memory.condition("StorageHealthy")
        if storage?.reason == "QuotaExceeded", isStoreStillFull, let triedAtRevision,
            storage?.message.hasSuffix(triedAtRevision) == true
        {
            return nil
        }
        let record = RecordedOperation(.reclaim, step: .compact, now: now)
        if let member = nextToDefragment(record), let refusal = defragRefusal(member, record) {
            return .refused("DisruptionDeferred", refusal)
        }
        return .begin(
            record,
            [.warning("AlarmRaised", "NOSPACE: the cluster takes no writes")])
    }

    /// How the condition StorageHealthy ends after an attempt that made no room. While the alarm is
    /// raised only deletions make revisions, and each is worth another attempt.
    var triedAtRevision: String? {
        survey.leading?.status.map { "tried at revision \($0.revision)" }
    }

    /// What is in use alone is too much: neither compaction nor defragmentation can help.
    var isStoreStillFull: Bool {
        survey.members.compactMap(\.status).contains { status in
            status.dbInUseBytes >= desired.quotaBytes / 100 * Self.disarmPercent
        }
    }

    private func lostMember() -> Trigger? {
        guard survey.isListKnown else { return nil }
        var refused: Trigger?
        for member in survey.voters {
            guard case .lost(let loss, _) = member.standing, loss != .corrupt else {
                if isStuckBeyondRecreation(member) {
                    if case .begin? = replacement(of: member, cause: Loss.pod.rawValue) {
                        return replacement(of: member, cause: Loss.pod.rawValue)
                    }
                }
                continue
            }
            let trigger = replacement(of: member, cause: loss.rawValue)
            if case .begin? = trigger { return trigger }
            refused = refused ?? trigger
        }
        return refused
    }

    func isStuckBeyondRecreation(_ member: MemberView) -> Bool {
        guard case .stuck = member.standing else { return false }
        return recentRecreates(member) >= desired.maxRecreates
    }

    /// Those of the present window.
    func recentRecreates(_ member: MemberView) -> Int {
        guard let memory = member.memory, memory.recreates > 0 else { return 0 }
        guard let since = memory.recreatesSince, now - since > desired.recreateWindow else {
            return memory.recreates
        }
        return 0
    }

    private func replacement(of member: MemberView, cause: String) -> Trigger? {
        guard desired.repairsByItself || cause == "Requested" else {
            return .refused("MemberUnhealthy", "\(member.name): \(member.standing.reason)")
        }
        guard !desired.fencedPods.contains(member.name) else {
            return .refused("MemberUnhealthy", "\(member.name) is fenced")
        }
        guard let listed = member.listed, survey.isQuorate else {
            return .refused("MemberUnhealthy", "\(member.name): \(member.standing.reason)")
        }
        guard survey.count.voters > 1 else {
            return .refused("DataLost", "\(member.name) is the only member; only a restore helps")
        }
        if let refusal = Guards.removal(
            of: member.name, isHealthy: member.isHealthy, isPlanned: false, from: survey.count)
        {
            return .refused("RemovalRefused", refusal)
        }
        let record = RecordedOperation(
            .replace, target: member.name, step: .handOver, now: now, cause: cause,
            memberID: listed.id, podUID: member.pod?.uid ?? "", claimUID: member.claim?.uid ?? "")
        return .begin(
            record,
            [.warning("MemberDataLost", "\(member.name) is replaced: \(member.standing.reason)")])
    }

    private func stuckPod() -> Trigger? {
        for member in survey.members where member.listed != nil {
            guard case .stuck(let reason) = member.standing, let pod = member.pod,
                !isStuckBeyondRecreation(member), !desired.fencedPods.contains(member.name),
                desired.repairsByItself
            else { continue }
            let record = RecordedOperation(
                .recreate, target: member.name, step: .deletePod, now: now, podUID: pod.uid)
            return .begin(record, [.warning("MemberUnhealthy", "\(member.name): \(reason)")])
        }
        return nil
    }

    // MARK: g, h, i

    private func surplusLearner() -> Trigger? {
        guard survey.isListKnown, survey.isQuorate else { return nil }
        for member in survey.learners where isSurplus(member.name) {
            return .begin(
                RecordedOperation(
                    .retire, target: member.name, step: .remove, now: now,
                    memberID: member.listed?.id), [])
        }
        return nil
    }

    /// What a scale-in left behind whose record was lost.
    private func leftOver() -> Trigger? {
        guard survey.isListKnown, survey.isQuorate else { return nil }
        for member in survey.members.reversed() where isSurplus(member.name) {
            guard member.listed == nil else { return nil }
            let isMarked =
                member.claim?.annotations[Membership.clusterUIDNote] == latchedClusterUID
            let isKept = member.claim?.labels[Names.retiredLabel] != nil
            if member.ticket == nil {
                if member.pod != nil { return nil }
                // A claim that is nobody's, or is kept, is no reason to leave those below.
                if member.claim == nil || !isMarked || isKept { continue }
            }
            return .begin(
                RecordedOperation(
                    .retire, target: member.name,
                    step: member.ticket == nil ? .deleteClaim : .dropTicket, now: now,
                    memberID: member.ticket?.memberID), [])
        }
        return nil
    }

    private func openLearner() -> Trigger? {
        guard survey.isListKnown, survey.isQuorate, let learner = survey.learners.first else {
            return nil
        }
        // A learner that was told to resume has a disk; it must not begin anew under its ID.
        let hasBegun =
            learner.ticket?.action == .resume && learner.ticket?.memberID == learner.listed?.id
        return .begin(
            RecordedOperation(
                .promote, target: learner.name, step: hasBegun ? .promote : .join, now: now,
                memberID: learner.listed?.id), [])
    }

    private func requested() -> Trigger? {
        if !desired.replaceMember.isEmpty, let member = survey.member(desired.replaceMember),
            member.isVoter, handled("replace-member") != desired.replaceMember
        {
            return replacement(of: member, cause: "Requested")
        }
        if !desired.moveLeaderTo.isEmpty, let leader = survey.leading,
            handled("move-leader") != desired.moveLeaderTo, leader.name != desired.moveLeaderTo
        {
            let target = desired.moveLeaderTo == "auto" ? "" : desired.moveLeaderTo
            return .begin(
                RecordedOperation(
                    .moveLeader, target: target, step: .choose, now: now, cause: leader.name), [])
        }
        return nil
    }

    /// The value of an annotation that was acted on already.
    func handled(_ annotation: String) -> String? {
        observation.cluster.string("status", "handledAnnotations", "keelson.dev/\(annotation)")
    }

    // MARK: j, k

    private func grownStorage() -> Trigger? {
        guard survey.isQuorate, !smallClaims.isEmpty || isTemplateSmall else { return nil }
        let name = observation.claims.first?.string("spec", "storageClassName")
        if let classes = observation.storageClasses.value,
            let storageClass = classes.first(where: { $0.name == name }),
            storageClass.bool("allowVolumeExpansion") != true
        {
            return .refused(
                "InvalidSpec", "storage class \(storageClass.name) does not allow expansion")
        }
        return .begin(
            RecordedOperation(.resize, step: .growClaims, now: now),
            [.normal("VolumeResizing", "the claims are to have \(desired.storageSize)")])
    }

    private func oldPods() -> Trigger? {
        guard specProblem == nil, let member = nextToRoll() else { return nil }
        if desired.rollsSupervised, desired.approvedRoll != targetRevision {
            return .refused(
                "DisruptionDeferred",
                "revision \(targetRevision ?? "") waits for keelson.dev/approve-roll")
        }
        // Going to three members first is safer than stopping the only one.
        if survey.count.voters == 1, desired.replicas > 1, member.isHealthy { return nil }
        guard member.standing.isHealthyOrKnown else { return nil }
        if let refusal = disruptionRefusal(member) {
            return .refused("DisruptionDeferred", refusal)
        }
        var step = OperationStep.backUp
        switch backupBeforeRoll {
        case .failed(let text): return .refused("BackupFailed", text)
        case .notNeeded, .stored: step = .choose
        case .missing, .running: break
        }
        return .begin(
            RecordedOperation(.roll, step: step, now: now, cause: targetRevision ?? ""),
            [.normal("RolloutStarted", "to revision \(targetRevision ?? "")")])
    }

    // MARK: l, m, n

    private func tooFew() -> Trigger? {
        guard survey.isListKnown, survey.isQuorate, survey.foreign.isEmpty else { return nil }
        let open = (0..<max(0, desired.replicas)).first { survey.member($0)?.listed == nil }
        guard let ordinal = open else { return nil }
        if let pause = learnerPause() { return .refused("LearnerRetired", pause) }
        let name = desired.podName(ordinal)
        if let refusal = Guards.addition(
            count: survey.count, learners: survey.learners.count, isRepair: false)
        {
            return .refused("ScaleRefused", "adding \(name): \(refusal)")
        }
        let member = survey.member(ordinal)
        let record = RecordedOperation(
            .scaleOut, target: name, step: .clean, now: now, podUID: member?.pod?.uid ?? "")
        return .begin(record, [.normal("ScalingOut", "\(name) is to join")])
    }

    private func learnerPause() -> String? {
        guard let retired = memory.condition("Progressing"), retired.reason == "LearnerRetired",
            let age = memory.age(of: "Progressing", being: "False", now: now),
            age < Self.learnerPause
        else { return nil }
        return "the learner before had to be retired"
    }

    private func tooMany() -> Trigger? {
        guard survey.isListKnown, survey.foreign.isEmpty,
            let victim = survey.members.last(where: { $0.listed != nil }),
            isSurplus(victim.name), survey.count.voters > 1 || victim.isLearner
        else { return nil }
        let record = RecordedOperation(
            .scaleIn, target: victim.name, step: .handOver, now: now, memberID: victim.listed?.id)
        if let refusal = removalRefusal(victim, record) {
            return .refused("RemovalRefused", refusal)
        }
        return .begin(record, [.normal("ScalingIn", "\(victim.name) is to leave")])
    }

    private func fragmented() -> Trigger? {
        guard survey.isQuorate, survey.count.healthy == survey.count.voters else { return nil }
        let isAsked = !desired.defragNow.isEmpty && handled("defrag-now") != desired.defragNow
        let isDue =
            desired.defragMode == "Auto" && desired.isMaintained(now)
            && survey.members.contains { $0.status.map(needsDefrag) ?? false }
        guard isAsked || isDue else { return nil }
        guard survey.count.voters > 1 || desired.defragsSingleMember || isAsked else { return nil }
        let record = RecordedOperation(
            .defrag, step: .defragment, now: now, cause: isAsked ? "Requested" : "Fragmented")
        guard let member = nextToDefragment(record) else { return nil }
        if let refusal = defragRefusal(member, record) {
            return .refused("DisruptionDeferred", refusal)
        }
        return .begin(record, [.normal("DefragStarted", "members are done one at a time")])
    }
}

extension Standing {
    var loss: Loss? { if case .lost(let loss, _) = self { loss } else { nil } }
}
