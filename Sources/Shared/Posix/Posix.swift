// SPDX-License-Identifier: Apache-2.0
internal import Glibc

// System calls as owned values.
//
//   File, Directory, FileLock      bytes and names on a disk
//   Socket, SocketAddress          nonblocking TCP and unix sockets
//   Poller, Wakeup                 epoll and eventfd
//   NotifySocket                   datagrams to whoever started the process
//   Signals, ChildProcess, Thread  what a process is made of
//   Lock, NameLookup               for the few places where threads meet, and blocking DNS
//   MonotonicClock, WallClock, SecureRandom, Digest, ThisProcess
//   PasswordHash, SigningKey       what identities are checked by
//
// Every descriptor has one owner, which closes it in `deinit` or earlier by `close()`, and all are
// closed on exec. Calls interrupted by a signal are repeated. A failure is a `PosixError`; that a
// nonblocking call would block is not a failure but `nil`. Nothing here decides anything: no retry
// but EINTR, no policy, no log. Linux only.

/// A system call failed.
package struct PosixError: Error, Equatable, Sendable, CustomStringConvertible {
    /// The call, as its manual page is named.
    package var operation: String
    /// The path or address it was about; empty if none.
    package var subject: String
    /// The `errno`.
    package var code: Int32

    package init(_ operation: String, _ subject: String = "", code: Int32 = errno) {
        self.operation = operation
        self.subject = subject
        self.code = code
    }

    package var isNotFound: Bool { code == ENOENT }
    package var isExisting: Bool { code == EEXIST }
    package var isNoSpace: Bool { code == ENOSPC || code == EDQUOT }
    package var isAccessDenied: Bool { code == EACCES || code == EPERM }
    package var isAddressInUse: Bool { code == EADDRINUSE }
    package var isRefused: Bool { code == ECONNREFUSED }
    package var isReset: Bool { code == ECONNRESET || code == EPIPE }
    package var isTimeout: Bool { code == ETIMEDOUT }
    /// The process, or the machine, has no descriptor or buffer left; it may later.
    package var isExhausted: Bool {
        code == EMFILE || code == ENFILE || code == ENOBUFS || code == ENOMEM
    }

    /// The kernel's words alone: "connection refused", as Go's programs print them.
    package var reason: String {
        var text = [CChar](repeating: 0, count: 256)
        if unsafe strerror_r(code, &text, text.count) != 0 { return "error \(code)" }
        let words = text.prefix { $0 != 0 }.map { UInt8(bitPattern: $0) }
        return String(decoding: words, as: UTF8.self).lowercased()
    }

    package var description: String {
        subject.isEmpty ? "\(operation): \(reason)" : "\(operation) \(subject): \(reason)"
    }
}

/// Repeats a call as long as a signal interrupts it. Returns its result, -1 for failure.
@inline(__always)
internal func uninterrupted<Number: FixedWidthInteger>(_ call: () -> Number) -> Number {
    while true {
        let result = call()
        if result == -1, errno == EINTR { continue }
        return result
    }
}
