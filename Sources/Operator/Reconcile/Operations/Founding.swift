// SPDX-License-Identifier: Apache-2.0
internal import Bytes
internal import Formats
internal import Kube

// A cluster begins: Bootstrap, Restore, Adopt.
//
//   awaitSeed ─► permit ─► startSeed ─► latch            once in the life of a cluster
//   checkArtefact ─► awaitSeed … latch ─► compareSeed    Restore
//   adoptClaims                                          the claims of an earlier cluster object
//
// To bootstrap is a phase of a cluster, never a property of a pod. The permission is bound to one
// pod and one claim, it is on record before it is sent, and it is taken away before there is a
// second member.
extension Pass {
    var seedName: String { desired.podName(0) }

    func awaitSeed(_ record: RecordedOperation) -> Move {
        guard let seed = survey.member(0), let pod = seed.pod, !pod.isBeingDeleted else {
            return .wait("\(seedName) is not there yet")
        }
        guard let identity = seed.identity else {
            return renewal(of: seed) ?? .wait("\(seedName) does not answer yet")
        }
        guard seed.isWaitingEmpty else {
            // A disk that has a cluster on it: there was one before, and it goes on.
            guard identity.clusterID != nil || seed.status != nil else {
                return .wait("\(seedName) is \(identity.state.rawValue) \(identity.reason)")
            }
            let id = identity.clusterID ?? seed.status?.clusterID
            return .next(
                RecordedOperation(
                    .adopt, step: .adoptClaims, now: now, cause: id?.description ?? ""), [])
        }
        // What is known of claims may be older than what is known of pods.
        guard desired.isInMemory || seed.claim != nil else {
            return .wait("the claim of \(seedName) is not there yet")
        }
        var next = record
        next.podUID = pod.uid
        next.claimUID = seed.claim?.uid ?? ""
        return advance(
            next, to: .permit,
            [.normal("BootstrapStarted", "\(seedName) is to be the first member")])
    }

    func permit(_ record: RecordedOperation) -> Move {
        var permission = ticket(
            record.type == .restore ? .restore : .bootstrap, podUID: record.podUID)
        permission.initialCluster = "\(seedName)=\(desired.peerURL(seedName))"
        if record.type == .restore {
            permission.restorePath = RestoreSource(desired.restore).path
            permission.restoreSum = RestoreSource(desired.restore).sum
        }
        return grant(permission, to: seedName, for: record.claimUID)
            ?? advance(record, to: .startSeed)
    }

    func startSeed(_ record: RecordedOperation) -> Move {
        guard let seed = survey.member(0), let pod = seed.pod else {
            return .wait("\(seedName) is not there")
        }
        if survey.isListKnown, seed.isHealthy { return advance(record, to: .latch) }
        guard let identity = seed.identity else {
            return renewal(of: seed) ?? .wait("\(seedName) does not answer")
        }
        guard identity.state == .awaitingTicket else {
            return .wait("\(seedName) is \(identity.state.rawValue)")
        }
        if pod.uid == record.podUID {
            // The map may have been lost, and the permission with it.
            let isOnRecord = seed.ticket?.action.isPermission == true
            return isOnRecord ? push(seedName) : advance(record, to: .permit)
        }
        // Another pod. On the same claim, and that is empty: the permission was never used.
        guard record.claimUID == seed.claim?.uid ?? "" else {
            return .refuse(
                "BootstrapFailed",
                "the volume that had the permission to bootstrap is gone; delete the cluster")
        }
        if pod.isBeingDeleted { return .wait("\(seedName) is being deleted") }
        var next = record
        next.podUID = pod.uid
        return advance(next, to: .permit)
    }

    /// The permission is burnt and the identity kept before anything else happens.
    func latch(_ record: RecordedOperation) -> Move {
        guard let seed = survey.member(0) else { return .wait("\(seedName) is not there") }
        guard var membership else { return .wait("the membership ConfigMap is missing") }
        if membership.clusterID != nil,
            membership.ticket(seedName)?.ticket.action == .resume
        {
            if record.type == .restore { return advance(record, to: .compareSeed) }
            let id = membership.clusterID.map(\.description) ?? ""
            return .finish([
                .normal("ClusterBootstrapped", "cluster \(id) has its first member, \(seedName)")
            ])
        }
        guard survey.isListKnown, let clusterID = survey.clusterID else {
            return .wait(Self.listUnknown)
        }
        if let uid = seed.identity?.clusterUID, !uid.isEmpty { membership.clusterUID = uid }
        membership.clusterID = clusterID
        for member in survey.members where member.listed != nil {
            membership.set(member.name, ticket(.resume, memberID: member.listed?.id))
        }
        return write(membership)
    }

