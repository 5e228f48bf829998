// SPDX-License-Identifier: Apache-2.0
internal import Bytes
internal import Formats
internal import Kube

extension StatusReport {
    struct Line {
        var type: String
        /// Nil is Unknown.
        var isTrue: Bool?
        var reason: String
        var message = ""
    }

    func conditions() -> [JSONValue] {
        lines().map { line in
            let status = line.isTrue.map { $0 ? "True" : "False" } ?? "Unknown"
            let old = pass.memory.condition(line.type)
            let since =
                old?.status == status
                ? old?.lastTransitionTime ?? "" : KubeTime.seconds(pass.now.nanoseconds)
            return [
                "type": .string(line.type), "status": .string(status),
                "observedGeneration": .integer(pass.desired.generation),
                "lastTransitionTime": .string(since), "reason": .string(line.reason),
                "message": .string(line.message),
            ]
        }
    }

    private func lines() -> [Line] {
        [available(), quorum(), progressing(), degraded(), membersReady(), membersUpdated()]
            + [storage(), CertificateReport(pass).line(), specValid()] + occasional()
    }

    private func available() -> Line {
        if isHibernated { return Line(type: "Available", isTrue: false, reason: "Hibernated") }
        guard pass.survey.isListKnown else {
            let asked = pass.observation.pods.contains { $0.condition("Ready")?.isTrue == true }
            return Line(
                type: "Available", isTrue: asked ? nil : false,
                reason: asked ? "Unreachable" : "NoMembers")
        }
        let isQuorate = pass.survey.isQuorate
        return Line(
            type: "Available", isTrue: isQuorate,
            reason: isQuorate ? "QuorumAnswers" : "QuorumLost")
    }

    /// False only on evidence: enough members are seen to be down that there can be no quorum.
    private func quorum() -> Line {
        let survey = pass.survey
        if isHibernated { return Line(type: "Quorum", isTrue: false, reason: "Hibernated") }
        if survey.isQuorate {
            let reason = survey.count.isTolerant ? "FaultTolerant" : "NoFaultTolerance"
            return Line(
                type: "Quorum", isTrue: true, reason: reason,
                message: "\(survey.count.healthy) of \(survey.count.voters) voters are healthy")
        }
        // What has not begun cannot have been lost.
        guard pass.latchedClusterID != nil else {
            return Line(
                type: "Quorum", isTrue: nil, reason: "NotFounded",
                message: "the cluster has no member yet")
        }
        let known = survey.members.filter { $0.ticket != nil || $0.memory?.memberID != nil }
        let down = known.filter { !$0.isHealthy && !$0.standing.isUnknown }
        if !known.isEmpty, known.count - down.count < QuorumCount.quorum(of: known.count) {
            let text = down.map { "\($0.name): \($0.standing.reason)" }.joined(separator: "; ")
            return Line(type: "Quorum", isTrue: false, reason: "Lost", message: text)
        }
        return Line(
            type: "Quorum", isTrue: nil, reason: "Unknown",
            message: "no member could be asked for a linearizable read")
    }

    var quorumLostSince: Instant? {
        quorum().reason == "Lost" ? pass.memory.quorumLostSince ?? pass.now : nil
    }

    private func progressing() -> Line {
        guard let progress = pass.progress else {
            return Line(type: "Progressing", isTrue: false, reason: "Steady")
        }
        return Line(
            type: "Progressing", isTrue: progress.isTrue, reason: progress.reason,
            message: progress.message)
    }

    private func degraded() -> Line {
        if let halt = pass.halt {
            return Line(
                type: "Degraded", isTrue: true, reason: halt.condition, message: halt.message)
        }
        let sick = pass.survey.members.filter { $0.listed != nil && !$0.isHealthy }
        guard !sick.isEmpty else {
            return Line(type: "Degraded", isTrue: false, reason: "AsExpected")
        }
        let text = sick.map { "\($0.name): \($0.standing.reason)" }.joined(separator: "; ")
        return Line(type: "Degraded", isTrue: true, reason: "MembersUnhealthy", message: text)
    }

    private func membersReady() -> Line {
        let isReady =
            pass.survey.isListKnown && pass.survey.count.voters == pass.desired.replicas
            && pass.survey.count.healthy == pass.desired.replicas
        return Line(
            type: "MembersReady", isTrue: pass.survey.isListKnown ? isReady : nil,
            reason: isReady ? "AllHealthy" : "NotAllHealthy")
    }

