internal import Bytes
// SPDX-License-Identifier: Apache-2.0
internal import CLinux
internal import Glibc

/// Level-triggered epoll: reports as long as there is something to do.
@safe
package final class Poller {
    package struct Interest: OptionSet, Sendable {
        package let rawValue: UInt32

        package init(rawValue: UInt32) {
            self.rawValue = rawValue
        }

        package static let read = Interest(rawValue: EPOLLIN.rawValue)
        package static let write = Interest(rawValue: EPOLLOUT.rawValue)
        /// Each change is reported once instead of as long as it lasts.
        package static let onceOnly = Interest(rawValue: EPOLLET.rawValue)
    }

    package struct Readiness: Equatable, Sendable {
        package let bits: UInt32

        package init(bits: UInt32) {
            self.bits = bits
        }

        package var isReadable: Bool { bits & EPOLLIN.rawValue != 0 }
        package var isWritable: Bool { bits & EPOLLOUT.rawValue != 0 }
        /// Both directions are over. Reported whether asked for or not.
        package var isHungUp: Bool { bits & EPOLLHUP.rawValue != 0 }
        /// Something went wrong. Reported whether asked for or not.
        package var isFailed: Bool { bits & EPOLLERR.rawValue != 0 }
    }

    private static let eventsPerWait = 256

    private let descriptor: Int32
    private let events: UnsafeMutablePointer<epoll_event>

    package init() throws(PosixError) {
        let made = epoll_create1(Int32(EPOLL_CLOEXEC))
        if made < 0 { throw PosixError("epoll_create1") }
        descriptor = made
        unsafe events = .allocate(capacity: Poller.eventsPerWait)
    }

    deinit {
        _ = Glibc.close(descriptor)
        unsafe events.deallocate()
    }

    /// Events of this descriptor will carry `token`.
    package func add(
        _ watched: Int32, _ interest: Interest, token: UInt64
    ) throws(PosixError) {
        try control(EPOLL_CTL_ADD, watched, interest, token)
    }

    package func change(
        _ watched: Int32, _ interest: Interest, token: UInt64
    ) throws(PosixError) {
        try control(EPOLL_CTL_MOD, watched, interest, token)
    }

    /// To be called before the descriptor is closed.
    package func remove(_ watched: Int32) throws(PosixError) {
        try control(EPOLL_CTL_DEL, watched, [], 0)
    }

    private func control(
        _ operation: Int32, _ watched: Int32, _ interest: Interest, _ token: UInt64
    ) throws(PosixError) {
        var event = unsafe epoll_event(
            events: interest.rawValue, data: epoll_data_t(u64: token))
        if unsafe epoll_ctl(descriptor, operation, watched, &event) != 0 {
            throw PosixError("epoll_ctl")
        }
    }

    /// Waits for events, for ever if `timeout` is nil, and returns how many there are. A signal
    /// may end the wait early.
    package func wait(_ timeout: Duration?) throws(PosixError) -> Int {
        let milliseconds: Int32 =
            if let timeout {
                // Rounded up: waking before a timer is due would only mean to wait again.
                Int32(clamping: max(0, (timeout.nanoseconds &+ 999_999) / 1_000_000))
            } else {
                -1
            }
        let count = unsafe epoll_wait(
            descriptor, events, Int32(Poller.eventsPerWait), milliseconds)
        if count >= 0 { return Int(count) }
        if errno == EINTR { return 0 }
        throw PosixError("epoll_wait")
    }

    /// One of the events of the last `wait`.
    package func event(_ index: Int) -> (token: UInt64, readiness: Readiness) {
        let event = unsafe events[index]
        return unsafe (event.data.u64, Readiness(bits: event.events))
    }
}
