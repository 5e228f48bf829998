// SPDX-License-Identifier: Apache-2.0
internal import Bytes

extension PodLife {
    /// The answer to one `.probe`. Late answers, of a run that is over, are passed by.
    mutating func probed(
        _ index: Int, _ kind: ProbeKind, _ isGood: Bool, _ text: String, _ now: Moment,
        _ effects: inout [Effect]
    ) {
        let slot = ContainerLife.index(kind)
        guard containers[index].isRunning, containers[index].probes[slot].isRunning,
            let plan = containers[index].plan(of: kind)
        else { return }
        var probe = containers[index].probes[slot]
        probe.isRunning = false
        probe.nextAt = now.instant + plan.period
        if isGood {
            probe.successes += 1
            probe.failures = 0
        } else {
            probe.failures += 1
            probe.successes = 0
            effects.append(
                .note(
                    isWarning: true, reason: "Unhealthy",
                    message: "\(PodLife.title(kind)) probe failed: \(text)", container: index))
        }
        containers[index].probes[slot] = probe
        judge(index, kind, probe, plan, now, &effects)
    }

    private mutating func judge(
        _ index: Int, _ kind: ProbeKind, _ probe: ContainerLife.ProbeState, _ plan: ProbePlan,
        _ now: Moment, _ effects: inout [Effect]
    ) {
        let isGood = probe.successes >= plan.successThreshold
        let isBad = probe.failures >= plan.failureThreshold
        switch kind {
        case .startup:
            if isGood {
                containers[index].isStarted = true
                if containers[index].plan.readiness == nil { containers[index].isReady = true }
            }
            if isBad { restart(index, "startup", now, &effects) }
        case .readiness:
            if isGood { containers[index].isReady = true }
            if isBad { containers[index].isReady = false }
        case .liveness:
            if isBad { restart(index, "liveness", now, &effects) }
        }
    }

    /// A probe has given the container up.
    private mutating func restart(
        _ index: Int, _ probe: String, _ now: Moment, _ effects: inout [Effect]
    ) {
        guard !containers[index].isStopping else { return }
        let name = containers[index].plan.name
        effects.append(
            .note(
                isWarning: false, reason: "Killing",
                message: "Container \(name) failed \(probe) probe, will be restarted",
                container: index))
        stop(index, &effects)
        containers[index].killAt = now.instant + plan.grace
    }

    private static func title(_ kind: ProbeKind) -> String {
        switch kind {
        case .startup: "Startup"
        case .liveness: "Liveness"
        case .readiness: "Readiness"
        }
    }
}
