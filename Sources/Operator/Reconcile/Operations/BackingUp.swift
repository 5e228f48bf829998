// SPDX-License-Identifier: Apache-2.0
internal import Bytes
internal import Formats
internal import Kube

// Backups that the operator asks for by itself: before a version change, and before a cluster of
// policy Snapshot is deleted. Each is an EtcdBackup that nobody owns, found again by its label, so
// that a restart asks for no second one.

/// How a backup stands that must be there before something else is done.
enum PriorBackup: Equatable {
    case notNeeded
    case missing(KubeObject)
    case running(String)
    case stored(String)
    case failed(String)
}

extension Names {
    /// On the backup before a roll: the pod revision that is rolled to.
    static let beforeRollLabel = "keelson.dev/before-roll"
    /// On the last backup of a cluster that is being deleted: its UID.
    static let finalLabel = "keelson.dev/final-backup"
}

extension Pass {
    /// Where backups of this cluster go: its first schedule's destination.
    var backupDestination: BackupDestination? {
        let inline = ClusterBackup.decode(desired.spec["backup"], at: "").schedules.first
        if let inline { return inline.destination }
        let first = observation.backupSchedules.min { $0.name < $1.name }
        return first.map { EtcdBackupSchedule($0).spec.backupTemplate.destination }
    }

    private func backup(
        _ name: String, _ label: (String, String), _ destination: BackupDestination,
        _ refine: (inout EtcdBackupSpec) -> Void
    ) -> KubeObject {
        var spec = EtcdBackupSpec()
        spec.clusterRef = LocalReference(desired.name)
        spec.destination = destination
        refine(&spec)
        var object = EtcdBackup(
            .etcdBackup, namespace: desired.namespace, name: name, spec: spec
        ).object
        object.labels = [Names.clusterLabel: desired.name, label.0: label.1]
        return object
    }

    private func standing(_ label: (String, String), _ wanted: KubeObject) -> PriorBackup {
        let found = observation.backups.first {
            $0.labels[label.0] == label.1 && !$0.isBeingDeleted
        }
        guard let found else { return .missing(wanted) }
        let status = EtcdBackup(found).status
        switch status.phase {
        case .completed: return .stored(status.artifact?.uri ?? found.name)
        case .failed: return .failed("EtcdBackup \(found.name) failed: \(status.error)")
        case .unknown, .pending, .running:
            return .running("EtcdBackup \(found.name): \(status.error)")
        }
    }

    // MARK: Before a roll

    /// Other programs are to run: a pod that would be stopped has another image than the new ones.
    private var isVersionChange: Bool {
        outdated.contains { member in
            guard !isIdle(member), let pod = member.pod else { return false }
            let container = pod.list("spec", "containers").first { $0["name"]?.string == "etcd" }
            return container?["image"]?.string.map { $0 != desired.image } ?? false
        }
    }

    /// Objects of a day ago are gone: who comes back to a revision later backs up anew.
    private static let rollBackupKept = 86_400

    var backupBeforeRoll: PriorBackup {
        let strategy = UpdateStrategy.decode(desired.spec["updateStrategy"], at: "")
        guard strategy.requireBackup, latchedClusterID != nil, let revision = targetRevision,
            isVersionChange, let destination = backupDestination
        else { return .notNeeded }
        let label = (Names.beforeRollLabel, String(revision.suffix(63)))
        // Its Job's name must have a place in a label.
        let mark = (revision.split(separator: "-").last ?? "").suffix(10)
        let wanted = backup("\(desired.name)-pre-\(mark)", label, destination) {
            $0.ttlSecondsAfterFinished = Self.rollBackupKept
        }
        return standing(label, wanted)
    }

    func backUp(_ record: RecordedOperation) -> Move {
        guard !outdated.isEmpty else {
            return .finish([.normal("OperationAborted", "\(describe(record)): nothing is outdated")]
            )
        }
        switch backupBeforeRoll {
        case .notNeeded: return advance(record, to: .choose)
        case .stored(let uri):
            return advance(record, to: .choose, [.normal("BackupTaken", "before the roll: \(uri)")])
        case .failed(let text): return .refuse("BackupFailed", text)
        case .running(let text): return .wait(text)
        case .missing(let wanted): return .act(.create(wanted))
        }
    }

    // MARK: Before the end

    /// Two tries of ten minutes, and some time to begin.
    static let finalBackupLimit = Duration.seconds(1500)
    private static let finalBackupTry = 600

    /// The last backup of a cluster that is being deleted. It may fail and it may take too long; then
    /// the deletion goes on without it, and without touching the claims.
    var finalBackup: PriorBackup {
        guard hasHistory || latchedClusterID != nil else { return .notNeeded }
        let label = (Names.finalLabel, desired.uid)
        let wanted = backup(finalName, label, backupDestination ?? ownDestination) { spec in
            spec.timeoutSeconds = Self.finalBackupTry
            spec.backoffLimit = 1
        }
        let seen = standing(label, wanted)
        switch seen {
        case .notNeeded, .stored, .failed: return seen
        case .missing, .running: break
        }
        if desired.isHibernating { return .failed("the cluster hibernates: nobody can be asked") }
        if observation.outcome?.operationID == Self.deletionID,
            let failure = observation.outcome?.failure,
            failure.split(separator: " ").contains("terminated")
        {
            // The whole namespace goes.
            return .failed("nothing can be made here any more: \(failure)")
        }
        let since = KubeTime.parse(observation.cluster.deletionTimestamp ?? "")
        if let since, now - Instant(nanoseconds: since) > Self.finalBackupLimit {
            return .failed("no backup was stored in \(Self.finalBackupLimit.seconds / 60) minutes")
        }
        return seen
    }

    static let deletionID = "deletion"

    private var finalName: String {
        let mark = desired.uid.prefix(8).filter { $0.isASCII && ($0.isLetter || $0.isNumber) }
        return "\(desired.name)-final-\(mark.lowercased())"
    }

    /// A claim of its own, as large as a member's disk, if nothing says where backups go.
    private var ownDestination: BackupDestination {
        var volume = BackupDestination.Volume()
        if let size = Quantity(desired.storageSize) { volume.size = size }
        volume.storageClassName = desired.storageClassName ?? ""
        var destination = BackupDestination()
        destination.volume = volume
        return destination
    }
}
