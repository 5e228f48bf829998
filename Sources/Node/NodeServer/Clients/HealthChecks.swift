// SPDX-License-Identifier: Apache-2.0
internal import EtcdAPI
internal import HTTP
internal import Net
internal import NodeCore
internal import Replicated

/// /livez and /readyz with their sub-checks, `verbose` and `exclude`, as Kubernetes' own.
struct HealthChecks {
    private let member: LocalMember

    private static let live = ["serializable_read"]
    private static let ready = [
        "data_corruption", "serializable_read", "linearizable_read", "non_learner",
    ]

    init(_ member: LocalMember) {
        self.member = member
    }

    func answer(_ request: HTTPRequest, _ respond: @escaping (HTTPResponse) -> Void) {
        let parts = request.head.path.split(separator: "/").map(String.init)
        let kind = parts.first ?? ""
        guard let all = ["livez": HealthChecks.live, "readyz": HealthChecks.ready][kind],
            parts.count <= 2, parts.count < 2 || all.contains(parts[1])
        else {
            respond(HTTPEndpoints.error(404, "404 page not found"))
            return
        }
        let query = Query(request.head.query)
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
