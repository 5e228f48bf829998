// SPDX-License-Identifier: Apache-2.0
package import Posix

// A client of the etcd API for programs that do one thing after the other.
//
//   Client          calls, with failover over endpoints and a deadline each
//   Client+Calls    a method for every unary RPC
//   WatchStream     many watchers on one stream; resumes after a lost connection
//   Client+Streams  watch with a callback, lease keep-alive, snapshot
//   Client+Login    the token of a user, and a new one when it has expired
//   Channel         one connection and the calls on it
//   Stranger        what is there when it is no etcd
//   CallPool        many calls at a time, over many connections
//
//      call ──► endpoint in use ──► Channel ──► GRPCClient ──► Connection
//        ▲            │ refused, unknown, silent: the next one
//        └── turns of the reactor, on the caller's thread, until the answer or the deadline
//
// Every method blocks until it knows its outcome; between calls nothing happens, not even the
// reading of a goodbye. Not Sendable: each thread has a client of its own.
//
// What is sent again: a call of which the server has certainly seen nothing, always; a call that
// only reads, also after a lost connection or UNAVAILABLE. A write whose connection was lost fails
// with `connectionLost`, since nobody here can tell whether it was done.
//
// With a login the first call asks for a token, which goes along with all others. When the server
// does not know the token any more, the call is made again with a new one.
//
// TLS is used for https and unixs endpoints, and for those without a scheme if `ClientSettings.tls`
// is set. A connection counts as open when the server has spoken through it: before, it may still
// say that it wants another certificate, and the next endpoint is tried.

package struct ClientSettings: Sendable {
    /// `host:port`, `http[s]://host:port` or `unix[s]:/path`; tried in this order.
    package var endpoints: [String]
    /// For each endpoint, names looked up included.
    package var dialTimeout: Duration = .seconds(2)
    /// Nil: plain connections but for endpoints that ask for TLS themselves.
    package var tls: ClientTLS?
    /// For calls that are given none of their own; nil waits for ever.
    package var callTimeout: Duration? = .seconds(5)
    /// Streams are probed when nothing came for so long. Servers end connections that probe more
    /// often than each 5 s, so less than 10 s means 10 s.
    package var keepAliveTime: Duration = .seconds(10)
    package var keepAliveTimeout: Duration = .seconds(6)
    /// Between two attempts to get a lost stream back.
    package var resumeDelay: Duration = .milliseconds(500)
    /// Names that are known without asking the system.
    package var lookup = NameLookup()
    /// The largest request that is sent, and the largest answer that is taken, in bytes.
    package var maxRequestBytes = 2 << 20
    package var maxAnswerBytes = Int(Int32.max)
    /// Who calls; nil for nobody, as servers without authentication take it.
    package var login: Login?

    package init(endpoints: [String]) {
        self.endpoints = endpoints
    }
}

/// A user and the password.
package struct Login: Equatable, Sendable {
    package var name: String
    package var password: String

    package init(name: String, password: String) {
        self.name = name
        self.password = password
    }
}

/// The ends of ranges that are not keys of anybody.
package enum RangeEnd {
    /// All keys from the given one on.
    package static let fromKey: [UInt8] = [0]

    /// The first key behind all that begin with `prefix`.
    package static func prefix(_ prefix: [UInt8]) -> [UInt8] {
        guard let index = prefix.lastIndex(where: { $0 < 0xff }) else { return fromKey }
        var end = Array(prefix[...index])
        end[index] += 1
        return end
    }
}