    /// True when all members run what is asked for, and none is about to be stopped for it.
    private func membersUpdated() -> Line {
        func line(_ isTrue: Bool?, _ reason: String, _ message: String = "") -> Line {
            Line(type: "MembersUpdated", isTrue: isTrue, reason: reason, message: message)
        }
        guard pass.latchedClusterID != nil else { return line(nil, "NotFounded") }
        guard pass.targetRevision != nil else { return line(nil, "NotObserved") }
        let old = pass.outdated.map(\.name).joined(separator: ", ")
        if !old.isEmpty { return line(false, "Outdated", old) }
        if let roll = pass.operation, roll.type == .roll {
            return line(false, "RollingOut", roll.target)
        }
        if let seed = pass.survey.members.first(where: holdsBackup) {
            let text = "\(seed.name) is made anew without the volume it was restored from"
            return line(false, "HoldsBackup", text)
        }
        return line(true, "Updated")
    }

    /// Of an artefact its cluster was restored from: the stateful set changes once that is over.
    private func holdsBackup(_ member: MemberView) -> Bool {
        let volumes = member.pod?["spec", "volumes"]?.array ?? []
        return volumes.contains { $0["name"]?.string == RestoreSource.volumeName }
    }

    private func storage() -> Line {
        if !pass.noSpaceAlarms.isEmpty {
            let isDone = pass.memory.operation?.type == .reclaim && pass.operation == nil
            let text = pass.fullMember ?? "the alarm NOSPACE is raised"
            let old = pass.memory.condition("StorageHealthy")
            if isDone, let tried = pass.triedAtRevision {
                return Line(
                    type: "StorageHealthy", isTrue: false, reason: "QuotaExceeded",
                    message: "\(text); \(tried)")
            }
            if let old, old.reason == "QuotaExceeded" {
                return Line(
                    type: "StorageHealthy", isTrue: false, reason: old.reason,
                    message: old.message)
            }
            return Line(
                type: "StorageHealthy", isTrue: false, reason: "NoSpace", message: text)
        }
        if !pass.smallClaims.isEmpty {
            return Line(type: "StorageHealthy", isTrue: true, reason: "VolumeResizing")
        }
        if case .unknown(let why) = pass.alarms {
            return Line(type: "StorageHealthy", isTrue: nil, reason: "NotObserved", message: why)
        }
        return Line(type: "StorageHealthy", isTrue: true, reason: "Quota")
    }

    private func specValid() -> Line {
        guard let problem = pass.specProblem else {
            return Line(type: "SpecValid", isTrue: true, reason: "Valid")
        }
        return Line(type: "SpecValid", isTrue: false, reason: "InvalidSpec", message: problem)
    }

    /// Conditions that are there only when they say something.
    private func occasional() -> [Line] {
        var lines: [Line] = []
        if let halt = pass.halt {
            lines.append(
                Line(type: halt.condition, isTrue: true, reason: "Evidence", message: halt.message))
        }
        let foreign = pass.survey.foreign.map {
            "\($0.id) at \($0.peerURLs.joined(separator: ","))"
        }
        if !foreign.isEmpty {
            lines.append(
                Line(
                    type: "UnknownMember", isTrue: true, reason: "NotOurs",
                    message: foreign.joined(separator: "; ")))
        }
        if pass.desired.isPaused {
            lines.append(Line(type: "Paused", isTrue: true, reason: "Asked"))
        }
        if isHibernated {
            lines.append(Line(type: "Hibernated", isTrue: true, reason: "Asked"))
        }
        if let backups = pass.backups.condition {
            lines.append(
                Line(
                    type: "BackupReady", isTrue: backups.isTrue, reason: backups.reason,
                    message: backups.message))
        }
        if let missing = pass.missingMonitors {
            lines.append(
                Line(
                    type: "MonitoringReady", isTrue: false, reason: "NoDefinition",
                    message: missing))
        }
        lines += losses()
        return lines
    }

    private func losses() -> [Line] {
        guard !pass.survey.isQuorate, pass.latchedClusterID != nil, !isHibernated,
            !pass.observation.cluster.isBeingDeleted
        else { return [] }
        let recovery = pass.recovery
        guard !recovery.lost.isEmpty else { return [] }
        let names = recovery.lost.map(\.name).joined(separator: ", ")
        if recovery.lost.count == recovery.voters {
            return [
                Line(
                    type: "DataLost", isTrue: true, reason: "AllDisksLost",
                    message: "the disks of \(names) are lost; restore from a backup")
            ]
        }
        return [
            Line(
                type: "QuorumRecoveryRequired", isTrue: true, reason: "DisksLost",
                message: recovery.refusal ?? "the disks of \(names) are lost; \(wayOut(recovery))")
        ]
    }

