// SPDX-License-Identifier: Apache-2.0
internal import Bytes
internal import EtcdAPI
internal import HTTP
internal import Net
internal import NodeCore
internal import Raft
internal import Replicated

/// /livez and /readyz with their sub-checks, `verbose` and `exclude`, as Kubernetes' own.
struct HealthChecks {
    private let member: LocalMember
    /// Ready says something of this member alone: without a quorum it stays ready, so that those who
    /// look for members still find them.
    private let isLocal: Bool
    private let isServing: Bool

    private static let live = ["serializable_read"]
    private static let ready = [
        "data_corruption", "serializable_read", "linearizable_read", "non_learner",
    ]

    private static let locallyReady = [
        "started", "applied", "data_corruption", "serializable_read", "non_learner",
    ]
    /// Committed entries that a ready member may still have to apply.
    private static let lagMax: UInt64 = 5_000

    init(_ member: LocalMember, isLocal: Bool = false, isServing: Bool = true) {
        self.member = member
        self.isLocal = isLocal
        self.isServing = isServing
    }

    private func readyNames(_ query: Query) -> [String] {
        guard isLocal else { return HealthChecks.ready }
        let asksQuorum = query.values(of: "linearizable") == ["true"]
        return HealthChecks.locallyReady + (asksQuorum ? ["linearizable_read"] : [])
    }

    func answer(_ request: HTTPRequest, _ respond: @escaping (HTTPResponse) -> Void) {
        let parts = request.head.path.split(separator: "/").map(String.init)
        let kind = parts.first ?? ""
        let query = Query(request.head.query)
        guard let all = ["livez": HealthChecks.live, "readyz": readyNames(query)][kind],
            parts.count <= 2, parts.count < 2 || all.contains(parts[1])
        else {
            respond(HTTPEndpoints.error(404, "404 page not found"))
            return
        }
        let names = parts.count == 2 ? [parts[1]] : all
        let excluded = query.values(of: "exclude")
        run(names.filter { !excluded.contains($0) }, kind) { results in
            respond(HealthChecks.response(results, verbose: query.has("verbose")))
        }
    }

    private typealias Outcome = (name: String, error: String?)

    private func run(
        _ names: [String], _ kind: String, then: @escaping ([Outcome]) -> Void
    ) {
        let member = self.member
        let node = member.node
        var results: [Outcome] = []
        func finish() {
            for result in results {
                member.metrics.healthChecked(
                    kind: kind, name: result.name, result.error == nil)
            }
            then(results)
        }
        for name in names {
            switch name {
            case "data_corruption":
                let isCorrupt = node.ledger.alarms.isActive(.corrupt)
                results.append((name, isCorrupt ? "alarm activated: CORRUPT" : nil))
            case "started":
                results.append(
                    (name, isServing ? nil : "the member has not joined its cluster yet"))
            case "applied":
                let behind = node.raft.commit.number &- node.ledger.appliedIndex.number
                let isBehind =
                    node.raft.commit > node.ledger.appliedIndex && behind > HealthChecks.lagMax
                results.append((name, isBehind ? "\(behind) entries behind" : nil))
            case "non_learner":
                results.append((name, node.isLearner ? "not supported for learner" : nil))
            case "serializable_read":
                results.append((name, node.isRemoved ? EtcdError.stopped.text : nil))
            default: break
            }
        }
        guard names.contains("linearizable_read") else {
            finish()
            return
        }
        member.call(.linearizableProbe) { answer in
            if case .failure(let error) = answer {
                results.append(("linearizable_read", error.text))
            } else {
                results.append(("linearizable_read", nil))
            }
            finish()
        }
    }

    private static func response(_ results: [Outcome], verbose: Bool) -> HTTPResponse {
        let isGood = results.allSatisfy { $0.error == nil }
        var text = ""
        if verbose || !isGood {
            for result in results {
                text +=
                    result.error.map { "[-]\(result.name) failed: \($0)\n" }
                    ?? "[+]\(result.name) ok\n"
            }
        }
        if isGood {
            return HTTPResponse(
                status: 200,
                headers: [
                    HeaderField("content-type", "text/plain; charset=utf-8"),
                    HeaderField("x-content-type-options", "nosniff"),
                ],
                body: Array((text + "ok\n").utf8))
        }
        return HTTPEndpoints.error(503, text + "health check failed")
    }
}
