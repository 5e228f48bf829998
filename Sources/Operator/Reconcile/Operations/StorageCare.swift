// SPDX-License-Identifier: Apache-2.0
internal import Bytes
internal import Formats
internal import Kube

// The members' stores: Defrag, Reclaim (the alarm NOSPACE), Resize (the claims).
//
//   Reclaim:  compact ─► defragment … ─► disarm
//   Defrag:   defragment …
//   Resize:   growClaims ─► awaitClaims ─► renewStatefulSet
extension Pass {
    static let defragPause = Duration.seconds(30)
    static let keptRevisions: Int64 = 1000
    /// An alarm is taken away only when there is room again.
    static let disarmPercent: Int64 = 90

    var noSpaceAlarms: [MemberAlarm] {
        let alarms = survey.members.compactMap(\.status).flatMap(\.alarms)
            .filter { $0.kind == .noSpace }
        return alarms.enumerated().filter { index, alarm in
            !alarms[..<index].contains(alarm)
        }.map(\.element)
    }

    func needsDefrag(_ status: NodeStatus) -> Bool {
        let slack = status.dbSizeBytes - status.dbInUseBytes
        guard status.dbSizeBytes >= desired.defragMinSizeBytes, slack > 0 else { return false }
        return slack / max(1, status.dbSizeBytes / 100) >= desired.defragRatioPercent
    }

    func compact(_ record: RecordedOperation) -> Move {
        guard survey.isQuorate, let leader = survey.leading?.status else {
            return .wait("there is no quorum")
        }
        let target = leader.revision - Self.keptRevisions
        if record.attempts > 0 || target <= 1 { return advance(record, to: .defragment) }
        return .act(.etcd(.compact(revision: target), survey.askable))
    }

    func nextToDefragment(_ record: RecordedOperation) -> MemberView? {
        let open = survey.members.filter { member in
            guard let status = member.status, member.listed != nil, member.isHealthy,
                !record.done.contains(member.name)
            else { return false }
            return record.type == .reclaim || record.cause == "Requested" || needsDefrag(status)
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

    /// Why an alarm cannot be taken away; nil if it can.
    var fullMember: String? {
        let full = survey.members.first { member in
            guard let status = member.status, member.listed != nil else { return false }
            return status.dbSizeBytes >= desired.quotaBytes / 100 * Self.disarmPercent
        }
        return full.map { "\($0.name) uses more than \(Self.disarmPercent) % of its quota" }
    }

    func disarm(_ record: RecordedOperation) -> Move {
        guard survey.isQuorate else { return .wait("there is no quorum") }
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
