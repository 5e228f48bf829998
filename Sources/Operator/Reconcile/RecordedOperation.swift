// SPDX-License-Identifier: Apache-2.0
package import Bytes
package import Formats
internal import Kube

/// What the operator does to a cluster beyond keeping its child objects in shape.
package enum OperationType: String, Sendable, CaseIterable {
    case bootstrap = "Bootstrap"
    case restore = "Restore"
    case adopt = "Adopt"
    case quorumRecovery = "QuorumRecovery"
    case replace = "Replace"
    case reclaim = "Reclaim"
    case recreate = "Recreate"
    case retire = "Retire"
    case promote = "Promote"
    case roll = "Roll"
    case resize = "Resize"
    case scaleOut = "ScaleOut"
    case scaleIn = "ScaleIn"
    case defrag = "Defrag"
    case moveLeader = "MoveLeader"
}

/// The steps of all operations. Each looks at the world, acts until the world shows its effect,
/// and then hands over to the next; so each may begin anywhere and be repeated.
package enum OperationStep: String, Sendable, CaseIterable {
    // Bootstrap, Restore, Adopt.
    case checkArtefact = "CheckArtefact"
    case awaitSeed = "AwaitSeed"
    case permit = "Permit"
    case startSeed = "StartSeed"
    case latch = "Latch"
    case compareSeed = "CompareSeed"
    case adoptClaims = "AdoptClaims"
    // A member leaves.
    case handOver = "HandOver"
    case remove = "Remove"
    case dropTicket = "DropTicket"
    case shrink = "Shrink"
    case deleteClaim = "DeleteClaim"
    // A member comes.
    case clean = "Clean"
    case addLearner = "AddLearner"
    case join = "Join"
    case start = "Start"
    case burn = "Burn"
    case promote = "Promote"
    case settle = "Settle"
    // A pod goes and comes back.
    case backUp = "BackUp"
    case choose = "Choose"
    case deletePod = "DeletePod"
    case awaitPod = "AwaitPod"
    // Storage.
    case compact = "Compact"
    case defragment = "Defragment"
    case disarm = "Disarm"
    case growClaims = "GrowClaims"
    case awaitClaims = "AwaitClaims"
    case renewStatefulSet = "RenewStatefulSet"
    // Quorum recovery.
    case chooseSurvivor = "ChooseSurvivor"
    case holdOthers = "HoldOthers"
    case force = "Force"
    case awaitSurvivor = "AwaitSurvivor"
    case dropOthers = "DropOthers"
}

/// `status.operation`: the intent that is durable before its effect.
package struct RecordedOperation: Equatable, Sendable {
    package var type: OperationType
    package var id: String
    /// A pod's name; empty if the operation is about the whole cluster.
    package var target: String
    package var step: OperationStep
    package var startedAt: Instant
    package var stepStartedAt: Instant
    /// How often this step has acted, and when it did so last.
    package var attempts: Int
    package var attemptedAt: Instant?
    package var lastError: String
    /// Why: `DiskLost`, a pod revision, `TLS` …
    package var cause: String
    /// The member that goes, and later the one that comes.
    package var memberID: MemberID?
    /// The objects that were there when the step was decided, and must be gone or new after it.
    package var podUID: String
    package var claimUID: String
    package var survivor: String
    /// Names of members that are done, in order.
    package var done: [String]
    /// Of a restore: keys in the artefact, and the revision at which the first member must have them.
    package var expectedKeys: Int64?
    package var expectedRevision: Int64?

    package init(
        _ type: OperationType, target: String = "", step: OperationStep, now: Instant,
        cause: String = "", memberID: MemberID? = nil, podUID: String = "", claimUID: String = ""
    ) {
        self.type = type
        self.target = target
        self.step = step
        self.cause = cause
        self.memberID = memberID
        self.podUID = podUID
        self.claimUID = claimUID
        let second = now.nanoseconds / 1_000_000_000
        id = "\(type.rawValue.lowercased())-\(target.isEmpty ? "" : "\(target)-")\(second)"
        startedAt = Instant(nanoseconds: second * 1_000_000_000)
        stepStartedAt = startedAt
        attempts = 0
        lastError = ""
        survivor = ""
        done = []
    }

    /// At these steps the world is as if the operation had never begun, or between two of its
    /// parts: it may be given up, and its trigger will begin it again.
    package var isRevocable: Bool {
        switch step {
        case .handOver, .remove, .backUp, .choose, .defragment: true
        // Refused only while the pod is still the one that was to go.
        case .deletePod: true
        case .addLearner: type == .scaleOut
        case .checkArtefact, .awaitSeed, .permit, .startSeed, .latch, .compareSeed, .adoptClaims,
            .dropTicket, .shrink, .deleteClaim, .clean, .join, .start, .burn, .promote, .settle,
            .awaitPod, .compact, .disarm, .growClaims, .awaitClaims, .renewStatefulSet,
            .chooseSurvivor, .holdOthers, .force, .awaitSurvivor, .dropOthers:
            false
        }
    }

    /// The next step begins now.
    package func advanced(to step: OperationStep, now: Instant) -> RecordedOperation {
        var next = self
        next.step = step
        next.stepStartedAt = now
        next.attempts = 0
        next.attemptedAt = nil
        next.lastError = ""
        return next
    }
}

