// SPDX-License-Identifier: Apache-2.0
internal import Bytes
internal import Formats
internal import Kube
internal import Posix
internal import Program
internal import Reconcile

/// One worker: takes a cluster, looks, decides, has it done.
struct ControllerLoop {
    /// How soon to look again when the cache is older than our own writes.
    static let behindPause: Duration = .milliseconds(50)

    let store: ClusterStore
    let observer: Observer
    let executor: Executor
    let metrics: OperatorMetrics
    let resync: Duration
    let log: Logger

    func run() {
        while let key = store.takeWork() {
            pass(key)
            store.done(key)
        }
    }

    private func pass(_ key: ClusterKey) {
        if store.isBehind(key) { return store.later(key, Self.behindPause) }
        guard let view = store.view(key) else {
            store.note(nil, for: key)
            return metrics.forget(key)
        }
        if key.kind == .etcdCluster {
            passCluster(view, key)
        } else {
            passBackup(view, key)
        }
    }

    private func passCluster(_ view: ClusterView, _ key: ClusterKey) {
        let begun = MonotonicClock.now
        let now = Instant(nanoseconds: WallClock.nanoseconds)
        let seen = observer.observe(view)
        var plan = Reconciler.plan(seen, now: now)
        if plan.status == nil, plan.step == nil {
            // A cluster with nothing to do has its schedules looked after.
            let schedules = BackupReconciler.plan(observer.observeBackups(view), now: now)
            if schedules.step != nil { plan = schedules }
        }
        let ending = executor.carry(out: plan, of: seen, view, key)
        metrics.note(key, seen, plan, took: MonotonicClock.now - begun, ending, now: now)
        settle(key, plan, ending)
    }

    private func passBackup(_ view: ClusterView, _ key: ClusterKey) {
        let plan = BackupReconciler.plan(
            observer.observeBackups(view), now: Instant(nanoseconds: WallClock.nanoseconds))
        let ending = executor.carry(out: plan, of: Observation(cluster: view.cluster), view, key)
        if ending == .done { metrics.noteBackup(view.cluster, plan) }
        settle(key, plan, ending)
    }

    private func settle(_ key: ClusterKey, _ plan: Plan, _ ending: Executor.Ending) {
        switch ending {
        case .done: store.later(key, min(plan.requeueAfter, resync))
        case .stale(let reason):
            log.debug("pass dropped", ["cluster": .string("\(key)"), "reason": .string(reason)])
            store.later(key, .milliseconds(500))
        case .failed(let reason):
            let wait = store.retry(key)
            log.warn(
                "pass failed",
                [
                    "cluster": .string("\(key)"), "reason": .string(reason),
                    "retry": .string("\(wait)"),
                ])
        }
    }
}
