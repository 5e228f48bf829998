// SPDX-License-Identifier: Apache-2.0
internal import Bytes

/// Decides when the leader compacts by itself, as etcd does.
///
/// Periodic with retention P: a revision is sampled every min(P, 1 h) / 10; once samples reach P
/// back, every min(P, 1 h) the store is compacted to the revision of P ago. By revisions: every five
/// minutes to the current revision less the retention.
struct AutoCompaction {
    private let rule: AutoCompactionRule
    private var samples: [(at: Instant, revision: Int64)] = []
    private var nextSample: Instant?
    private var nextCompaction: Instant?
    private var last: Int64 = 0

    static let revisionInterval = Duration.seconds(300)
    static let hour = Duration.seconds(3_600)

    init(rule: AutoCompactionRule) {
        self.rule = rule
    }

    /// The revision to compact to now, if it is time. Called at each tick; only a leader proposes,
    /// but every member samples, so a new leader need not start over.
    mutating func due(now: Instant, revision: Int64) -> Int64? {
        switch rule {
        case .off: nil
        case .revisions(let kept): dueByRevision(now, revision - kept)
        case .periodic(let retention): dueByTime(now, revision, retention)
        }
    }

    private mutating func dueByRevision(_ now: Instant, _ target: Int64) -> Int64? {
        guard let next = nextCompaction else {
            nextCompaction = now + Self.revisionInterval
            return nil
        }
        guard now >= next else { return nil }
        nextCompaction = now + Self.revisionInterval
        return target > 0 && target != last ? remember(target) : nil
    }

    private mutating func dueByTime(
        _ now: Instant, _ revision: Int64, _ retention: Duration
    ) -> Int64? {
        let period = min(retention, Self.hour)
        if now >= nextSample ?? now {
            samples.append((now, revision))
            nextSample = now + period / 10
        }
        guard let next = nextCompaction else {
            nextCompaction = now + retention
            return nil
        }
        guard now >= next else { return nil }
        nextCompaction = now + period
        var target: Int64 = 0
        while let first = samples.first, now - first.at >= retention {
            target = first.revision
            samples.removeFirst()
        }
        return target > 0 && target != last ? remember(target) : nil
    }

    private mutating func remember(_ target: Int64) -> Int64 {
        last = target
        return target
    }
}
