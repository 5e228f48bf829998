// SPDX-License-Identifier: Apache-2.0
package import Bytes
internal import HTTP

// Plain HTTP/1.1 for what etcd offers outside gRPC: the v2 API, /health, /version.
//
//   WebClient   one exchange at a time, each on a connection of its own; waits for the answer
//   WebRequest  what is asked, of whom, and for how long
//   WebAnswer   status, header fields and the whole body

/// One request to one server.
package struct WebRequest: Sendable {
    package var method: String
    package var host: String
    package var port: UInt16
    /// Over TLS.
    package var isSecure: Bool
    /// Path and query, percent-encoded.
    package var target: String
    /// Names in lower case.
    package var headers: [(name: String, value: String)] = []
    package var body: [UInt8] = []
    /// For reaching the server, name looked up included.
    package var dialTimeout: Duration
    /// From the first byte sent to the end of the answer's head; nil waits for ever.
    package var headTimeout: Duration?
    /// For all of it; nil waits for ever.
    package var deadline: Instant?

    package init(
        _ method: String, host: String, port: UInt16, target: String, dialTimeout: Duration,
        isSecure: Bool = false
    ) {
        self.method = method
        self.isSecure = isSecure
        self.host = host
        self.port = port
        self.target = target
        self.dialTimeout = dialTimeout
    }

    /// What the `host` header says.
    var authority: String {
        host.contains(":") ? "[\(host)]:\(port)" : "\(host):\(port)"
    }
}

/// What the server said.
package struct WebAnswer: Equatable, Sendable {
    package var status: Int
    package var body: [UInt8]
    let headers: [HeaderField]

    /// The first field of this (lower case) name.
    package func header(_ name: String) -> String? { headers.value(of: name) }
}

/// Why there is no answer, in the words of Go's net package where it has words.
package enum WebFailure: Error, Equatable, Sendable {
    /// No connection.
    case dial(String)
    /// The connection broke, or what came over it is no HTTP.
    case broken(String)
    /// No head of an answer in time.
    case headTimeout
    /// The deadline passed.
    case deadline
    /// The user wants no more; see `WebClient.stopsOnInterrupt`.
    case interrupted

    package var text: String {
        switch self {
        case .dial(let text), .broken(let text): text
        case .headTimeout: "exceeded header timeout"
        case .deadline: "context deadline exceeded"
        case .interrupted: "interrupted"
        }
    }
}
