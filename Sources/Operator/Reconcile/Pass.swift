// SPDX-License-Identifier: Apache-2.0
internal import Bytes
internal import Formats
internal import Kube

/// What an operation wants to do in this pass.
enum Move {
    /// Change the world and stay at this step until the change is seen.
    case act(Step)
    /// What this step was for can be seen; the record that comes next, or another operation.
    case next(RecordedOperation, [ClusterEvent])
    case wait(String)
    /// A guard said no, and why: event reason and arithmetic.
    case refuse(String, String)
    case finish([ClusterEvent])
}

/// One look at one cluster.
struct Pass {
    let observation: Observation
    let now: Instant
    let desired: DesiredCluster
    let memory: ClusterMemory
    let membership: Membership?
    let survey: Survey
    let backups: BackupStanding

    /// What the status will say of the operation.
    var operation: RecordedOperation?
    var events: [ClusterEvent] = []
    var step: Step?
    var stepID = ""
    var requeue: Duration = .seconds(30)
    /// Reason and message of the condition Progressing; nil if nothing goes on.
    var progress: (isTrue: Bool, reason: String, message: String)?
    /// Why nothing at all may be done, as condition type and message.
    var halt: (condition: String, message: String)?
    var specProblem: String?
    /// Learned in this pass.
    var latchedClusterID: ClusterID?
    var latchedClusterUID: String
    var restoreGeneration: Int64
    var recreated: String?
    var keepsStatus = false
    /// What this pass saw the end of.
    var finished: RecordedOperation?

    init(_ observation: Observation, now: Instant) {
        self.observation = observation
        self.now = now
        desired = DesiredCluster(observation.cluster)
        memory = ClusterMemory(status: observation.cluster["status"])
        membership = observation.configMap.map { Membership($0) }
        survey = Survey(
            observation, desired: desired, memory: memory, tickets: membership, now: now)
        backups = BackupStanding(observation, now: now)
        operation = memory.operation
        latchedClusterID = membership?.clusterID ?? memory.clusterID
        let uid = membership?.clusterUID ?? ""
        latchedClusterUID = uid.isEmpty ? memory.clusterUID : uid
        restoreGeneration = max(membership?.restoreGeneration ?? 0, memory.restoreGeneration)
    }

    mutating func run() -> Plan {
        if observation.cluster.isBeingDeleted {
            planDeletion()
        } else {
            specProblem = SpecRules.problem(desired, memory: memory) ?? ruleProblem()
            halt = haltReason()
            decide()
        }
        return plan()
    }

    /// What a server that knows the rules of the schema would not have let in. A generation that was
    /// found good stays so: the rules are many, and passes are more.
    private func ruleProblem() -> String? {
        if let known = memory.condition("SpecValid"), known.isTrue,
            known.observedGeneration == desired.generation
        {
            return nil
        }
        var bare = observation.cluster
        bare["status"] = nil
        return SpecCheck.problems(of: bare).first.map { "\($0.field): \($0.message)" }
    }

    /// At most one thing, in the order of its weight.
    private mutating func decide() {
        guard halt == nil, !desired.isPaused else { return }
        if planFinalizer() { return }
        if planChildren() { return }
        requeue = min(requeue, certificatePause)
        if let record = operation, isWithoutGround(record) { operation = nil }
        if let record = operation, !dropForUrgency(record) {
            if !survey.isQuorate, renewIdlePod() { return }
            carry(out: record)
            return
        }
        guard !desired.isHibernating else { return }
        pick()
    }

    /// What has not begun, or is between two parts, gives way to a repair.
    private mutating func dropForUrgency(_ record: RecordedOperation) -> Bool {
        let isBetween =
            record.step == .backUp || record.step == .choose || record.step == .defragment
        // Whoever was removed already is added again by `ScaleOut`.
        let mayWait = isBetween || record.step == .clean || record.step == .addLearner
        let isAsleep = desired.isHibernating && isBetween
        guard isAsleep || (mayWait && hasUrgentTrigger(besides: record)) else { return false }
        operation = nil
        requeue = .zero
        return true
    }

