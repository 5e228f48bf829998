// SPDX-License-Identifier: Apache-2.0
package import Bytes
internal import Glibc

/// A mutex with one condition. Not recursive. `Synchronization.Mutex` would be as quick, but the
/// thread sanitizer reports races on it that do not exist.
@safe
package final class Lock: @unchecked Sendable {
    private let mutex: UnsafeMutablePointer<pthread_mutex_t>
    private let condition: UnsafeMutablePointer<pthread_cond_t>

    package init() {
        unsafe mutex = .allocate(capacity: 1)
        unsafe condition = .allocate(capacity: 1)
        var attributes = pthread_condattr_t()
        unsafe pthread_condattr_init(&attributes)
        unsafe pthread_condattr_setclock(&attributes, CLOCK_MONOTONIC)
        let made = unsafe (
            pthread_mutex_init(mutex, nil), pthread_cond_init(condition, &attributes)
        )
        unsafe pthread_condattr_destroy(&attributes)
        invariant(made == (0, 0), "no mutex or condition: \(made)")
    }

    deinit {
        unsafe pthread_cond_destroy(condition)
        unsafe pthread_mutex_destroy(mutex)
        unsafe condition.deallocate()
        unsafe mutex.deallocate()
    }

    @inline(__always)
    package func withLock<Result, Failure: Error>(
        _ body: () throws(Failure) -> Result
    ) throws(Failure) -> Result {
        unsafe pthread_mutex_lock(mutex)
        defer { unsafe _ = pthread_mutex_unlock(mutex) }
        return try body()
    }

    /// Waits for `signal`, with the lock held before and after. May also return for no reason.
    package func wait() {
        unsafe pthread_cond_wait(condition, mutex)
    }

    /// The same, until `deadline` at the latest; false if it passed.
    package func wait(until deadline: Instant) -> Bool {
        var moment = timespec(
            tv_sec: Int(deadline.nanoseconds / 1_000_000_000),
            tv_nsec: Int(deadline.nanoseconds % 1_000_000_000))
        return unsafe pthread_cond_timedwait(condition, mutex, &moment) != ETIMEDOUT
    }

    /// Wakes one waiter.
    package func signal() {
        unsafe pthread_cond_signal(condition)
    }

    package func signalAll() {
        unsafe pthread_cond_broadcast(condition)
    }
}