    private func wayOut(_ recovery: Pass.RecoveryView) -> String {
        let survivor = recovery.survivor?.name ?? "the rest"
        let annotation =
            "keelson.dev/approve-quorum-recovery=\(pass.latchedClusterID?.description ?? "")"
        guard pass.desired.recoversByItself, let since = quorumLostSince else {
            return "to go on with \(survivor) alone annotate \(annotation)"
        }
        let moment = KubeTime.seconds((since + pass.desired.recoveryAfter).nanoseconds)
        return "\(survivor) goes on alone after \(moment), or now with \(annotation)"
    }

    private var isHibernated: Bool {
        pass.desired.isHibernating && pass.observation.pods.isEmpty
            && (pass.observation.statefulSet?.int("spec", "replicas") ?? 0) == 0
    }

    // MARK: The word for people

    var phase: String {
        if pass.observation.cluster.isBeingDeleted { return "Deleting" }
        if pass.desired.isPaused { return "Paused" }
        if isHibernated { return "Hibernated" }
        if pass.halt != nil { return "Degraded" }
        if let progress = pass.progress, !progress.isTrue,
            ["RestoreFailed", "BootstrapFailed"].contains(progress.reason)
        {
            return "Failed"
        }
        if let operation = pass.operation { return phase(of: operation.type) }
        if pass.latchedClusterID == nil { return "Pending" }
        guard pass.survey.isQuorate else { return "Unavailable" }
        return pass.survey.count.healthy == pass.survey.count.voters ? "Running" : "Degraded"
    }

    private func phase(of type: OperationType) -> String {
        switch type {
        case .bootstrap, .adopt: "Bootstrapping"
        case .restore: "Restoring"
        case .quorumRecovery: "Recovering"
        case .replace, .recreate, .retire, .reclaim: "Repairing"
        case .promote, .scaleOut, .scaleIn: "Scaling"
        case .roll, .resize: "Updating"
        case .defrag, .moveLeader: "Running"
        }
    }

    // MARK: What is new

    /// The same but for numbers that move by themselves.
    static func isSame(_ new: JSONValue, _ old: JSONValue?) -> Bool {
        guard let old else { return false }
        return steady(new).isSame(as: steady(old))
    }

    private static func steady(_ status: JSONValue) -> JSONValue {
        guard var object = status.object else { return status }
        for key in ["term", "revision", "storage"] { object[key] = nil }
        object["members"] = .array(
            (status["members"]?.array ?? []).map { member in
                var line = member.object ?? JSONObject()
                for key in ["dbSizeBytes", "dbInUseBytes", "raftLag"] { line[key] = nil }
                return .object(line)
            })
        return .object(object)
    }

    /// Reasons of TLSReady that somebody should hear of, and as what.
    private static let tlsWarnings = [
        "Expiring": "CertificateExpiring", "Expired": "CertificateExpiring",
        "Invalid": "CertificateInvalid", "CertManagerMissing": "CertManagerMissing",
    ]

    /// Events that follow from what changed.
    static func news(from old: ClusterMemory, to new: ClusterMemory) -> [ClusterEvent] {
        var news: [ClusterEvent] = []
        let watched = [
            ("Quorum", "False", "QuorumLost"), ("Degraded", "True", "MemberUnhealthy"),
            ("ClusterIDMismatch", "True", "ClusterIDMismatch"),
            ("MembershipUnreadable", "True", "MembershipUnreadable"),
            ("UnknownMember", "True", "UnknownMember"),
            ("QuorumRecoveryRequired", "True", "QuorumRecoveryRequired"),
            ("SpecValid", "False", "InvalidSpec"),
            ("MonitoringReady", "False", "MonitoringUnavailable"),
        ]
        for (type, bad, reason) in watched {
            guard let now = new.condition(type), now.status == bad, now.reason != "Hibernated",
                old.condition(type)?.status != bad
            else { continue }
            news.append(.warning(reason, now.message))
        }
        if let quorum = new.condition("Quorum"), quorum.reason == "NoFaultTolerance",
            old.condition("Quorum")?.reason == "FaultTolerant"
        {
            news.append(.warning("QuorumAtRisk", quorum.message))
        }
        if let tls = new.condition("TLSReady"), let reason = tlsWarnings[tls.reason],
            old.condition("TLSReady")?.reason != tls.reason
        {
            news.append(.warning(reason, tls.message))
        }
        let stale = BackupStanding.staleReason
        if let backups = new.condition("BackupReady"), backups.reason == stale,
            old.condition("BackupReady")?.reason != stale
        {
            news.append(.warning(stale, backups.message))
        }
        return news
    }
}