    // MARK: The recorded operation

    mutating func carry(out record: RecordedOperation) {
        switch move(record) {
        case .act(let step): act(step, record)
        case .next(let next, let news):
            operation = next
            events += news
            progress = (true, next.type.rawValue, describe(next))
            requeue = .zero
        case .wait(let reason):
            progress = (true, record.type.rawValue, "\(describe(record)): \(reason)")
            requeue = .seconds(2)
            checkDeadline(record, reason)
        case .refuse(let reason, let text):
            progress = (false, reason, "\(describe(record)): \(text)")
            announce(reason, text)
            requeue = .seconds(5)
            // Nothing was done yet, so that something more urgent may have its turn.
            if record.isRevocable { operation = nil }
        case .finish(let news):
            operation = nil
            if !news.contains(where: { $0.reason == "OperationAborted" }) { finished = record }
            events += news
            requeue = .zero
            if record.type == .retire, !record.cause.isEmpty {
                progress = (false, "LearnerRetired", "\(record.target): \(record.cause)")
            }
        }
    }

    private mutating func act(_ step: Step, _ record: RecordedOperation) {
        var record = record
        if let outcome = observation.outcome, outcome.operationID == record.id {
            record.lastError = outcome.failure ?? ""
        }
        let pause = Backoff.pause(after: record.attempts)
        if let last = record.attemptedAt, now - last < pause {
            operation = record
            progress = (true, record.type.rawValue, describe(record))
            requeue = min(pause, .seconds(2))
            checkDeadline(record, record.lastError)
            return
        }
        record.attempts += 1
        record.attemptedAt = now
        operation = record
        self.step = step
        stepID = record.id
        progress = (true, record.type.rawValue, describe(record))
        requeue = .seconds(1)
        checkDeadline(record, record.lastError)
    }

    private mutating func checkDeadline(_ record: RecordedOperation, _ reason: String) {
        guard now - record.stepStartedAt > desired.progressDeadline else { return }
        let text = reason.isEmpty ? describe(record) : "\(describe(record)): \(reason)"
        let kind = record.type == .roll ? "RolloutStalled" : "OperationStalled"
        let wasStalled = memory.condition("Progressing").map { $0.reason == kind } ?? false
        progress = (false, kind, text)
        if !wasStalled { events.append(.warning(kind, text)) }
    }

    func describe(_ record: RecordedOperation) -> String {
        let target = record.target.isEmpty ? "" : " \(record.target)"
        return "\(record.type.rawValue)\(target) at \(record.step.rawValue)"
    }

    /// A refusal is told once, and again when its arithmetic changes.
    mutating func announce(_ reason: String, _ text: String) {
        let old = memory.condition("Progressing")
        guard old?.reason != reason || old?.message.hasSuffix(text) != true else { return }
        events.append(.warning(reason, text))
    }

    // MARK: What comes out

    private mutating func plan() -> Plan {
        var plan = Plan(
            events: events, step: step, operationID: stepID, requeueAfter: requeue)
        plan.finished = finished
        guard !keepsStatus else { return plan }
        let status = StatusReport(self).json()
        if !StatusReport.isSame(status, observation.cluster["status"]) {
            plan.status = status
            plan.events += StatusReport.news(from: memory, to: ClusterMemory(status: status))
        }
        // The order of the room: a step whose operation is not recorded does not exist.
        if plan.step != nil, operation != memory.operation {
            invariant(plan.status != nil, "a step of \(stepID) without its record")
        }
        return plan
    }
}

/// How long a step that has acted waits before it acts again.
enum Backoff {
    static let longest = Duration.seconds(30)

    static func pause(after attempts: Int) -> Duration {
        guard attempts > 0 else { return .zero }
        return min(.seconds(1 << min(attempts, 5)), longest)
    }
}
