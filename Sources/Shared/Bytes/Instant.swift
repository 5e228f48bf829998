// SPDX-License-Identifier: Apache-2.0

/// A point of monotonic time, in nanoseconds since an arbitrary start. Whoever owns a clock hands
/// these out; nobody else reads one.
@frozen @usableFromInline
package struct Instant: Hashable, Comparable, Sendable {
    @usableFromInline package var nanoseconds: Int64

    @inlinable
    package init(nanoseconds: Int64) {
        self.nanoseconds = nanoseconds
    }

    @inlinable
    package static func < (left: Instant, right: Instant) -> Bool {
        left.nanoseconds < right.nanoseconds
    }

    @inlinable
    package static func + (instant: Instant, duration: Duration) -> Instant {
        Instant(nanoseconds: instant.nanoseconds &+ duration.nanoseconds)
    }

    @inlinable
    package static func - (left: Instant, right: Instant) -> Duration {
        .nanoseconds(left.nanoseconds - right.nanoseconds)
    }
}

extension Duration {
    /// Whole nanoseconds; durations beyond 292 years do not occur here.
    @inlinable
    package var nanoseconds: Int64 {
        let (seconds, attoseconds) = components
        return seconds &* 1_000_000_000 &+ attoseconds / 1_000_000_000
    }

    @inlinable
    package var milliseconds: Int64 { nanoseconds / 1_000_000 }
}
