// SPDX-License-Identifier: Apache-2.0
internal import Bytes
internal import Controllers
internal import Formats
internal import Kube
internal import Reconcile

// Carries a plan out as the shell does: status first, then the step; and dies in between.
extension World {
    /// How one write ended, for the operator.
    enum Ending {
        case done(KubeObject?)
        /// 409: it was decided on an old view.
        case stale
        case failed(String)
        case killed
    }

    /// `isLate`: the request was decided on, and checked, some time ago.
    func carry(
        out plan: Plan, _ view: Observation, _ process: OperatorProcess,
        from stage: OperatorProcess.Hand.Stage, isLate: Bool
    ) -> Duration? {
        if stage == .status {
            process.outcome = nil
            switch writeStatus(plan, view, process, isLate: isLate) {
            case .goesOn: break
            case .waits(let pause): return pause
            case .stops: return nil
            }
            for event in plan.events {
                events.append(event)
                count("event \(event.reason)")
                note("event \(event.reason) \(event.message)")
            }
        }
        // The members were asked too long ago.
        if isLate, stage == .status { return .zero }
        guard let step = plan.step else {
            process.backoff.reset()
            return plan.requeueAfter
        }
        let isHeld = isLate && stage == .step
        guard isHeld || mayWrite(process) else { return .milliseconds(500) }
        if !isHeld, holds(plan, view, process, .step) { return nil }
        return take(step, plan, view, process, isHeld: isHeld)
    }

    private enum Written {
        case goesOn
        case waits(Duration)
        /// The operator is dead, or holds the request.
        case stops
    }

    private func writeStatus(
        _ plan: Plan, _ view: Observation, _ process: OperatorProcess, isLate: Bool
    ) -> Written {
        guard let status = plan.status, knobs.plant != .actsFirst || plan.step == nil else {
            return .goesOn
        }
        if !isLate {
            guard mayWrite(process) else { return .waits(.milliseconds(500)) }
            if holds(plan, view, process, .status) { return .stops }
        }
        note("status \(Self.difference(view.cluster["status"], status))")
        let version = view.cluster.resourceVersion
        let ending = write(process) { $0.updateStatus(clusterKey, version: version, status) }
        if let record = api.get(clusterKey)?["status", "operation"] {
            watchdog.recorded.insert(Watchdog.key(record))
        }
        switch ending {
        case .done(let written):
            remember(written, .etcdCluster, process)
            return .goesOn
        case .stale: return .waits(.milliseconds(500))
        case .failed: return .waits(process.backoff.next(&random))
        case .killed:
            kill(process)
            return .stops
        }
    }

    /// Whether the request is sent only later, as it stands now.
    private func holds(
        _ plan: Plan, _ view: Observation, _ process: OperatorProcess,
        _ stage: OperatorProcess.Hand.Stage
    ) -> Bool {
        let freezes = stage == .step && process.freezesBeforeStep
        guard freezes || chance(knobs.holdPercent) else { return false }
        let pause = Duration.seconds(Int64(1 + random.below(freezes ? 60 : 20)))
        process.freezesBeforeStep = false
        if freezes || chance(30) { process.frozenUntil = now + pause }
        process.inHand = OperatorProcess.Hand(
            plan: plan, view: view, stage: stage, until: now + pause)
        count(stage == .step ? "steps held" : "statuses held")
        note("\(process.name) holds its next request for \(pause)")
        return true
    }

    private func take(
        _ step: Step, _ plan: Plan, _ view: Observation, _ process: OperatorProcess, isHeld: Bool
    ) -> Duration? {
        note("step \(plan.operationID): \(Self.words(step))")
        judgeIntent(step, plan, view, isHeld: isHeld)
        guard failure == nil else { return plan.requeueAfter }
        let ending = write(process) { api in
            let answer = self.send(step, &api)
            // Only what is taken can do harm; the world's own API is still as it was before.
            if answer.isDone { self.judgeDone(step, view, isHeld: isHeld) }
            return answer
        }
        if case .killed = ending {
            kill(process)
            return nil
        }
        let id = plan.operationID
        switch ending {
        case .done(let written):
            if let kind = Self.kind(of: step) { remember(written, kind, process) }
            process.outcome = StepOutcome(operationID: id, failure: nil)
            process.backoff.reset()
        case .stale: return .milliseconds(500)
        case .failed(let reason):
            process.outcome = StepOutcome(operationID: id, failure: reason)
            return process.backoff.next(&random)
        case .killed: break
        }
        return plan.requeueAfter
    }

    private static func kind(of step: Step) -> ResourceKind? {
        switch step {
        case .create(let object), .apply(let object), .createToken(let object):
            SmallAPI.kinds.first { $0.kind == object.kind }
        case .issueCertificates: .secret
        case .patch(let key, _): key.kind
        case .delete, .sendTicket, .etcd: nil
        }
    }

    private func remember(
        _ written: KubeObject?, _ kind: ResourceKind, _ process: OperatorProcess
    ) {
        guard let written else { return }
        process.writes.wrote(written.key(as: kind), version: written.resourceVersion)
    }

    /// One write, with everything that may happen to it.
    private func write(
        _ process: OperatorProcess, _ body: (inout SmallAPI) -> APIAnswer
    ) -> Ending {
        writeCount += 1
        if chance(knobs.conflictPercent) { return .stale }
        if refusal() != nil { return .failed("it was refused") }
        if chance(knobs.killPercent) {
            // Before, or after and unnoticed.
            if chance(50) { _ = commit(body) }
            return .killed
        }
        let answer = commit(body)
        if knobs.killAfterWrite == writeCount { return .killed }
        if chance(knobs.lostReplyPercent) { return .failed("no answer") }
        switch answer {
        case .done(let object): return .done(object)
        case .exists: return .done(nil)
        case .conflict: return .stale
        case .missing: return .failed("there is no such thing")
        }
    }

    private func commit(_ body: (inout SmallAPI) -> APIAnswer) -> APIAnswer {
        var copy = api
        let answer = body(&copy)
        api = copy
        return answer
    }

    private func send(_ step: Step, _ api: inout SmallAPI) -> APIAnswer {
        switch step {
        case .create(let object): return api.create(object, now: now)
        case .apply(let object): return api.apply(object, now: now)
        case .patch(let key, let patch): return api.patch(key, patch)
        case .delete(let key, let uid, let options):
            if options.orphansDependents { isOrphaned = true }
            return api.delete(
                key, uid: uid, grace: options.gracePeriodSeconds,
                orphan: options.orphansDependents, now: now)
        case .createToken(let secret):
            var secret = secret
            secret["data", "token"] = "c2VjcmV0"
            return api.create(secret, now: now)
        case .issueCertificates(let order):
            var secret = order.secret
            secret["data"] = ["tls.crt": "Yw==", "tls.key": "aw==", "ca.crt": "Yw=="]
            return api.apply(secret, now: now)
        case .sendTicket(let pod, let podUID, let ticket):
            guard var process = etcd.processes[pod], process.podUID == podUID,
                etcd.isUp(process), !process.isHidden, let ticket = Ticket(ticket)
            else { return .missing }
            process.ticket = ticket
            etcd.processes[pod] = process
            return .done(nil)
        case .etcd(let call, let asking):
            for pod in asking.pods where etcd.processes[pod].map({ etcd.isUp($0) }) ?? false {
                return etcd.call(call, pod: pod) ? .done(nil) : .missing
            }
            return .missing
        }
    }
}
