// SPDX-License-Identifier: Apache-2.0
package import Bytes

/// What a pod goes through, as the kubelet has it: init containers in turn, then all others, which
/// are restarted by policy with growing delays, watched by probes, and ended with grace.
///
///     Pending ──all inits done, one running──► Running ──all ended──► Succeeded | Failed
///        └── deletion: preStop, SIGTERM, after the grace SIGKILL ──► .gone, once
///
/// Whoever owns it carries the effects out and reports what came of them.
package struct PodLife: Equatable, Sendable {
    package enum Phase: String, Equatable, Sendable {
        case pending = "Pending"
        case running = "Running"
        case succeeded = "Succeeded"
        case failed = "Failed"
    }

    package enum Event: Equatable, Sendable {
        /// Address and volumes are there.
        case prepared
        /// They cannot be yet; tried again after `after`.
        case notPrepared(reason: String, message: String)
        case started(container: Int)
        case startRefused(container: Int, reason: String, message: String)
        case ended(container: Int, exitCode: Int32, signal: Int32, message: String)
        case probed(container: Int, ProbeKind, isGood: Bool, text: String)
        case preStopEnded(container: Int)
        /// The object is being deleted, or its grace was shortened.
        case deletionWanted(grace: Duration)
        case ticked
    }

    package enum Effect: Equatable, Sendable {
        /// Answered by `.prepared` or `.notPrepared`.
        case prepare
        /// Answered by `.started` or `.startRefused`.
        case start(container: Int)
        /// Answered by `.probed`.
        case probe(container: Int, ProbeKind)
        /// Answered by `.preStopEnded`.
        case runPreStop(container: Int)
        case terminate(container: Int)
        case kill(container: Int)
        /// Worth an event of the pod.
        case note(isWarning: Bool, reason: String, message: String, container: Int?)
        /// Deleted, and no process is left: the object may go.
        case gone
    }

    package struct Settings: Equatable, Sendable {
        /// Before the second restart; doubled with each one after it.
        package var restartDelay: Duration = .seconds(10)
        package var restartDelayMax: Duration = .seconds(300)
        /// A run this long makes up for the failures before it.
        package var forgivingRun: Duration = .seconds(600)
        package var prepareDelay: Duration = .seconds(1)

        package init() {}
    }

    package let plan: PodPlan
    package let settings: Settings
    /// Init containers come first.
    package internal(set) var containers: [ContainerLife]
    package internal(set) var phase = Phase.pending
    /// DeadlineExceeded and the like; empty otherwise.
    package internal(set) var reason = ""
    package internal(set) var message = ""
    package internal(set) var isPrepared = false
    package internal(set) var startedAt: Moment?
    package internal(set) var initializedAt: Int64?
    /// When readiness last changed.
    package internal(set) var readyChangedAt: Int64
    package internal(set) var isReady = false
    private var prepareAt: Instant?
    var isDeleting = false
    private var isGone = false
    /// The end of the grace of a deletion.
    private var killAt: Instant?
    private var waitsForPreStop: Set<Int> = []

    package init(plan: PodPlan, settings: Settings, now: Moment) {
        self.plan = plan
        self.settings = settings
        containers = (plan.initContainers + plan.containers).map { ContainerLife($0) }
        for index in plan.initContainers.indices {
            containers[index].state = .waiting(reason: "PodInitializing", message: "")
        }
        readyChangedAt = now.unixSeconds
    }

    package var initCount: Int { plan.initContainers.count }
    package var hasEnded: Bool { phase == .succeeded || phase == .failed }
    private var hasProcesses: Bool { containers.contains { $0.isAlive } }

    /// The next moment at which `.ticked` would do something.
    package var nextDeadline: Instant? {
        var deadline = [prepareAt, killAt, activeDeadlineAt].compactMap { $0 }.min()
        for container in containers {
            var moments = [container.restartAt, container.killAt].compactMap { $0 }
            if container.isRunning, !container.isStopping {
                for kind in ProbeKind.allCases {
                    let probe = container.probes[ContainerLife.index(kind)]
                    let isWanted = kind == .startup ? !container.isStarted : container.isStarted
                    if isWanted, !probe.isRunning, let at = probe.nextAt { moments.append(at) }
                }
            }
            if let first = moments.min() { deadline = min(deadline ?? first, first) }
        }
        return deadline
    }

    private var activeDeadlineAt: Instant? {
        guard let limit = plan.activeDeadline, let startedAt, !hasEnded, !isDeleting else {
            return nil
        }
        return startedAt.instant + limit
    }

    /// The first effect of a life, from its owner.
    package mutating func begin(now: Moment, effects: inout [Effect]) {
        startedAt = now
        effects.append(.prepare)
    }

    package mutating func receive(_ event: Event, now: Moment, effects: inout [Effect]) {
        if isGone { return }
        switch event {
        case .prepared:
            isPrepared = true
            prepareAt = nil
        case .notPrepared(let reason, let message):
            notPrepared(reason, message, now)
        case .started(let index): started(index, now, &effects)
        case .startRefused(let index, let reason, let message):
            startRefused(index, reason, message, now, &effects)
        case .ended(let index, let code, let signal, let message):
            ended(index, code, signal, message, now, &effects)
        case .probed(let index, let kind, let isGood, let text):
            probed(index, kind, isGood, text, now, &effects)
        case .preStopEnded(let index):
            if waitsForPreStop.remove(index) != nil, containers[index].isRunning {
                effects.append(.terminate(container: index))
            }
        case .deletionWanted(let grace): delete(grace, now, &effects)
        case .ticked: ticked(now, &effects)
        }
        advance(now, &effects)
    }

    // MARK: Forward

    private mutating func notPrepared(_ reason: String, _ message: String, _ now: Moment) {
        for index in containers.indices {
            containers[index].state = .waiting(reason: reason, message: message)
        }
        prepareAt = now.instant + settings.prepareDelay
    }

    /// Whatever is possible now, in order: the next init container, or all others.
    private mutating func advance(_ now: Moment, _ effects: inout [Effect]) {
        if isDeleting {
            if !hasProcesses, !isGone {
                isGone = true
                settlePhase()
                setReady(now)
                effects.append(.gone)
            }
            return
        }
        if isPrepared, !hasEnded { startDue(now, &effects) }
        settlePhase()
        setReady(now)
    }

    private mutating func startDue(_ now: Moment, _ effects: inout [Effect]) {
        for index in 0..<initCount {
            if containers[index].termination?.exitCode == 0, containers[index].restartAt == nil {
                continue
            }
            startIfDue(index, now, &effects)
            return
        }
        if initializedAt == nil {
            initializedAt = now.unixSeconds
            for index in initCount..<containers.count {
                containers[index].state = .waiting(reason: "ContainerCreating", message: "")
            }
        }
        for index in initCount..<containers.count { startIfDue(index, now, &effects) }
    }

    private mutating func startIfDue(_ index: Int, _ now: Moment, _ effects: inout [Effect]) {
        if containers[index].isAlive { return }
        if containers[index].termination != nil, containers[index].restartAt == nil { return }
        if let at = containers[index].restartAt, at > now.instant { return }
        if case .terminated(let termination) = containers[index].state {
            containers[index].last = termination
        }
        containers[index].restartAt = nil
        containers[index].state = .starting
        effects.append(.start(container: index))
    }

    private mutating func started(_ index: Int, _ now: Moment, _ effects: inout [Effect]) {
        guard case .starting = containers[index].state else { return }
        containers[index].begin(at: now)
        let name = containers[index].plan.name
        effects.append(
            .note(
                isWarning: false, reason: "Started", message: "Started container \(name)",
                container: index))
        // Its deletion was wished for while it started.
        if isDeleting { stop(index, &effects) }
    }

    private mutating func startRefused(
        _ index: Int, _ reason: String, _ message: String, _ now: Moment,
        _ effects: inout [Effect]
    ) {
        containers[index].state = .waiting(reason: reason, message: message)
        containers[index].restartAt = now.instant + delay(after: containers[index].shortRuns + 1)
        containers[index].shortRuns += 1
        effects.append(
            .note(isWarning: true, reason: "Failed", message: message, container: index))
    }

    // MARK: Ends

    private mutating func ended(
        _ index: Int, _ code: Int32, _ signal: Int32, _ message: String, _ now: Moment,
        _ effects: inout [Effect]
    ) {
        var began = now
        if case .running(let since) = containers[index].state { began = since }
        // As shells have it, and with them container runtimes.
        let exitCode = signal == 0 ? code : 128 + signal
        let termination = Termination(
            exitCode: exitCode, signal: signal, reason: exitCode == 0 ? "Completed" : "Error",
            message: message, startedAt: began.unixSeconds, finishedAt: now.unixSeconds)
        let wasStopping = containers[index].isStopping
        containers[index].end(termination)
        waitsForPreStop.remove(index)
        if isDeleting || hasEnded { return }
        let isInit = index < initCount
        let mayRestart =
            switch plan.restartPolicy {
            case .always: !isInit || exitCode != 0
            case .onFailure: exitCode != 0
            case .never: false
            }
        if isInit, exitCode != 0, !mayRestart {
            phase = .failed
            return
        }
        if mayRestart || (wasStopping && plan.restartPolicy != .never) {
            restartLater(index, ranFor: now.instant - began.instant, now, &effects)
        }
    }

    private mutating func restartLater(
        _ index: Int, ranFor: Duration, _ now: Moment, _ effects: inout [Effect]
    ) {
        let runs = ranFor >= settings.forgivingRun ? 0 : containers[index].shortRuns
        let wait = delay(after: runs)
        containers[index].shortRuns = runs + 1
        containers[index].restartCount += 1
        containers[index].restartAt = now.instant + wait
        guard wait > .zero else { return }
        let name = containers[index].plan.name
        if case .terminated(let termination) = containers[index].state {
            containers[index].last = termination
        }
        containers[index].state = .waiting(
            reason: "CrashLoopBackOff",
            message: "back-off \(wait.milliseconds / 1000)s restarting failed container=\(name)")
        effects.append(
            .note(
                isWarning: true, reason: "BackOff",
                message: "Back-off restarting failed container \(name)", container: index))
    }

    /// The first restart comes at once.
    private func delay(after shortRuns: Int) -> Duration {
        if shortRuns == 0 { return .zero }
        var wait = settings.restartDelay
        for _ in 1..<max(1, min(shortRuns, 32)) where wait < settings.restartDelayMax {
            wait = wait * 2
        }
        return min(wait, settings.restartDelayMax)
    }

    private mutating func settlePhase() {
        if hasEnded { return }
        let mains = containers[initCount...]
        if mains.allSatisfy({ $0.termination != nil && $0.restartAt == nil }), !mains.isEmpty {
            let isGood = mains.allSatisfy { $0.termination?.exitCode == 0 }
            phase = isGood && reason.isEmpty ? .succeeded : .failed
        } else if phase == .pending, mains.contains(where: { $0.isRunning }) {
            phase = .running
        }
    }

    private mutating func setReady(_ now: Moment) {
        let mains = containers[initCount...]
        let ready =
            phase == .running && !isDeleting && mains.allSatisfy { $0.isRunning && $0.isReady }
        if ready != isReady {
            isReady = ready
            readyChangedAt = now.unixSeconds
        }
    }

    // MARK: Deletion

    private mutating func delete(
        _ grace: Duration, _ now: Moment, _ effects: inout [Effect]
    ) {
        let end = now.instant + grace
        if isDeleting {
            killAt = killAt.map { min($0, end) }
        } else {
            isDeleting = true
            setReady(now)
            killAt = end
            prepareAt = nil
            for index in containers.indices {
                containers[index].restartAt = nil
                if containers[index].isRunning { stop(index, &effects) }
            }
        }
        killOverdue(now, &effects)
    }

    /// By the hook first, if there is one; SIGTERM follows when it has ended.
    mutating func stop(_ index: Int, _ effects: inout [Effect]) {
        if containers[index].isStopping { return }
        containers[index].isStopping = true
        effects.append(
            .note(
                isWarning: false, reason: "Killing",
                message: "Stopping container \(containers[index].plan.name)", container: index))
        if containers[index].plan.preStop != nil {
            waitsForPreStop.insert(index)
            effects.append(.runPreStop(container: index))
        } else {
            effects.append(.terminate(container: index))
        }
    }

    private mutating func killOverdue(_ now: Moment, _ effects: inout [Effect]) {
        if let at = killAt, at <= now.instant {
            // Asked again until it is gone: once is enough for the kernel, not for a lost race.
            killAt = now.instant + .seconds(1)
            for index in containers.indices where containers[index].isRunning {
                effects.append(.kill(container: index))
            }
        }
        for index in containers.indices {
            guard let at = containers[index].killAt, at <= now.instant else { continue }
            containers[index].killAt = now.instant + .seconds(1)
            if containers[index].isRunning { effects.append(.kill(container: index)) }
        }
    }

    // MARK: Time

    private mutating func ticked(_ now: Moment, _ effects: inout [Effect]) {
        if let at = prepareAt, at <= now.instant {
            prepareAt = nil
            effects.append(.prepare)
        }
        if let at = activeDeadlineAt, at <= now.instant { exceedDeadline(now, &effects) }
        killOverdue(now, &effects)
        for index in containers.indices {
            for kind in ProbeKind.allCases where containers[index].isDue(kind, now.instant) {
                containers[index].probes[ContainerLife.index(kind)].isRunning = true
                effects.append(.probe(container: index, kind))
            }
        }
    }

    private mutating func exceedDeadline(_ now: Moment, _ effects: inout [Effect]) {
        phase = .failed
        reason = "DeadlineExceeded"
        message = "Pod was active on the node longer than the specified deadline"
        for index in containers.indices {
            containers[index].restartAt = nil
            guard containers[index].isRunning else { continue }
            stop(index, &effects)
            containers[index].killAt = now.instant + plan.grace
        }
    }
}
