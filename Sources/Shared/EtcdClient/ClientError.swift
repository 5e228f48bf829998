// SPDX-License-Identifier: Apache-2.0

/// Why a call has no answer. The text names the endpoint and what to do next.
package enum ClientError: Error, Equatable, Sendable {
    /// The settings are no good.
    case badEndpoint(String, reason: String)
    /// No endpoint took a connection; nothing was sent. With several, the first one's reason.
    case unreachable(endpoint: String, reason: String)
    /// No answer in time; the server may have done, or may still do, what was asked.
    case timedOut(endpoint: String, after: Duration)
    /// The connection broke before the answer. What was asked may have been done.
    case connectionLost(endpoint: String)
    /// The server's answer: a code of gRPC other than OK.
    case status(code: Int, message: String, endpoint: String)
    /// Something took the connection, but it is no etcd, or not its client port. Nothing was done.
    case notEtcd(endpoint: String, Stranger)
    /// The answer is not what the call promises.
    case malformedAnswer(endpoint: String, reason: String)
    /// The receiver of a stream wanted no more.
    case stopped

    /// The code of gRPC that comes nearest.
    package var code: Int {
        switch self {
        case .badEndpoint: 3
        case .unreachable, .connectionLost, .notEtcd: 14
        case .timedOut: 4
        case .status(let code, _, _): code
        case .malformedAnswer: 13
        case .stopped: 1
        }
    }

    /// Of the server's answer; nil when there was none.
    package var serverMessage: String? {
        if case .status(_, let message, _) = self { message } else { nil }
    }

    /// The server was there, but could not help now; another one might.
    var isUnavailable: Bool {
        if case .status(let code, _, _) = self { code == 14 } else { false }
    }
}

extension ClientError: CustomStringConvertible {
    /// A server's own error is given in its words alone, as etcd's tools do.
    package var description: String {
        switch self {
        case .badEndpoint(let endpoint, let reason): "endpoint \"\(endpoint)\": \(reason)"
        case .unreachable(let endpoint, let reason) where reason.contains("tls: "):
            "cannot speak with \(endpoint) over TLS: \(reason); look at the certificates on both "
                + "sides (here: --cacert, --cert, --key)"
        case .unreachable(let endpoint, let reason):
            "cannot reach \(endpoint): \(reason); check that the address is right and that a "
                + "server is running there"
        case .timedOut(let endpoint, let limit):
            "context deadline exceeded: no answer from \(endpoint) within "
                + "\(limit.formatted); the cluster may be without a leader or overloaded, so look "
                + "at its health, or allow more time"
        case .connectionLost(let endpoint):
            "lost the connection to \(endpoint) before its answer came; what was asked may or may "
                + "not have been done, so look before trying again"
        case .status(let code, let message, _):
            message.hasPrefix("etcdserver: ")
                ? message : "rpc error: code = \(Self.codeName(code)) desc = \(message)"
        case .malformedAnswer(let endpoint, let reason):
            "\(endpoint) does not speak the etcd API as expected: \(reason)"
        case .notEtcd(let endpoint, let stranger):
            "\(endpoint) \(stranger); check that the address is that of etcd's client port"
        case .stopped: "stopped by the receiver"
        }
    }

    /// What etcd's own tools say of it: they try until the time is over.
    package var plainText: String {
        switch self {
        case .unreachable, .timedOut, .notEtcd: "context deadline exceeded"
        case .connectionLost: "rpc error: code = Unavailable desc = transport is closing"
        case .badEndpoint, .status, .malformedAnswer, .stopped: description
        }
    }

    /// As Go's gRPC prints it.
    package static func codeName(_ code: Int) -> String {
        let names = [
            "OK", "Canceled", "Unknown", "InvalidArgument", "DeadlineExceeded", "NotFound",
            "AlreadyExists", "PermissionDenied", "ResourceExhausted", "FailedPrecondition",
            "Aborted", "OutOfRange", "Unimplemented", "Internal", "Unavailable", "DataLoss",
            "Unauthenticated",
        ]
        return names.indices.contains(code) ? names[code] : "Code(\(code))"
    }
}

extension Duration {
    /// `5s`, `250ms`.
    fileprivate var formatted: String {
        let (seconds, attoseconds) = components
        let milliseconds = attoseconds / 1_000_000_000_000_000
        return milliseconds == 0 ? "\(seconds)s" : "\(seconds * 1000 + milliseconds)ms"
    }
}