    // MARK: Adoption

    func adoptClaims(_ record: RecordedOperation) -> Move {
        if membership?.isVirgin == false {
            return .finish([
                .normal("Adopted", "the claims of cluster \(record.cause) go on in this object")
            ])
        }
        let marks = ClaimMarks(observation.claims)
        // What the claims say, or the process on the first of them.
        let seed = survey.member(0)?.identity
        let found = seed?.clusterUID ?? ""
        guard marks.problem == nil,
            let uid = marks.clusterUID ?? (found.isEmpty ? rememberedClusterUID : found)
        else {
            return .refuse("InvalidSpec", marks.problem ?? "no claim carries a mark")
        }
        var adopted = Membership(clusterUID: uid)
        adopted.clusterID = marks.clusterID ?? seed?.clusterID ?? memory.clusterID
        let highest =
            observation.claims.filter { !$0.isBeingDeleted }
            .filter { $0.labels[Names.retiredLabel] == nil }
            .compactMap { desired.ordinal(ofClaim: $0.name) }.max() ?? 0
        for ordinal in 0...highest {
            let name = desired.podName(ordinal)
            let claim = observation.claims.first { $0.name == desired.claimName(ordinal) }
            let id = Hexadecimal.memberID(claim?.annotations[Membership.memberIDNote])
            var resume = Ticket(
                .resume, clusterUID: uid, generation: nextGeneration,
                restoreGeneration: restoreGeneration)
            resume.memberID = id
            adopted.set(name, resume)
        }
        return write(adopted)
    }

    /// Claims may have lost their marks, and the map be gone: the status still knows the claims of
    /// its members by their UIDs. Whoever resumes on another disk waits.
    var rememberedClusterUID: String? {
        let known = memory.members.map(\.claimUID).filter { !$0.isEmpty }
        let isThere = observation.claims.contains { !$0.isBeingDeleted && known.contains($0.uid) }
        return isThere && !memory.clusterUID.isEmpty ? memory.clusterUID : nil
    }

    // MARK: Restore

    /// The artefact is judged by a Job before any pod starts.
    func checkArtefact(_ record: RecordedOperation) -> Move {
        let source = RestoreSource(desired.restore)
        guard source.problem == nil else {
            return .refuse("RestoreFailed", source.problem ?? "")
        }
        let wanted = RestoreCheck.job(desired, source, owner: observation.cluster)
        guard let job = observation.jobs.first(where: { $0.name == wanted.name }) else {
            return .act(.create(wanted))
        }
        let words = LastWords(observation.jobPods, inJob: job.name)
        if words == nil, LastWords.mayStillCome(job, now: now) {
            return .wait("the check has ended, its result is on its way")
        }
        let report = BackupReport(words, claim: source.claimName ?? "", folder: "")
        if job.condition("Complete")?.isTrue == true {
            var next = record
            if let artifact = report.artifact {
                next.expectedKeys = Int64(artifact.keyCount)
                next.expectedRevision = Self.restored(Int64(artifact.revision))
            }
            return advance(next, to: .awaitSeed)
        }
        if let failed = job.condition("Failed"), failed.isTrue {
            let reason = words == nil ? failed.message : report.error
            return .refuse("RestoreFailed", "the artefact is refused: \(reason)")
        }
        return .wait("the artefact is being checked")
    }
}

/// What the claims say of the cluster that made them.
struct ClaimMarks {
    var clusterUID: String?
    var clusterID: ClusterID?
    var problem: String?

    init(_ claims: [KubeObject]) {
        let notes = claims.filter { !$0.isBeingDeleted }.map(\.annotations)
        let uids = notes.compactMap { $0[Membership.clusterUIDNote] }
        let ids = notes.compactMap { $0[Membership.clusterIDNote] }
        guard let uid = uids.first else { return }
        guard uids.allSatisfy({ $0 == uid }) else {
            problem = "the claims belong to different clusters"
            return
        }
        guard let id = ids.first, ids.allSatisfy({ $0 == id }) else {
            problem = ids.isEmpty ? nil : "the claims carry different cluster IDs"
            clusterUID = ids.isEmpty ? uid : nil
            return
        }
        clusterUID = uid
        clusterID = Hexadecimal.clusterID(id)
    }
}
