// SPDX-License-Identifier: Apache-2.0
internal import Bytes
internal import Controllers
internal import Kube
internal import Reconcile

/// One operator process: all that a kill empties.
final class OperatorProcess {
    /// Another one after each start, as a pod's name is.
    let name: String
    var watches: [SimWatch]
    var writes = OwnWrites()
    var outcome: StepOutcome?
    var backoff = Backoff(first: .milliseconds(200), longest: .seconds(60))
    var resumeAt: Instant
    /// Nothing of it runs before: no pass, no watch, no renewal of its lease.
    var frozenUntil: Instant
    var freezesBeforeStep = false
    /// Something was told that has not been looked at.
    var hasNews = true
    /// Nil where nobody else could lead.
    var election: LeaderElection?
    /// A plan whose next request waits to be sent.
    var inHand: Hand?
    /// Passes in a row that wanted the next one at once and changed nothing.
    var idleHurries = 0

    struct Hand {
        enum Stage { case status, step }

        var plan: Plan
        var view: Observation
        var stage: Stage
        var until: Instant
    }

    init(name: String, hasRivals: Bool, startsAt start: Instant, now: Instant, seed: UInt64) {
        self.name = name
        watches = SimWatch.kinds.enumerated().map { index, kind in
            SimWatch(kind, now: now, seed: seed &+ UInt64(index))
        }
        resumeAt = start
        frozenUntil = start
        if hasRivals {
            election = LeaderElection(
                namespace: "ns", name: "keelson-operator", identity: name, now: now, seed: seed)
        }
    }

    func cache(_ kind: ResourceKind) -> ObjectCache? {
        watches.first { $0.machine.kind == kind }?.machine.cache
    }

    func list(_ kind: ResourceKind) -> [KubeObject] { cache(kind)?.list() ?? [] }

    func get(_ key: ObjectKey) -> KubeObject? { cache(key.kind)?[key] }

    var isSynced: Bool { watches.allSatisfy(\.machine.isSynced) }

    /// Whether it wrote something that has not come back yet.
    func isBehind(_ namespace: String) -> Bool {
        guard writes.count > 0 else { return false }
        return watches.contains { writes.isAhead(of: $0.machine.cache, namespace: namespace) }
    }
}

/// A cache, the real one, and the stream that feeds it.
struct SimWatch {
    static let kinds = SmallAPI.kinds.filter { $0 != .lease }

    var machine: ListWatch
    /// How far its stream has come in the history; nil while there is none.
    var place: Int?
    /// Nothing arrives before.
    var lateUntil: Instant
    /// What happens before may never be told.
    var deafUntil: Instant
    /// When the version that it has is to expire, so that it lists again.
    var expiresAt: Instant?

    init(_ kind: ResourceKind, now: Instant, seed: UInt64) {
        machine = ListWatch(kind, namespace: "ns", seed: seed)
        lateUntil = now
        deafUntil = now
    }
}
