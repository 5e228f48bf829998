// SPDX-License-Identifier: Apache-2.0
internal import Bytes

/// No more requests per second on the long run than given, but some at once.
struct RequestRate {
    private let interval: Duration
    private let burst: Int
    /// When the account would be full again.
    private var fullAt: Instant?

    init(perSecond: Int, burst: Int) {
        invariant(perSecond > 0 && burst > 0, "\(perSecond) requests a second, \(burst) at once")
        interval = .seconds(1) / perSecond
        self.burst = burst
    }

    /// When the next request may begin; it counts as begun then.
    mutating func next(now: Instant) -> Instant {
        let base = max(fullAt ?? now, now)
        let debt = base - now
        let credit = interval * (burst - 1)
        fullAt = base + interval
        return debt <= credit ? now : now + (debt - credit)
    }
}
