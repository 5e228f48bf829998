// SPDX-License-Identifier: Apache-2.0
internal import EtcdAPI
internal import EtcdClient

/// What stands below an error: whom it came from, and what to do next.
enum Advice {
    /// Whole lines; empty when there is nothing to add.
    static func text(_ error: ClientError) -> String {
        switch error {
        case .badEndpoint, .stopped: ""
        case .unreachable(let endpoint, let reason): unreachable(endpoint, reason)
        case .timedOut(let endpoint, _):
            lines(
                "\(endpoint) took the connection, but did not answer in time.",
                "See `endpoint health --cluster`: without a leader nothing is answered. If the "
                    + "cluster is only slow, allow more with --command-timeout.")
        case .connectionLost(let endpoint):
            lines(
                "The connection to \(endpoint) ended before the answer came.",
                "What was asked may have been done or not: look before you try again.")
        case .notEtcd(let endpoint, let stranger): strange(endpoint, stranger)
        case .malformedAnswer(let endpoint, _):
            lines("Check that an etcd of version 3 serves clients at \(endpoint).")
        case .status(let code, let message, let endpoint): status(code, message, endpoint)
        }
    }

    private static func lines(_ texts: String...) -> String {
        texts.map { "  \($0)\n" }.joined()
    }

    private static func unreachable(_ endpoint: String, _ reason: String) -> String {
        let next =
            if reason.contains("no such host") {
                "Check the spelling of the name, or give the address by number."
            } else if reason.contains("tls: ") {
                tlsAdvice(reason)
            } else if reason.contains("refused") {
                "Nothing listens there: is the server running, and is this its client port "
                    + "(--listen-client-urls, usually 2379)?"
            } else {
                "Check the address (--endpoints), and that no firewall is in the way."
            }
        return lines("Cannot reach \(endpoint): \(reason).", next)
    }

    private static func tlsAdvice(_ reason: String) -> String {
        if reason.contains("unknown authority") {
            return "Give the authority that signed the server's certificate with --cacert."
        }
        if reason.contains("it is good for") {
            return "Use an endpoint that the server's certificate names, or have it made anew."
        }
        if reason.contains("remote error") {
            return "The server wants another certificate of ours: see --cert and --key."
        }
        return "Look at the certificates on both sides (--cacert, --cert, --key)."
    }

    private static func strange(_ endpoint: String, _ stranger: Stranger) -> String {
        let next =
            switch stranger {
            case .http1:
                "Use the port of --listen-client-urls (usually 2379), not that of "
                    + "--listen-peer-urls (usually 2380)."
            case .tls: "It serves TLS: write https:// before the endpoint, and give --cacert."
            case .silent:
                "It may want TLS (https:// before the endpoint, and --cacert), or be no etcd at all."
            case .other: "Check the address: it should be that of etcd's client port."
            }
        return lines("\(endpoint) \(stranger).", next)
    }

    private static func status(_ code: Int, _ message: String, _ endpoint: String) -> String {
        switch message {
        case EtcdError.noSpace.text:
            lines(
                "\(endpoint) has used up its quota (NOSPACE).",
                "Free space with `compaction REVISION` and `defrag --cluster`, then lift the alarm "
                    + "with `alarm disarm`; or start the members with more --quota-backend-bytes.")
        case EtcdError.noLeader.text, EtcdError.timeout.text,
            EtcdError.timeoutDueToLeaderFail.text, EtcdError.timeoutDueToConnectionLost.text:
            lines(
                "\(endpoint) answers, but its cluster has no leader, or lost it just now.",
                "See `endpoint status --cluster`: more than half of the members must run and "
                    + "reach each other. What was asked may have been done or not.")
        case EtcdError.invalidAuthToken.text, EtcdError.userEmpty.text:
            lines("\(endpoint) wants a login: give --user NAME[:PASSWORD].")
        case EtcdError.authFailed.text:
            lines("\(endpoint) does not take this user and password.")
        case EtcdError.permissionDenied.text:
            lines("See `user get NAME --detail` for what the user may do at \(endpoint).")
        default: code == 12 ? lines("\(endpoint) does not have this function.") : ""
        }
    }
}
