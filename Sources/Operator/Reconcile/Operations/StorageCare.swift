// SPDX-License-Identifier: Apache-2.0
internal import Bytes
internal import Formats
internal import Kube

// The members' stores: Defrag, Reclaim (the alarm NOSPACE), Resize (the claims).
//
//   Reclaim:  compact ─► defragment … ─► disarm     also of a CORRUPT that nobody has any more
//   Defrag:   defragment …
//   Resize:   growClaims ─► awaitClaims ─► renewStatefulSet
extension Pass {
    static let defragPause = Duration.seconds(30)
    static let keptRevisions: Int64 = 1000
    /// An alarm is taken away only when there is room again.
    static let disarmPercent: Int64 = 90

    /// All that any member lists, each once; unknown if none could list them.
    var alarms: Seen<[MemberAlarm]> {
        let lists = survey.members.compactMap(\.status?.alarms.value)
        guard !lists.isEmpty else { return .unknown("no member could list the alarms") }
        var all: [MemberAlarm] = []
        for alarm in lists.joined() where !all.contains(alarm) { all.append(alarm) }
        return .known(all)
    }

    var noSpaceAlarms: [MemberAlarm] {
        (alarms.value ?? []).filter { $0.kind == .noSpace }
    }

    /// Of members that are out of the list. Their data is gone, and the alarm stays: it refuses all
    /// changes until it is taken away. One of nobody in particular is left to people.
    var staleAlarms: [MemberAlarm] {
        (alarms.value ?? []).filter { alarm in
            alarm.kind == .corrupt && alarm.memberID != .none
                && survey.member(alarm.memberID) == nil
                && !survey.foreign.contains { $0.id == alarm.memberID }
        }
    }

    func needsDefrag(_ status: NodeStatus) -> Bool {
        let slack = status.dbSizeBytes - status.dbInUseBytes
        guard status.dbSizeBytes >= desired.defragMinSizeBytes, slack > 0 else { return false }
        return slack / max(1, status.dbSizeBytes / 100) >= desired.defragRatioPercent
    }

    /// Some history is kept for watchers that are behind; where that is too much, none: a store
    /// that takes no writes is worse.
    func compact(_ record: RecordedOperation) -> Move {
        guard survey.isQuorate, let leader = survey.leading?.status else {
            return .wait("there is no quorum")
        }
        let target = leader.revision - Self.keptRevisions
        if record.attempts == 0, target > 1 {
            return .act(.etcd(.compact(revision: target), survey.askable))
        }
        if record.attempts < 2, leader.revision > 1, isStoreStillFull {
            return .act(.etcd(.compact(revision: leader.revision), survey.askable))
        }
        return advance(record, to: .defragment)
    }

    func nextToDefragment(_ record: RecordedOperation) -> MemberView? {
        let open = survey.members.filter { member in
            guard let status = member.status, member.listed != nil, member.isHealthy,
                !record.done.contains(member.name)
            else { return false }
            if record.type == .reclaim { return isFull(status) }
            return record.cause == "Requested" || needsDefrag(status)
        }
        return open.last { !$0.isLeader } ?? open.last
    }

    func defragRefusal(_ member: MemberView, _ record: RecordedOperation) -> String? {
        let isAsked = desired.defragsSingleMember || record.cause == "Requested"
        return Guards.disruption(
            of: member.name, isVoter: member.isVoter, isHealthy: member.isHealthy,
            count: survey.count,
            // A full cluster takes no writes: to stop it for a moment costs nothing.
            isAskedForOnSmall: record.type == .reclaim
                || (isAsked && survey.count.voters == desired.replicas))
    }

    /// One member after the other, the leader last.
    func defragment(_ record: RecordedOperation) -> Move {
        guard survey.isQuorate else { return .wait("there is no quorum") }
        guard let member = nextToDefragment(record) else {
            guard record.type == .reclaim else {
                return .finish([.normal("DefragFinished", "the stores are dense again")])
            }
            return advance(record, to: .disarm)
        }
        if !record.done.isEmpty, !isPast(Self.defragPause, record) {
            return .wait("members are done one at a time")
        }
        if let refusal = defragRefusal(member, record) {
            return .refuse("DisruptionDeferred", refusal)
        }
        if record.attempts > 0, record.target == member.name {
            // Done, or not to be done: either way it is the next one's turn.
            var next = record
            next.done.append(member.name)
            next.target = ""
            return advance(next, to: .defragment)
        }
        if record.target != member.name {
            var next = record
            next.target = member.name
            next.attempts = 0
            next.attemptedAt = nil
            return .next(next, [])
        }
        return .act(.etcd(.defragment, Asking([member.name])))
    }

