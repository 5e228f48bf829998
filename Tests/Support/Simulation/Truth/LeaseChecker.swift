// SPDX-License-Identifier: Apache-2.0
package import Bytes

/// A lease must not end before its time, counted from when its holder asked for the last renewal
/// that was granted, and must end soon after it.
package struct LeaseChecker: Sendable {
    private struct Life: Sendable {
        var ttl: Int64
        /// When the last renewal (or the grant) that the holder knows of was asked for.
        var renewedAt: Instant
        /// The latest moment at which some renewal may have reached the leader.
        var lastAsked: Instant
        var mayBeRevoked = false
    }

    private var lives = SortedMap<Int64, Life>()
    private var askedBefore = SortedMap<Int64, Instant>()

    /// Clocks may differ that much, in percent.
    private static let driftPercent = 7

    package init() {}

    package mutating func grantAsked(_ id: Int64, at now: Instant) { askedBefore[id] = now }

    package mutating func granted(_ id: Int64, ttl: Int64, at now: Instant) {
        let asked = askedBefore[id] ?? now
        lives[id] = Life(ttl: ttl, renewedAt: asked, lastAsked: now)
    }

    package mutating func renewalAsked(_ id: Int64, at now: Instant) {
        _ = lives.update(id) { $0.lastAsked = max($0.lastAsked, now) }
    }

    /// `asked` is when the holder sent the request whose answer now says that the lease lives.
    package mutating func renewed(_ id: Int64, asked: Instant) {
        _ = lives.update(id) { $0.renewedAt = max($0.renewedAt, asked) }
    }

    package mutating func revocationAsked(_ id: Int64) {
        _ = lives.update(id) { $0.mayBeRevoked = true }
    }

    /// Time has jumped: what was asked for shortly before may be granted only now.
    package mutating func jumped(at now: Instant, by duration: Duration) {
        for id in lives.keys {
            _ = lives.update(id) { life in
                if now - life.lastAsked < .seconds(10) { life.lastAsked = now + duration }
            }
        }
    }

    /// Seconds that the lease was granted for; nil when there is none.
    package func timeToLive(of id: Int64) -> Int64? { lives[id]?.ttl }

    /// The time within which each lease must have ended if nobody asks for more.
    package var longest: Duration {
        .seconds(lives.values.map(\.ttl).max() ?? 0) * (100 + Self.driftPercent) / 100
    }

    /// Its revocation was committed. Nil, or why that was too early.
    package mutating func ended(_ id: Int64, at now: Instant) -> String? {
        guard let life = lives[id] else { return nil }
        lives[id] = nil
        if life.mayBeRevoked { return nil }
        let least = Duration.seconds(life.ttl) * (100 - Self.driftPercent) / 100
        let lived = now - life.renewedAt
        if lived >= least { return nil }
        return "lease \(id) of \(life.ttl) s ended \(lived) after its last renewal was asked for"
    }

    /// A lease that should be gone by now: `patience` is for elections and the way through the log.
    /// A leader gives all leases their time again when it is `elected`.
    package func overdue(
        at now: Instant, since elected: Instant, patience: Duration
    ) -> String? {
        for (id, life) in lives {
            let limit = Duration.seconds(life.ttl) * (100 + Self.driftPercent) / 100 + patience
            if now - max(life.lastAsked, elected) > limit {
                return "lease \(id) of \(life.ttl) s is still there after \(now - life.lastAsked)"
            }
        }
        return nil
    }

    package var isEmpty: Bool { lives.isEmpty }
}
