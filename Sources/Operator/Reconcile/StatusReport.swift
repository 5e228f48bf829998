// SPDX-License-Identifier: Apache-2.0
internal import Bytes
internal import Formats
internal import Kube

/// `status`, from what was observed in this pass and from nothing else, but for what is latched.
/// It is made when all is well and when nothing answers; an unchanged world gives the same one.
struct StatusReport {
    let pass: Pass
    private let desired: DesiredCluster
    private let survey: Survey
    private let memory: ClusterMemory

    init(_ pass: Pass) {
        self.pass = pass
        desired = pass.desired
        survey = pass.survey
        memory = pass.memory
    }

    func json() -> JSONValue {
        var fields: [(String, JSONValue)] = [
            ("observedGeneration", .integer(desired.generation)),
            ("phase", .string(phase)),
            ("quorum", .string(sentence)),
            ("readyDisplay", .string("\(ready)/\(desired.replicas)")),
            ("replicas", count(pass.observation.pods.filter { !$0.isBeingDeleted }.count)),
            ("readyReplicas", count(ready)),
            ("selector", .string(selector)),
        ]
        if survey.isListKnown {
            fields.append(("voters", count(survey.count.voters)))
            fields.append(("learners", count(survey.learners.count)))
        } else if let status = pass.observation.cluster["status"] {
            for key in ["voters", "learners"] {
                if let old = status[key] { fields.append((key, old)) }
            }
        }
        fields += latched() + volatile()
        if let operation = pass.operation { fields.append(("operation", operation.json)) }
        fields.append(("members", .array(members())))
        fields.append(("endpoints", .array(endpoints().map(JSONValue.string))))
        if let tls = CertificateReport(pass).json() { fields.append(("tls", tls)) }
        let alarms = alarms()
        if !alarms.isEmpty { fields.append(("alarms", .array(alarms))) }
        if let backup = pass.backups.summary { fields.append(("backup", backup)) }
        let handled = handledAnnotations()
        if !handled.isEmpty { fields.append(("handledAnnotations", handled.json)) }
        if let since = quorumLostSince {
            fields.append(("quorumLostSince", .string(KubeTime.seconds(since.nanoseconds))))
        }
        fields.append(("conditions", .array(conditions())))
        return .object(fields)
    }

    private func count(_ number: Int) -> JSONValue { .integer(Int64(number)) }

    private var ready: Int {
        pass.observation.pods.filter { $0.condition("Ready")?.isTrue == true }.count
    }

    private var selector: String {
        Child.selector(desired).sorted.map { "\($0.key)=\($0.value)" }.joined(separator: ",")
    }

    /// What a cluster never forgets.
    private func latched() -> [(String, JSONValue)] {
        var fields: [(String, JSONValue)] = []
        if !pass.latchedClusterUID.isEmpty {
            fields.append(("clusterUID", .string(pass.latchedClusterUID)))
        }
        if let id = pass.latchedClusterID { fields.append(("clusterID", .string(id.description))) }
        if pass.restoreGeneration > 0 {
            fields.append(("restoreGeneration", .integer(pass.restoreGeneration)))
        }
        if !desired.version.isEmpty {
            fields.append(("targetVersion", .string(desired.version)))
        }
        fields.append(("currentImage", .string(desired.image)))
        return fields
    }

    /// What changes by itself under load. It is written along when something else is.
    private func volatile() -> [(String, JSONValue)] {
        var fields: [(String, JSONValue)] = []
        if let leading = survey.leading { fields.append(("leader", .string(leading.name))) }
        let statuses = survey.members.compactMap(\.status)
        if let term = statuses.map(\.term.number).max() {
            fields.append(("term", .unsigned64(term)))
        }
        if let revision = statuses.map(\.revision).max(), revision > 0 {
            fields.append(("revision", .integer(revision)))
        }
        let versions = statuses.map(\.version).filter { !$0.isEmpty }.sorted()
        if let version = versions.first ?? (memory.version.isEmpty ? nil : memory.version) {
            fields.append(("version", .string(version)))
        }
        if let largest = statuses.max(by: { $0.dbSizeBytes < $1.dbSizeBytes }) {
            let size = max(1, largest.dbSizeBytes)
            fields.append(
                (
                    "storage",
                    [
                        "dbSizeBytes": .integer(largest.dbSizeBytes),
                        "dbInUseBytes": .integer(largest.dbInUseBytes),
                        "quotaBytes": .integer(desired.quotaBytes),
                        "fragmentationRatio": .integer(
                            (size - min(size, largest.dbInUseBytes)) / max(1, size / 100)),
                    ]
                ))
        }
        return fields
    }

    /// `2/3 voters healthy, leader demo-1, can lose 0`.
    private var sentence: String {
        guard survey.isListKnown else { return "unknown: no member list from a quorum" }
        let leader = survey.leading.map { "leader \($0.name)" } ?? "no leader"
        return "\(survey.count.healthy)/\(survey.count.voters) voters healthy, \(leader), "
            + "can lose \(survey.count.spare)"
    }

    // MARK: Members

    private func members() -> [JSONValue] {
        survey.members.filter { $0.listed != nil || $0.pod != nil || $0.memory?.memberID != nil }
            .filter { $0.listed != nil || $0.pod != nil || !survey.isListKnown }
            .map(member)
    }

