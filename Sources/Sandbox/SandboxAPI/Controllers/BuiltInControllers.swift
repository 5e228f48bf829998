// SPDX-License-Identifier: Apache-2.0

// What a cluster's control plane does by itself, in the sandbox: the controller manager and the
// scheduler as pure functions of the objects. All talk to the API only through `ObjectAccess`.
//
//   Deployments ─► ReplicaSets ─┐                      Volumes       claims get volumes
//   StatefulSets ───────────────┼─► pods ─► Scheduler  Endpoints     services get addresses
//   CronJobs ─► Jobs ───────────┘           Nodes      Disruptions   budgets get their numbers
//
// A pass looks at everything and writes what differs; writes that change nothing are no writes, so
// the passes come to rest. Time enters by `ObjectAccess.now` alone, and nothing is kept between
// passes that the objects do not say, except when a waiting ends.
//
// Never here: garbage by owner, namespaces, protection of claims in use, default service accounts.
// The API does these. Pods become processes elsewhere.

package struct BuiltInControllers: Sendable {
    package struct Settings: Equatable, Sendable {
        /// Before the pod of a job that failed is followed by the next; doubled each time.
        package var jobDelay: Duration = .seconds(10)
        package var jobDelayMax: Duration = .seconds(360)
        /// Of pods that do not say how long they tolerate an unreachable node.
        package var tolerance: Duration = .seconds(300)
        /// Passes in one `reconcile`; more would mean that two controllers disagree.
        package var passesMax = 50

        package init() {}
    }

    package let settings: Settings

    package init(settings: Settings = Settings()) {
        self.settings = settings
    }

    /// Passes until nothing changes any more. Returns whether anything did.
    ///
    /// The passes that did not come to rest are told by `isUnsettled`; the next call goes on.
    @discardableResult
    package mutating func reconcile(_ api: inout some ObjectAccess) -> Bool {
        var hasChanged = false
        isUnsettled = false
        for _ in 0..<settings.passesMax {
            var notes = Changes()
            pass(&api, &notes)
            if notes.count == 0 { return hasChanged }
            hasChanged = true
        }
        isUnsettled = true
        return hasChanged
    }

    /// The last `reconcile` ended by its bound.
    package private(set) var isUnsettled = false

    private func pass(_ api: inout some ObjectAccess, _ changes: inout Changes) {
        CronJobs.reconcile(&api, &changes)
        Jobs.reconcile(&api, settings, &changes)
        Deployments.reconcile(&api, &changes)
        ReplicaSets.reconcile(&api, &changes)
        StatefulSets.reconcile(&api, &changes)
        Volumes.reconcile(&api, &changes)
        Nodes.reconcile(&api, settings, &changes)
        Scheduler.reconcile(&api, &changes)
        Endpoints.reconcile(&api, &changes)
        Disruptions.reconcile(&api, &changes)
    }
}

/// How many writes of a pass had an effect.
struct Changes: Sendable {
    var count = 0
}
