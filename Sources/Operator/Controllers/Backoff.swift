// SPDX-License-Identifier: Apache-2.0
package import Bytes

/// Waits that double up to a bound, each with up to a fifth more by chance, so that many who failed
/// together do not come back together.
package struct Backoff: Equatable, Sendable {
    package var first: Duration
    package var longest: Duration
    package private(set) var failureCount = 0

    package init(first: Duration, longest: Duration) {
        invariant(first > .zero && longest >= first, "a back-off from \(first) to \(longest)")
        self.first = first
        self.longest = longest
    }

    package mutating func next(_ random: inout Random) -> Duration {
        let wait = bare
        failureCount += 1
        return min(longest, wait + wait / 1000 * random.below(200))
    }

    package mutating func reset() { failureCount = 0 }

    private var bare: Duration {
        var wait = first
        // Bounded by the doubling itself: 64 doublings of a nanosecond are centuries.
        for _ in 0..<min(failureCount, 64) {
            if wait >= longest { return longest }
            wait = wait * 2
        }
        return min(wait, longest)
    }
}