    private func member(_ view: MemberView) -> JSONValue {
        let old = view.memory
        // While the list cannot be read, what it said last stays.
        let id = view.listed?.id ?? (survey.isListKnown ? nil : old?.memberID)
        let isSame = old?.memberID == id
        let isAsBefore =
            old?.isHealthy == view.isHealthy
            || (old?.isJoining == true && state(view) == .joining)
        let since = old?.since.flatMap { isAsBefore && isSame ? $0 : nil } ?? pass.now
        var fields: [(String, JSONValue)] = [
            ("name", .string(view.name)), ("ordinal", count(view.ordinal)),
        ]
        if let id { fields.append(("memberID", .string(id.description))) }
        if let listed = view.listed {
            fields.append(("role", .string(listed.isLearner ? "Learner" : "Voter")))
        }
        fields.append(("state", .string(state(view).rawValue)))
        if view.isLeader { fields.append(("isLeader", true)) }
        if let status = view.status {
            fields.append(("version", .string(status.version)))
            fields.append(("dbSizeBytes", .integer(status.dbSizeBytes)))
            fields.append(("dbInUseBytes", .integer(status.dbInUseBytes)))
            let top = survey.leading?.status?.appliedIndex.number ?? status.appliedIndex.number
            let own = status.appliedIndex.number
            fields.append(("raftLag", .unsigned64(top > own ? top - own : 0)))
        }
        let texts = [
            ("node", view.pod?.string("spec", "nodeName") ?? ""),
            ("podUID", view.pod?.uid ?? ""), ("pvcName", view.claim?.name ?? ""),
            ("pvcUID", claimUID(view)),
            ("message", view.isHealthy ? "" : view.standing.reason),
        ]
        for (key, text) in texts where !text.isEmpty { fields.append((key, .string(text))) }
        fields += recreates(view)
        fields.append(("lastTransitionTime", .string(KubeTime.seconds(since.nanoseconds))))
        return .object(fields)
    }

    /// The claim that this member is known to have lived on. A claim is noted while its member is
    /// healthy; another claim under the same name is evidence of a lost disk.
    private func claimUID(_ view: MemberView) -> String {
        let now = view.claim?.uid ?? ""
        guard let old = view.memory, !old.claimUID.isEmpty, !view.isHealthy,
            old.memberID == view.listed?.id || !survey.isListKnown
        else { return now }
        return old.claimUID
    }

    /// The window begins with its first recreation; ten good minutes end it early.
    private func recreates(_ view: MemberView) -> [(String, JSONValue)] {
        let old = pass.recentRecreates(view)
        let isAnother = pass.recreated == view.name
        let well = view.memory.map { $0.isHealthy && view.isHealthy } ?? false
        if !isAnother, well, let since = view.memory?.since, pass.now - since > .seconds(600) {
            return []
        }
        let number = isAnother ? old + 1 : old
        guard number > 0 else { return [] }
        let begin = old > 0 ? view.memory?.recreatesSince ?? pass.now : pass.now
        return [
            ("recreates", count(number)),
            ("recreatesSince", .string(KubeTime.seconds(begin.nanoseconds))),
        ]
    }

    private func state(_ view: MemberView) -> MemberState {
        if view.isHealthy { return view.isLearner ? .joining : .healthy }
        if view.isLearner { return .joining }
        switch view.standing {
        case .lost(.disk, _), .lost(.corrupt, _): return .dataLost
        case .unknown: return .unknown
        case .healthy, .transient, .stuck, .lost: break
        }
        if view.listed == nil, survey.isListKnown { return .removing }
        return .unreachable
    }

    private func endpoints() -> [String] {
        survey.isListKnown
            ? survey.voters.map { desired.clientURL($0.name) }
            : (pass.observation.cluster.list("status", "endpoints")).compactMap(\.string)
    }

    private func alarms() -> [JSONValue] {
        let old = pass.observation.cluster.list("status", "alarms")
        guard case .known(let seen) = pass.alarms else { return old }
        return seen.sorted { ($0.kind.rawValue, $0.memberID) < ($1.kind.rawValue, $1.memberID) }
            .map { alarm in
                let id = alarm.memberID.description
                let known = old.first {
                    $0["type"]?.string == alarm.kind.rawValue && $0["memberID"]?.string == id
                }
                return known ?? [
                    "type": .string(alarm.kind.rawValue), "memberID": .string(id),
                    "since": .string(KubeTime.seconds(pass.now.nanoseconds)),
                ]
            }
    }

    private func handledAnnotations() -> KubeMap {
        var handled = pass.observation.cluster.map("status", "handledAnnotations")
        let asked = [
            ("replace-member", desired.replaceMember, OperationType.replace),
            ("move-leader", desired.moveLeaderTo, .moveLeader),
            ("defrag-now", desired.defragNow, .defrag),
        ]
        for (name, value, type) in asked {
            let key = "keelson.dev/\(name)"
            if value.isEmpty { handled[key] = nil }
            // Who leads already has nothing to be moved to, then or later.
            let isThere = type == .moveLeader && survey.leading?.name == value
            if isThere, pass.operation == nil { handled[key] = value }
            if !value.isEmpty, pass.operation?.type == type, memory.operation == nil {
                let isReplace = type == .replace && pass.operation?.target != value
                if !isReplace { handled[key] = value }
            }
        }
        for wish in CertificateReport(pass).handled {
            let key = "keelson.dev/\(wish.annotation)"
            if wish.value.isEmpty {
                handled[key] = nil
            } else if wish.isDone {
                handled[key] = wish.value
            }
        }
        return handled
    }
}
