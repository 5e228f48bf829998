// SPDX-License-Identifier: Apache-2.0
package import Posix

// Sockets on one thread.
//
//        Mailbox.post (any thread) ──► ┌────────── Reactor.run ──────────┐
//        ReactorHandle.submit ───────► │ wait ► events ► timers ► soon   │
//                                      │   ► turn-end hooks ► flush ─┐   │
//                                      │   ◄── as long as more comes ┘   │
//                                      │ ► heavy connections ► the same  │
//                                      └──┬────────┬──────────┬──────────┘
//                                     Listener  Connection  Dialer ──► two helper threads for DNS
//                                                  │
//                                       TransportSession (TLS; none for plain bytes)
//
// Everything but Mailbox and ReactorHandle belongs to the thread of its reactor: no locks, not
// Sendable, callbacks on that thread only, and never from within the call that caused them, except
// where a method says so. Callbacks may write, pause, close and dial as they like.
//
// Who keeps whom: the reactor keeps what is registered with it (open connections, listeners,
// running timers); a connection keeps its delegate until `connectionClosed`, its last call. So a
// forgotten connection stays open, and a closed one is freed. `Reactor.shutDown` closes all.
//
// Invariants: a token that epoll reports is believed only if its registration still stands; bytes
// go out in the order of `write`; nothing is delivered while reading is paused or after close.

/// What went wrong with a connection, a listener or a dial.
package enum NetError: Error, Equatable, Sendable, CustomStringConvertible {
    case system(PosixError)
    case lookup(NameLookupError)
    /// The dial took longer than it was given; `host:port`.
    case dialTimeout(String)
    /// More dials wait for names than the dialer takes.
    case dialerFull
    /// What a transport session found wrong: a TLS alert, a bad certificate.
    case session(String)

    package var description: String {
        switch self {
        case .system(let error): error.description
        case .lookup(let error): error.description
        case .dialTimeout(let endpoint): "dial \(endpoint): i/o timeout"
        case .dialerFull: "dial: too many lookups wait"
        case .session(let text): text
        }
    }
}

/// Runs what a system call may refuse, and names the refusal.
internal func posix<Result>(
    _ body: () throws(PosixError) -> Result
) throws(NetError) -> Result {
    do throws(PosixError) {
        return try body()
    } catch {
        throw .system(error)
    }
}