extension RecordedOperation {
    /// Nil if the text is not one of ours; the caller then has no recorded operation.
    package static func read(_ json: JSONValue?) -> RecordedOperation? {
        guard let json, let type = OperationType(rawValue: json["type"]?.string ?? ""),
            let step = OperationStep(rawValue: json["step"]?.string ?? "")
        else { return nil }
        let started = time(json["startedAt"]) ?? Instant(nanoseconds: 0)
        var record = RecordedOperation(type, step: step, now: started)
        record.id = json["id"]?.string ?? ""
        record.target = json["target"]?.string ?? ""
        record.stepStartedAt = time(json["stepStartedAt"]) ?? started
        record.attempts = Int(truncatingIfNeeded: json["attempts"]?.int64 ?? 0)
        record.attemptedAt = time(json["attemptedAt"])
        record.lastError = json["lastError"]?.string ?? ""
        record.cause = json["reason"]?.string ?? ""
        record.memberID = Hexadecimal.memberID(json["memberID"]?.string)
        record.podUID = json["podUID"]?.string ?? ""
        record.claimUID = json["pvcUID"]?.string ?? ""
        record.survivor = json["survivor"]?.string ?? ""
        record.expectedKeys = json["expectedKeys"]?.int64
        record.expectedRevision = json["expectedRevision"]?.int64
        record.done = (json["done"]?.array ?? []).compactMap(\.string)
        return record
    }

    package var json: JSONValue {
        var members: [(String, JSONValue)] = [
            ("type", .string(type.rawValue)), ("id", .string(id)),
            ("step", .string(step.rawValue)),
            ("startedAt", .string(KubeTime.seconds(startedAt.nanoseconds))),
            ("stepStartedAt", .string(KubeTime.seconds(stepStartedAt.nanoseconds))),
            ("attempts", .integer(Int64(attempts))),
        ]
        if let attemptedAt {
            members.append(("attemptedAt", .string(KubeTime.seconds(attemptedAt.nanoseconds))))
        }
        let texts = [
            ("target", target), ("lastError", lastError), ("reason", cause),
            ("memberID", memberID.map(\.description) ?? ""), ("podUID", podUID),
            ("pvcUID", claimUID), ("survivor", survivor),
        ]
        for (key, text) in texts where !text.isEmpty { members.append((key, .string(text))) }
        let numbers = [("expectedKeys", expectedKeys), ("expectedRevision", expectedRevision)]
        for case (let key, let number?) in numbers { members.append((key, .integer(number))) }
        if !done.isEmpty { members.append(("done", .array(done.map(JSONValue.string)))) }
        return .object(members)
    }

    private static func time(_ json: JSONValue?) -> Instant? {
        json?.string.flatMap { KubeTime.parse($0) }.map { Instant(nanoseconds: $0) }
    }
}

/// IDs as etcd prints them.
package enum Hexadecimal {
    package static func memberID(_ text: String?) -> MemberID? {
        number(text).map { MemberID($0) }
    }

    package static func clusterID(_ text: String?) -> ClusterID? {
        number(text).map { ClusterID($0) }
    }

    private static func number(_ text: String?) -> UInt64? {
        guard let text, !text.isEmpty, let value = UInt64(text, radix: 16), value != 0 else {
            return nil
        }
        return value
    }
}
