// SPDX-License-Identifier: Apache-2.0
internal import CLinux
internal import Glibc

/// An eventfd: any thread rings it, one thread polls it.
package final class Wakeup: Sendable {
    package let descriptor: Int32

    package init() throws(PosixError) {
        descriptor = eventfd(0, Int32(EFD_NONBLOCK | EFD_CLOEXEC))
        if descriptor < 0 { throw PosixError("eventfd") }
    }

    deinit {
        _ = Glibc.close(descriptor)
    }

    package func ring() {
        var one: UInt64 = 1
        // It can only fail where a ring is already waiting to be heard.
        unsafe _ = Glibc.write(descriptor, &one, 8)
    }

    /// Forgets all rings so far.
    package func clear() {
        var count: UInt64 = 0
        unsafe _ = Glibc.read(descriptor, &count, 8)
    }
}
