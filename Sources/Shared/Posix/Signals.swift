// SPDX-License-Identifier: Apache-2.0
internal import CLinux
internal import Glibc

package enum Signal: Sendable, CaseIterable {
    case terminate, interrupt, hangUp, kill, stop, `continue`, user1, user2, quit

    package var number: Int32 {
        switch self {
        case .terminate: SIGTERM
        case .interrupt: SIGINT
        case .hangUp: SIGHUP
        case .kill: SIGKILL
        case .stop: SIGSTOP
        case .continue: SIGCONT
        case .user1: SIGUSR1
        case .user2: SIGUSR2
        case .quit: SIGQUIT
        }
    }
}

/// Signals as something to read. Made on the first thread before others start: the signals are
/// blocked for it and for all threads it starts, so none of them ends the process any more.
package final class Signals {
    /// Readable while signals wait.
    package private(set) var descriptor: Int32

    package init(_ signals: [Signal]) throws(PosixError) {
        let numbers = signals.map(\.number)
        descriptor = unsafe keelson_signal_descriptor(numbers, Int32(numbers.count))
        if descriptor < 0 { throw PosixError("signalfd") }
    }

    deinit {
        close()
    }

    package func close() {
        if descriptor >= 0 { _ = Glibc.close(descriptor) }
        descriptor = -1
    }

    /// The next one waiting; nil when there is none.
    package func next() throws(PosixError) -> Signal? {
        let number = keelson_next_signal(descriptor)
        if number < 0 { throw PosixError("signalfd") }
        return Signal.allCases.first { $0.number == number }
    }

    /// A write to a hung-up peer then fails with EPIPE instead of ending the process.
    package static func ignoreBrokenPipes() {
        keelson_ignore_broken_pipes()
    }

    /// Sends a signal to a process; to a whole process group with a negative number.
    package static func send(_ signal: Signal, to process: Int32) throws(PosixError) {
        if kill(process, signal.number) != 0 { throw PosixError("kill", "\(process)") }
    }
}
