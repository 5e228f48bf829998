// SPDX-License-Identifier: Apache-2.0
package import Bytes
internal import Glibc

/// Time that never goes back, and stands still while the machine sleeps.
package enum MonotonicClock {
    package static var now: Instant {
        Instant(nanoseconds: read(CLOCK_MONOTONIC))
    }
}

/// Time as people tell it. It jumps when somebody sets the clock: for timestamps, never for waits.
package enum WallClock {
    /// Since 1970-01-01 00:00 UTC.
    package static var nanoseconds: Int64 {
        read(CLOCK_REALTIME)
    }
}

private func read(_ clock: clockid_t) -> Int64 {
    var time = timespec()
    unsafe clock_gettime(clock, &time)
    return Int64(time.tv_sec) &* 1_000_000_000 &+ Int64(time.tv_nsec)
}
