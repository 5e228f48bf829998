// SPDX-License-Identifier: Apache-2.0
internal import Formats
internal import Kube

extension Pass {
    /// What forbids every change: evidence that this is not one cluster, or not ours.
    func haltReason() -> (condition: String, message: String)? {
        if let problems = membership?.problems, !problems.isEmpty {
            return (
                "MembershipUnreadable",
                "the map \(desired.membershipName) cannot be read: "
                    + problems.joined(separator: ", ")
                    + "; mend it, or delete it to have it made again of the live members"
            )
        }
        if operation?.type != .quorumRecovery, let latched = latchedClusterID,
            let seen = survey.clusterID, seen != latched, operation?.type != .restore
        {
            return (
                "ClusterIDMismatch", "members form cluster \(seen), this one is \(latched)"
            )
        }
        // While nothing is known of ourselves, what is found may be what we were.
        guard latchedClusterID != nil || desired.refusesExistingClaims else { return nil }
        for member in survey.members {
            guard let identity = member.identity, !identity.clusterUID.isEmpty,
                !latchedClusterUID.isEmpty, identity.clusterUID != latchedClusterUID
            else { continue }
            return (
                "ClusterIDMismatch",
                "the volume of \(member.name) belongs to cluster object \(identity.clusterUID)"
            )
        }
        return nil
    }

    /// A finalizer lets the deletion policy have its turn.
    mutating func planFinalizer() -> Bool {
        let cluster = observation.cluster
        guard !cluster.finalizers.contains(Names.finalizer) else { return false }
        let all = (cluster.finalizers + [Names.finalizer]).map(JSONValue.string)
        step = .patch(
            cluster.key(as: .etcdCluster),
            ["metadata": .object(Patches.identity(cluster) + [("finalizers", .array(all))])])
        stepID = "finalizer"
        keepsStatus = true
        requeue = .zero
        return true
    }

    // MARK: Deletion

    /// Needs nothing of the data plane, waits for nobody: children go by their owner, claims by
    /// policy, and the finalizer goes last.
    mutating func planDeletion() {
        let cluster = observation.cluster
        requeue = .seconds(1)
        progress = (true, "Deleting", "by policy \(desired.deletionPolicy.rawValue)")
        guard cluster.finalizers.contains(Names.finalizer) else {
            keepsStatus = true
            return
        }
        if deletesClaims(), step == nil, let deletion = claimDeletion() { step = deletion }
        stepID = Self.deletionID
        guard step == nil, !isAwaitingFinalBackup else { return }
        let rest = cluster.finalizers.filter { $0 != Names.finalizer }.map(JSONValue.string)
        step = .patch(
            cluster.key(as: .etcdCluster),
            ["metadata": .object(Patches.identity(cluster) + [("finalizers", .array(rest))])])
        keepsStatus = true
    }

    private var isAwaitingFinalBackup: Bool {
        guard desired.deletionPolicy == .snapshot, case .running = finalBackup else { return false }
        return true
    }

    /// By policy. Of Snapshot only once the last backup is stored; what cannot be had is not waited
    /// for, and what it would have saved is not deleted.
    private mutating func deletesClaims() -> Bool {
        switch desired.deletionPolicy {
        case .retain: return false
        case .delete: return true
        case .snapshot: break
        }
        switch finalBackup {
        case .notNeeded: return true
        case .stored(let uri):
            progress = (true, "Deleting", "the last backup is \(uri)")
            return true
        case .failed(let text):
            events.append(.warning("FinalBackupFailed", "the claims stay: \(text)"))
            return false
        case .running(let text):
            progress = (true, "Deleting", "a last backup comes first: \(text)")
            return false
        case .missing(let wanted):
            progress = (true, "Deleting", "a last backup comes first")
            step = .create(wanted)
            return false
        }
    }

    /// The stateful set first, so that it makes no claims anew. A claim that is in use goes when
    /// its pod does.
    private func claimDeletion() -> Step? {
        if let set = observation.statefulSet, !set.isBeingDeleted {
            return .delete(set.key(as: .statefulSet), uid: set.uid, Deletion())
        }
        let claims = observation.claims.filter { !$0.isBeingDeleted && isOurs($0) }
        guard let claim = claims.first else { return nil }
        return .delete(claim.key(as: .persistentVolumeClaim), uid: claim.uid, Deletion())
    }
}

/// The checks of a specification, whether or not the server knows them.
enum SpecRules {
    static func problem(_ desired: DesiredCluster, memory: ClusterMemory) -> String? {
        if desired.replicas < 1 || desired.replicas > 9 {
            return "spec.replicas must be from 1 to 9"
        }
        if let problem = versionProblem(desired, memory) { return problem }
        return nil
    }

    /// One minor version at a time, and never back.
    private static func versionProblem(
        _ desired: DesiredCluster, _ memory: ClusterMemory
    ) -> String? {
        guard let running = numbers(memory.version), let wanted = numbers(desired.version) else {
            return nil
        }
        if wanted < running, !desired.allowsDowngrade, (wanted.0, wanted.1) < (running.0, running.1)
        {
            return "spec.version \(desired.version) is older than \(memory.version), which runs"
        }
        if wanted.0 != running.0 || wanted.1 > running.1 + 1 {
            return "spec.version \(desired.version) skips a minor version after \(memory.version)"
        }
        return nil
    }

    private static func numbers(_ version: String) -> (Int, Int, Int)? {
        let parts = version.split(separator: "-")[...].first?.split(separator: ".") ?? []
        guard parts.count >= 2, let major = Int(parts[0]), let minor = Int(parts[1]) else {
            return nil
        }
        return (major, minor, parts.count > 2 ? Int(parts[2]) ?? 0 : 0)
    }
}