    private func isFull(_ status: NodeStatus) -> Bool {
        status.dbSizeBytes >= desired.quotaBytes / 100 * Self.disarmPercent
    }

    /// Why an alarm cannot be taken away; nil if it can.
    var fullMember: String? {
        let full = survey.members.first { member in
            guard let status = member.status, member.listed != nil else { return false }
            return isFull(status)
        }
        return full.map { "\($0.name) uses more than \(Self.disarmPercent) % of its quota" }
    }

    func disarm(_ record: RecordedOperation) -> Move {
        guard survey.isQuorate else { return .wait("there is no quorum") }
        if case .unknown(let why) = alarms { return .wait(why) }
        let isReplacing = record.type == .replace
        if isReplacing || record.cause == Loss.corrupt.rawValue {
            if let alarm = staleAlarms.first { return .act(.etcd(.disarm(alarm), survey.askable)) }
            let news = [ClusterEvent.normal("AlarmDisarmed", "the corrupt member is gone")]
            return isReplacing ? advance(record, to: .clean, news) : .finish(news)
        }
        guard let alarm = noSpaceAlarms.first else {
            return .finish([.normal("AlarmDisarmed", "there is room again")])
        }
        if let fullMember {
            return .finish([.warning("QuotaNearLimit", "the alarm NOSPACE stays: \(fullMember)")])
        }
        return .act(.etcd(.disarm(alarm), survey.askable))
    }

    // MARK: Resize

    var wantedSize: Quantity? { Quantity(desired.storageSize) }

    var smallClaims: [KubeObject] {
        guard let wantedSize, !desired.isInMemory else { return [] }
        return observation.claims.filter { claim in
            guard !claim.isBeingDeleted, isOurs(claim),
                let text = claim.string("spec", "resources", "requests", "storage"),
                let size = Quantity(text)
            else { return false }
            return size < wantedSize
        }
    }

    var isTemplateSmall: Bool {
        guard let wantedSize, !desired.isInMemory,
            let template = observation.statefulSet?.list("spec", "volumeClaimTemplates").first,
            let text = template["spec"]?["resources"]?["requests"]?["storage"]?.string,
            let size = Quantity(text)
        else { return false }
        return size < wantedSize
    }

    func growClaims(_ record: RecordedOperation) -> Move {
        guard let claim = smallClaims.first else { return advance(record, to: .awaitClaims) }
        return .act(
            Patches.spec(
                of: claim, .persistentVolumeClaim,
                ["resources": ["requests": ["storage": .string(desired.storageSize)]]]))
    }

    func awaitClaims(_ record: RecordedOperation) -> Move {
        guard smallClaims.isEmpty else { return advance(record, to: .growClaims) }
        for claim in observation.claims where !claim.isBeingDeleted && isOurs(claim) {
            guard let wantedSize, let text = claim.string("status", "capacity", "storage"),
                let size = Quantity(text), size < wantedSize
            else { continue }
            let needsRestart = claim.condition("FileSystemResizePending")?.isTrue == true
            guard needsRestart, let ordinal = desired.ordinal(ofClaim: claim.name),
                let member = survey.member(ordinal), let pod = member.pod, !pod.isBeingDeleted,
                record.podUID != pod.uid
            else { return .wait("\(claim.name) is growing") }
            if let refusal = disruptionRefusal(member) {
                return .refuse("DisruptionDeferred", refusal)
            }
            return .act(.delete(pod.key(as: .pod), uid: pod.uid, Deletion()))
        }
        return advance(record, to: .renewStatefulSet)
    }

    /// Claim templates cannot be changed: the set is made anew, its pods stay.
    func renewStatefulSet(_ record: RecordedOperation) -> Move {
        guard let set = observation.statefulSet else {
            return .wait("the stateful set is made anew")
        }
        guard isTemplateSmall else {
            return .finish([.normal("VolumeResized", "the claims have \(desired.storageSize)")])
        }
        if set.isBeingDeleted { return .wait("the stateful set is being deleted") }
        return .act(
            .delete(
                set.key(as: .statefulSet), uid: set.uid, Deletion(orphansDependents: true)))
    }
}
