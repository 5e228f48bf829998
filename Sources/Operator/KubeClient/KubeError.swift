// SPDX-License-Identifier: Apache-2.0
package import Kube

/// Why there is no answer.
package enum KubeError: Error, Equatable, Sendable, CustomStringConvertible {
    /// The server's refusal; only from the verbs that expect a success.
    case status(StatusError)
    /// No connection: no route, a bad certificate, a name that nobody knows.
    case unreachable(String)
    /// The connection broke, or what came over it is no HTTP. The request may have been done.
    case broken(String)
    case timedOut
    /// `KubeStop.stop`.
    case stopped
    /// What we prove ourselves with cannot be had.
    case credentials(String)
    case badServer(String)

    package var description: String {
        switch self {
        case .status(let error): "\(error.message) (\(error.code) \(error.reason))"
        case .unreachable(let reason): "the API server cannot be reached: \(reason)"
        case .broken(let reason): "the connection to the API server broke: \(reason)"
        case .timedOut: "the API server did not answer in time"
        case .stopped: "stopped"
        case .credentials(let reason): reason
        case .badServer(let reason): reason
        }
    }

    /// The server's refusal, if it is one.
    package var status: StatusError? {
        if case .status(let error) = self { error } else { nil }
    }
}

package protocol KubeExchange: Swift.AnyObject {
    /// Whatever the server says; refusals are answers, too.
    func send(_ request: KubeRequest, within limit: Duration) throws(KubeError) -> KubeResponse
}
