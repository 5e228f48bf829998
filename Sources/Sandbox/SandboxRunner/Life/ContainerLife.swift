// SPDX-License-Identifier: Apache-2.0
package import Bytes

/// When something happened: on the clock that never jumps, and as people tell the time.
package struct Moment: Equatable, Sendable {
    package var instant: Instant
    /// Seconds since 1970.
    package var unixSeconds: Int64

    package init(instant: Instant, unixSeconds: Int64) {
        self.instant = instant
        self.unixSeconds = unixSeconds
    }
}

/// How one run of a container ended.
package struct Termination: Equatable, Sendable {
    package var exitCode: Int32
    package var signal: Int32
    /// Completed, Error, OOMKilled and so on.
    package var reason: String
    package var message: String
    package var startedAt: Int64
    package var finishedAt: Int64
}

package enum ProbeKind: String, CaseIterable, Equatable, Sendable {
    case startup, liveness, readiness
}

/// One container of a pod: what it does now, what it did before, what its probes say.
package struct ContainerLife: Equatable, Sendable {
    package enum State: Equatable, Sendable {
        case waiting(reason: String, message: String)
        /// Told to start; the answer is to come.
        case starting
        case running(since: Moment)
        case terminated(Termination)
    }

    /// Counts of one probe since the container started.
    struct ProbeState: Equatable, Sendable {
        var successes = 0
        var failures = 0
        var nextAt: Instant?
        var isRunning = false
    }

    package let plan: ContainerPlan
    package internal(set) var state = State.waiting(reason: "ContainerCreating", message: "")
    /// The run before this one.
    package internal(set) var last: Termination?
    package internal(set) var restartCount = 0
    /// The startup probe has passed, or there is none.
    package internal(set) var isStarted = false
    package internal(set) var isReady = false
    /// Runs since one lasted long enough for its troubles to be forgotten.
    var shortRuns = 0
    /// When it is started again.
    var restartAt: Instant?
    /// It is being stopped: because the pod ends, or because a probe says so.
    var isStopping = false
    /// SIGKILL is due then.
    var killAt: Instant?
    var probes: [ProbeState] = [ProbeState](repeating: ProbeState(), count: 3)

    init(_ plan: ContainerPlan) {
        self.plan = plan
    }

    package var isRunning: Bool {
        if case .running = state { true } else { false }
    }

    /// A process is there, or is about to be.
    package var isAlive: Bool {
        switch state {
        case .running, .starting: true
        case .waiting, .terminated: false
        }
    }

    package var termination: Termination? {
        if case .terminated(let termination) = state { termination } else { nil }
    }

    func plan(of kind: ProbeKind) -> ProbePlan? {
        switch kind {
        case .startup: plan.startup
        case .liveness: plan.liveness
        case .readiness: plan.readiness
        }
    }

    static func index(_ kind: ProbeKind) -> Int {
        switch kind {
        case .startup: 0
        case .liveness: 1
        case .readiness: 2
        }
    }

    /// Probes begin from nothing with each run.
    mutating func begin(at moment: Moment) {
        state = .running(since: moment)
        isStarted = plan.startup == nil
        isReady = isStarted && plan.readiness == nil
        isStopping = false
        killAt = nil
        restartAt = nil
        for kind in ProbeKind.allCases {
            var probe = ProbeState()
            if let plan = plan(of: kind) { probe.nextAt = moment.instant + plan.initialDelay }
            probes[ContainerLife.index(kind)] = probe
        }
    }

    mutating func end(_ termination: Termination) {
        state = .terminated(termination)
        isReady = false
        isStarted = false
        killAt = nil
        for index in probes.indices { probes[index] = ProbeState() }
    }

    /// Liveness and readiness wait for the startup probe.
    func isDue(_ kind: ProbeKind, _ now: Instant) -> Bool {
        guard isRunning, plan(of: kind) != nil, kind == .startup ? !isStarted : isStarted else {
            return false
        }
        // Being stopped, only readiness still matters, and that is settled.
        if isStopping { return false }
        let probe = probes[ContainerLife.index(kind)]
        guard let nextAt = probe.nextAt else { return false }
        return !probe.isRunning && nextAt <= now
    }
}
